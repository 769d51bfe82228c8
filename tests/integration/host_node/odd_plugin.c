/* SPDX-License-Identifier: Apache-2.0 */
/* odd_plugin.c: a plugin that does nothing and that the test of the Node host's loader makes wrong in
 * one way at a time, by the macros below. What stands behind struct_size is there and not to be seen. */
#include <caisson.h>
#include <string.h>
#include <unistd.h>

#ifndef ENTRY
#define ENTRY caisson_plugin_v1
#endif
#ifndef TABLE
#define TABLE &table.plugin
#endif
#ifndef MAGIC
#define MAGIC CAISSON_MAGIC
#endif
#ifndef MINOR
#define MINOR CAISSON_ABI_MINOR
#endif
#ifndef NEEDS
#define NEEDS 0
#endif
#ifndef SIZE
#define SIZE sizeof(caisson_plugin)
#endif
#ifndef CREATE
#define CREATE create
#endif
#ifndef QUEUES
#define QUEUES &queues
#endif
#ifndef QUEUES_SIZE
#define QUEUES_SIZE sizeof(caisson_async)
#endif

static int ends[2];

static int32_t queue_open(uint64_t instance, uint64_t *queue, int32_t *fd, caisson_error *err) {
  (void)instance, (void)err;
  *queue = 1;
  return pipe(ends) == 0 ? *fd = ends[0], CAISSON_OK : CAISSON_E_LIMIT;
}

static int32_t start(uint64_t queue, uint64_t call, uint32_t flags, uint64_t tag, caisson_error *err) {
  (void)queue, (void)call, (void)flags, (void)tag, (void)err;
  return CAISSON_E_LIMIT;
}

static int32_t collect(uint64_t queue, caisson_event *event) {
  (void)queue, (void)event;
  return 0;
}

static int64_t feed(uint64_t queue, uint64_t call, const void *bytes, uint64_t n) {
  (void)queue, (void)call, (void)bytes, (void)n;
  return 0;
}

static int32_t by_id(uint64_t id) {
  (void)id;
  return CAISSON_OK;
}

static const caisson_async queues = {QUEUES_SIZE, 0, queue_open, start, collect, feed, by_id};

static const void *get_extension(const char *id) {
  return strcmp(id, CAISSON_EXT_ASYNC) == 0 ? QUEUES : NULL;
}

static int32_t create(const caisson_host *host, const char *config, uint64_t n, uint64_t *instance,
                      caisson_error *err) {
  (void)host, (void)config, (void)n, (void)err;
  *instance = 1;
  return CAISSON_OK;
}

static int32_t describe(uint64_t instance, caisson_str *json) {
  (void)instance, (void)json;
  return CAISSON_E_INTERNAL;
}

static int32_t call_open(uint64_t instance, const caisson_request *request, uint64_t *call,
                         caisson_error *err) {
  (void)instance, (void)request, (void)call, (void)err;
  return CAISSON_E_LIMIT;
}

static int32_t call_run(uint64_t instance, uint64_t call, const caisson_hooks *hooks,
                        caisson_result *result, caisson_error *err) {
  (void)instance, (void)call, (void)hooks, (void)result, (void)err;
  return CAISSON_E_STATE;
}

static int32_t by_ids(uint64_t instance, uint64_t other) {
  (void)instance, (void)other;
  return CAISSON_OK;
}

static const struct {
  caisson_plugin plugin;
  char behind[4096];
} table = {{SIZE, MAGIC, MINOR, NEEDS, "odd", "0", "odd", "{}", get_extension, CREATE, describe, call_open, call_run,
            by_ids, by_ids, by_ids, by_id},
           ""};

__attribute__((visibility("default"))) const caisson_plugin *ENTRY(void);

const caisson_plugin *ENTRY(void) {
  return TABLE;
}
