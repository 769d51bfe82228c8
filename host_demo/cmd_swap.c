/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_swap.c: would this version of the plugin be taken in the place of that one? And, with
 * --threads: what do calls notice while the two take turns? */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "commands.h"
#include "interrupt.h"
#include "json.h"
#include "report.h"
#include "swap_trial.h"
#include "ui.h"

#define DEFAULT_SWAPS 10

static void print_version(const char *words, const struct csn_version *v) {
  (void)printf("%-6s %s %s, build %s, %s\n", words, v->id, v->version, v->build_id, v->path);
}

static int refused(const struct csn_trial *t, const char *version,
                   const struct csn_failure *failure) {
  if (t->options->json) {
    cJSON *all = csn_must(cJSON_CreateObject());
    (void)cJSON_AddFalseToObject(all, "accepted");
    (void)cJSON_AddStringToObject(all, "step", csn_step_name(failure->step));
    (void)cJSON_AddStringToObject(all, "reason", failure->reason);
    (void)cJSON_AddStringToObject(all, "message", failure->message);
    char *text = csn_must(cJSON_PrintUnformatted(all));
    (void)puts(text);
    free(text);
    cJSON_Delete(all);
  }
  csn_ui_say("%s is refused (%s): %s", version, csn_step_name(failure->step), failure->message);
  return 1;
}

/* ---- with a load ----------------------------------------------------------------------------- */

/* Sessions of the trial's own, unless one was named. */
static void name_sessions(struct csn_trial *t) {
  struct csn_callers *c = &t->callers;
  c->sessions = c->threads < CSN_CALLERS_SESSIONS ? c->threads : CSN_CALLERS_SESSIONS;
  for (unsigned i = 0; i < c->sessions; i++) {
    (void)snprintf(t->keys[i], sizeof t->keys[i], "swap-%ld-%u", (long)getpid(), i);
    c->keys[i] = t->keys[i];
  }
  if (!(t->options->given & CSN_OPT_SESSION))
    return;
  c->sessions = 1;
  c->keys[0] = t->options->session;
}

static void remove_sessions(struct csn_trial *t) {
  for (unsigned i = 0; i < t->callers.sessions; i++) {
    struct csn_reply reply;
    csn_op_run(&t->host, t->options, "session.remove", t->callers.keys[i], "{}", &reply);
    if (!csn_report_good(&reply))
      csn_report_failure(&reply);
    csn_reply_free(&reply);
  }
}

/* A tool of another plugin would never answer from the version that is waited for. */
static int check_tool(struct csn_trial *t, const char *name) {
  const char *own = NULL;
  struct csn_route *route = csn_routes_find(&t->host.routes, false, name, &own);
  if (!route)
    csn_ui_say("no plugin offers a tool %.200s (`caisson-host tools` lists them)", name);
  else if (&route->slot != csn_host_slot(&t->host))
    csn_ui_say("%.200s is another plugin's tool, and not that of the one that changes (--prefix "
               "says which does)",
               name);
  else
    return 0;
  return CSN_EXIT_FAILED;
}

static int under_load(struct csn_trial *t) {
  struct csn_failure failure;
  struct csn_callers *c = &t->callers;
  name_sessions(t);
  csn_interrupt_enter(CSN_INTERRUPT_CALL);
  int failed = csn_trial_run(t, &failure);
  bool stopped = csn_interrupt_pressed();
  csn_interrupt_enter(CSN_INTERRUPT_IDLE);
  if (!(t->options->given & CSN_OPT_SESSION))
    remove_sessions(t);
  if (failed)
    return refused(t, t->next, &failure);
  if (stopped)
    return CAISSON_EXIT_CANCELLED;
  if (t->options->json)
    csn_trial_print_json(t, &t->swap.is, &t->swap.was);
  else
    csn_trial_print(t);
  return c->failed > 0 ? 1 : 0;
}

static int with_tool(struct csn_trial *t) {
  const struct csn_options *options = t->options;
  char *shell = csn_host_tool_name(&t->host, "shell"), *args = NULL;
  const char *tool = options->arg_count > 1 ? options->args[1] : shell ? shell : "shell";
  int code = check_tool(t, tool);
  if (!code) {
    if (options->arg_count > 1)
      args = csn_tool_arguments(&t->host, tool, options->arg_count > 2 ? options->args[2] : "{}");
    t->callers.tool = tool;
    t->callers.args = args;
    code = under_load(t);
  }
  free(shell);
  free(args);
  return code;
}

/* ---- the command ----------------------------------------------------------------------------- */

static int dry_run(struct csn_trial *t) {
  struct csn_failure failure;
  if (csn_slot_try(csn_host_slot(&t->host), t->other, &t->swap, &failure) < 0)
    return refused(t, t->other, &failure);
  const struct csn_swap *s = &t->swap;
  if (t->options->json) {
    csn_trial_print_json(t, &s->was, &s->is);
    return 0;
  }
  print_version("now", &s->was);
  print_version("new", &s->is);
  (void)printf("it would be taken: loaded in %.1f ms, created in %.1f ms, tested in %.1f ms\n",
               s->load_ms, s->create_ms, s->test_ms);
  return 0;
}

int csn_cmd_swap(const struct csn_options *options) {
  struct csn_options own = *options;
  if (own.count == 0)
    own.count = DEFAULT_SWAPS;
  if (own.threads == 0 && (own.arg_count > 1 || (own.given & CSN_OPT_COUNT)))
    return csn_ui_usage("swap: calls that go on while versions take turns need --threads N");
  if (*own.args[0] == '\0')
    return csn_ui_usage("swap: which plugin? The path that was given is empty");
  struct csn_trial *t = csn_must(calloc(1, sizeof *t));
  t->options = &own;
  t->other = own.args[0];
  t->callers.host = &t->host;
  t->callers.threads = own.threads;
  t->callers.timeout_ms = own.timeout_ms;
  int code = csn_host_start(&t->host, options, false);
  if (!code) {
    struct csn_version version;
    csn_slot_version(csn_host_slot(&t->host), &version);
    memcpy(t->first, version.path, sizeof t->first);
    code = own.threads > 0 ? with_tool(t) : dry_run(t);
    csn_host_stop(&t->host);
  }
  free(t);
  return code;
}
