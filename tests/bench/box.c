/* SPDX-License-Identifier: Apache-2.0 */
/* The plugin as any host sees it: loaded, called, closed. */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"

/* Should the bench be killed, its sandboxes end by themselves after this. */
#define IDLE_TTL_S 300

void bench_box_open(struct bench_box *box, const char *plugin, const char *instance,
                    const char *image, const char *settings) {
  char config[512];
  caisson_error err = {.struct_size = sizeof err};
  double start = bench_now();
  void *so = dlopen(plugin, RTLD_NOW | RTLD_LOCAL);
  if (!so) bench_die("%s", dlerror());
  caisson_entry_fn *entry = (caisson_entry_fn *)dlsym(so, CAISSON_ENTRY_SYMBOL);
  if (!entry || entry()->magic != CAISSON_MAGIC) bench_die("%s is no plugin", plugin);
  box->plugin = entry();
  double loaded = bench_now();
  box->host = (caisson_host){.struct_size = sizeof box->host, .name = "bench", .version = "1"};
  (void)snprintf(config, sizeof config,
                 "{\"config_version\": 1, \"instance\": \"%s\", "
                 "\"sandbox\": {\"image\": \"%s\", \"idle_ttl_s\": %d%s}, \"pool\": {\"size\": %u}}",
                 instance, image, IDLE_TTL_S, settings, box->pool_size);
  if (box->plugin->create(&box->host, config, strlen(config), &box->instance, &err))
    bench_die("create: %s: %s", err.reason, err.message);
  box->load_ms = loaded - start;
  box->create_ms = bench_now() - loaded;
}

void bench_box_close(struct bench_box *box) {
  if (box->plugin && box->instance) box->plugin->destroy(box->instance);
  box->instance = 0;
}

static int32_t is_stopped(void *ctx) {
  (void)ctx;
  return bench_stopped;
}

/* Runs the open call and notes how it ended; its result is readable until the call is closed. */
static void run(const struct bench_box *box, uint64_t call, const struct bench_ask *ask,
                struct bench_answer *answer, caisson_result *result, caisson_error *err) {
  caisson_hooks hooks = {.struct_size = sizeof hooks,
                         .ctx = ask->output_ctx,
                         .cancelled = is_stopped,
                         .output = ask->output};
  answer->status = box->plugin->call_run(box->instance, call, &hooks, result, err);
  answer->ended = bench_now();
  answer->outcome = result->outcome;
  answer->exit_code = result->exit_code;
}

void bench_call(const struct bench_box *box, const struct bench_ask *ask,
                struct bench_answer *answer) {
  const caisson_plugin *p = box->plugin;
  caisson_request request = {.struct_size = sizeof request,
                             .flags = strchr(ask->name, '.') ? CAISSON_REQUEST_HOST : 0,
                             .name = BENCH_TEXT(ask->name),
                             .args_json = BENCH_TEXT(ask->args),
                             .options_json = BENCH_TEXT(ask->options),
                             .session = BENCH_TEXT(ask->session),
                             .input = ask->input,
                             .input_ctx = ask->input_ctx};
  caisson_result result = {.struct_size = sizeof result};
  caisson_error err = {.struct_size = sizeof err};
  uint64_t call = 0;
  memset(answer, 0, sizeof *answer);
  double start = bench_now();
  answer->status = p->call_open(box->instance, &request, &call, &err);
  if (answer->status == CAISSON_OK) {
    if (ask->call) __atomic_store_n(ask->call, call, __ATOMIC_SEQ_CST);
    run(box, call, ask, answer, &result, &err);
    answer->text = strndup(result.json.data ? result.json.data : "", result.json.size);
    double closing = bench_now();
    p->call_close(box->instance, call);
    answer->ms = answer->ended - start + (bench_now() - closing);
  }
  if (answer->status != CAISSON_OK) memcpy(answer->message, err.message, sizeof err.message);
}

double bench_must(const struct bench_box *box, const struct bench_ask *ask, cJSON **structured) {
  struct bench_answer answer;
  bench_call(box, ask, &answer);
  if (answer.status != CAISSON_OK || answer.outcome != CAISSON_OUTCOME_EXITED ||
      answer.exit_code != 0)
    bench_die("%s %s: status %d, outcome %d, exit code %d: %s\n%s", ask->name,
              ask->args ? ask->args : "", answer.status, answer.outcome, answer.exit_code,
              answer.message, answer.text ? answer.text : "");
  if (structured) {
    cJSON *whole = cJSON_Parse(answer.text);
    *structured = cJSON_DetachItemFromObjectCaseSensitive(whole, "structuredContent");
    cJSON_Delete(whole);
    if (!*structured) bench_die("%s: no structuredContent", ask->name);
  }
  free(answer.text);
  return answer.ms;
}

double bench_run_boxed(void *boxed) {
  const struct bench_boxed *b = boxed;
  return bench_must(b->box, &b->ask, NULL);
}

/* ---- what the groups do with it -------------------------------------------------------------- */

char *bench_shell(const struct bench_box *box, const char *session, const char *command) {
  cJSON *args = cJSON_CreateObject(), *structured;
  cJSON_AddStringToObject(args, "command", command);
  char *text = cJSON_PrintUnformatted(args);
  cJSON_Delete(args);
  struct bench_ask ask = {.name = "shell", .args = text, .session = session};
  (void)bench_must(box, &ask, &structured);
  cJSON_free(text);
  const char *out = cJSON_GetStringValue(cJSON_GetObjectItem(structured, "stdout"));
  char *copy = strdup(out ? out : "");
  cJSON_Delete(structured);
  return copy;
}

char *bench_container(const struct bench_box *box, const char *session) {
  cJSON *structured;
  struct bench_ask ask = {.name = "session.inspect", .session = session};
  (void)bench_must(box, &ask, &structured);
  const char *name = cJSON_GetStringValue(cJSON_GetObjectItem(structured, "name"));
  char *copy = strdup(name ? name : "");
  cJSON_Delete(structured);
  return copy;
}

void bench_remove(const struct bench_box *box, const char *session) {
  struct bench_ask ask = {.name = "session.remove", .session = session};
  (void)bench_must(box, &ask, NULL);
}

static int64_t read_file(void *ctx, void *buffer, uint64_t capacity) {
  ssize_t n = read(*(const int *)ctx, buffer, capacity);
  return n < 0 ? CAISSON_INPUT_ERROR : n;
}

void bench_upload(const struct bench_box *box, const char *session, const char *file,
                  const char *name) {
  char args[256];
  int fd = open(file, O_RDONLY | O_CLOEXEC);
  if (fd < 0) bench_die("cannot read %s", file);
  (void)snprintf(args, sizeof args, "{\"command\": \"cat > %s && chmod 755 %s\"}", name, name);
  struct bench_ask ask = {.name = "shell",
                          .args = args,
                          .session = session,
                          .input = read_file,
                          .input_ctx = &fd};
  (void)bench_must(box, &ask, NULL);
  close(fd);
}

double bench_throttled(const struct bench_box *box, const char *session) {
  /* One of the two is there, as the cgroup version has it. */
  char *text = bench_shell(box, session,
                           "cat /sys/fs/cgroup/cpu.stat /sys/fs/cgroup/cpu/cpu.stat 2>&-; true");
  const char *at = strstr(text, "nr_throttled ");
  double n = at ? strtod(at + strlen("nr_throttled "), NULL) : -1;
  free(text);
  return n;
}
