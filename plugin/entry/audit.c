/* SPDX-License-Identifier: Apache-2.0 */
#include "entry/audit.h"

#include <string.h>

#include "engine/engine.h"
#include "tools/masked.h"
#include "util/json.h"

/* More input than that is counted only: to hash it would slow it down. */
#define INPUT_HASHED ((uint64_t)1 << 20)
/* Longer arguments are left out, where they are asked for. */
#define ARGUMENTS_MAX 8192

void csn_audit_instance(const struct csn_instance *i, const char *event) {
  cJSON *line = csn_audit_begin(&i->log, event);
  if (!line) return;
  int bad = csn_audit_add(line, "version", CSN_VERSION) |
            csn_audit_add(line, "engine", csn_engine_endpoint(i->engine)) |
            csn_audit_add(line, "image", i->config.sandbox.image);
  csn_audit_end(&i->log, line, bad);
}

/* ---- input ----------------------------------------------------------------------------------- */

void csn_audit_input_init(struct csn_audit_input *in, const struct csn_call *call) {
  in->call = call;
  in->bytes = 0;
  csn_sha256_init(&in->sum);
}

int64_t csn_audit_take_input(void *ctx, void *buffer, uint64_t capacity) {
  struct csn_audit_input *in = ctx;
  int64_t n = in->call->input(in->call->input_ctx, buffer, capacity);
  if (n <= 0 || (uint64_t)n > capacity) return n;
  in->bytes += (uint64_t)n;
  if (in->bytes <= INPUT_HASHED) csn_sha256_update(&in->sum, buffer, (size_t)n);
  return n;
}

static int add_input(cJSON *line, const struct csn_audit_input *in) {
  unsigned char digest[CSN_SHA256_SIZE];
  char hex[CSN_SHA256_HEX];
  int is_hashed = in->call && in->bytes <= INPUT_HASHED;
  if (is_hashed) {
    struct csn_sha256 sum = in->sum;
    csn_sha256_final(&sum, digest);
    csn_sha256_print(digest, hex);
  }
  return csn_audit_add_int(line, "bytes_in", in->call != NULL, (int64_t)in->bytes) |
         csn_audit_add(line, "input_sha256", is_hashed ? hex : NULL);
}

/* ---- arguments ------------------------------------------------------------------------------- */

/* The texts themselves only where the operator wants them. */
static int add_arguments(cJSON *line, const struct csn_audit_call *c) {
  char hex[CSN_SHA256_HEX];
  const char *given = c->call->args_size ? c->call->args : "{}";
  csn_sha256_hex(given, strlen(given), hex);
  int bad = csn_audit_add_int(line, "bytes_arguments", 1, (int64_t)c->call->args_size) |
            csn_audit_add(line, "arguments_sha256", hex);
  if (bad || !c->instance->log.audit.has_arguments) return bad;
  if (!c->args || c->call->args_size > ARGUMENTS_MAX) return csn_audit_add(line, "arguments", NULL);
  cJSON *args = cJSON_Duplicate(c->args, 1);
  csn_masked_value(c->mask, &args);
  if (!args) return CAISSON_E_NOMEM;
  return csn_json_add(line, "arguments", args);
}

/* ---- how it ended ---------------------------------------------------------------------------- */

static const char *outcome_of(const struct csn_audit_call *c) {
  static const char *const names[] = {
      [CAISSON_OUTCOME_NONE] = "none",           [CAISSON_OUTCOME_EXITED] = "exited",
      [CAISSON_OUTCOME_CANCELLED] = "cancelled", [CAISSON_OUTCOME_DEADLINE] = "deadline",
      [CAISSON_OUTCOME_OOM] = "oom",             [CAISSON_OUTCOME_LOST] = "lost"};
  int outcome = c->rc < 0 ? CAISSON_OUTCOME_NONE : c->result->outcome;
  int is_known = outcome >= 0 && outcome < (int)(sizeof names / sizeof *names);
  return is_known ? names[outcome] : names[CAISSON_OUTCOME_LOST];
}

static const char *reason_of(const struct csn_audit_call *c, const cJSON *document) {
  if (c->rc < 0) return c->err->reason;
  return csn_json_string(csn_json_get(document, "error"), "reason", NULL);
}

static const char *sandbox_of(uint32_t flags) {
  if (flags & CAISSON_RESULT_CREATED) return "created";
  return flags & CAISSON_RESULT_RECREATED ? "recreated" : NULL;
}

static int add_end(cJSON *line, const struct csn_audit_call *c) {
  const struct csn_tool_result *r = c->result;
  const cJSON *document = csn_json_get(r->json, "structuredContent");
  int ended = c->rc >= 0, ran = ended && r->command_ns > 0;
  int64_t command = (int64_t)r->command_ns;
  int64_t wait = c->wall_ns > command ? c->wall_ns - command : 0;
  return csn_audit_add(line, "outcome", outcome_of(c)) |
         csn_audit_add_int(line, "status", 1, c->rc) |
         csn_audit_add(line, "reason", reason_of(c, document)) |
         csn_audit_add_int(line, "exit_code", ended && r->exit_code != CAISSON_EXIT_UNKNOWN,
                           r->exit_code) |
         csn_audit_add_int(line, "signal", ended && r->term_signal != 0, r->term_signal) |
         csn_audit_add(line, "sandbox", sandbox_of(r->flags)) |
         csn_audit_add_int(line, "bytes_out", ended, (int64_t)r->bytes_out) |
         csn_audit_add_int(line, "bytes_dropped", ended, (int64_t)r->bytes_dropped) |
         csn_audit_add(line, "output_sha256", csn_json_string(document, "sha256", NULL)) |
         csn_audit_add_ms(line, "wall_ms", 1, c->wall_ns) |
         csn_audit_add_ms(line, "wait_ms", ran, wait);
}

void csn_audit_call(const struct csn_audit_call *c) {
  const struct csn_call *call = c->call;
  cJSON *line = csn_audit_begin(&c->instance->log, "call");
  if (!line) return;
  int bad = csn_audit_add(line, "session", *call->session ? call->session : NULL) |
            csn_audit_add(line, "name", call->name) |
            csn_json_add_bool(line, "operation", (call->flags & CAISSON_REQUEST_HOST) != 0) |
            add_end(line, c) | add_input(line, c->input) | add_arguments(line, c);
  csn_audit_end(&c->instance->log, line, bad);
}
