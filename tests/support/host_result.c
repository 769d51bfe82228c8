/* SPDX-License-Identifier: Apache-2.0 */
/* A call's result, taken apart: see host.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/host.h"

const cJSON *call_get(const struct call *c, const char *path) {
  const cJSON *at = cJSON_GetObjectItemCaseSensitive(c->json, "structuredContent");
  while (at && *path) {
    char name[64];
    size_t n = strcspn(path, ".");
    snprintf(name, sizeof name, "%.*s", (int)n, path);
    at = cJSON_GetObjectItemCaseSensitive(at, name);
    path += n + (path[n] == '.');
  }
  return at;
}

const char *call_string(const struct call *c, const char *path) {
  const cJSON *value = call_get(c, path);
  return cJSON_IsString(value) ? value->valuestring : "";
}

double call_number(const struct call *c, const char *path) {
  const cJSON *value = call_get(c, path);
  return cJSON_IsNumber(value) ? value->valuedouble : -1000;
}

bool call_is_true(const struct call *c, const char *path) {
  return cJSON_IsTrue(call_get(c, path));
}

bool call_is_error(const struct call *c) {
  return !cJSON_IsFalse(cJSON_GetObjectItemCaseSensitive(c->json, "isError"));
}

const char *call_text(const struct call *c) {
  const cJSON *content = cJSON_GetObjectItemCaseSensitive(c->json, "content");
  const cJSON *text = cJSON_GetObjectItemCaseSensitive(cJSON_GetArrayItem(content, 0), "text");
  return cJSON_IsString(text) ? text->valuestring : "";
}

const char *call_reason(const struct call *c) {
  return call_string(c, "error.reason");
}

/* ---- how it ended ---------------------------------------------------------------------------- */

static const char *outcome_name(int outcome) {
  static const char *const names[] = {"none",     "exited",        "cancelled",
                                      "deadline", "out_of_memory", "lost"};
  return outcome >= 0 && outcome <= CAISSON_OUTCOME_LOST ? names[outcome] : "?";
}

/* An operation's document has no outcome of its own where it succeeds. */
static bool document_agrees(const struct call *c, int outcome, int exit_code) {
  bool is_error = outcome != CAISSON_OUTCOME_EXITED || exit_code != 0;
  if (!c->json || call_is_error(c) != is_error || !*call_text(c)) return false;
  if ((c->flags & CAISSON_REQUEST_HOST) != 0) return true;
  return strcmp(call_string(c, "outcome"), outcome_name(outcome)) == 0 &&
         (int)call_number(c, "exit_code") == exit_code;
}

bool call_has_ended(const struct call *c, int32_t status, int32_t outcome, int32_t exit_code) {
  return c->status == status && c->result.outcome == outcome && c->result.exit_code == exit_code &&
         document_agrees(c, outcome, exit_code) && (status == CAISSON_OK || c->err.code == status);
}

const char *call_describe(const struct call *c) {
  static _Thread_local char text[1900];
  snprintf(text, sizeof text,
           "%s in \"%s\": status %d, outcome %d (%s), exit code %d, signal %d, flags %u, "
           "%.1f ms\nerror: %s: %.300s\n%.900s",
           c->name, c->session, c->status, c->result.outcome, outcome_name(c->result.outcome),
           c->result.exit_code, c->result.term_signal, c->result.flags, (double)c->took_ns / 1e6,
           c->status ? c->err.reason : "none", c->status ? c->err.message : "",
           c->text ? c->text : "(no document)");
  return text;
}

/* ---- what runs inside ------------------------------------------------------------------------ */

char *host_processes(struct box *box, const char *session) {
  /* Of builtins alone, so that the only process of its own is the shell itself. */
  static const char look[] =
      "for d in /proc/[0-9]*; do\n"
      "  pid=${d#/proc/}; [ $pid = $$ ] && continue\n"
      "  { read -r stat <$d/stat; mapfile -d '' -t argv <$d/cmdline; } 2>/dev/null || continue\n"
      "  case \"$stat${argv[0]}\" in *'(caisson-'* | */.caisson/*) continue ;; esac\n"
      "  state=${stat##*) }; state=${state%% *}\n"
      "  case $state in [RD]) state=S ;; esac\n"
      "  echo \"$pid $state ${argv[*]:-$stat}\"\n"
      "done\n";
  CALL c = shell(box, session, look);
  if (c->status != CAISSON_OK || c->result.exit_code != 0) return NULL;
  return strdup(c->out.data ? c->out.data : "");
}

int host_count_processes(struct box *box, const char *session, const char *text) {
  char *all = host_processes(box, session);
  if (!all) return -1;
  int n = 0;
  for (char *line = strtok(all, "\n"); line; line = strtok(NULL, "\n"))
    if (strstr(line, text)) n++;
  free(all);
  return n;
}
