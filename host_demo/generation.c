/* SPDX-License-Identifier: Apache-2.0 */
/* generation.c: load, create, self-test, end. The self-test is what decides whether a new version
 * may take the calls of an old one, so it asks nothing that changes anything. */
#include "generation.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "file.h"
#include "json.h"
#include "trusted.h"
#include "ui.h"

#define CONFIG_MAX ((size_t)1024 * 1024)
/* The operation that a new version has to answer, where it offers it: one question to the engine,
 * and the answer is about the very sessions that it is to take over. */
#define TEST_OPERATION "session.list"
#define TEST_DEADLINE_MS 10000

const char *csn_step_name(enum csn_step step) {
  static const char *const names[] = {"load", "create", "self-test"};
  return names[step];
}

static int fail(struct csn_failure *failure, enum csn_step step, int32_t status,
                const char *reason, const char *fmt, ...) __attribute__((format(printf, 5, 6)));
static int fail(struct csn_failure *failure, enum csn_step step, int32_t status,
                const char *reason, const char *fmt, ...) {
  va_list ap;
  failure->step = step;
  failure->status = status;
  (void)snprintf(failure->reason, sizeof failure->reason, "%s", reason);
  va_start(ap, fmt);
  (void)vsnprintf(failure->message, sizeof failure->message, fmt, ap);
  va_end(ap);
  return -1;
}

int csn_generation_load(struct csn_generation *g, const struct csn_setup *setup,
                        struct csn_failure *failure) {
  *failure = (struct csn_failure){.step = CSN_STEP_LOAD, .status = CAISSON_E_INVALID};
  return csn_loader_open(setup->plugin, setup->sha256, &g->loaded, failure->message);
}

/* ---- create ---------------------------------------------------------------------------------- */

/* The same configuration with engine.lazy true. Text that is no object is left to the plugin, which
 * says what is wrong with it. */
static char *make_lazy(char *config, size_t *size) {
  cJSON *document = *size > 0 ? csn_json_parse(config, *size) : cJSON_CreateObject();
  if (!cJSON_IsObject(document)) {
    cJSON_Delete(document);
    return config;
  }
  if (*size == 0)
    (void)cJSON_AddNumberToObject(document, "config_version", 1);
  cJSON *engine = cJSON_GetObjectItemCaseSensitive(document, "engine");
  if (!engine)
    engine = cJSON_AddObjectToObject(document, "engine");
  if (cJSON_IsObject(engine)) {
    cJSON_DeleteItemFromObjectCaseSensitive(engine, "lazy");
    (void)cJSON_AddTrueToObject(engine, "lazy");
  }
  free(config);
  config = csn_must(cJSON_PrintUnformatted(document));
  *size = strlen(config);
  cJSON_Delete(document);
  return config;
}

static bool is_lazy(const char *config, size_t size) {
  cJSON *document = csn_json_parse(config, size);
  bool lazy = csn_json_true(csn_json_get(document, "engine"), "lazy");
  cJSON_Delete(document);
  return lazy;
}

static int fail_create(struct csn_failure *failure, const struct csn_setup *setup, int32_t status,
                       const caisson_error *err) {
  bool of_file = status == CAISSON_E_CONFIG && setup->config;
  return fail(failure, CSN_STEP_CREATE, status, err->reason, "%s%s%s%s",
              of_file ? "configuration " : "", of_file ? setup->config : "", of_file ? ": " : "",
              *err->message ? err->message : "the plugin made no instance, and does not say why");
}

static int fail_config(struct csn_failure *failure, const char *words) {
  return fail(failure, CSN_STEP_CREATE, CAISSON_E_CONFIG, CAISSON_REASON_CONFIG, "%s", words);
}

/* NULL where there is none. */
static int read_configuration(const struct csn_setup *setup, char **config, size_t *size,
                              struct csn_failure *failure) {
  char why[CSN_LOADER_MESSAGE], real[PATH_MAX], opened[32];
  const char *path = setup->config;
  int fd = -1;
  if (!path)
    return 0;
  if (setup->trusted_config) {
    fd = csn_trusted_open("configuration", path, real, why);
    if (fd < 0)
      return fail_config(failure, why);
    (void)snprintf(opened, sizeof opened, "/proc/self/fd/%d", fd);
    path = opened;
  }
  *config = csn_file_read(path, CONFIG_MAX, size);
  if (!*config)
    (void)csn_why(why, "configuration %.1024s: cannot be read: %s", setup->config, strerror(errno));
  if (fd >= 0)
    (void)close(fd);
  return *config ? 0 : fail_config(failure, why);
}

int csn_generation_create(struct csn_generation *g, const struct csn_setup *setup,
                          struct csn_failure *failure) {
  const caisson_plugin *plugin = g->loaded.plugin;
  caisson_error err = {.struct_size = sizeof err};
  caisson_str json = {NULL, 0};
  char *config = NULL;
  size_t size = 0;
  if (read_configuration(setup, &config, &size, failure) < 0)
    return -1;
  if (setup->lazy)
    config = make_lazy(config, &size);
  g->lazy = is_lazy(config, size);
  int32_t status = plugin->create(setup->offer, config, size, &g->instance, &err);
  free(config);
  if (status < 0) {
    g->instance = 0;
    return fail_create(failure, setup, status, &err);
  }
  if (plugin->describe(g->instance, &json) >= 0)
    g->offered = csn_json_parse(json.data, (size_t)json.size);
  return 0;
}

/* ---- the self-test --------------------------------------------------------------------------- */

static int test_description(const struct csn_generation *g, struct csn_failure *failure) {
  const cJSON *tools = csn_json_get(g->offered, "tools"), *tool;
  if (!cJSON_IsArray(tools))
    return fail(failure, CSN_STEP_TEST, CAISSON_E_INTERNAL, "",
                "describe() gives no document with a list of tools");
  cJSON_ArrayForEach(tool, tools)
    if (!csn_json_string(tool, "name") || !cJSON_IsObject(csn_json_get(tool, "inputSchema")))
      return fail(failure, CSN_STEP_TEST, CAISSON_E_INTERNAL, "",
                  "describe() lists a tool without a name or without an inputSchema");
  return 0;
}

/* Another instance name has other sandboxes: every session would seem to be gone. */
static int test_instance(const struct csn_generation *g, const struct csn_generation *before,
                         struct csn_failure *failure) {
  const char *was = csn_json_string(before->offered, "instance");
  const char *is = csn_json_string(g->offered, "instance");
  if (!was || (is && strcmp(was, is) == 0))
    return 0;
  return fail(failure, CSN_STEP_TEST, CAISSON_E_CONFIG, CAISSON_REASON_CONFIG,
              "its instance is %s and that of the running one is %s, so it would not find the "
              "sessions; a new instance name takes a restart",
              is ? is : "unnamed", was);
}

static bool offers_operation(const struct csn_generation *g, const char *name) {
  const cJSON *operation;
  cJSON_ArrayForEach(operation, csn_json_get(g->offered, "operations")) {
    const char *own = csn_json_string(operation, "name");
    if (own && strcmp(own, name) == 0)
      return true;
  }
  return false;
}

static int test_operation(const struct csn_generation *g, struct csn_failure *failure) {
  const caisson_plugin *plugin = g->loaded.plugin;
  caisson_error err = {.struct_size = sizeof err};
  caisson_result result = {.struct_size = sizeof result};
  const caisson_request request = {
      .struct_size = sizeof request,
      .flags = CAISSON_REQUEST_HOST,
      .name = {TEST_OPERATION, sizeof TEST_OPERATION - 1},
      .deadline_ms = TEST_DEADLINE_MS,
  };
  uint64_t call = 0;
  int32_t status = plugin->call_open(g->instance, &request, &call, &err);
  if (status >= 0) {
    status = plugin->call_run(g->instance, call, NULL, &result, &err);
    (void)plugin->call_close(g->instance, call);
  }
  if (status < 0)
    return fail(failure, CSN_STEP_TEST, status, err.reason, TEST_OPERATION ": %s", err.message);
  if (result.outcome == CAISSON_OUTCOME_EXITED && result.exit_code == 0)
    return 0;
  return fail(failure, CSN_STEP_TEST, CAISSON_E_ENGINE, "",
              TEST_OPERATION ": %s (outcome %d, exit code %d)",
              result.outcome == CAISSON_OUTCOME_DEADLINE ? "no answer in time" : "it failed",
              (int)result.outcome, (int)result.exit_code);
}

int csn_generation_test(const struct csn_generation *g, const struct csn_generation *before,
                        struct csn_failure *failure) {
  if (test_description(g, failure) < 0 || test_instance(g, before, failure) < 0)
    return -1;
  return g->lazy || !offers_operation(g, TEST_OPERATION) ? 0 : test_operation(g, failure);
}

/* ---- the rest -------------------------------------------------------------------------------- */

void csn_generation_end(struct csn_generation *g) {
  cJSON_Delete(g->offered);
  g->offered = NULL;
  if (g->instance)
    (void)g->loaded.plugin->destroy(g->instance);
  g->instance = 0;
  csn_loader_close(&g->loaded);
}

const cJSON *csn_generation_tool(const struct csn_generation *g, const char *name) {
  const cJSON *tool;
  cJSON_ArrayForEach(tool, csn_json_get(g->offered, "tools")) {
    const char *own = csn_json_string(tool, "name");
    if (own && strcmp(own, name) == 0)
      return tool;
  }
  return NULL;
}
