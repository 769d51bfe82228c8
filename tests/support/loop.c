/* SPDX-License-Identifier: Apache-2.0 */
/* See loop.h. */
#include "support/loop.h"

#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "tap.h"

struct loop *loop_open(struct box *box) {
  struct loop *loop = calloc(1, sizeof *loop);
  caisson_error err = {.struct_size = sizeof err};
  if (!loop) BAIL_OUT("out of memory");
  loop->box = box;
  loop->async = plugin()->get_extension(CAISSON_EXT_ASYNC);
  if (!loop->async) BAIL_OUT("no %s", CAISSON_EXT_ASYNC);
  if (loop->async->queue_open(box->id, &loop->queue, &loop->fd, &err) != CAISSON_OK)
    BAIL_OUT("queue_open: %s", err.message);
  loop->epoll = epoll_create1(EPOLL_CLOEXEC);
  struct epoll_event e = {.events = EPOLLIN, .data.ptr = loop};
  if (epoll_ctl(loop->epoll, EPOLL_CTL_ADD, loop->fd, &e) < 0) BAIL_OUT("epoll_ctl");
  return loop;
}

void loop_close(struct loop *loop) {
  close(loop->epoll);
  if (loop->queue) loop->async->queue_close(loop->queue);
  free(loop);
}

struct started *loop_call(struct loop *loop, struct call *call) {
  struct started *s = calloc(1, sizeof *s);
  if (!s) BAIL_OUT("out of memory");
  s->loop = loop;
  s->call = call;
  s->flags = CAISSON_START_OUTPUT;
  s->keep = (size_t)1 << 20;
  return s;
}

struct started *loop_shell(struct loop *loop, const char *session, const char *command) {
  return loop_call(loop, call_new_shell(loop->box, session, command));
}

int32_t loop_start(struct started *s) {
  if (!s->call->id) call_open(s->call);
  int32_t rc = s->loop->async->start(s->loop->queue, s->call->id, s->flags, (uintptr_t)s,
                                     &s->call->err);
  if (rc == CAISSON_OK) s->loop->running++;
  return rc;
}

void loop_free_call(struct started *s) {
  if (s->call->id) plugin()->call_close(s->call->box->id, s->call->id);
  call_free(s->call);
  free(s);
}

static void keep(struct started *s, const caisson_event *e) {
  struct bytes *b = e->stream == CAISSON_STREAM_STDERR ? &s->call->errors : &s->call->out;
  size_t n = e->bytes.size;
  *(e->stream == CAISSON_STREAM_STDERR ? &s->err_seen : &s->out_seen) += n;
  if (b->size + n > s->keep) n = s->keep > b->size ? s->keep - b->size : 0;
  if (n == 0) return;
  b->data = realloc(b->data, b->size + n + 1);
  if (!b->data) BAIL_OUT("out of memory");
  memcpy(b->data + b->size, e->bytes.data, n);
  b->size += n;
  b->data[b->size] = '\0';
}

static void finish(struct started *s, const caisson_event *e) {
  struct call *c = s->call;
  s->dones++;
  s->loop->running--;
  c->status = e->status;
  if (e->error) c->err = *e->error;
  if (!e->result) return;
  c->result = *e->result;
  c->text = strndup(c->result.json.data, c->result.json.size);
  c->json = cJSON_Parse(c->text);
  c->result.json = (caisson_str){NULL, 0};
}

static void take(struct loop *loop, const caisson_event *e) {
  struct started *s = (struct started *)(uintptr_t)e->tag;
  s->events++;
  if (s->dones || e->call != s->call->id) s->out_of_order++;
  switch (e->kind) {
    case CAISSON_EVENT_OUTPUT: s->outputs++; keep(s, e); break;
    case CAISSON_EVENT_PROGRESS: s->progresses++; break;
    case CAISSON_EVENT_INPUT: s->inputs++; break;
    case CAISSON_EVENT_DONE: finish(s, e); break;
    default: s->out_of_order++;
  }
  if (s->on_event) s->on_event(loop, s, e);
}

int loop_turn(struct loop *loop, int ms) {
  struct epoll_event ready;
  int n = 0;
  if (epoll_wait(loop->epoll, &ready, 1, ms) <= 0) return 0;
  loop->wakes++;
  caisson_event e = {.struct_size = sizeof e};
  while (loop->async->collect(loop->queue, &e) == 1) {
    take(loop, &e);
    n++;
  }
  if (n == 0) loop->spurious++;
  return n;
}

bool loop_run(struct loop *loop, int ms) {
  int64_t end = host_now_ns() + host_patience(ms) * INT64_C(1000000);
  while (loop->running > 0 && host_now_ns() < end) loop_turn(loop, 1000);
  return loop->running == 0;
}

bool loop_until_output(struct started *s, const char *text, int ms) {
  int64_t end = host_now_ns() + host_patience(ms) * INT64_C(1000000);
  while (!s->dones && host_now_ns() < end) {
    if (s->call->out.data && strstr(s->call->out.data, text)) return true;
    loop_turn(s->loop, 1000);
  }
  return s->call->out.data && strstr(s->call->out.data, text);
}
