/* SPDX-License-Identifier: Apache-2.0 */
/* A host with a cJSON of its own inside, which does other things under the same names and which it
 * exports: the plugin's is libcjson's. It uses nothing of tests/support, which needs the right one. */
#include "caisson.h"
#include "tap.h"

#include <dlfcn.h>
#include <stdatomic.h>
#include <unistd.h>

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

static const caisson_plugin *p;
static uint64_t box;

static const char *env(const char *name) {
  const char *value = getenv(name);
  if (!value || !*value) BAIL_OUT("%s is not set; run this by tests/exec", name);
  return value;
}

static caisson_str str(const char *s) {
  return (caisson_str){s, strlen(s)};
}

static void load(void) {
  void *so = dlopen(env("CAISSON_PLUGIN"), RTLD_NOW | RTLD_LOCAL);
  caisson_entry_fn *entry =
      so ? (caisson_entry_fn *)(uintptr_t)dlsym(so, CAISSON_ENTRY_SYMBOL) : NULL;
  if (!entry) BAIL_OUT("dlopen: %s", dlerror());
  p = entry();
}

/* What a test that dies leaves is gone after a minute. */
static void create(void) {
  char config[512];
  caisson_host host = {.struct_size = sizeof host, .name = "test", .version = "1"};
  caisson_error err = {.struct_size = sizeof err};
  snprintf(config, sizeof config,
           "{\"config_version\":1,\"instance\":\"tcjson%d\",\"sandbox\":{\"image\":\"%s\","
           "\"idle_ttl_s\":60,\"cpus\":0.5,\"env\":{\"A\":\"b\"}}}",
           (int)getpid(), env("CAISSON_IMAGE"));
  is_int(p->create(&host, config, strlen(config), &box, &err), CAISSON_OK, "create: %s", err.message);
}

static void test_call(const char *name, uint32_t flags, const char *args, const char *want) {
  caisson_request request = {.struct_size = sizeof request,
                             .flags = flags,
                             .name = str(name),
                             .args_json = str(args),
                             .session = str("s")};
  caisson_result result = {.struct_size = sizeof result};
  caisson_error err = {.struct_size = sizeof err};
  uint64_t call = 0;
  is_int(p->call_open(box, &request, &call, &err), CAISSON_OK, "%s", name);
  is_int(p->call_run(box, call, NULL, &result, &err), CAISSON_OK, "%s: %s", name, err.message);
  ok(result.json.data && strstr(result.json.data, want), "%s: its document has %s", name, want);
  p->call_close(box, call);
}

int main(void) {
  ok(dlsym(RTLD_DEFAULT, "cJSON_Parse") == (void *)(uintptr_t)other_Parse,
     "the host's cJSON comes before all others");
  load();
  create();
  caisson_str document = {NULL, 0};
  is_int(p->describe(box, &document), CAISSON_OK, "describe");
  ok(document.data && strstr(document.data, "\"run_python\""), "the tools are described");
  test_call("shell", 0, "{\"command\": \"echo $A; exit 3\"}", "\"stdout\":\"b\\n\"");
  test_call("write", 0, "{\"path\": \"a\", \"content\": \"one\\ntwo\\n\"}", "/workspace/a");
  test_call("read", 0, "{\"path\": \"a\"}", "two");
  test_call("engine.info", CAISSON_REQUEST_HOST, "{}", "\"endpoint\":");
  test_call("session.inspect", CAISSON_REQUEST_HOST, "{}", "\"found\":true");
  test_call("session.shutdown", CAISSON_REQUEST_HOST, "{\"scope\": \"instance\"}", "\"isError\":false");
  is_int(p->destroy(box), CAISSON_OK, "destroy");
  is_int(atomic_load(&touched), 0, "the host's was never called");
  is_int((uintptr_t)other_Parse(), 0, "as it would show");
  is_int(atomic_load(&touched), 1, "in the count");
  return done_testing();
}
