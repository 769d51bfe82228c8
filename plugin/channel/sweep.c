/* SPDX-License-Identifier: Apache-2.0 */
#include "channel/sweep.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "engine/containers.h"
#include "engine/demux.h"
#include "engine/hardening.h"
#include "engine/volumes.h"
#include "util/json.h"
#include "util/random.h"

#define SWEEP_NS (60 * CSN_SECOND)
#define CLEANUP_NS (5 * CSN_SECOND)

/* ---- the container --------------------------------------------------------------------------- */

static void add_command(struct csn_body *b, cJSON *body, const char *helper,
                        const struct csn_sweep *sweep) {
  char age[24];
  snprintf(age, sizeof age, "%" PRId64, sweep->older_than_s);
  csn_body_item(b, csn_body_array(b, body, "Entrypoint"), helper);
  cJSON *cmd = csn_body_array(b, body, "Cmd");
  csn_body_item(b, cmd, "reap");
  csn_body_item(b, cmd, sweep->dry_run ? "list" : "remove");
  csn_body_item(b, cmd, age);
  csn_body_item(b, cmd, strrchr(helper, '/') + 1);
  for (const char *const *name = sweep->keep; *name; name++) csn_body_item(b, cmd, *name);
}

/* Nothing but root may write there; it is one without any capability, network or file of its
 * own. */
static cJSON *make_body(const char *helper, const struct csn_sweep *sweep) {
  const struct csn_hardening hardening = {.network = "none",
                                          .nofile = 64,
                                          .nproc = sweep->needs_nproc ? CSN_HARDENING_NPROC : 0};
  struct csn_body b = {0};
  cJSON *body = cJSON_CreateObject();
  csn_body_text(&b, body, "Image", sweep->image);
  csn_body_text(&b, body, "User", "0:0");
  csn_body_text(&b, body, "WorkingDir", "/");
  csn_body_flag(&b, body, "AttachStdout", 1);
  csn_body_flag(&b, body, "AttachStderr", 1);
  add_command(&b, body, helper, sweep);
  csn_body_item(&b, csn_body_array(&b, csn_body_object(&b, body, "Healthcheck"), "Test"), "NONE");
  cJSON *host = csn_body_object(&b, body, "HostConfig");
  csn_body_harden(&b, host, &hardening);
  csn_delivery_add_mount(&b, csn_body_array(&b, host, "Mounts"), sweep->dry_run);
  csn_body_number(&b, host, "PidsLimit", 16);
  csn_body_number(&b, host, "Memory", 64.0 * 1024 * 1024);
  if (!b.failed) return body;
  cJSON_Delete(body);
  return NULL;
}

/* ---- what it says ---------------------------------------------------------------------------- */

static int sort_out(struct csn_demux *demux, const void *bytes, size_t n,
                    struct csn_buffer *removed, struct csn_buffer *failed, struct csn_error *err) {
  struct csn_demux_slice slice;
  int rc;
  while ((rc = csn_demux_next(demux, &bytes, &n, &slice, err)) > 0) {
    rc = csn_buffer_add(slice.stream == CSN_DEMUX_STDOUT ? removed : failed, slice.bytes, slice.n);
    if (rc == CAISSON_E_NOMEM) return csn_fail_nomem(err);
    if (rc)
      return csn_fail(err, CAISSON_E_LIMIT, CAISSON_REASON_HELPER_PROTOCOL,
                      "there are more old helpers than %zu bytes of names", CSN_SWEEP_TEXT_MAX);
  }
  return rc;
}

static int read_all(struct csn_stream *stream, const struct csn_control *control,
                    struct csn_buffer *removed, struct csn_buffer *failed, struct csn_error *err) {
  struct csn_demux demux;
  csn_demux_init(&demux);
  for (;;) {
    char bytes[4096];
    ssize_t n = csn_stream_read(stream, bytes, sizeof bytes, err);
    int rc = n > 0 ? sort_out(&demux, bytes, (size_t)n, removed, failed, err) : 0;
    if (n == 0 || rc) return rc;
    if (n > 0) continue;
    if (n != CSN_STREAM_AGAIN) return (int)n;
    struct pollfd p = {.fd = csn_stream_fd(stream), .events = POLLIN};
    rc = csn_control_poll(control, &p, 1, CSN_NEVER, err);
    if (rc < 0) return rc;
  }
}

static int run(struct csn_engine *engine, const char *id, const struct csn_control *control,
               struct csn_buffer *removed, struct csn_buffer *failed, struct csn_error *err) {
  struct csn_stream *stream CSN_CLEANUP_STREAM = NULL;
  int rc = csn_container_attach(engine, id, control, &stream, err);
  if (rc == 0) rc = csn_container_start(engine, id, control, err);
  if (rc == 0) rc = read_all(stream, control, removed, failed, err);
  return rc;
}

int csn_sweep_helpers(const struct csn_delivery *delivery, struct csn_engine *engine,
                      const struct csn_sweep *sweep, const struct csn_control *control,
                      struct csn_buffer *removed, struct csn_buffer *failed,
                      struct csn_error *err) {
  char name[64] = "caisson-reap.", id[CSN_CONTAINER_ID_SIZE];
  struct csn_volume volume CSN_CLEANUP_VOLUME = {0};
  struct csn_control within = csn_control_within(control, SWEEP_NS);
  int rc = csn_volume_inspect(engine, CSN_DELIVERY_VOLUME, &within, &volume, err);
  if (rc) return csn_engine_is_missing(err) ? 0 : rc;
  rc = csn_random_hex(name + strlen(name), 8, err);
  if (rc) return rc;
  cJSON *body CSN_CLEANUP_JSON = make_body(csn_delivery_path(delivery), sweep);
  if (!body) return csn_fail_nomem(err);
  rc = csn_container_make(engine, name, body, &within, id, err);
  if (rc) return csn_is_stop(rc) ? rc : csn_error_wrap(err, "look for old helpers");
  rc = run(engine, id, &within, removed, failed, err);
  struct csn_control cleanup = CSN_CONTROL_NONE;
  struct csn_error ignored;
  cleanup.deadline = csn_clock_after(CLEANUP_NS);
  csn_container_remove(engine, id, CSN_REMOVE_FORCE | CSN_REMOVE_VOLUMES, &cleanup, &ignored);
  if (rc && csn_delivery_is_missing(delivery, err)) return 0; /* nobody has used this version here yet */
  return rc && !csn_is_stop(rc) ? csn_error_wrap(err, "look for old helpers") : rc;
}
