/* SPDX-License-Identifier: Apache-2.0 */
/* Instances and calls of a test: see host.h. Who cleans up after it is in janitor.c. */
#include "support/host.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "support/janitor.h"
#include "tap.h"

/* ---- the plugin ------------------------------------------------------------------------------ */

const char *host_env(const char *name) {
  const char *value = getenv(name);
  if (!value || !*value) BAIL_OUT("%s is not set; run this by tests/exec", name);
  return value;
}

static const caisson_plugin *loaded;

static void load(void) {
  void *so = dlopen(host_env("CAISSON_PLUGIN"), RTLD_NOW | RTLD_LOCAL);
  if (!so) BAIL_OUT("dlopen: %s", dlerror());
  caisson_entry_fn *entry = (caisson_entry_fn *)(uintptr_t)dlsym(so, CAISSON_ENTRY_SYMBOL);
  if (!entry) BAIL_OUT("%s is not exported", CAISSON_ENTRY_SYMBOL);
  loaded = entry();
  if (!loaded || loaded->magic != CAISSON_MAGIC) BAIL_OUT("this is no plugin");
}

const caisson_plugin *plugin(void) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, load);
  return loaded;
}

/* ---- time ------------------------------------------------------------------------------------ */

int host_patience(int ms) {
  const char *slow = getenv("CAISSON_SLOW");
  int times = slow ? atoi(slow) : 1;
  return ms * (times > 1 ? times : 1);
}

int64_t host_now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

bool host_wait(bool (*is_true)(void *arg), void *arg, int ms) {
  static const struct timespec tick = {.tv_nsec = 3000000};
  int64_t end = host_now_ns() + (int64_t)host_patience(ms) * 1000000;
  while (!is_true(arg)) {
    if (host_now_ns() > end) return is_true(arg);
    nanosleep(&tick, NULL);
  }
  return true;
}

/* ---- boxes ----------------------------------------------------------------------------------- */

static const void *offer(void *ctx, const char *id) {
  const struct box *box = ctx;
  if (strcmp(id, CAISSON_EXT_GATE) == 0) return box->gate;
  if (strcmp(id, CAISSON_EXT_SESSION_OPTIONS) == 0) return box->session_options;
  return NULL;
}

static void take_log(void *ctx, int32_t level, const char *text, uint64_t n) {
  struct box *box = ctx;
  pthread_mutex_lock(&box->mutex);
  char *log = realloc(box->log, box->log_size + n + 16);
  if (!log) BAIL_OUT("out of memory");
  box->log = log;
  box->log_size += (size_t)sprintf(log + box->log_size, "%d %.*s\n", level, (int)n, text);
  pthread_mutex_unlock(&box->mutex);
}

bool box_logged(struct box *box, const char *text) {
  pthread_mutex_lock(&box->mutex);
  bool found = box->log && strstr(box->log, text);
  pthread_mutex_unlock(&box->mutex);
  return found;
}

struct pool_wait {
  struct box *box;
  int ready;
};

static bool has_ready(void *arg) {
  const struct pool_wait *w = arg;
  const char *last = NULL;
  int ready = -1;
  pthread_mutex_lock(&w->box->mutex);
  for (const char *at = w->box->log; at && (at = strstr(at, "warm pool: ")); at++) last = at;
  if (last) ready = atoi(last + strlen("warm pool: "));
  pthread_mutex_unlock(&w->box->mutex);
  return ready == w->ready;
}

bool box_wait_pool(struct box *box, int ready) {
  struct pool_wait w = {box, ready};
  return host_wait(has_ready, &w, 60000);
}

struct box *box_new(const char *suffix) {
  struct box *box = calloc(1, sizeof *box);
  if (!box) BAIL_OUT("out of memory");
  pthread_mutex_init(&box->mutex, NULL);
  box->name = host_instance_name(suffix);
  box->host = (caisson_host){.struct_size = sizeof box->host,
                             .abi_minor = CAISSON_ABI_MINOR,
                             .ctx = box,
                             .name = "test",
                             .version = "1",
                             .get_extension = offer,
                             .log = take_log};
  return box;
}

/* Objects are merged member by member; anything else replaces. */
static void lay_over(cJSON *base, const cJSON *over) {
  const cJSON *m;
  cJSON_ArrayForEach(m, over) {
    cJSON *old = cJSON_GetObjectItemCaseSensitive(base, m->string);
    if (cJSON_IsObject(old) && cJSON_IsObject(m)) {
      lay_over(old, m);
      continue;
    }
    cJSON_DeleteItemFromObjectCaseSensitive(base, m->string);
    cJSON_AddItemToObject(base, m->string, cJSON_Duplicate(m, 1));
  }
}

static char *make_config(const struct box *box, const char *settings) {
  cJSON *config = cJSON_CreateObject();
  cJSON_AddNumberToObject(config, "config_version", 1);
  cJSON_AddStringToObject(config, "instance", box->name);
  cJSON *sandbox = cJSON_AddObjectToObject(config, "sandbox");
  cJSON_AddStringToObject(sandbox, "image", host_env("CAISSON_IMAGE"));
  cJSON *over = settings ? cJSON_Parse(settings) : cJSON_CreateObject();
  if (!over) BAIL_OUT("these settings are no JSON: %s", settings);
  lay_over(config, over);
  char *text = cJSON_PrintUnformatted(config);
  cJSON_Delete(over);
  cJSON_Delete(config);
  return text;
}

int32_t box_create(struct box *box, const char *settings, caisson_error *err) {
  char *config = make_config(box, settings);
  int32_t rc = plugin()->create(&box->host, config, strlen(config), &box->id, err);
  free(config);
  return rc;
}

struct box *box_open_as(const char *suffix, const char *settings) {
  struct box *box = box_new(suffix);
  caisson_error err = {.struct_size = sizeof err};
  if (box_create(box, settings, &err) != CAISSON_OK) BAIL_OUT("create: %s", err.message);
  return box;
}

struct box *box_open(const char *settings) {
  return box_open_as(NULL, settings);
}

void box_close(struct box *box) {
  if (box->id) plugin()->destroy(box->id);
  pthread_mutex_destroy(&box->mutex);
  free(box->log);
  free(box->name);
  free(box);
}

/* ---- calls: before they run ------------------------------------------------------------------ */

struct call *call_new(struct box *box, const char *session, const char *name) {
  struct call *c = calloc(1, sizeof *c);
  if (!c) BAIL_OUT("out of memory");
  c->box = box;
  c->name = strdup(name);
  c->session = strdup(session ? session : "");
  c->args = cJSON_CreateObject();
  c->keep = SIZE_MAX;
  c->err.struct_size = sizeof c->err;
  c->result.struct_size = sizeof c->result;
  pthread_mutex_init(&c->mutex, NULL);
  return c;
}

struct call *call_new_shell(struct box *box, const char *session, const char *command) {
  return call_arg(call_new(box, session, "shell"), "command", command);
}

struct call *call_new_python(struct box *box, const char *session, const char *code) {
  return call_arg(call_new(box, session, "run_python"), "code", code);
}

struct call *call_arg(struct call *c, const char *name, const char *value) {
  cJSON_AddStringToObject(c->args, name, value);
  return c;
}

struct call *call_arg_number(struct call *c, const char *name, double value) {
  cJSON_AddNumberToObject(c->args, name, value);
  return c;
}

struct call *call_arg_json(struct call *c, const char *name, const char *json) {
  cJSON *value = cJSON_Parse(json);
  if (!value) BAIL_OUT("this argument is no JSON: %s", json);
  cJSON_AddItemToObject(c->args, name, value);
  return c;
}

void call_free(struct call *c) {
  if (!c) return;
  call_join(c);
  if (c->id) plugin()->call_close(c->box->id, c->id);
  pthread_mutex_destroy(&c->mutex);
  cJSON_Delete(c->args);
  cJSON_Delete(c->json);
  free(c->name);
  free(c->session);
  free(c->text);
  free(c->out.data);
  free(c->errors.data);
  free(c);
}

void call_free_at(struct call **c) {
  call_free(*c);
}

/* ---- hooks ----------------------------------------------------------------------------------- */

static int32_t is_cancelled(void *ctx) {
  struct call *c = ctx;
  return atomic_load(&c->cancel);
}

static void keep(struct bytes *b, size_t most, const void *bytes, size_t n) {
  size_t room = most - b->size;
  if (n > room) n = room;
  if (n == 0) return;
  char *data = realloc(b->data, b->size + n + 1);
  if (!data) BAIL_OUT("out of memory");
  memcpy(data + b->size, bytes, n);
  b->data = data;
  b->size += n;
  data[b->size] = '\0';
}

static int32_t take_output(void *ctx, uint32_t stream, const void *bytes, uint64_t n) {
  struct call *c = ctx;
  pthread_mutex_lock(&c->mutex);
  keep(stream == CAISSON_STREAM_STDERR ? &c->errors : &c->out, c->keep, bytes, n);
  pthread_mutex_unlock(&c->mutex);
  atomic_fetch_add(&c->seen, n);
  return c->on_output ? c->on_output(c, stream, bytes, n) : 0;
}

static void take_progress(void *ctx, int32_t permille, const char *note, uint64_t n) {
  struct call *c = ctx;
  (void)permille;
  if (c->on_progress) c->on_progress(c, note, n);
}

/* ---- running --------------------------------------------------------------------------------- */

static caisson_str text_of(const char *s) {
  return (caisson_str){s, s ? strlen(s) : 0};
}

void call_open(struct call *c) {
  char *args = c->raw_args ? NULL : cJSON_PrintUnformatted(c->args);
  caisson_request request = {.struct_size = sizeof request,
                             .flags = c->flags,
                             .name = text_of(c->name),
                             .args_json = text_of(c->raw_args ? c->raw_args : args),
                             .options_json = text_of(c->options),
                             .session = text_of(c->session),
                             .deadline_ms = c->deadline_ms,
                             .output_limit = c->output_limit,
                             .input = c->input,
                             .input_ctx = c->input_ctx};
  uint64_t id = 0;
  int32_t rc = plugin()->call_open(c->box->id, &request, &id, &c->err);
  c->id = id;
  free(args);
  if (rc != CAISSON_OK) BAIL_OUT("call_open(%s): %d %s", c->name, rc, c->err.message);
}

static void take_result(struct call *c) {
  if (c->result.json.data) {
    c->text = strndup(c->result.json.data, c->result.json.size);
    c->json = cJSON_Parse(c->text);
  }
  c->result.json = (caisson_str){NULL, 0};
}

struct call *call_run(struct call *c) {
  caisson_hooks hooks = {.struct_size = sizeof hooks,
                         .ctx = c,
                         .cancelled = is_cancelled,
                         .output = take_output,
                         .progress = take_progress};
  if (!c->id) call_open(c);
  int64_t begun = host_now_ns();
  atomic_store(&c->is_running, 1);
  c->status = plugin()->call_run(c->box->id, c->id, &hooks, &c->result, &c->err);
  c->took_ns = host_now_ns() - begun;
  take_result(c);
  plugin()->call_close(c->box->id, atomic_exchange(&c->id, 0));
  atomic_store(&c->is_done, 1);
  return c;
}

static void *run_on_thread(void *arg) {
  call_run(arg);
  return NULL;
}

struct call *call_start(struct call *c) {
  if (!c->id) call_open(c);
  c->is_on_thread = true;
  if (pthread_create(&c->thread, NULL, run_on_thread, c) != 0) BAIL_OUT("no thread to be had");
  return c;
}

struct call *call_join(struct call *c) {
  if (c->is_on_thread) pthread_join(c->thread, NULL);
  c->is_on_thread = false;
  return c;
}

int32_t call_cancel(struct call *c) {
  return plugin()->call_cancel(c->box->id, c->id);
}

struct wanted {
  struct call *call;
  const char *text;
};

static bool has_output(const struct wanted *w) {
  pthread_mutex_lock(&w->call->mutex);
  bool found = w->call->out.data && strstr(w->call->out.data, w->text);
  pthread_mutex_unlock(&w->call->mutex);
  return found;
}

static bool has_output_or_end(void *arg) {
  const struct wanted *w = arg;
  return has_output(w) || atomic_load(&w->call->is_done);
}

bool call_wait_output(struct call *c, const char *text, int ms) {
  struct wanted w = {c, text};
  return host_wait(has_output_or_end, &w, ms) && has_output(&w);
}

static bool is_done(void *arg) {
  struct call *c = arg;
  return atomic_load(&c->is_done);
}

bool call_wait_done(struct call *c, int ms) {
  return host_wait(is_done, c, ms);
}

struct call *shell(struct box *box, const char *session, const char *command) {
  return call_run(call_new_shell(box, session, command));
}

struct call *python(struct box *box, const char *session, const char *code) {
  return call_run(call_new_python(box, session, code));
}

struct call *operation(struct box *box, const char *name, const char *session, const char *args) {
  struct call *c = call_new(box, session, name);
  c->flags = CAISSON_REQUEST_HOST;
  c->raw_args = args;
  return call_run(c);
}
