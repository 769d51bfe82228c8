/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the bench share. The bench is a host like any other: of Caisson it knows
 * caisson.h and nothing else. Every failure ends the program, after its sandboxes were removed. */
#ifndef CAISSON_BENCH_H
#define CAISSON_BENCH_H

#include <cjson/cJSON.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "caisson.h"

#define BENCH_TEXT(s) {(s), (s) ? strlen(s) : 0}

struct bench;

/* ---- samples.c: numbers, and what is printed of them ----------------------------------------- */

struct bench_samples {
  double *values;
  size_t n, capacity;
};

/* Milliseconds since some fixed point. */
double bench_now(void);
void bench_pause(unsigned ms);
void bench_add(struct bench_samples *samples, double value);
/* Each prints one line of JSON: `name` says what was measured, within `group`. */
void bench_print(const char *group, const char *name, const char *unit,
                 struct bench_samples *samples);
/* Figures of samples that somebody else has counted. */
void bench_print_figures(const char *group, const char *name, const char *unit, size_t n,
                         double p50, double p99, double max);
void bench_print_value(const char *group, const char *name, const char *unit, double value);
__attribute__((format(printf, 2, 3))) void bench_note(const char *group, const char *format, ...);

/* One of several things that are measured side by side. */
struct bench_case {
  const char *name;
  double (*run)(void *ctx); /* one sample, in milliseconds */
  void *ctx;
  unsigned every; /* it takes part in every n-th round: slow ones need fewer samples */
  struct bench_samples samples;
};

/* Runs each case once, uncounted, then `rounds` rounds in which all take part in a new order each
 * time, so that whatever drifts meets all of them; then prints them. */
void bench_interleave(const char *group, struct bench_case *cases, size_t n, unsigned rounds);

/* ---- box.c: the plugin ----------------------------------------------------------------------- */

struct bench_box {
  const caisson_plugin *plugin;
  caisson_host host;
  uint64_t instance;
  unsigned pool_size; /* set before it is opened */
  double load_ms, create_ms; /* what dlopen() and create() took */
};

struct bench_ask {
  const char *name;    /* a tool; an operation if it holds a dot */
  const char *args;    /* JSON; NULL: {} */
  const char *options; /* JSON; NULL: none */
  const char *session;
  int64_t (*input)(void *ctx, void *buffer, uint64_t capacity);
  void *input_ctx;
  int32_t (*output)(void *ctx, uint32_t stream, const void *bytes, uint64_t n);
  void *output_ctx;
  uint64_t *call; /* where to write the call's id before it runs; NULL: nowhere */
};

struct bench_answer {
  int32_t status, outcome, exit_code;
  double ms;       /* open, run and close */
  double ended;    /* when call_run returned, by bench_now() */
  char *text;      /* result.json; free() it */
  char message[CAISSON_MESSAGE_SIZE];
};

/* `settings`: further members of "sandbox", each after a comma; "" for none. */
void bench_box_open(struct bench_box *box, const char *plugin, const char *instance,
                    const char *image, const char *settings);
void bench_box_close(struct bench_box *box);
/* Any thread. */
void bench_call(const struct bench_box *box, const struct bench_ask *ask,
                struct bench_answer *answer);
/* A call that must succeed; its milliseconds. If `structured` is not NULL it gets the answer's
 * structuredContent, to be deleted. Main thread only, since it may end the program. */
double bench_must(const struct bench_box *box, const struct bench_ask *ask, cJSON **structured);
/* The same as a bench_case. */
struct bench_boxed {
  const struct bench_box *box;
  struct bench_ask ask;
};
double bench_run_boxed(void *boxed);
/* And on a queue of caisson.async/1, by a host that polls its descriptor (started.c). */
struct bench_queue {
  const struct bench_box *box;
  const caisson_async *async;
  uint64_t id;
  int32_t fd;
};
struct bench_started {
  const struct bench_queue *queue;
  struct bench_ask ask; /* without input */
};
void bench_queue_open(struct bench_queue *queue, const struct bench_box *box);
void bench_queue_close(struct bench_queue *queue);
double bench_run_started(void *started);
/* A shell command that must succeed; what it wrote to stdout, to be freed. */
char *bench_shell(const struct bench_box *box, const char *session, const char *command);
/* The name of the session's container. */
char *bench_container(const struct bench_box *box, const char *session);
void bench_remove(const struct bench_box *box, const char *session);
/* Puts a file of this machine into the session's workspace, executable. */
void bench_upload(const struct bench_box *box, const char *session, const char *file,
                  const char *name);
/* How often the session's CPU quota has held it back so far; -1 where it cannot be read. */
double bench_throttled(const struct bench_box *box, const char *session);

/* ---- engine.c: the Engine API, by hand and without any of the plugin's code ------------------ */

struct bench_engine {
  char socket[108];
  int fd; /* a kept connection, or -1 */
};

/* The engine that DOCKER_HOST names. */
void bench_engine_open(struct bench_engine *engine);
void bench_engine_close(struct bench_engine *engine);
/* One request on the kept connection; dies unless the engine answers 2xx. The answer is to be
 * deleted; NULL if it has no body. */
cJSON *bench_request(struct bench_engine *engine, const char *method, const char *path,
                     const cJSON *body);
/* What one exec over the API costs: create, start, its output to its end, inspect. Counts the
 * output's payload in *bytes if it is not NULL. */
void bench_exec(struct bench_engine *engine, const char *container, const char *const argv[],
                uint64_t *bytes);
/* The same for a program that reads `bytes` from its stdin and then says something. */
void bench_exec_send(struct bench_engine *engine, const char *container, const char *const argv[],
                     uint64_t bytes);

/* ---- group_first.c: the engine's own create and start of a container like the plugin's ------- */

struct bench_model {
  struct bench *bench;
  cJSON *body; /* what the plugin's own container was made of */
  struct bench_samples creates, starts;
  unsigned count;
};
cJSON *bench_body_of(struct bench *bench, const char *container);
/* One sample, as a bench_case of a bench_model; the container is removed, outside what is
 * measured. */
double bench_create_and_start(void *model);
/* The same in two steps. */
#define BENCH_ID 80
double bench_start_like(struct bench_model *model, char container[BENCH_ID]);
void bench_engine_remove(struct bench_engine *engine, const char *container);

/* ---- spawn.c: programs of this machine ------------------------------------------------------- */

/* Spawns it, reads its stdout to the end, waits; its milliseconds. Dies unless it exits 0. */
double bench_spawn(const char *const argv[]);
double bench_run_spawn(void *argv); /* as a bench_case */
/* As that, and keeps up to `capacity` - 1 bytes of what it wrote. */
double bench_spawn_read(const char *const argv[], char *out, size_t capacity);
/* Is there such a program in PATH? */
int bench_has_program(const char *name);

/* A program that is kept running and takes one sample for each line that it is sent. */
struct bench_worker {
  int to, from, pid;
};
/* Starts it, with pipes to and from it. */
void bench_program_start(struct bench_worker *worker, const char *const argv[]);
/* And waits for its first line: 0, or -1 if it ended without saying that it is ready. */
int bench_worker_start(struct bench_worker *worker, const char *const argv[]);
double bench_worker_sample(void *worker);
void bench_worker_stop(struct bench_worker *worker);

/* ---- the groups ------------------------------------------------------------------------------ */

struct bench {
  const char *plugin, *instance, *image, *small_image, *here, *workload;
  const char *other_plugin, *host_program;
  int quick;
  struct bench_box box;
  struct bench_engine engine;
};

void bench_group_shell(struct bench *bench);
void bench_group_first(struct bench *bench);
void bench_group_pool(struct bench *bench);
void bench_group_many(struct bench *bench);
void bench_group_burst(struct bench *bench);
void bench_group_adopt(struct bench *bench);
void bench_group_cancel(struct bench *bench);
void bench_group_output(struct bench *bench);
void bench_group_files(struct bench *bench);
void bench_group_search(struct bench *bench);
void bench_group_transfer(struct bench *bench);
void bench_group_swap(struct bench *bench);
void bench_group_mcp(struct bench *bench);
/* What the adopting process of bench_group_adopt() does. */
void bench_adopt_child(const struct bench *bench, const char *session);

/* Set when a signal asks for the end; everything that loops looks at it. */
extern volatile int bench_stopped;
/* Says why on stderr, removes the sandboxes and exits. Main thread only. */
_Noreturn void bench_die(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
