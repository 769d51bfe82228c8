/* SPDX-License-Identifier: Apache-2.0 */
/* mcp_out.c: one list, one mutex, one thread that writes. */
#include "mcp_out.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "file.h"
#include "interrupt.h"
#include "ui.h"

/* How often those who wait for room look whether there will be any. */
#define LOOK_EVERY_MS 100

struct csn_out_line {
  struct csn_out_line *next;
  size_t n;
  char *text;
};

static void free_line(struct csn_out_line *line) {
  free(line->text);
  free(line);
}

static struct csn_out_line *take_first(struct csn_out *out) {
  struct csn_out_line *line = out->first;
  out->first = line->next;
  if (!out->first)
    out->last = &out->first;
  return line;
}

/* The lock is held, but not while it writes. */
static void write_one(struct csn_out *out) {
  struct csn_out_line *line = take_first(out);
  bool skip = out->broken;
  out->writing = true;
  (void)pthread_mutex_unlock(&out->mutex);
  int failed = skip ? 0 : csn_file_write(out->fd, line->text, line->n, NULL);
  (void)pthread_mutex_lock(&out->mutex);
  out->writing = false;
  out->bytes -= line->n;
  free_line(line);
  if (failed && !out->broken) {
    out->broken = true;
    (void)!write(out->broken_pipe[1], "", 1);
  }
  (void)pthread_cond_broadcast(&out->changed);
}

static void *write_all(void *ctx) {
  struct csn_out *out = ctx;
  (void)pthread_mutex_lock(&out->mutex);
  while (out->first || !out->ending)
    if (out->first)
      write_one(out);
    else
      (void)pthread_cond_wait(&out->changed, &out->mutex);
  (void)pthread_mutex_unlock(&out->mutex);
  return NULL;
}

void csn_out_open(struct csn_out *out, int fd, int input) {
  pthread_condattr_t monotonic;
  sigset_t blocked, before;
  *out = (struct csn_out){.fd = fd, .input = input, .last = &out->first};
  (void)pthread_mutex_init(&out->mutex, NULL);
  (void)pthread_condattr_init(&monotonic);
  (void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
  (void)pthread_cond_init(&out->changed, &monotonic);
  (void)pthread_condattr_destroy(&monotonic);
  csn_interrupt_signals(&blocked);
  (void)pthread_sigmask(SIG_BLOCK, &blocked, &before);
  if (pipe2(out->broken_pipe, O_CLOEXEC | O_NONBLOCK) != 0 ||
      pthread_create(&out->thread, NULL, write_all, out) != 0)
    (void)csn_must(NULL);
  (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
}

/* One line more than there is room for is let through where nothing waits. */
static bool has_room(const struct csn_out *out, size_t n, size_t max) {
  return out->bytes == 0 || out->bytes + n <= max;
}

/* The lock is held. */
static void append(struct csn_out *out, char *text, size_t n) {
  struct csn_out_line *line = csn_must(malloc(sizeof *line));
  *line = (struct csn_out_line){.text = text, .n = n};
  *out->last = line;
  out->last = &line->next;
  out->bytes += n;
  (void)pthread_cond_broadcast(&out->changed);
}

static struct timespec after_ms(int ms) {
  struct timespec at;
  (void)clock_gettime(CLOCK_MONOTONIC, &at);
  at.tv_sec += ms / 1000;
  at.tv_nsec += (long)(ms % 1000) * 1000000;
  if (at.tv_nsec >= 1000000000) {
    at.tv_sec++;
    at.tv_nsec -= 1000000000;
  }
  return at;
}

/* Whoever does not read and wants nothing any more makes no room. */
static bool is_over(const struct csn_out *out) {
  /* POLLRDHUP: of a socket that was shut down for writing only, as some clients' pipes are. */
  struct pollfd input = {.fd = out->input, .events = POLLRDHUP};
  return out->broken || out->hurried || csn_interrupt_pressed() ||
         (poll(&input, 1, 0) > 0 && (input.revents & (POLLHUP | POLLRDHUP)));
}

void csn_out_put(struct csn_out *out, char *line, size_t n) {
  (void)pthread_mutex_lock(&out->mutex);
  while (!has_room(out, n, CSN_OUT_MAX) && !is_over(out)) {
    struct timespec soon = after_ms(LOOK_EVERY_MS);
    (void)pthread_cond_timedwait(&out->changed, &out->mutex, &soon);
  }
  bool useless = out->broken || !has_room(out, n, CSN_OUT_MAX);
  if (!useless)
    append(out, line, n);
  (void)pthread_mutex_unlock(&out->mutex);
  if (useless)
    free(line);
}

bool csn_out_offer(struct csn_out *out, char *line, size_t n) {
  (void)pthread_mutex_lock(&out->mutex);
  bool taken = !out->broken && has_room(out, n, CSN_OUT_MAX / 2);
  if (taken)
    append(out, line, n);
  (void)pthread_mutex_unlock(&out->mutex);
  if (!taken)
    free(line);
  return taken;
}

void csn_out_hurry(struct csn_out *out) {
  (void)pthread_mutex_lock(&out->mutex);
  out->hurried = true;
  (void)pthread_cond_broadcast(&out->changed);
  (void)pthread_mutex_unlock(&out->mutex);
}

int csn_out_broken(const struct csn_out *out) { return out->broken_pipe[0]; }

bool csn_out_close(struct csn_out *out, int patience_ms) {
  struct timespec until = after_ms(patience_ms);
  int waited = 0;
  (void)pthread_mutex_lock(&out->mutex);
  out->ending = true;
  (void)pthread_cond_broadcast(&out->changed);
  while ((out->first || out->writing) && waited != ETIMEDOUT)
    waited = pthread_cond_timedwait(&out->changed, &out->mutex, &until);
  bool done = !out->first && !out->writing, clean = done && !out->broken;
  (void)pthread_mutex_unlock(&out->mutex);
  if (done)
    (void)pthread_join(out->thread, NULL);
  return clean;
}
