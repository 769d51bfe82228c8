/* SPDX-License-Identifier: Apache-2.0 */
/* A host with a cJSON of its own inside, which does other things under the same names and which it
 * exports: the plugin's is libcjson's. It uses nothing of tests/support, which needs the right one. */
#include "integration/coexist_raw.h"

#include <stdatomic.h>

static atomic_int touched;

/* Nothing like it: neither the arguments nor what comes of them. */
#define OTHER(name)                                                              \
  __attribute__((visibility("default"))) void *other_##name(void) __asm__("cJSON_" #name); \
  void *other_##name(void) {                                                     \
    atomic_fetch_add(&touched, 1);                                               \
    return NULL;                                                                 \
  }

OTHER(AddArrayToObject)
OTHER(AddBoolToObject)
OTHER(AddItemToArray)
OTHER(AddItemToObject)
OTHER(AddNumberToObject)
OTHER(AddObjectToObject)
OTHER(AddStringToObject)
OTHER(Compare)
OTHER(Duplicate)
OTHER(GetArrayItem)
OTHER(GetArraySize)
OTHER(GetStringValue)
OTHER(IsArray)
OTHER(IsBool)
OTHER(IsFalse)
OTHER(IsNull)
OTHER(IsObject)
OTHER(IsTrue)
OTHER(Parse)
OTHER(ParseWithLength)
OTHER(PrintUnformatted)
OTHER(ReplaceItemInObjectCaseSensitive)
/* What the library calls itself: nothing keeps that apart under AddressSanitizer. */
#ifndef __SANITIZE_ADDRESS__
OTHER(CreateArray)
OTHER(CreateBool)
OTHER(CreateFalse)
OTHER(CreateNull)
OTHER(CreateNumber)
OTHER(CreateObject)
OTHER(CreateRaw)
OTHER(CreateString)
OTHER(CreateTrue)
OTHER(Delete)
OTHER(DetachItemFromArray)
OTHER(DetachItemFromObject)
OTHER(DetachItemFromObjectCaseSensitive)
OTHER(DetachItemViaPointer)
OTHER(GetObjectItem)
OTHER(GetObjectItemCaseSensitive)
OTHER(IsNumber)
OTHER(IsString)
OTHER(ParseWithLengthOpts)
OTHER(ParseWithOpts)
OTHER(ReplaceItemViaPointer)
OTHER(free)
#endif

int main(void) {
  ok(dlsym(RTLD_DEFAULT, "cJSON_Parse") == (void *)(uintptr_t)other_Parse,
     "the host's cJSON comes before all others");
  load(env("CAISSON_PLUGIN"));
  create("tcjson", "{\"A\":\"b\"}");
  test_document();
  test_call("shell", 0, "{\"command\": \"echo $A; exit 3\"}", "\"stdout\":\"b\\n\"");
  test_call("write", 0, "{\"path\": \"a\", \"content\": \"one\\ntwo\\n\"}", "/workspace/a");
  test_call("read", 0, "{\"path\": \"a\"}", "two");
  test_call("engine.info", CAISSON_REQUEST_HOST, "{}", "\"endpoint\":");
  test_call("session.inspect", CAISSON_REQUEST_HOST, "{}", "\"found\":true");
  test_call("session.shutdown", CAISSON_REQUEST_HOST, "{\"scope\": \"instance\"}",
            "\"isError\":false");
  is_int(p->destroy(box), CAISSON_OK, "destroy");
  is_int(atomic_load(&touched), 0, "the host's was never called");
  is_int((uintptr_t)other_Parse(), 0, "as it would show");
  is_int(atomic_load(&touched), 1, "in the count");
  return done_testing();
}
