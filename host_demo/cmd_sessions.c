/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_sessions.c: the operations on sessions, for people: sessions, inspect, rm, shutdown,
 * reap. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "commands.h"
#include "json.h"
#include "report.h"
#include "table.h"
#include "text.h"
#include "ui.h"

void csn_op_run(struct csn_host *host, const struct csn_options *options, const char *name,
                const char *session, const char *args, struct csn_reply *reply) {
  const struct csn_call call = {
      .name = name,
      .args = args,
      .session = session,
      .timeout_ms = options->timeout_ms,
      .input = -1,
      .operation = true,
  };
  csn_host_call(host, &call, reply);
}

/* The end of an operation that failed, or with `json` of any. Returns true where that was all. */
static bool finished(const struct csn_reply *reply, bool json, int *code) {
  *code = csn_report_exit(reply);
  if (!json && *code == 0)
    return false;
  *code = csn_report_call(reply, json, false);
  return true;
}

/* Seconds since 1970 as local time; other values as they are. malloc'd, or NULL. */
static char *time_of(const cJSON *item) {
  char text[64];
  struct tm parts;
  if (!cJSON_IsNumber(item))
    return csn_json_line(item);
  time_t seconds = (time_t)item->valuedouble;
  if (!localtime_r(&seconds, &parts) || !strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &parts))
    return NULL;
  return csn_must(strdup(text));
}

/* An image that is known by its digest alone, cut as `docker ps` cuts it. */
static char *image_of(const cJSON *item) {
  const size_t cut = strlen("sha256:") + 12;
  char *name = csn_json_line(item);
  if (name && strncmp(name, "sha256:", strlen("sha256:")) == 0 && strlen(name) > cut)
    name[cut] = '\0';
  return name;
}

/* "8080/tcp 127.0.0.1:32768, ..." */
static char *ports_of(const cJSON *ports) {
  char text[400] = "";
  const cJSON *one;
  cJSON_ArrayForEach(one, ports) {
    size_t at = strlen(text);
    const char *host = cJSON_GetStringValue(csn_json_get(one, "host"));
    (void)snprintf(text + at, sizeof text - at, "%s%s %s:%.0f", at ? ", " : "", one->string,
                   host ? host : "", cJSON_GetNumberValue(csn_json_get(one, "port")));
  }
  return csn_must(strdup(text));
}

/* Milliseconds as "1h 05m", "3m 20s" or "4.2s". */
static char *span_of(const cJSON *item) {
  char text[48];
  if (!cJSON_IsNumber(item) || item->valuedouble < 0 || item->valuedouble > 1e15)
    return NULL;
  unsigned long long ms = (unsigned long long)item->valuedouble, s = ms / 1000;
  if (s >= 3600)
    (void)snprintf(text, sizeof text, "%lluh %02llum", s / 3600, s / 60 % 60);
  else if (s >= 60)
    (void)snprintf(text, sizeof text, "%llum %02llus", s / 60, s % 60);
  else
    (void)snprintf(text, sizeof text, "%.1fs", (double)ms / 1000);
  return csn_must(strdup(text));
}

static char *mebibytes_of(const cJSON *item) {
  char text[48];
  if (!cJSON_IsNumber(item))
    return NULL;
  (void)snprintf(text, sizeof text, "%.1f MiB", item->valuedouble / 1048576);
  return csn_must(strdup(text));
}

struct column {
  const char *title, *member;
  char *(*show)(const cJSON *item);
};

static const struct column plain_columns[] = {
    {"SESSION", "key", csn_json_line},  {"STATE", "state", csn_json_line},
    {"IMAGE", "image", image_of},       {"CREATED", "created", time_of},
    {"USED HERE", "used_here", csn_json_line}, {"PORTS", "ports", ports_of},
    {"CONTAINER", "name", csn_json_line}};
static const struct column stats_columns[] = {
    {"SESSION", "key", csn_json_line},    {"STATE", "state", csn_json_line},
    {"IDLE", "idle_ms", span_of},         {"AGE", "age_ms", span_of},
    {"BUSY", "busy", csn_json_line},      {"MEMORY", "memory_bytes", mebibytes_of},
    {"CPU", "cpu_ms", span_of},           {"PROCESSES", "processes", csn_json_line}};

static void print_sessions(const cJSON *sessions, const struct column *columns, size_t count) {
  const char *titles[CSN_TABLE_COLUMNS];
  struct csn_table table;
  const cJSON *session;
  for (size_t i = 0; i < count; i++)
    titles[i] = columns[i].title;
  csn_table_init(&table, count, titles);
  cJSON_ArrayForEach(session, sessions) {
    char *cells[CSN_TABLE_COLUMNS];
    for (size_t i = 0; i < count; i++)
      cells[i] = columns[i].show(csn_json_get(session, columns[i].member));
    csn_table_add(&table, (const char *const *)cells);
    for (size_t i = 0; i < count; i++)
      free(cells[i]);
  }
  csn_table_print(&table);
}

int csn_sessions_print(struct csn_host *host, const struct csn_options *options, bool json) {
  bool stats = options->given & CSN_OPT_STATS;
  struct csn_reply reply;
  int code;
  csn_op_run(host, options, "session.list", "", stats ? "{\"stats\":true}" : "{}", &reply);
  if (!finished(&reply, json, &code)) {
    const cJSON *sessions = csn_json_get(csn_reply_structured(&reply), "sessions");
    if (stats)
      print_sessions(sessions, stats_columns, sizeof stats_columns / sizeof stats_columns[0]);
    else
      print_sessions(sessions, plain_columns, sizeof plain_columns / sizeof plain_columns[0]);
  }
  csn_reply_free(&reply);
  return code;
}

int csn_cmd_sessions(const struct csn_options *options) {
  struct csn_host host;
  int code = csn_host_start(&host, options, false);
  if (code)
    return code;
  code = csn_sessions_print(&host, options, options->json);
  csn_host_stop(&host);
  return code;
}

/* ---- inspect --------------------------------------------------------------------------------- */

/* What differs first: that is what a reviewer looks for. */
static void print_attestation(const cJSON *items) {
  static const char *const verdicts[] = {"differs", "not shown", "held"};
  static const char *const members[] = {"verdict", "name", "source", "wanted", "found"};
  static const char *const titles[] = {"VERDICT", "ITEM", "SOURCE", "WANTED", "FOUND"};
  struct csn_table table;
  const cJSON *item;
  if (!cJSON_IsArray(items))
    return;
  csn_table_init(&table, 5, titles);
  for (size_t v = 0; v < 3; v++) {
    cJSON_ArrayForEach(item, items) {
      const char *verdict = cJSON_GetStringValue(csn_json_get(item, "verdict"));
      const char *cells[5];
      if (!verdict || strcmp(verdict, verdicts[v]) != 0)
        continue;
      for (size_t i = 0; i < 5; i++)
        cells[i] = cJSON_GetStringValue(csn_json_get(item, members[i]));
      csn_table_add(&table, cells);
    }
  }
  putchar('\n');
  csn_table_print(&table);
}

static void print_members(const cJSON *object) {
  struct csn_table table;
  const cJSON *item;
  csn_table_init(&table, 2, NULL);
  cJSON_ArrayForEach(item, object) {
    const char *name = item->string ? item->string : "";
    char *value = strcmp(name, "created") == 0 ? time_of(item)
                  : strcmp(name, "ports") == 0 ? ports_of(item)
                                               : csn_json_line(item);
    if (item->string && strcmp(name, "attestation") != 0)
      csn_table_add(&table, (const char *const[]){item->string, value});
    free(value);
  }
  csn_table_print(&table);
  print_attestation(csn_json_get(object, "attestation"));
}

static int inspect(struct csn_host *host, const struct csn_options *options, const char *key) {
  struct csn_reply reply;
  int code;
  csn_op_run(host, options, "session.inspect", key, "{}", &reply);
  bool found = csn_json_true(csn_reply_structured(&reply), "found");
  if (!finished(&reply, options->json, &code) && found)
    print_members(csn_reply_structured(&reply));
  if (code == 0 && !found) {
    csn_ui_say("there is no session %s", key);
    code = 1;
  }
  csn_reply_free(&reply);
  return code;
}

int csn_cmd_inspect(const struct csn_options *options) {
  struct csn_host host;
  if (options->arg_count > 0 && (options->given & CSN_OPT_SESSION))
    return csn_ui_usage("give the key once: as an argument or with --session");
  if (options->arg_count > 0 && *options->args[0] == '\0')
    return csn_ui_usage("a session's key cannot be empty");
  int code = csn_host_start(&host, options, false);
  if (code)
    return code;
  code = inspect(&host, options, options->arg_count > 0 ? options->args[0] : options->session);
  csn_host_stop(&host);
  return code;
}

/* ---- rm -------------------------------------------------------------------------------------- */

int csn_rm_one(struct csn_host *host, const struct csn_options *options, const char *key) {
  struct csn_reply reply;
  int code;
  csn_op_run(host, options, "session.remove", key, "{}", &reply);
  bool removed = csn_json_true(csn_reply_structured(&reply), "removed");
  if (!finished(&reply, options->json, &code) && removed) {
    char *safe = csn_text_line(key);
    (void)printf("removed %s\n", safe);
    free(safe);
  }
  if (code == 0 && !removed) {
    csn_ui_say("there is no session %s", key);
    code = 1;
  }
  csn_reply_free(&reply);
  return code;
}

int csn_cmd_rm(const struct csn_options *options) {
  struct csn_host host;
  for (size_t i = 0; i < options->arg_count; i++)
    if (*options->args[i] == '\0')
      return csn_ui_usage("a session's key cannot be empty");
  int worst = csn_host_start(&host, options, false);
  if (worst)
    return worst;
  for (size_t i = 0; i < options->arg_count; i++) {
    int code = csn_rm_one(&host, options, options->args[i]);
    worst = code > worst ? code : worst;
  }
  csn_host_stop(&host);
  return worst;
}

/* ---- shutdown -------------------------------------------------------------------------------- */

/* Lists what would go, and asks. 0: go on; -1: there is nothing to do; else the exit code. */
static int confirm(struct csn_host *host, const struct csn_options *options) {
  struct csn_reply reply;
  char answer[16] = "";
  csn_op_run(host, options, "session.list", "", "{}", &reply);
  const cJSON *sessions = csn_json_get(csn_reply_structured(&reply), "sessions"), *session;
  int code = csn_report_exit(&reply), count = cJSON_GetArraySize(sessions);
  if (code)
    csn_report_failure(&reply);
  else if (count == 0)
    code = -1;
  cJSON_ArrayForEach(session, sessions) {
    char *key = csn_json_line(csn_json_get(session, "key"));
    char *safe = csn_text_line(key);
    (void)printf("  %s\n", safe);
    free(safe);
    free(key);
  }
  csn_reply_free(&reply);
  if (code)
    return code;
  (void)printf("End %s and remove all files in %s? [y/N] ",
               count == 1 ? "this session" : "these sessions", count == 1 ? "it" : "them");
  (void)fflush(stdout);
  if (!fgets(answer, sizeof answer, stdin) || (*answer != 'y' && *answer != 'Y')) {
    csn_ui_say("nothing was removed");
    return 1;
  }
  return 0;
}

static int shut_down(struct csn_host *host, const struct csn_options *options) {
  struct csn_reply reply;
  char args[80];
  int code;
  (void)snprintf(args, sizeof args, "{\"scope\":\"instance\",\"grace_ms\":%llu}",
                 (unsigned long long)options->grace_ms);
  csn_op_run(host, options, "session.shutdown", "", args, &reply);
  if (!finished(&reply, options->json, &code)) {
    const cJSON *removed = csn_json_get(csn_reply_structured(&reply), "removed"), *key;
    cJSON_ArrayForEach(key, removed) {
      char *line = csn_json_line(key), *safe = csn_text_line(line);
      (void)printf("removed %s\n", safe);
      free(safe);
      free(line);
    }
    if (cJSON_GetArraySize(removed) == 0)
      (void)puts("there are no sessions");
  }
  csn_reply_free(&reply);
  return code;
}

int csn_cmd_shutdown(const struct csn_options *options) {
  struct csn_host host;
  bool asks = !(options->given & CSN_OPT_ALL);
  if (asks && (options->json || !isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO)))
    return csn_ui_usage("this removes every session of the instance, with its files: say --all");
  int code = csn_host_start(&host, options, false);
  if (code)
    return code;
  if (asks && (code = confirm(&host, options)) < 0) {
    (void)puts("there are no sessions");
    code = 0;
  } else if (code == 0) {
    code = shut_down(&host, options);
  }
  csn_host_stop(&host);
  return code;
}

/* ---- reap ------------------------------------------------------------------------------------ */

static void print_leftovers(const cJSON *document) {
  static const char *const members[] = {"kind", "name", "reason", "error"};
  static const char *const titles[] = {"KIND", "NAME", "WHY", "FAILED"};
  const cJSON *removed = csn_json_get(document, "removed"), *one;
  struct csn_table table;
  if (cJSON_GetArraySize(removed) == 0) {
    (void)puts("there is nothing to remove");
    return;
  }
  (void)puts(csn_json_true(document, "dry_run") ? "would be removed:" : "removed:");
  csn_table_init(&table, sizeof titles / sizeof titles[0], titles);
  cJSON_ArrayForEach(one, removed) {
    char *cells[sizeof members / sizeof members[0]];
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++)
      cells[i] = csn_json_line(csn_json_get(one, members[i]));
    csn_table_add(&table, (const char *const *)cells);
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++)
      free(cells[i]);
  }
  csn_table_print(&table);
}

int csn_cmd_reap(const struct csn_options *options) {
  struct csn_host host;
  struct csn_reply reply;
  int code = csn_host_start(&host, options, false);
  if (code)
    return code;
  csn_op_run(&host, options, "session.reap", "",
             options->given & CSN_OPT_DRY_RUN ? "{\"dry_run\":true}" : "{}", &reply);
  if (!finished(&reply, options->json, &code))
    print_leftovers(csn_reply_structured(&reply));
  csn_reply_free(&reply);
  csn_host_stop(&host);
  return code;
}
