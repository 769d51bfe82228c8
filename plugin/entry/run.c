/* SPDX-License-Identifier: Apache-2.0 */
#include "entry/run.h"

#include <stdio.h>
#include <string.h>

#include "entry/audit.h"
#include "entry/options.h"
#include "tools/masked.h"
#include "tools/result.h"
#include "util/alloc.h"
#include "util/json.h"
#include "util/mask.h"
#include "util/utf8.h"

/* A hook may run a call of another instance, whose hooks are then inside both. */
struct frame {
  uint64_t instance;
  const struct frame *outer;
};

static __thread const struct frame *inside;

int csn_run_is_inside(uint64_t instance) {
  const struct frame *f = inside;
  while (f && f->instance != instance) f = f->outer;
  return f != NULL;
}

/* What one run needs; freed at its end. */
struct running {
  struct csn_instance *instance;
  struct csn_call *call;
  const caisson_hooks *hooks; /* never NULL; members are looked at by CAISSON_HAS */
  struct csn_control control;
  struct csn_session_want want;
  cJSON *options, *args;
  struct csn_catalog_entry entry;
  struct csn_mask *mask; /* NULL: nothing is masked */
  int knows_secrets;     /* what is to be masked has been looked up */
  struct csn_audit_caller caller; /* points into the options */
  struct csn_audit_input input;
};

static void free_running(struct running *r) {
  cJSON_Delete(r->options);
  cJSON_Delete(r->args);
  csn_mask_drop(r->mask);
}

/* ---- the host's hooks, as the layers below know them ----------------------------------------- */

static int hook_cancelled(void *ctx) {
  const caisson_hooks *hooks = ctx;
  return hooks->cancelled(hooks->ctx) != 0;
}

static int hook_output(void *ctx, int stream, const void *bytes, size_t n) {
  const caisson_hooks *hooks = ctx;
  return hooks->output(hooks->ctx, (uint32_t)stream, bytes, n) != 0;
}

static void hook_progress(void *ctx, int permille, const char *note) {
  const caisson_hooks *hooks = ctx;
  hooks->progress(hooks->ctx, permille, note, strlen(note));
}

struct csn_control csn_run_control(const struct csn_call *c) {
  struct csn_control control = {CSN_NEVER, c->wake.fd, NULL, NULL};
  int64_t most = INT64_MAX - c->begun;
  if (c->deadline_ms > 0 && c->deadline_ms < (uint64_t)(most / CSN_MS))
    control.deadline = c->begun + (int64_t)c->deadline_ms * CSN_MS;
  return control;
}

static void set_control(struct running *r) {
  r->control = csn_run_control(r->call);
  if (CAISSON_HAS(r->hooks, cancelled) && r->hooks->cancelled) {
    r->control.cancelled = hook_cancelled;
    r->control.ctx = (void *)(uintptr_t)r->hooks;
  }
}

static void set_want(struct running *r) {
  r->want = (struct csn_session_want){.key = r->call->session,
                                      .ensure = csn_options_ensure(r->options),
                                      .options = r->options,
                                      .ask_options = csn_options_ask,
                                      .ask_ctx = r->instance,
                                      .mask = r->mask};
  if (CAISSON_HAS(r->hooks, progress) && r->hooks->progress) {
    r->want.progress = hook_progress;
    r->want.progress_ctx = (void *)(uintptr_t)r->hooks;
  }
}

/* ---- before it runs -------------------------------------------------------------------------- */

static int is_operation(const struct csn_call *c) {
  return (c->flags & CAISSON_REQUEST_HOST) != 0;
}

static int find(struct running *r, struct csn_error *err) {
  const struct csn_catalog *catalog = r->instance->catalog;
  return is_operation(r->call)
             ? csn_catalog_find_operation(catalog, r->call->name, &r->entry, err)
             : csn_catalog_find_tool(catalog, r->call->name, &r->entry, err);
}

/* The host's own say, in its own words. */
static int ask_gate(struct running *r, struct csn_error *err) {
  const caisson_gate *gate = r->instance->gate;
  if (!gate) return 0;
  const char *name = r->entry.tool->name;
  const struct csn_call *c = r->call;
  caisson_str name_str = {name, strlen(name)};
  caisson_str session = {c->session, strlen(c->session)};
  caisson_str args = {c->args_size ? c->args : "{}", c->args_size ? c->args_size : 2};
  char words[512] = "";
  if (gate->allow(r->instance->host->ctx, c->flags, &name_str, &session, &args, words,
                  sizeof words) == 0)
    return 0;
  words[sizeof words - 1] = '\0';
  if (!*words || !csn_utf8_is_valid(words, strlen(words)))
    snprintf(words, sizeof words, "this call was not allowed by the host");
  return csn_fail(err, CAISSON_E_REFUSED, CAISSON_REASON_GATE, "%s", words);
}

static void set_caller(struct running *r) {
  r->caller.principal = csn_json_string(r->options, "principal", NULL);
  r->caller.trace_id = csn_json_string(r->options, "trace_id", NULL);
}

static int prepare(struct running *r, struct csn_error *err) {
  int rc = find(r, err);
  if (rc == 0)
    rc = csn_catalog_read_arguments(&r->entry, r->call->args, r->call->args_size, &r->args, err);
  if (rc == 0)
    rc = csn_options_read(r->instance, r->call->options, r->call->options_size, &r->options, err);
  set_caller(r);
  if (rc == 0)
    rc = csn_session_mask(r->instance->sessions, r->call->session, r->options, &r->mask, err);
  r->knows_secrets = rc == 0;
  if (rc == 0) rc = csn_control_check(&r->control, err);
  if (rc == 0) rc = ask_gate(r, err);
  return rc;
}

/* ---- the run --------------------------------------------------------------------------------- */

static int run_tool(struct running *r, struct csn_tool_result *result, struct csn_error *err) {
  const struct csn_instance *i = r->instance;
  const struct csn_call *c = r->call;
  int has_run = 0;
  set_want(r);
  struct csn_tool_call call = {
      .args = r->args,
      .settings = &i->config.tools,
      .sessions = i->sessions,
      .engine = i->engine,
      .want = &r->want,
      .env = csn_json_get(r->options, "env"),
      .secrets = csn_json_get(r->options, "secrets"),
      .mask = r->mask,
      .sandbox_image = i->config.sandbox.image,
      .control = &r->control,
      .output_limit = c->output_limit ? c->output_limit : i->config.tools.output_limit,
      .input = c->input,
      .input_ctx = c->input_ctx,
      .input_fd = c->input_fd,
      .has_run = &has_run,
  };
  if (c->input && csn_audit_is_on(&i->log)) {
    csn_audit_input_init(&r->input, c);
    call.input = csn_audit_take_input;
    call.input_ctx = &r->input;
  }
  if (CAISSON_HAS(r->hooks, output) && r->hooks->output) {
    call.output = hook_output;
    call.output_ctx = (void *)(uintptr_t)r->hooks;
  }
  int rc = r->entry.tool->run(&call, result, err);
  if (!has_run || (rc != CAISSON_E_NOMEM && rc != CAISSON_E_LOST)) return rc;
  /* Only its result is missing: a status would say that it had no effect. */
  csn_result_from_loss(&call, err, result);
  return 0;
}

static int run(struct running *r, struct csn_tool_result *result, struct csn_error *err) {
  if (!r->call->admitted) return csn_instance_refuse(err);
  int rc = prepare(r, err);
  if (rc == 0) rc = run_tool(r, result, err);
  if (csn_is_stop(rc)) return csn_result_from_stop(rc, result, err);
  return rc;
}

/* ---- the result ------------------------------------------------------------------------------ */

#define SET(result, member, value) \
  do { \
    if (CAISSON_HAS(result, member)) (result)->member = (value); \
  } while (0)

/* The text of the document, kept by the call; a literal where there is no memory for one, and then
 * the numbers are as it has them. */
static caisson_str keep_json(struct csn_call *c, int none, struct csn_tool_result *tool) {
  c->json = tool->json ? csn_json_print(tool->json) : NULL;
  const char *text = c->json ? c->json : none ? csn_result_no_memory : csn_result_lost_no_memory;
  if (!none && !c->json) {
    tool->outcome = CAISSON_OUTCOME_LOST;
    tool->exit_code = CAISSON_EXIT_UNKNOWN;
    tool->term_signal = 0;
  }
  return (caisson_str){text, strlen(text)};
}

static void deliver(struct running *r, int rc, struct csn_tool_result *tool,
                    caisson_result *result) {
  int none = rc < 0;
  caisson_str json = keep_json(r->call, none, tool);
  SET(result, outcome, none ? CAISSON_OUTCOME_NONE : tool->outcome);
  SET(result, exit_code, none ? CAISSON_EXIT_UNKNOWN : tool->exit_code);
  SET(result, term_signal, tool->term_signal);
  SET(result, flags, tool->flags);
  SET(result, reserved, 0);
  SET(result, wall_ns, (uint64_t)(csn_clock_now() - r->call->begun));
  SET(result, bytes_out, tool->bytes_out);
  SET(result, bytes_dropped, tool->bytes_dropped);
  SET(result, json, json);
}

static void log_call(const struct running *r, int rc, const struct csn_tool_result *tool,
                     const struct csn_error *err) {
  const struct csn_log *log = &r->instance->log;
  int64_t ms = (csn_clock_now() - r->call->begun) / CSN_MS;
  if (rc < 0)
    csn_log(log, rc == CAISSON_E_ENGINE || rc == CAISSON_E_INTERNAL ? CAISSON_LOG_WARNING
                                                                     : CAISSON_LOG_INFO,
            "call %s session=\"%s\": %s: %s (%lld ms)", r->call->name, r->call->session,
            err->reason, err->message, (long long)ms);
  else
    csn_log(log, tool->outcome == CAISSON_OUTCOME_LOST ? CAISSON_LOG_WARNING : CAISSON_LOG_DEBUG,
            "call %s session=\"%s\": outcome %d, exit code %d (%lld ms)", r->call->name,
            r->call->session, tool->outcome, tool->exit_code, (long long)ms);
}

/* Who asked is said also of a call that was refused before its options were read. */
static void audit(struct running *r, int rc, const struct csn_tool_result *tool,
                  const struct csn_error *err) {
  struct csn_error ignored;
  if (!csn_audit_is_on(&r->instance->log)) return;
  if (!r->options &&
      csn_options_read(r->instance, r->call->options, r->call->options_size, &r->options,
                       &ignored) == 0)
    set_caller(r);
  const struct csn_audit_call ended = {.instance = r->instance,
                                       .call = r->call,
                                       .args = r->knows_secrets ? r->args : NULL,
                                       .mask = r->mask,
                                       .input = &r->input,
                                       .rc = rc,
                                       .result = tool,
                                       .err = err,
                                       .wall_ns = csn_clock_now() - r->call->begun};
  csn_audit_call(&ended);
}

int csn_run_begin(struct csn_instance *i, struct csn_call *c, int to_queue, struct csn_error *err) {
  int rc = csn_call_begin(c, to_queue, err);
  if (rc == 0) c->admitted = csn_instance_enter(i);
  return rc;
}

void csn_run_leave(struct csn_instance *i, const struct csn_call *c) {
  if (c->admitted) csn_instance_leave(i);
}

int csn_run_call(struct csn_instance *i, struct csn_call *c, const caisson_hooks *hooks,
                 caisson_result *result, struct csn_error *err) {
  static const caisson_hooks no_hooks = {.struct_size = sizeof no_hooks};
  struct csn_tool_result tool = {0};
  struct running r = {.instance = i, .call = c, .hooks = hooks ? hooks : &no_hooks};
  const struct frame frame = {i->handle.id, inside};
  inside = &frame;
  set_control(&r);
  const struct csn_audit_caller *before = csn_audit_work_for(&r.caller);
  int rc = run(&r, &tool, err);
  if (rc < 0) csn_masked_error(r.mask, err);
  if (rc < 0 && csn_result_from_error(err, is_operation(c), &tool) != 0) tool.json = NULL;
  csn_masked_document(r.mask, &tool.json);
  deliver(&r, rc, &tool, result);
  log_call(&r, rc, &tool, err);
  audit(&r, rc, &tool, err);
  csn_audit_work_for(before);
  cJSON_Delete(tool.json);
  free_running(&r);
  inside = frame.outer;
  csn_call_end(c);
  return rc;
}
