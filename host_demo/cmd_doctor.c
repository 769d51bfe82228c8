/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_doctor.c: goes through all that a sandbox needs, one line each, in the order in which one
 * rests on the other; what fails comes with its fix. Uses nothing that a chat server's own health
 * check could not: describe, operations, one call. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "json.h"
#include "report.h"
#include "text.h"
#include "ui.h"

#define DETAIL_MAX 1536
#define SANDBOX_TIMEOUT_MS 300000 /* an image may have to be pulled */
#define ENGINE_TIMEOUT_MS 10000
/* cgroup v1 says "no limit" with a number near 2^63. */
#define LIMIT_NONE (UINT64_C(1) << 60)

/* Read by shell builtins alone, since an image may have no other programs. Each line is NAME=VALUE
 * and is left out where the runtime does not show it. */
static const char PROBE[] =
    "r() { [ -r \"$2\" ] && read -r v < \"$2\" && echo \"$1=$v\"; }\n"
    "r memory /sys/fs/cgroup/memory.max || r memory /sys/fs/cgroup/memory/memory.limit_in_bytes\n"
    "r pids /sys/fs/cgroup/pids.max || r pids /sys/fs/cgroup/pids/pids.max\n"
    "while read -r k v rest; do case $k in\n"
    "  Uid:) echo \"uid=$v\";; CapEff:) echo \"caps=$v\";; NoNewPrivs:) echo \"nnp=$v\";;\n"
    "  Seccomp:) echo \"seccomp=$v\";; esac; done < /proc/self/status\n"
    "while read -r dev dir type opts rest; do [ \"$dir\" = / ] && echo \"root=$opts\"; done "
    "< /proc/mounts\n"
    "true";

enum verdict { GOOD, BAD, SKIPPED, NOTE };

struct doctor {
  struct csn_host host;
  const struct csn_options *options;
  cJSON *checks; /* for --json: what the lines say */
  bool failed;
  char *probe; /* the sandbox's answers, or NULL */
};

/* ---- one line -------------------------------------------------------------------------------- */

static void print_line(enum verdict verdict, const char *name, const char *detail,
                       const char *fix) {
  static const char *const words[] = {"ok  ", "FAIL", "--  ", "note"};
  static const enum csn_ui_style styles[] = {CSN_UI_GOOD, CSN_UI_BAD, CSN_UI_FAINT, CSN_UI_FAINT};
  char *safe = csn_text_escape(detail, strlen(detail), true);
  (void)printf("%s%s%s %-14s %s", csn_ui_style(stdout, styles[verdict]), words[verdict],
               csn_ui_style(stdout, CSN_UI_PLAIN), name, safe);
  if (fix)
    (void)printf("\n     %-14s fix: %s", "", fix);
  (void)putchar('\n');
  (void)fflush(stdout);
  free(safe);
}

static void line(struct doctor *d, enum verdict verdict, const char *name, const char *fix,
                 const char *fmt, ...) __attribute__((format(printf, 5, 6)));
static void line(struct doctor *d, enum verdict verdict, const char *name, const char *fix,
                 const char *fmt, ...) {
  static const char *const words[] = {"ok", "failed", "skipped", "note"};
  char detail[DETAIL_MAX];
  va_list ap;
  va_start(ap, fmt);
  (void)vsnprintf(detail, sizeof detail, fmt, ap);
  va_end(ap);
  d->failed = d->failed || verdict == BAD;
  cJSON *check = csn_must(cJSON_CreateObject());
  (void)cJSON_AddStringToObject(check, "name", name);
  (void)cJSON_AddStringToObject(check, "status", words[verdict]);
  (void)cJSON_AddStringToObject(check, "detail", detail);
  if (fix)
    (void)cJSON_AddStringToObject(check, "fix", fix);
  (void)cJSON_AddItemToArray(d->checks, check);
  if (!d->options->json)
    print_line(verdict, name, detail, fix);
}

/* ---- what to do about a failure, by its stable reason ---------------------------------------- */

static const struct {
  const char *reason, *check, *fix;
} fixes[] = {
    {"engine.permission", "permission",
     "join the group that owns the socket (sudo usermod -aG docker \"$USER\"), then log in again; "
     "or name an engine of your own at engine.endpoint"},
    {"engine.unreachable", "engine",
     "start the engine (sudo systemctl start docker), or say at engine.endpoint in the "
     "configuration where it listens"},
    {"engine.version", "engine", "install a newer engine"},
    {"engine.tls", "engine",
     "correct the certificate that is named, here or on the engine's machine; engine.tls in the "
     "configuration has ours"},
    {"engine", "engine", "see what the engine says; its own log has more (journalctl -u docker)"},
    {"image", "image",
     "get it (docker pull NAME), or name one that is here at sandbox.image in the configuration"},
    {"disk", "sandbox", "free space where the engine keeps its data (docker system df)"},
    {"config", "configuration", "correct the configuration at the place named"},
    {"policy", "sandbox", "change the setting that is named, in the configuration"},
    {"helper", "helper", "if it happens again: `caisson-host rm KEY`, or another image"},
    {"exec", "helper", "use an image that has a shell (sh), at sandbox.image"},
};

/* The entry for a reason: the whole of it, or the part before its first dot. NULL: none. */
static size_t find_fix(const char *reason) {
  const size_t count = sizeof fixes / sizeof fixes[0];
  size_t head = strcspn(reason, ".");
  for (size_t i = 0; i < count; i++)
    if (strcmp(fixes[i].reason, reason) == 0)
      return i;
  for (size_t i = 0; i < count; i++)
    if (strlen(fixes[i].reason) == head && strncmp(fixes[i].reason, reason, head) == 0)
      return i;
  return count;
}

static const char *reason_of(const struct csn_reply *reply) {
  const char *reason =
      csn_json_string(csn_json_get(csn_reply_structured(reply), "error"), "reason");
  if (reply->status < 0 && *reply->error.reason)
    return reply->error.reason;
  return reason ? reason : "";
}

static const char *words_of(const struct csn_reply *reply) {
  const cJSON *structured = csn_reply_structured(reply);
  const char *words = csn_json_string(csn_json_get(structured, "error"), "message");
  const char *said = csn_json_string(structured, "stderr");
  if (reply->status < 0 && *reply->error.message)
    return reply->error.message;
  if (words)
    return words;
  return said && *said ? said : "it failed without a word";
}

/* Reports a failure under the check that its reason belongs to; `name` where that is not known. */
static void fail(struct doctor *d, const char *name, const struct csn_reply *reply) {
  size_t i = find_fix(reason_of(reply));
  bool known = i < sizeof fixes / sizeof fixes[0];
  line(d, BAD, known ? fixes[i].check : name, known ? fixes[i].fix : "do what the message says",
       "%s", words_of(reply));
}

/* ---- the checks ------------------------------------------------------------------------------ */

static bool check_plugin(struct doctor *d) {
  struct csn_failure failure;
  struct csn_version v;
  /* Lazy, so that what is wrong with the engine is not taken for a fault of the configuration. */
  if (csn_host_load(&d->host, d->options, true, &failure) < 0) {
    line(d, BAD, "plugin", "build it (make), or name it with --plugin PATH or $CAISSON_PLUGIN",
         "%s", failure.message);
    return false;
  }
  for (size_t i = 0; i < d->host.routes.count; i++) {
    const struct csn_route *route = &d->host.routes.all[i];
    csn_slot_version(&d->host.routes.all[i].slot, &v);
    line(d, GOOD, "plugin", NULL, "%s%s%s %s, build %s, ABI %d.%u, %s", route->prefix,
         *route->prefix ? ": " : "", v.id, v.version, v.build_id, CAISSON_ABI_MAJOR, v.abi_minor,
         v.path);
  }
  return true;
}

static bool check_instances(struct doctor *d) {
  struct csn_failure failure;
  if (csn_host_create(&d->host, &failure) == 0)
    return true;
  line(d, BAD, "configuration", fixes[find_fix("config")].fix, "%s", failure.message);
  return false;
}

static bool check_configuration(struct doctor *d) {
  const char *file = csn_host_slot(&d->host)->setup.config;
  if (!file)
    file = "none given, so the defaults";
  struct csn_generation *g = csn_host_pin(&d->host);
  const char *name = csn_json_string(g->offered, "instance");
  bool good = g->offered != NULL;
  line(d, good ? GOOD : BAD, "configuration", good ? NULL : "use another build of the plugin",
       "%s; instance %s, %d tools", file, name ? name : "?",
       cJSON_GetArraySize(csn_json_get(g->offered, "tools")));
  csn_slot_unpin(g);
  return good;
}

/* Joins the members that are there: "Docker 20.10.24, API 1.41, linux/amd64". */
static void describe_engine(const cJSON *info, char *out, size_t room) {
  static const struct {
    const char *member, *before;
  } parts[] = {{"endpoint", ""},        {"version", ", version "}, {"api_version", ", API "},
               {"os", ", "},            {"arch", "/"},             {"kernel", ", kernel "},
               {"default_runtime", ", runtime "},
               {"why", ", found by "}};
  size_t used = 0;
  *out = '\0';
  for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
    char *value = csn_json_line(csn_json_get(info, parts[i].member));
    if (value && used < room)
      used += (size_t)snprintf(out + used, room - used, "%s%s", parts[i].before, value);
    free(value);
  }
}

static void fail_engine(struct doctor *d, const struct csn_reply *info) {
  if (info->status >= 0 && info->result.outcome == CAISSON_OUTCOME_DEADLINE) {
    line(d, BAD, "engine", "see what it hangs on (journalctl -u docker), then restart it",
         "it accepts connections but did not answer within %.0f s",
         (double)info->result.wall_ns / 1e9);
    return;
  }
  if (strcmp(reason_of(info), CAISSON_REASON_ENGINE_PERMISSION) == 0)
    line(d, SKIPPED, "engine", NULL, "it does not let us ask");
  fail(d, "engine", info);
}

/* What may be meant to be used instead. */
static void note_others(struct doctor *d, const cJSON *answer) {
  const cJSON *other;
  cJSON_ArrayForEach(other, csn_json_get(answer, "others")) {
    const char *endpoint = csn_json_string(other, "endpoint");
    const char *name = csn_json_string(other, "name");
    const char *state = csn_json_string(other, "state");
    if (endpoint && name && state)
      line(d, NOTE, "engine", NULL, "not used: %s (%s, %s)", endpoint, name, state);
  }
}

static bool check_engine(struct doctor *d, struct csn_reply *info) {
  char text[DETAIL_MAX];
  struct csn_options options = *d->options;
  if (options.timeout_ms == 0)
    options.timeout_ms = ENGINE_TIMEOUT_MS;
  csn_op_run(&d->host, &options, "engine.info", "", "{}", info);
  if (!csn_report_good(info)) {
    fail_engine(d, info);
    return false;
  }
  const cJSON *answer = csn_reply_structured(info), *warning;
  describe_engine(answer, text, sizeof text);
  line(d, GOOD, "engine", NULL, "%s", text);
  line(d, GOOD, "permission", NULL, "the engine takes our requests%s",
       csn_json_true(answer, "rootless") ? ", and is rootless" : "");
  cJSON_ArrayForEach(warning, csn_json_get(answer, "warnings"))
    if (cJSON_IsString(warning))
      line(d, NOTE, "engine", NULL, "%s", warning->valuestring);
  note_others(d, answer);
  return true;
}

/* A sandbox of its own, with the default settings, gone when the call is closed. */
static void run_probe(struct doctor *d, const char *shell, struct csn_reply *reply) {
  char *args = csn_json_pair("command", PROBE);
  const struct csn_call call = {
      .name = shell,
      .args = args,
      .session = "",
      .timeout_ms = d->options->timeout_ms ? d->options->timeout_ms : SANDBOX_TIMEOUT_MS,
      .input = -1,
  };
  csn_host_call(&d->host, &call, reply);
  free(args);
  const char *out = csn_json_string(csn_reply_structured(reply), "stdout");
  if (csn_report_good(reply) && out)
    d->probe = csn_must(strdup(out));
}

static void check_sandbox(struct doctor *d, const cJSON *info) {
  const cJSON *image = csn_json_get(info, "image"), *helper = csn_json_get(info, "helper");
  const char *image_name = csn_json_string(image, "name");
  const char *file = cJSON_IsString(helper) ? helper->valuestring : csn_json_string(helper, "file");
  bool was_here = csn_json_true(image, "present");
  struct csn_reply reply;
  if (was_here)
    line(d, GOOD, "image", NULL, "%s", image_name ? image_name : "?");
  char *shell = csn_host_tool_name(&d->host, "shell");
  if (!shell) {
    line(d, SKIPPED, "sandbox", NULL, "the tool `shell` is disabled, so none was tried");
    return;
  }
  run_probe(d, shell, &reply);
  if (!csn_report_good(&reply)) {
    fail(d, "sandbox", &reply);
  } else {
    if (!was_here)
      line(d, GOOD, "image", NULL, "%s, fetched just now", image_name ? image_name : "?");
    line(d, GOOD, "helper", NULL, "%s%sruns in the sandbox", file ? file : "", file ? " " : "");
    line(d, GOOD, "sandbox", NULL, "made, and a command run in it, in %.0f ms",
         (double)reply.result.wall_ns / 1e6);
  }
  csn_reply_free(&reply);
  free(shell);
}

/* ---- what the sandbox says of itself --------------------------------------------------------- */

/* Copies the value of NAME=VALUE out of the probe's answer; false where it is not there. */
static bool probed(const struct doctor *d, const char *name, char *out, size_t room) {
  size_t n = strlen(name);
  for (const char *at = d->probe; at && *at; at += strcspn(at, "\n"), at += *at == '\n')
    if (strncmp(at, name, n) == 0 && at[n] == '=') {
      (void)snprintf(out, room, "%.*s", (int)strcspn(at + n + 1, "\n"), at + n + 1);
      return true;
    }
  return false;
}

/* A limit as a number, or LIMIT_NONE for "max" and what stands for it. */
static uint64_t limit_of(const char *text) {
  char *end = NULL;
  unsigned long long value = strtoull(text, &end, 10);
  return end == text || value > LIMIT_NONE ? LIMIT_NONE : (uint64_t)value;
}

static void check_limits(struct doctor *d) {
  char memory[64], pids[64];
  static const char fix[] = "the kernel or the runtime does not apply the limits: `docker info` "
                            "has warnings about cgroups";
  if (!d->probe) {
    line(d, SKIPPED, "limits", NULL, "cannot be read without a sandbox");
    return;
  }
  if (!probed(d, "memory", memory, sizeof memory) || !probed(d, "pids", pids, sizeof pids)) {
    line(d, NOTE, "limits", NULL, "this runtime does not show them inside a sandbox");
    return;
  }
  uint64_t bytes = limit_of(memory), processes = limit_of(pids);
  if (bytes == LIMIT_NONE || processes == LIMIT_NONE)
    line(d, BAD, "limits", fix, "inside a sandbox memory is %s, processes are %s",
         bytes == LIMIT_NONE ? "unlimited" : "limited",
         processes == LIMIT_NONE ? "unlimited" : "limited");
  else
    line(d, GOOD, "limits", NULL, "read from inside: memory %" PRIu64 " MiB, %" PRIu64 " processes",
         bytes / (1024 * 1024), processes);
}

static void check_hardening(struct doctor *d) {
  static const struct {
    const char *name, *wanted, *broken;
  } rules[] = {{"caps", "0000000000000000", "it has capabilities"},
               {"nnp", "1", "it can gain privileges"},
               {"seccomp", "2", "no seccomp profile is in force"},
               {"root", "ro", "its root file system is writable"}};
  char value[256], uid[64] = "?";
  bool bad = false;
  if (!d->probe)
    return;
  for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++)
    if (probed(d, rules[i].name, value, sizeof value) &&
        strncmp(value, rules[i].wanted, strlen(rules[i].wanted)) != 0) {
      line(d, BAD, "hardening", "see which setting of the configuration or the runtime allows it",
           "%s (%s)", rules[i].broken, value);
      bad = true;
    }
  if (probed(d, "uid", uid, sizeof uid) && strcmp(uid, "0") == 0)
    line(d, BAD, "hardening", "give sandbox.user another user", "commands run as root");
  else if (!bad)
    line(d, GOOD, "hardening", NULL,
         "uid %s, no capabilities, no new privileges, seccomp, read-only root", uid);
}

static void examine_one(struct doctor *d) {
  struct csn_reply info = {.status = 0};
  if (check_configuration(d) && check_engine(d, &info)) {
    check_sandbox(d, csn_reply_structured(&info));
    check_limits(d);
    check_hardening(d);
  }
  csn_reply_free(&info);
  free(d->probe);
  d->probe = NULL;
}

/* Of several plugins each, unless one of them was asked for. */
static void examine(struct doctor *d) {
  if (!check_plugin(d) || !check_instances(d))
    return;
  for (size_t i = 0; i < d->host.routes.count; i++) {
    if (!d->options->prefix)
      d->host.routes.chosen = i;
    if (!d->options->prefix || i == d->host.routes.chosen)
      examine_one(d);
  }
}

int csn_cmd_doctor(const struct csn_options *options) {
  struct doctor d = {.options = options, .checks = csn_must(cJSON_CreateArray())};
  examine(&d);
  if (options->json) {
    cJSON *all = csn_must(cJSON_CreateObject());
    (void)cJSON_AddBoolToObject(all, "ok", !d.failed);
    (void)cJSON_AddItemToObject(all, "checks", d.checks);
    char *text = csn_must(cJSON_PrintUnformatted(all));
    (void)puts(text);
    free(text);
    cJSON_Delete(all);
  } else {
    cJSON_Delete(d.checks);
  }
  csn_host_stop(&d.host);
  return d.failed ? 1 : 0;
}
