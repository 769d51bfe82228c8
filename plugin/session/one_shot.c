/* SPDX-License-Identifier: Apache-2.0 */
#include "session/one_shot.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "engine/demux.h"
#include "engine/hardening.h"
#include "util/alloc.h"
#include "util/buffer.h"
#include "util/json.h"
#include "util/random.h"

#define REPORT_MAX ((size_t)256 << 10)
#define RUN_NS (60 * CSN_SECOND)
#define CLEANUP_NS (5 * CSN_SECOND)
#define MEMORY (64.0 * 1024 * 1024)
#define NOBODY "65534:65534"

/* ---- its body -------------------------------------------------------------------------------- */

static void add_isolation(struct csn_body *b, cJSON *host, const struct csn_sessions *all,
                          const struct csn_one_shot *shot) {
  const char *path = csn_dialect_seccomp(all, CSN_SECCOMP_DEFAULT);
  const struct csn_hardening hardening = {
      .seccomp = path ? path : csn_seccomp_text(CSN_SECCOMP_DEFAULT),
      .network = shot->network,
      .nofile = 64,
      .nproc = atomic_load(&all->dialect.needs_nproc) ? CSN_HARDENING_NPROC : 0};
  csn_body_harden(b, host, &hardening);
  if (shot->capability) csn_body_item(b, csn_body_array(b, host, "CapAdd"), shot->capability);
  csn_body_number(b, host, "Memory", MEMORY);
  csn_body_number(b, host, "MemorySwap", MEMORY);
  csn_body_number(b, host, "PidsLimit", 16);
}

static cJSON *make_body(const struct csn_sessions *all, const struct csn_one_shot *shot) {
  struct csn_body b = {0};
  cJSON *body = cJSON_CreateObject();
  csn_body_text(&b, body, "Image", shot->image);
  csn_body_text(&b, body, "User", shot->capability ? "0:0" : NOBODY);
  csn_body_text(&b, body, "WorkingDir", "/");
  csn_body_item(&b, csn_body_array(&b, body, "Entrypoint"), csn_delivery_path(&all->delivery));
  cJSON *cmd = csn_body_array(&b, body, "Cmd");
  for (const char *const *arg = shot->args; *arg; arg++) csn_body_item(&b, cmd, *arg);
  csn_body_flag(&b, body, "AttachStdout", 1);
  csn_body_flag(&b, body, "AttachStderr", 1);
  csn_body_text(&b, body, "StopSignal", "SIGKILL");
  csn_body_item(&b, csn_body_array(&b, csn_body_object(&b, body, "Healthcheck"), "Test"), "NONE");
  cJSON *labels = csn_body_object(&b, body, "Labels");
  csn_body_text(&b, labels, CSN_LABEL_INSTANCE, all->instance);
  csn_body_text(&b, labels, CSN_LABEL_HELPER, shot->args[0]);
  cJSON *host = csn_body_object(&b, body, "HostConfig");
  add_isolation(&b, host, all, shot);
  csn_delivery_add_mount(&b, csn_body_array(&b, host, "Mounts"), 1);
  if (!b.failed) return body;
  cJSON_Delete(body);
  return NULL;
}

/* ---- its run --------------------------------------------------------------------------------- */

static int take(struct csn_demux *demux, const void *bytes, size_t n, struct csn_buffer *out,
                struct csn_error *err) {
  struct csn_demux_slice slice;
  int rc;
  while ((rc = csn_demux_next(demux, &bytes, &n, &slice, err)) > 0)
    if (csn_buffer_add(out, slice.bytes, slice.n))
      return csn_fail(err, CAISSON_E_ENGINE, CAISSON_REASON_HELPER_PROTOCOL,
                      "it said more than %zu bytes", REPORT_MAX);
  return rc;
}

/* All that it prints, until it ends. */
static int hear_all(struct csn_stream *stream, const struct csn_control *control,
                    struct csn_buffer *out, struct csn_error *err) {
  struct csn_demux demux;
  char bytes[4096];
  csn_demux_init(&demux);
  for (;;) {
    ssize_t n = csn_stream_read(stream, bytes, sizeof bytes, err);
    if (n == 0) return 0;
    int rc = n == CSN_STREAM_AGAIN ? 0 : (int)n;
    if (n > 0) rc = take(&demux, bytes, (size_t)n, out, err);
    if (rc < 0) return rc;
    if (n > 0 || csn_stream_pending(stream)) continue;
    struct pollfd fd = {.fd = csn_stream_fd(stream), .events = POLLIN};
    rc = csn_control_poll(control, &fd, 1, CSN_NEVER, err);
    if (rc < 0) return rc;
  }
}

static int run(struct csn_sessions *all, const char *id, const struct csn_control *control,
               struct csn_buffer *said, struct csn_error *err) {
  struct csn_stream *stream CSN_CLEANUP_STREAM = NULL;
  int rc = csn_container_attach(all->engine, id, control, &stream, err);
  if (rc == 0) rc = csn_container_start(all->engine, id, control, err);
  return rc ? rc : hear_all(stream, control, said, err);
}

static void clean_up(struct csn_sessions *all, const char *id) {
  struct csn_control control = CSN_CONTROL_NONE;
  control.deadline = csn_clock_after(CLEANUP_NS);
  struct csn_error err;
  if (csn_container_remove(all->engine, id, CSN_REMOVE_FORCE | CSN_REMOVE_VOLUMES, &control, &err))
    csn_log(all->log, CAISSON_LOG_WARNING, "could not remove a helper's container: %s",
            err.message);
}

static int read_report(const struct csn_buffer *said, cJSON **report, struct csn_error *err) {
  cJSON *json CSN_CLEANUP_JSON = NULL;
  int rc = csn_json_parse(csn_buffer_text(said), said->size, REPORT_MAX, "its report",
                          CAISSON_E_ENGINE, CAISSON_REASON_NETWORK, &json, err);
  if (rc) return rc;
  const char *error = csn_json_string(json, "error", NULL);
  if (error || !cJSON_IsObject(json))
    return csn_fail(err, CAISSON_E_ENGINE, CAISSON_REASON_NETWORK, "%.500s",
                    error ? error : "its report is no object");
  *report = CSN_STEAL(json);
  return 0;
}

/* A name of its own, so that one whose create was cut short can be found and removed. */
static int name_it(const struct csn_sessions *all, char name[CSN_NAME_SIZE],
                   struct csn_error *err) {
  uint64_t number;
  int rc = csn_random_bytes(&number, sizeof number, err);
  snprintf(name, CSN_NAME_SIZE, "caisson_%s_%016llx", all->instance, (unsigned long long)number);
  return rc;
}

int csn_one_shot_run(struct csn_sessions *all, const struct csn_one_shot *shot,
                     const struct csn_control *control, cJSON **report, struct csn_error *err) {
  CSN_CLEANUP_BUFFER struct csn_buffer said = CSN_BUFFER(REPORT_MAX);
  struct csn_control own = csn_control_within(control, RUN_NS);
  char name[CSN_NAME_SIZE], id[CSN_CONTAINER_ID_SIZE];
  int rc = csn_delivery_choose(&all->delivery, all->engine, &own, err);
  if (rc) return rc;
  cJSON *body CSN_CLEANUP_JSON = make_body(all, shot);
  if (!body) return csn_fail_nomem(err);
  rc = name_it(all, name, err);
  if (rc) return rc;
  rc = csn_container_make(all->engine, name, body, &own, id, err);
  if (rc == 0) rc = run(all, id, &own, &said, err);
  if (rc) clean_up(all, name);
  if (rc == 0) rc = read_report(&said, report, err);
  if (rc == CAISSON_E_DEADLINE && csn_control_check(control, NULL) == 0)
    rc = csn_fail(err, CAISSON_E_ENGINE, CAISSON_REASON_NETWORK, "it did not end in %d s",
                  (int)(RUN_NS / CSN_SECOND));
  return rc;
}
