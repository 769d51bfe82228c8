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
  test_plugin(env("CAISSON_PLUGIN"), "tcjson");
  is_int(atomic_load(&touched), 0, "the host's was never called");
  is_int((uintptr_t)other_Parse(), 0, "as it would show");
  is_int(atomic_load(&touched), 1, "in the count");
  return done_testing();
}
