/* SPDX-License-Identifier: Apache-2.0 */
/* In place of sessions and the engine: remembers what tools ask for and answers what a test says.
 * Included once by a test program; its definitions stand in front of the plugin's own. */
#ifndef TOOLS_FAKE_SESSION_H
#define TOOLS_FAKE_SESSION_H

#include <string.h>

#include "session/session.h"
#include "tap.h"
#include "tools/tool.h"
#include "util/buffer.h"

struct fake_chunk {
  int stream;
  const char *bytes;
  size_t n; /* 0: strlen */
};

static struct {
  /* What it answers. */
  int rc;
  struct csn_error err;
  struct csn_run_result result;
  uint32_t flags;
  const struct fake_chunk *chunks; /* ended by stream 0 */
  struct csn_session_view view;
  struct csn_session_view retried; /* with a workdir: the first sandbox had just ended, and this is
                                      the next */
  /* What it was asked. */
  int sessions; /* times that a session was wanted */
  int calls;    /* of these, commands that were run */
  int output_said; /* the last return of run->output */
  struct csn_buffer asked;
} fake = {.asked = {NULL, 0, 0, 1 << 24}};

static inline void fake_reset(void) {
  struct csn_buffer asked = fake.asked;
  csn_buffer_reset(&asked);
  memset(&fake, 0, sizeof fake);
  fake.asked = asked;
  fake.result.outcome = CAISSON_OUTCOME_EXITED;
  fake.view.workdir = "/workspace";
}

static inline void fake_add_strings(const char *name, const char *const *strings) {
  for (; strings && *strings; strings++) csn_buffer_addf(&fake.asked, "%s %s\n", name, *strings);
}

/* Everything about a run, a line each: two runs that differ in any way differ here. */
static inline void fake_remember(const struct csn_run *run) {
  char piece[7];
  int64_t n = 0;
  fake_add_strings("program", run->programs);
  fake_add_strings("arg", run->args);
  fake_add_strings("env", run->env);
  csn_buffer_addf(&fake.asked, "cwd %s\ntimeout %llu\nspill %llu of %llu\n", run->cwd,
                  (unsigned long long)run->timeout_ms, (unsigned long long)run->spill_after,
                  (unsigned long long)run->spill_max);
  if (run->operation) csn_buffer_addf(&fake.asked, "operation %s\n", run->operation);
  fake_add_strings("operand", run->operands);
  if (run->script) {
    csn_buffer_addf(&fake.asked, "script %s: ", run->script_name);
    csn_buffer_add(&fake.asked, run->script, run->script_size);
    csn_buffer_addz(&fake.asked, "\n");
  }
  if (run->input) csn_buffer_addz(&fake.asked, "stdin ");
  while (run->input && (n = run->input(run->input_ctx, piece, sizeof piece)) > 0)
    csn_buffer_add(&fake.asked, piece, (size_t)n);
  if (run->input) csn_buffer_addf(&fake.asked, " end %lld\n", (long long)n);
}

int csn_session_run(struct csn_sessions *all, const struct csn_session_want *want,
                    csn_session_prepare_fn *prepare, void *ctx, const struct csn_control *control,
                    struct csn_run_result *result, uint32_t *flags, struct csn_error *err) {
  (void)all, (void)want, (void)control;
  struct csn_run made = {0}, *run = &made;
  fake.sessions++;
  int rc = prepare(ctx, &fake.view, run, err);
  if (rc == 0 && fake.retried.workdir) {
    made = (struct csn_run){0};
    rc = prepare(ctx, &fake.retried, run, err);
  }
  if (rc) return rc;
  fake.calls++;
  fake_remember(run);
  if (fake.rc) {
    *err = fake.err;
    return err->code = fake.rc;
  }
  for (const struct fake_chunk *c = fake.chunks; c && c->stream; c++)
    fake.output_said =
        run->output(run->output_ctx, c->stream, c->bytes, c->n ? c->n : strlen(c->bytes));
  *result = fake.result;
  *flags = fake.flags;
  return 0;
}

#endif
