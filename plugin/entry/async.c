/* SPDX-License-Identifier: Apache-2.0 */
/* What goes on between a queue's host and the threads that run its calls is in events.c; here are the
 * ids, the ABI's structs, and who keeps what alive. */
#include "entry/async.h"

#include <string.h>

#include "entry/call.h"
#include "entry/events.h"
#include "entry/report.h"
#include "entry/run.h"
#include "util/alloc.h"

/* As many as calls: a host whose slow readers shall hold nobody else gives each call its own. */
#define QUEUES_MAX 1024

struct queue {
  struct csn_handle handle;
  uint64_t instance;
  struct csn_events events;
  /* Under the mutex of the events: */
  struct csn_async_call *calls; /* started, and their DONE not collected */
  int closing;
};

/* A started call. It belongs to its call, and so outlives the queue where the call does. */
struct csn_async_call {
  struct csn_event_source source; /* the first member */
  struct csn_async_call *next, **at; /* among its queue's */
  uint64_t queue_id, tag;
  uint32_t flags;
  caisson_result result;
  caisson_error error;
  int32_t status;
  /* Held while it runs: */
  struct csn_instance *instance;
  struct csn_call *call;
  struct queue *queue;
};

void csn_async_free(struct csn_async_call *a) {
  if (!a) return;
  csn_event_source_free(&a->source);
  csn_free(a);
}

/* ---- queues ---------------------------------------------------------------------------------- */

static void free_queue(struct csn_handle *handle) {
  struct queue *q = (struct queue *)handle;
  csn_events_free(&q->events);
  csn_free(q);
}

static struct queue *get_queue(uint64_t id) {
  return (struct queue *)csn_registry_get(CSN_HANDLE_QUEUE, id);
}

static int count_queue(struct csn_instance *i, struct csn_error *err) {
  pthread_mutex_lock(&i->mutex);
  int draining = i->draining, is_full = i->queues >= QUEUES_MAX;
  if (!draining && !is_full) i->queues++;
  pthread_mutex_unlock(&i->mutex);
  if (draining) return csn_instance_refuse(err);
  if (!is_full) return 0;
  return csn_fail(err, CAISSON_E_LIMIT, CAISSON_REASON_HOST_LIMIT,
                  "%d queues of this instance are open already; one serves any number of calls, so "
                  "close those that are not watched any more", QUEUES_MAX);
}

static void uncount_queue(struct csn_instance *i) {
  pthread_mutex_lock(&i->mutex);
  i->queues--;
  pthread_mutex_unlock(&i->mutex);
}

static int make_queue(struct csn_instance *i, struct queue **out, struct csn_error *err) {
  struct queue *q = csn_calloc(1, sizeof *q);
  if (!q) return csn_fail_nomem(err);
  q->instance = i->handle.id;
  int rc = csn_events_init(&q->events, err);
  if (rc) {
    free_queue(&q->handle);
    return rc;
  }
  csn_registry_add(&q->handle, CSN_HANDLE_QUEUE, free_queue);
  *out = q;
  return 0;
}

static int open_queue(struct csn_instance *i, uint64_t *id, int32_t *fd, struct csn_error *err) {
  struct queue *q = NULL;
  int rc = count_queue(i, err);
  if (rc) return rc;
  rc = make_queue(i, &q, err);
  if (rc) {
    uncount_queue(i);
    return rc;
  }
  *id = q->handle.id;
  *fd = q->events.wake.fd;
  csn_registry_put(&q->handle);
  return 0;
}

/* ---- which calls are on a queue -------------------------------------------------------------- */

/* 0, or CAISSON_E_NOT_FOUND where it is being closed. */
static int attach(struct queue *q, struct csn_async_call *a) {
  pthread_mutex_lock(&q->events.mutex);
  int closing = q->closing;
  if (!closing) {
    a->next = q->calls;
    a->at = &q->calls;
    if (a->next) a->next->at = &a->next;
    q->calls = a;
  }
  pthread_mutex_unlock(&q->events.mutex);
  return closing ? CAISSON_E_NOT_FOUND : 0;
}

static void detach(struct queue *q, struct csn_async_call *a) {
  pthread_mutex_lock(&q->events.mutex);
  *a->at = a->next;
  if (a->next) a->next->at = a->at;
  pthread_mutex_unlock(&q->events.mutex);
}

static void cancel_all(struct queue *q) {
  pthread_mutex_lock(&q->events.mutex);
  q->closing = 1;
  for (struct csn_async_call *a = q->calls; a; a = a->next) csn_call_cancel(a->call);
  pthread_mutex_unlock(&q->events.mutex);
}

/* Nobody else has the queue any more: its id is unknown and what runs on it has ended. */
static void let_go(struct queue *q) {
  while (q->calls) {
    struct csn_async_call *a = q->calls;
    detach(q, a);
    csn_event_source_empty(&a->source);
    csn_call_delivered(a->call);
  }
}

/* CAISSON_E_NOT_FOUND where somebody else closes it. */
static int close_queue(struct queue *q) {
  if (!csn_registry_forget(&q->handle)) return CAISSON_E_NOT_FOUND;
  cancel_all(q);
  csn_registry_await_last(&q->handle);
  let_go(q);
  struct csn_instance *i = csn_instance_get(q->instance);
  if (i) {
    uncount_queue(i);
    csn_registry_put(&i->handle);
  }
  return CAISSON_OK;
}

static int is_of(const struct csn_handle *handle, const void *arg) {
  return ((const struct queue *)handle)->instance == *(const uint64_t *)arg;
}

void csn_async_close_queues(uint64_t instance) {
  struct csn_handle *h;
  while ((h = csn_registry_any(CSN_HANDLE_QUEUE, is_of, &instance))) {
    close_queue((struct queue *)h);
    csn_registry_put(h);
  }
}

/* ---- a started call, on its thread ----------------------------------------------------------- */

static int32_t put_output(void *ctx, uint32_t stream, const void *bytes, uint64_t n) {
  struct csn_async_call *a = ctx;
  struct csn_control control = csn_run_control(a->call);
  if (csn_events_put_output(&a->source, (int)stream, bytes, n, &control) == 0) return 0;
  csn_log(&a->instance->log, CAISSON_LOG_ERROR,
          "call %s session=\"%s\": no memory for an event of its output: it is cancelled",
          a->call->name, a->call->session);
  return 1;
}

static void put_progress(void *ctx, int32_t permille, const char *note, uint64_t n) {
  struct csn_async_call *a = ctx;
  csn_events_put_progress(&a->source, permille, note, n);
}

/* DONE is in before drain() may return, and nothing of `a` is touched behind it: the host may have
 * closed the call. */
static void run_started(void *arg) {
  struct csn_async_call *a = arg;
  struct csn_instance *i = a->instance;
  struct csn_call *c = a->call;
  struct queue *q = a->queue;
  caisson_hooks hooks = {.struct_size = sizeof hooks, .ctx = a};
  struct csn_error err = {0};
  if (a->flags & CAISSON_START_OUTPUT) hooks.output = put_output;
  if (a->flags & CAISSON_START_PROGRESS) hooks.progress = put_progress;
  a->result.struct_size = sizeof a->result;
  a->error.struct_size = sizeof a->error;
  a->status = csn_run_call(i, c, &hooks, &a->result, &err);
  if (a->status < 0) csn_report(&err, &a->error);
  csn_events_put_done(&a->source);
  csn_run_leave(i, c);
  csn_registry_put(&q->handle);
  csn_registry_put(&c->handle);
  csn_registry_put(&i->handle);
}

/* ---- start ----------------------------------------------------------------------------------- */

static int make_call(struct queue *q, struct csn_call *c, uint32_t flags, uint64_t tag,
                     struct csn_async_call **out, struct csn_error *err) {
  struct csn_async_call *a = csn_calloc(1, sizeof *a);
  if (!a) return csn_fail_nomem(err);
  int rc = csn_event_source_init(&a->source, &q->events, (flags & CAISSON_START_OUTPUT) != 0,
                                 (flags & CAISSON_START_INPUT) != 0, err);
  if (rc) {
    csn_free(a);
    return rc;
  }
  a->queue_id = q->handle.id;
  a->tag = tag;
  a->flags = flags;
  a->queue = q;
  a->call = c;
  *out = a;
  return 0;
}

/* From here on nothing fails, and what is needed until its end is held until then. */
static void launch(struct csn_async_call *a, struct csn_instance *i, struct csn_worker *worker) {
  struct csn_call *c = a->call;
  a->instance = (struct csn_instance *)csn_registry_hold(&i->handle);
  csn_registry_hold(&c->handle);
  csn_registry_hold(&a->queue->handle);
  if (a->flags & CAISSON_START_INPUT) {
    c->input = csn_events_take_input;
    c->input_ctx = &a->source;
    c->input_fd = a->source.fed.fd;
  }
  atomic_store(&c->async, a);
  csn_worker_run(worker, run_started, a);
}

static int begin(struct csn_async_call *a, struct csn_instance *i, struct csn_worker **worker,
                 struct csn_error *err) {
  int rc = csn_run_begin(i, a->call, 1, err);
  if (rc) return rc;
  rc = csn_workers_reserve(i->workers, worker, err);
  if (rc == 0) return 0;
  csn_run_leave(i, a->call);
  csn_call_unbegin(a->call);
  return rc;
}

static int start_call(struct queue *q, struct csn_instance *i, struct csn_call *c, uint32_t flags,
                      uint64_t tag, struct csn_error *err) {
  struct csn_async_call *a = NULL;
  struct csn_worker *worker = NULL;
  if ((flags & CAISSON_START_INPUT) && c->input && !atomic_load(&c->async))
    return csn_fail(err, CAISSON_E_INVALID, CAISSON_REASON_ABI_INVALID,
                    "start: with CAISSON_START_INPUT the request's `input` must be NULL");
  int rc = make_call(q, c, flags, tag, &a, err);
  if (rc) return rc;
  if (attach(q, a)) {
    csn_async_free(a);
    return csn_fail(err, CAISSON_E_NOT_FOUND, CAISSON_REASON_ABI_INVALID,
                    "this queue is being closed");
  }
  rc = begin(a, i, &worker, err);
  if (rc == 0) {
    launch(a, i, worker);
    return 0;
  }
  detach(q, a);
  csn_async_free(a);
  return rc;
}

/* ---- the table ------------------------------------------------------------------------------- */

static int32_t queue_open(uint64_t instance, uint64_t *queue, int32_t *fd, caisson_error *err) {
  if (csn_registry_is_forked()) return csn_report_forked(err);
  if (!queue || !fd) return csn_report_invalid(err, "queue_open: queue and fd must be given");
  struct csn_instance *i = csn_instance_get(instance);
  if (!i) return csn_report_no_instance(err);
  struct csn_error e = {0};
  int rc = open_queue(i, queue, fd, &e);
  csn_registry_put(&i->handle);
  return rc ? csn_report(&e, err) : CAISSON_OK;
}

static int32_t start_in(struct queue *q, struct csn_instance *i, uint64_t call, uint32_t flags,
                        uint64_t tag, caisson_error *err) {
  struct csn_call *c = csn_call_get(q->instance, call);
  if (!c) return csn_report_no_call(err);
  struct csn_error e = {0};
  int rc = start_call(q, i, c, flags, tag, &e);
  csn_registry_put(&c->handle);
  return rc ? csn_report(&e, err) : CAISSON_OK;
}

static int32_t start(uint64_t queue, uint64_t call, uint32_t flags, uint64_t tag,
                     caisson_error *err) {
  if (csn_registry_is_forked()) return csn_report_forked(err);
  struct queue *q = get_queue(queue);
  if (!q) return csn_report_no_queue(err);
  struct csn_instance *i = csn_instance_get(q->instance);
  int32_t rc = i ? start_in(q, i, call, flags, tag, err) : csn_report_no_instance(err);
  if (i) csn_registry_put(&i->handle);
  csn_registry_put(&q->handle);
  return rc;
}

#define SET(event, member, value) \
  do { \
    if (CAISSON_HAS(event, member)) (event)->member = (value); \
  } while (0)

static void fill(caisson_event *out, const struct csn_event *e, const struct csn_async_call *a) {
  int is_done = e->kind == CAISSON_EVENT_DONE;
  SET(out, kind, e->kind);
  SET(out, call, a->call->handle.id);
  SET(out, tag, a->tag);
  SET(out, stream, e->stream);
  SET(out, permille, e->permille);
  SET(out, status, is_done ? a->status : 0);
  SET(out, reserved, 0);
  SET(out, bytes, ((caisson_str){e->bytes.size ? e->bytes.data : NULL, e->bytes.size}));
  SET(out, result, is_done ? &a->result : NULL);
  SET(out, error, is_done && a->status < 0 ? &a->error : NULL);
}

static int32_t collect(uint64_t queue, caisson_event *event) {
  if (csn_registry_is_forked()) return CAISSON_E_FORKED;
  if (!event || !CAISSON_HAS(event, call)) return CAISSON_E_INVALID;
  struct queue *q = get_queue(queue);
  if (!q) return CAISSON_E_NOT_FOUND;
  struct csn_event_source *source;
  const struct csn_event *e = csn_events_collect(&q->events, &source);
  if (e) {
    struct csn_async_call *a = (struct csn_async_call *)source;
    fill(event, e, a);
    if (e->kind == CAISSON_EVENT_DONE) {
      detach(q, a);
      csn_call_delivered(a->call);
    }
  }
  csn_registry_put(&q->handle);
  return e != NULL;
}

static int64_t feed_to(struct csn_async_call *a, uint64_t queue, const void *bytes, uint64_t n) {
  if (!a || a->queue_id != queue) return CAISSON_E_NOT_FOUND;
  if (!(a->flags & CAISSON_START_INPUT)) return CAISSON_E_STATE;
  return csn_events_feed(&a->source, bytes, n);
}

static int64_t feed(uint64_t queue, uint64_t call, const void *bytes, uint64_t n) {
  if (csn_registry_is_forked()) return CAISSON_E_FORKED;
  if (n > 0 && !bytes) return CAISSON_E_INVALID;
  struct queue *q = get_queue(queue);
  if (!q) return CAISSON_E_NOT_FOUND;
  int64_t rc = CAISSON_E_NOT_FOUND;
  struct csn_call *c = csn_call_get(q->instance, call);
  if (c) {
    rc = feed_to(atomic_load(&c->async), queue, bytes, n);
    csn_registry_put(&c->handle);
  }
  csn_registry_put(&q->handle);
  return rc;
}

static int32_t queue_close(uint64_t queue) {
  if (csn_registry_is_forked()) return CAISSON_E_FORKED;
  struct queue *q = get_queue(queue);
  if (!q) return CAISSON_E_NOT_FOUND;
  int rc = csn_run_is_inside(q->instance) ? CAISSON_E_STATE : close_queue(q);
  csn_registry_put(&q->handle);
  return rc;
}

const caisson_async *csn_async_extension(void) {
  static const caisson_async async = {
      .struct_size = sizeof async,
      .queue_open = queue_open,
      .start = start,
      .collect = collect,
      .feed = feed,
      .queue_close = queue_close,
  };
  return &async;
}
