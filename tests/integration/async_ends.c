/* SPDX-License-Identifier: Apache-2.0 */
/* caisson.async/1: how queues and instances end while calls run, and a host that may make no
 * eventfd. */
#include "support/loop.h"
#include "support/process.h"
#include "support/refuse.h"
#include "tap.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

static struct box *box;

#define CALLS 6

/* Half of them print without end, and nobody collects it. */
static void start_calls(struct loop *loop, struct started **calls) {
  for (int i = 0; i < CALLS; i++) {
    calls[i] = loop_shell(loop, "e", i % 2 ? "echo ready; exec yes async-end"
                                           : "echo ready; sleep 600; : async-end");
    calls[i]->keep = 64;
    is_int(loop_start(calls[i]), CAISSON_OK, "call %d starts", i);
  }
  for (int i = 0; i < CALLS; i++)
    ok(loop_until_output(calls[i], "ready", 30000), "call %d runs", i);
}

static void test_queue_close(void) {
  struct loop *loop = loop_open(box);
  struct started *calls[CALLS];
  start_calls(loop, calls);
  int64_t begun = host_now_ns();
  is_int(loop->async->queue_close(loop->queue), CAISSON_OK, "a queue is closed under running calls");
  diag("in %.2f s", (double)(host_now_ns() - begun) / 1e9);
  ok(fcntl(loop->fd, F_GETFD) < 0, "with its descriptor");
  loop->queue = 0;
  is_int(host_count_processes(box, "e", "async-end"), 0, "their commands are dead");
  for (int i = 0; i < CALLS; i++) {
    is_int(plugin()->call_close(box->id, calls[i]->call->id), CAISSON_OK, "call %d is closed", i);
    calls[i]->call->id = 0;
    loop_free_call(calls[i]);
  }
  loop_close(loop);
  CALL after = shell(box, "e", "exit 4");
  exited(after, 4, "the session goes on");
}

static void test_drain(void) {
  struct box *other = box_open_as("d", NULL);
  struct loop *loop = loop_open(other);
  struct started *quick = loop_shell(loop, "d", "echo ready; sleep 0.5; exit 5");
  struct started *endless = loop_shell(loop, "d", "echo ready; sleep 600");
  loop_start(quick), loop_start(endless);
  ok(loop_until_output(quick, "ready", 30000) && loop_until_output(endless, "ready", 30000),
     "two calls that run");
  is_int(plugin()->drain(other->id, 4000), CAISSON_E_DEADLINE, "a drain with some grace");
  while (loop_turn(loop, 0) > 0) continue;
  is_int(loop->running, 0, "leaves the end of both there");
  exited(quick->call, 5, "of the one that ended in time");
  was_cancelled(endless->call, "and of the one that did not");
  loop_free_call(quick), loop_free_call(endless);
  loop_close(loop);
  box_close(other);
}

static void test_destroy(void) {
  int threads = process_threads(), fds = process_fds();
  struct box *other = box_open_as("d", NULL);
  struct loop *loop = loop_open(other);
  struct started *calls[CALLS];
  start_calls(loop, calls);
  is_int(plugin()->destroy(other->id), CAISSON_OK, "an instance is destroyed under running calls");
  is_int(loop->async->queue_close(loop->queue), CAISSON_E_NOT_FOUND, "and its queue with it");
  ok(fcntl(loop->fd, F_GETFD) < 0, "the descriptor is closed");
  loop->queue = other->id = 0;
  for (int i = 0; i < CALLS; i++) {
    calls[i]->call->id = 0;
    loop_free_call(calls[i]);
  }
  loop_close(loop);
  box_close(other);
  ok(process_threads() <= threads, "no thread of it is left");
  is_int(process_fds(), fds, "and no descriptor");
  other = box_open_as("d", NULL);
  is_int(host_count_processes(other, "e", "async-end"), 0, "their commands are dead");
  box_close(other);
}

static void feed_hello(struct loop *l, struct started *s, const caisson_event *e) {
  if (e->kind != CAISSON_EVENT_INPUT || s->inputs != 1) return;
  l->async->feed(l->queue, e->call, "hello\n", 6);
  l->async->feed(l->queue, e->call, NULL, 0);
}

static int count_wrong_by_pipe(void) {
  refuse_eventfds();
  struct box *b = box_open_as("p", NULL);
  struct loop *loop = loop_open(b);
  struct started *s = loop_shell(loop, "p", "cat; head -c 3000000 /dev/zero; exit 6");
  struct started *t = loop_shell(loop, "p", "echo ready; sleep 600");
  s->flags |= CAISSON_START_INPUT;
  s->on_event = feed_hello;
  int wrong = loop_start(s) != CAISSON_OK;
  wrong += loop_start(t) != CAISSON_OK;
  wrong += !loop_until_output(t, "ready", 60000);
  call_cancel(t->call);
  wrong += !loop_run(loop, 60000);
  wrong += !call_has_ended(s->call, CAISSON_OK, CAISSON_OUTCOME_EXITED, 6);
  wrong += !call_has_ended(t->call, CAISSON_OK, CAISSON_OUTCOME_CANCELLED, CAISSON_EXIT_CANCELLED);
  wrong += s->out_seen != 3000006 || strncmp(s->call->out.data, "hello\n", 6) != 0;
  wrong += loop->spurious;
  loop_free_call(s), loop_free_call(t);
  loop_close(loop);
  box_close(b);
  return wrong;
}

int main(void) {
  free(host_instance_name(NULL)); /* the janitor has a descriptor of its own */
  free(host_instance_name("d"));
  free(host_instance_name("p"));
  is_int(refuse_in_child(count_wrong_by_pipe), 0, "a process that may make no eventfd uses pipes");
  int threads = process_threads(), fds = process_fds();
  box = box_open(NULL);
  test_queue_close();
  test_drain();
  test_destroy();
  box_close(box);
  is_int(process_threads(), threads, "no thread is left at the end");
  is_int(process_fds(), fds, "and no descriptor");
  return done_testing();
}
