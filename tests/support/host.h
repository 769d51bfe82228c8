/* SPDX-License-Identifier: Apache-2.0 */
/* A host for tests: loads the plugin, makes instances, runs calls and takes their results apart. It
 * knows the plugin by its ABI alone. Sandboxes that a test leaves behind are removed when it ends,
 * however it ends. */
#ifndef SUPPORT_HOST_H
#define SUPPORT_HOST_H

#include <caisson.h>
#include <cjson/cJSON.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

/* From $CAISSON_PLUGIN, loaded on first use and never unloaded. */
const caisson_plugin *plugin(void);

/* $NAME, or ends the program. */
const char *host_env(const char *name);

/* The name of this process's instances: nobody else's. With a suffix it is another instance's. The
 * text is the caller's to free. host_instance_name() remembers it: its sandboxes will be removed.
 */
char *host_instance_name(const char *suffix);

/* Milliseconds, more of them under a slow checker ($CAISSON_SLOW times). For bounds that are there
 * to end a test that hangs, never for a figure that the plugin promises. */
int host_patience(int ms);

int64_t host_now_ns(void); /* monotonic */

/* Looks every few milliseconds until it is true (returned) or the time (with patience) is over. */
bool host_wait(bool (*is_true)(void *arg), void *arg, int ms);

/* ---- an instance ----------------------------------------------------------------------------- */

struct box {
  uint64_t id;
  char *name; /* "instance" in its configuration */
  caisson_host host;
  /* Extensions that it offers, and the context of their callbacks and of `host`: the box itself. */
  const caisson_gate *gate;
  const caisson_session_options *session_options;
  void *user; /* the test's own */
  pthread_mutex_t mutex;
  char *log; /* every line that was logged, "LEVEL TEXT\n"; under the mutex */
  size_t log_size;
};

/* A box that is filled in but not created yet: `settings`, JSON or NULL, is laid over the test's
 * own configuration (image, instance). box_create() gives the status. */
struct box *box_new(const char *suffix);
int32_t box_create(struct box *box, const char *settings, caisson_error *err);
/* Both in one; ends the program if it cannot. */
struct box *box_open(const char *settings);
struct box *box_open_as(const char *suffix, const char *settings);
/* Destroys the instance (once) and frees the box. Its sandboxes go on. */
void box_close(struct box *box);
/* Is there such text in a line that was logged? */
bool box_logged(struct box *box, const char *text);
/* Waits until the box itself says that its warm pool has that many ready. */
bool box_wait_pool(struct box *box, int ready);

/* ---- a call ---------------------------------------------------------------------------------- */

struct bytes {
  char *data; /* NUL-terminated behind its end, NULL while empty */
  size_t size;
};

struct call {
  /* What it is; the test may change any of it before call_run(). */
  struct box *box;
  char *name;
  char *session;
  cJSON *args;
  const char *raw_args; /* if not NULL it goes out instead of args */
  const char *options;
  uint32_t flags;
  uint64_t deadline_ms, output_limit;
  int64_t (*input)(void *ctx, void *buffer, uint64_t capacity);
  void *input_ctx;
  size_t keep;       /* bytes of each stream's live output to collect: all */
  atomic_int cancel; /* what hooks.cancelled answers */
  int32_t (*on_output)(struct call *c, uint32_t stream, const void *bytes, size_t n);
  void (*on_progress)(struct call *c, const char *note, size_t n);
  void *user; /* the test's own */

  /* What became of it. */
  atomic_ullong id; /* 0 before it was opened and once it is over */
  int32_t status;
  caisson_error err;
  caisson_result result; /* but for .json, which is gone */
  char *text;            /* result.json */
  cJSON *json;           /* the same, parsed; NULL if it was no JSON */
  int64_t took_ns;
  pthread_mutex_t mutex;
  struct bytes out, errors; /* live output; under the mutex while it runs */
  atomic_ullong seen;       /* bytes of live output, both streams, kept or not */
  atomic_int is_running, is_done;
  pthread_t thread;
  bool is_on_thread;
};

#define CALL __attribute__((cleanup(call_free_at))) struct call *
void call_free(struct call *c);
void call_free_at(struct call **c);

struct call *call_new(struct box *box, const char *session, const char *name);
struct call *call_new_shell(struct box *box, const char *session, const char *command);
struct call *call_new_python(struct box *box, const char *session, const char *code);
struct call *call_arg(struct call *c, const char *name, const char *value);
struct call *call_arg_number(struct call *c, const char *name, double value);
/* Any JSON. */
struct call *call_arg_json(struct call *c, const char *name, const char *json);

/* Opens, on this thread; ends the program if that fails. call_run() does it if it was not done. */
void call_open(struct call *c);
/* Opens, runs and closes it. Returns c. */
struct call *call_run(struct call *c);
/* The same on a thread of its own; call_join() waits for it. */
struct call *call_start(struct call *c);
struct call *call_join(struct call *c);
/* For a call on a thread: waits until its stdout so far holds that text. */
bool call_wait_output(struct call *c, const char *text, int ms);
bool call_wait_done(struct call *c, int ms);
/* caisson's call_cancel. */
int32_t call_cancel(struct call *c);

/* A whole call in one. */
struct call *shell(struct box *box, const char *session, const char *command);
struct call *python(struct box *box, const char *session, const char *code);
/* An operation; args is JSON or NULL. */
struct call *operation(struct box *box, const char *name, const char *session, const char *args);

/* ---- its result ------------------------------------------------------------------------------ */

/* A member of structuredContent by its dotted path ("error.reason"), or NULL. */
const cJSON *call_get(const struct call *c, const char *path);
const char *call_string(const struct call *c, const char *path); /* "" if it is not there */
double call_number(const struct call *c, const char *path);      /* -1000 if it is not there */
bool call_is_true(const struct call *c, const char *path);
bool call_is_error(const struct call *c);
/* The text blocks of the content, one after the other. */
const char *call_text(const struct call *c);
const char *call_reason(const struct call *c); /* error.reason, or "" */

/* Is that how it ended, in the status, the result and the document alike? */
bool call_has_ended(const struct call *c, int32_t status, int32_t outcome, int32_t exit_code);
/* All about it, for a diagnosis; good until the next use on this thread. */
const char *call_describe(const struct call *c);

/* One assertion about how a call ended; it tells all about the call if it fails. */
#define ended(c, status, outcome, exit_code, ...)                            \
  (ok(call_has_ended((c), (status), (outcome), (exit_code)), __VA_ARGS__) || \
   (diag("%s", call_describe(c)), false))
#define exited(c, code, ...) ended((c), CAISSON_OK, CAISSON_OUTCOME_EXITED, (code), __VA_ARGS__)
#define was_cancelled(c, ...) \
  ended((c), CAISSON_OK, CAISSON_OUTCOME_CANCELLED, CAISSON_EXIT_CANCELLED, __VA_ARGS__)
#define was_late(c, ...) \
  ended((c), CAISSON_OK, CAISSON_OUTCOME_DEADLINE, CAISSON_EXIT_DEADLINE, __VA_ARGS__)
#define was_lost(c, ...) \
  ended((c), CAISSON_OK, CAISSON_OUTCOME_LOST, CAISSON_EXIT_UNKNOWN, __VA_ARGS__)
#define did_not_start(c, status, ...) \
  ended((c), (status), CAISSON_OUTCOME_NONE, CAISSON_EXIT_UNKNOWN, __VA_ARGS__)
/* ok(), and all about the call if it fails. */
#define call_ok(c, cond, ...) (ok((cond), __VA_ARGS__) || (diag("%s", call_describe(c)), false))

/* ---- what runs inside ------------------------------------------------------------------------ */

/* The processes in a session's sandbox, the helper's own and the one that looks left out: lines
 * "PID STATE COMMAND LINE", the state S for alive, T for stopped, Z for dead. The caller's to free;
 * NULL if one could not look. Needs bash in the image. */
char *host_processes(struct box *box, const char *session);
/* How many of these lines hold that text. */
int host_count_processes(struct box *box, const char *session, const char *text);

#endif
