/* SPDX-License-Identifier: Apache-2.0 */
/* The same call as a host with an event loop makes it: started on a queue, watched, collected. */
#include <poll.h>
#include <string.h>

#include "bench.h"

void bench_queue_open(struct bench_queue *queue, const struct bench_box *box) {
  caisson_error err = {.struct_size = sizeof err};
  queue->box = box;
  queue->async = box->plugin->get_extension(CAISSON_EXT_ASYNC);
  if (!queue->async) bench_die("the plugin has no %s", CAISSON_EXT_ASYNC);
  if (queue->async->queue_open(box->instance, &queue->id, &queue->fd, &err) != CAISSON_OK)
    bench_die("queue_open: %s", err.message);
}

void bench_queue_close(struct bench_queue *queue) {
  queue->async->queue_close(queue->id);
}

static void await_done(const struct bench_queue *queue) {
  struct pollfd p = {.fd = queue->fd, .events = POLLIN};
  caisson_event e = {.struct_size = sizeof e};
  do {
    if (poll(&p, 1, 60000) != 1) bench_die("a started call does not end");
    while (queue->async->collect(queue->id, &e) == 1 && e.kind != CAISSON_EVENT_DONE) continue;
  } while (e.kind != CAISSON_EVENT_DONE);
  if (e.status != CAISSON_OK || e.result->exit_code != 0)
    bench_die("a started call: status %d: %s", e.status, e.error ? e.error->message : "");
}

double bench_run_started(void *started) {
  const struct bench_started *s = started;
  const struct bench_queue *queue = s->queue;
  const caisson_plugin *p = queue->box->plugin;
  caisson_request request = {.struct_size = sizeof request,
                             .name = BENCH_TEXT(s->ask.name),
                             .args_json = BENCH_TEXT(s->ask.args),
                             .session = BENCH_TEXT(s->ask.session)};
  caisson_error err = {.struct_size = sizeof err};
  uint64_t call = 0, instance = queue->box->instance;
  double start = bench_now();
  if (p->call_open(instance, &request, &call, &err) != CAISSON_OK ||
      queue->async->start(queue->id, call, CAISSON_START_OUTPUT, 0, &err) != CAISSON_OK)
    bench_die("start: %s", err.message);
  await_done(queue);
  p->call_close(instance, call);
  return bench_now() - start;
}
