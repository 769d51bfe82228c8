/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/events.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "engine/ask.h"
#include "util/alloc.h"
#include "util/json.h"

#define LINE_MAX_BYTES ((size_t)1 << 20) /* labels are part of every event */
#define WAIT_SECONDS 2
#define KILLED 137

struct death_watch {
  struct csn_buffer line;
  struct csn_death *death;
};

static int exit_code_of(const cJSON *event) {
  const cJSON *attributes = csn_json_get(csn_json_get(event, "Actor"), "Attributes");
  const char *text = csn_json_string(attributes, "exitCode", NULL);
  if (!text) text = csn_json_string(attributes, "containerExitCode", "-1");
  long code = strtol(text, NULL, 10);
  return code >= 0 && code <= 255 ? (int)code : -1;
}

/* CSN_HTTP_ENOUGH once the rest cannot change the answer. Who was killed may yet turn out to have
 * run out of memory: these two are told in either order. */
static int on_event(struct csn_death *death, const cJSON *event) {
  const char *action = csn_json_string(event, "Action", "");
  if (strcmp(action, "oom") == 0) death->oom = 1;
  if (strcmp(action, "die") == 0 || strcmp(action, "died") == 0) {
    death->seen = 1;
    death->exit_code = exit_code_of(event);
  }
  int settled = strcmp(action, "destroy") == 0 || death->oom || death->exit_code != KILLED;
  return death->seen && settled ? CSN_HTTP_ENOUGH : 0;
}

/* One JSON object for each line. What is none is not ours to judge, and passed over. */
static int on_line(struct death_watch *watch, const char *line, size_t n) {
  cJSON *event CSN_CLEANUP_JSON = cJSON_ParseWithLength(line, n);
  return event ? on_event(watch->death, event) : 0;
}

static int on_bytes(void *ctx, const void *bytes, size_t n, struct csn_error *err) {
  struct death_watch *watch = ctx;
  int rc = csn_buffer_add(&watch->line, bytes, n);
  if (rc == CAISSON_E_LIMIT) return csn_ask_malformed(err, "too long an event");
  if (rc) return csn_fail_nomem(err);
  char *end;
  while (watch->line.size && (end = memchr(watch->line.data, '\n', watch->line.size))) {
    size_t line = (size_t)(end - watch->line.data);
    rc = on_line(watch, watch->line.data, line);
    csn_buffer_consume(&watch->line, line + 1);
    if (rc) return rc;
  }
  return 0;
}

static char *filters_for(const char *container) {
  cJSON *filters CSN_CLEANUP_JSON = cJSON_CreateObject();
  int rc = csn_json_append_string(csn_json_add_array(filters, "type"), "container");
  rc |= csn_json_append_string(csn_json_add_array(filters, "container"), container);
  return rc ? NULL : csn_json_print(filters);
}

static int events_path(struct csn_buffer *path, const char *container, int64_t since,
                       struct csn_error *err) {
  char from[32], until[32];
  char *filters CSN_CLEANUP_FREE = filters_for(container);
  if (!filters) return csn_fail_nomem(err);
  snprintf(from, sizeof from, "%lld", (long long)(since > 0 ? since : 1));
  snprintf(until, sizeof until, "%lld", (long long)time(NULL) + WAIT_SECONDS);
  int rc = csn_ask_route(path, "/events", err);
  if (rc == 0) rc = csn_ask_query(path, "since", from, err);
  if (rc == 0) rc = csn_ask_query(path, "until", until, err);
  return rc ? rc : csn_ask_query(path, "filters", filters, err);
}

int csn_events_death(struct csn_engine *engine, const char *container, int64_t since,
                     const struct csn_control *control, struct csn_death *out,
                     struct csn_error *err) {
  CSN_ASK_PATH(path);
  struct death_watch watch = {.line = CSN_BUFFER(LINE_MAX_BYTES), .death = out};
  memset(out, 0, sizeof *out);
  int rc = events_path(&path, container, since, err);
  if (rc) return rc;
  struct csn_ask ask = {.method = "GET",
                        .path = path.data,
                        .seconds = 10,
                        .on_body = on_bytes,
                        .ctx = &watch};
  rc = csn_ask_simple(engine, &ask, control, err);
  csn_buffer_free(&watch.line);
  return csn_ask_context(rc, err, "ask for the end of container", container);
}
