/* SPDX-License-Identifier: Apache-2.0 */
/* The smallest host, for those that bring something into the process that tests/support, which
 * stands on libraries of its own, would not bear. */
#ifndef TESTS_COEXIST_RAW_H
#define TESTS_COEXIST_RAW_H

#include "caisson.h"
#include "tap.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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

static void load(const char *path) {
  void *so = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  caisson_entry_fn *entry =
      so ? (caisson_entry_fn *)(uintptr_t)dlsym(so, CAISSON_ENTRY_SYMBOL) : NULL;
  if (!entry) BAIL_OUT("dlopen: %s", dlerror());
  p = entry();
}

/* What a test that dies leaves is gone after a minute. */
static void create(const char *instance, const char *environment) {
  char config[512];
  static const caisson_host host = {.struct_size = sizeof host, .name = "test", .version = "1"};
  caisson_error err = {.struct_size = sizeof err};
  snprintf(config, sizeof config,
           "{\"config_version\":1,\"instance\":\"%s%d\",\"sandbox\":{\"image\":\"%s\","
           "\"idle_ttl_s\":60,\"cpus\":0.5,\"env\":%s}}",
           instance, (int)getpid(), env("CAISSON_IMAGE"), environment);
  is_int(p->create(&host, config, strlen(config), &box, &err), CAISSON_OK, "create: %s",
         err.message);
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

static void test_document(void) {
  caisson_str document = {NULL, 0};
  is_int(p->describe(box, &document), CAISSON_OK, "describe");
  ok(document.data && strstr(document.data, "\"run_python\""), "the tools are described");
}

/* An instance from its begin to its end: documents read and written, of every kind. */
static void test_plugin(const char *path, const char *instance) {
  load(path);
  create(instance, "{\"A\":\"b\"}");
  test_document();
  test_call("shell", 0, "{\"command\": \"echo $A; exit 3\"}", "\"stdout\":\"b\\n\"");
  test_call("write", 0, "{\"path\": \"a\", \"content\": \"one\\ntwo\\n\"}", "/workspace/a");
  test_call("read", 0, "{\"path\": \"a\"}", "two");
  test_call("engine.info", CAISSON_REQUEST_HOST, "{}", "\"endpoint\":");
  test_call("session.inspect", CAISSON_REQUEST_HOST, "{}", "\"found\":true");
  test_call("session.shutdown", CAISSON_REQUEST_HOST, "{\"scope\": \"instance\"}",
            "\"isError\":false");
  is_int(p->destroy(box), CAISSON_OK, "destroy");
}

#endif
