/* SPDX-License-Identifier: Apache-2.0 */
#include "entry/events.h"

#include <string.h>

#include "util/alloc.h"

/* Small pieces of one stream are put together up to this size: a host is not called for each line. */
#define PIECE ((size_t)32 << 10)
/* What a piece counts for beside its bytes, so that many tiny ones are bounded too. */
#define HEAD sizeof(struct csn_event)

/* ---- queues and sources ---------------------------------------------------------------------- */

static int open_wake(struct csn_wake *w, const char *what, struct csn_error *err) {
  if (csn_wake_open(w) == 0) return 0;
  csn_fail(err, CAISSON_E_LIMIT, CAISSON_REASON_HOST_LIMIT,
           "no file descriptor is left for %s; raise the host's limit (ulimit -n)", what);
  if (err) err->flags |= CAISSON_ERROR_RETRYABLE;
  return CAISSON_E_LIMIT;
}

int csn_events_init(struct csn_events *events, struct csn_error *err) {
  *events = (struct csn_events){.wake = CSN_WAKE_NONE};
  pthread_mutex_init(&events->mutex, NULL);
  return open_wake(&events->wake, "a queue", err);
}

static void free_event(struct csn_event *e) {
  if (!e) return;
  csn_buffer_free(&e->bytes);
  csn_free(e);
}

void csn_events_free(struct csn_events *events) {
  free_event(events->handed_out);
  csn_wake_close(&events->wake);
  pthread_mutex_destroy(&events->mutex);
}

int csn_event_source_init(struct csn_event_source *s, struct csn_events *events, int output,
                          int input, struct csn_error *err) {
  *s = (struct csn_event_source){.events = events,
                                 .told_input = {.kind = CAISSON_EVENT_INPUT},
                                 .done = {.kind = CAISSON_EVENT_DONE},
                                 .input = CSN_BUFFER(CSN_EVENTS_ROOM),
                                 .room = CSN_WAKE_NONE,
                                 .fed = CSN_WAKE_NONE};
  int rc = output ? open_wake(&s->room, "a call's output", err) : 0;
  if (rc == 0 && input) rc = open_wake(&s->fed, "a call's input", err);
  if (rc) csn_event_source_free(s);
  return rc;
}

/* Those two are part of their source. */
static int is_lasting(const struct csn_event_source *s, const struct csn_event *e) {
  return e == &s->done || e == &s->told_input;
}

void csn_event_source_empty(struct csn_event_source *s) {
  while (s->first) {
    struct csn_event *e = s->first;
    s->first = e->next;
    if (!is_lasting(s, e)) free_event(e);
  }
  s->last = NULL;
}

void csn_event_source_free(struct csn_event_source *s) {
  csn_event_source_empty(s);
  csn_buffer_free(&s->input);
  csn_wake_close(&s->room);
  csn_wake_close(&s->fed);
}

/* ---- putting in: the mutex is held ----------------------------------------------------------- */

/* The descriptor changes only under the mutex, with the list: so it is readable exactly while there
 * is something, and a burst costs one write and one read. */
static void make_ready(struct csn_event_source *s) {
  struct csn_events *events = s->events;
  s->next = NULL;
  if (events->last)
    events->last->next = s;
  else
    events->first = s;
  events->last = s;
}

static void append(struct csn_event_source *s, struct csn_event *e) {
  struct csn_events *events = s->events;
  int was_empty = !events->first;
  e->next = NULL;
  e->is_queued = 1;
  if (s->last) {
    s->last->next = e;
  } else {
    s->first = e;
    make_ready(s);
  }
  s->last = e;
  if (was_empty) csn_wake_set(&events->wake);
}

/* ---- output and progress --------------------------------------------------------------------- */

static struct csn_event *new_event(uint32_t kind, const void *bytes, size_t n) {
  struct csn_event *e = csn_calloc(1, sizeof *e);
  if (!e) return NULL;
  e->kind = kind;
  e->bytes = (struct csn_buffer)CSN_BUFFER(CSN_EVENTS_ROOM);
  if (csn_buffer_add(&e->bytes, bytes, n) == 0) return e;
  free_event(e);
  return NULL;
}

static int joins_last(struct csn_event_source *s, int stream, const void *bytes, size_t n) {
  struct csn_event *last = s->last;
  return last && last->kind == CAISSON_EVENT_OUTPUT && last->stream == (uint32_t)stream &&
         last->bytes.size + n <= PIECE && csn_buffer_add(&last->bytes, bytes, n) == 0;
}

static int has_room(const struct csn_event_source *s, size_t n) {
  return s->held + HEAD + n <= CSN_EVENTS_ROOM;
}

/* 1; 0: no room, s->room will tell; or CAISSON_E_NOMEM. */
static int try_output(struct csn_event_source *s, int stream, const void *bytes, size_t n) {
  struct csn_events *events = s->events;
  pthread_mutex_lock(&events->mutex);
  int may = has_room(s, n);
  int joined = may && joins_last(s, stream, bytes, n);
  if (joined) s->held += n;
  if (!may) s->waits = 1;
  pthread_mutex_unlock(&events->mutex);
  if (!may || joined) return may;
  struct csn_event *e = new_event(CAISSON_EVENT_OUTPUT, bytes, n);
  if (!e) return CAISSON_E_NOMEM;
  e->stream = (uint32_t)stream;
  pthread_mutex_lock(&events->mutex);
  s->held += HEAD + n;
  append(s, e);
  pthread_mutex_unlock(&events->mutex);
  return 1;
}

/* 0 once there is some. The descriptor is set once for each wait that collect() saw. */
static int await_room(struct csn_event_source *s, const struct csn_control *control) {
  struct pollfd p = {.fd = s->room.fd, .events = POLLIN};
  int rc = csn_control_poll(control, &p, 1, CSN_NEVER, NULL);
  pthread_mutex_lock(&s->events->mutex);
  if (s->waits)
    s->waits = 0;
  else
    csn_wake_clear(&s->room);
  pthread_mutex_unlock(&s->events->mutex);
  return rc < 0;
}

static int put_piece(struct csn_event_source *s, int stream, const void *bytes, size_t n,
                     const struct csn_control *control) {
  for (;;) {
    int rc = try_output(s, stream, bytes, n);
    if (rc) return rc < 0 ? rc : 0;
    if (await_room(s, control)) {
      s->is_stopped = 1;
      return 0;
    }
  }
}

int csn_events_put_output(struct csn_event_source *s, int stream, const void *bytes, size_t n,
                          const struct csn_control *control) {
  const char *at = bytes;
  for (size_t done = 0; done < n && !s->is_stopped;) {
    size_t part = n - done < 2 * PIECE ? n - done : 2 * PIECE;
    int rc = put_piece(s, stream, at + done, part, control);
    if (rc) return rc;
    done += part;
  }
  return 0;
}

void csn_events_put_progress(struct csn_event_source *s, int permille, const char *note, size_t n) {
  struct csn_event *e = new_event(CAISSON_EVENT_PROGRESS, note, n);
  if (!e) return;
  e->permille = permille;
  pthread_mutex_lock(&s->events->mutex);
  int may = has_room(s, n);
  if (may) {
    s->held += HEAD + n;
    append(s, e);
  }
  pthread_mutex_unlock(&s->events->mutex);
  if (!may) free_event(e);
}

void csn_events_put_done(struct csn_event_source *s) {
  pthread_mutex_lock(&s->events->mutex);
  s->is_over = 1;
  csn_buffer_free(&s->input);
  append(s, &s->done);
  pthread_mutex_unlock(&s->events->mutex);
}

/* ---- collecting ------------------------------------------------------------------------------ */

static struct csn_event *take_first(struct csn_event_source *s) {
  struct csn_event *e = s->first;
  s->first = e->next;
  if (!s->first) s->last = NULL;
  e->is_queued = 0;
  if (!is_lasting(s, e)) s->held -= HEAD + e->bytes.size;
  /* Half of the room at a time: else a command that has filled it would be woken for each piece. */
  if (s->waits && s->held <= CSN_EVENTS_ROOM / 2) {
    s->waits = 0;
    csn_wake_set(&s->room);
  }
  return e;
}

static struct csn_event_source *take_ready(struct csn_events *events) {
  struct csn_event_source *s = events->first;
  if (!s) return NULL;
  events->first = s->next;
  if (!events->first) events->last = NULL;
  return s;
}

const struct csn_event *csn_events_collect(struct csn_events *events,
                                           struct csn_event_source **source) {
  struct csn_event *e = NULL;
  pthread_mutex_lock(&events->mutex);
  struct csn_event *before = events->handed_out;
  struct csn_event_source *s = take_ready(events);
  if (s) {
    e = take_first(s);
    if (s->first) make_ready(s);
    if (!events->first) csn_wake_clear(&events->wake);
  }
  events->handed_out = e && !is_lasting(s, e) ? e : NULL;
  pthread_mutex_unlock(&events->mutex);
  free_event(before);
  *source = s;
  return e;
}

/* ---- input ----------------------------------------------------------------------------------- */

/* Once at first, then once for each feed: when half of the buffer is free. */
static void tell_input(struct csn_event_source *s) {
  if (s->is_told || s->input_ended || s->input.size > CSN_EVENTS_ROOM / 2) return;
  s->is_told = 1;
  if (!s->told_input.is_queued) append(s, &s->told_input);
}

static void set_fed(struct csn_event_source *s, int fed) {
  if (s->is_fed == fed) return;
  s->is_fed = fed;
  if (fed)
    csn_wake_set(&s->fed);
  else
    csn_wake_clear(&s->fed);
}

int64_t csn_events_take_input(void *source, void *buffer, uint64_t capacity) {
  struct csn_event_source *s = source;
  pthread_mutex_lock(&s->events->mutex);
  size_t n = s->input.size < capacity ? s->input.size : (size_t)capacity;
  int64_t rc = n ? (int64_t)n : s->input_ended ? CAISSON_INPUT_END : CAISSON_INPUT_AGAIN;
  if (n) {
    memcpy(buffer, s->input.data, n);
    csn_buffer_consume(&s->input, n);
  }
  s->is_hungry = rc == CAISSON_INPUT_AGAIN;
  if (s->is_hungry) set_fed(s, 0);
  tell_input(s);
  pthread_mutex_unlock(&s->events->mutex);
  return rc;
}

int64_t csn_events_feed(struct csn_event_source *s, const void *bytes, uint64_t n) {
  int64_t rc = 0;
  pthread_mutex_lock(&s->events->mutex);
  size_t room = CSN_EVENTS_ROOM - s->input.size;
  size_t part = n < room ? (size_t)n : room;
  if (s->input_ended) {
    rc = CAISSON_E_STATE;
  } else if (n == 0) {
    s->input_ended = 1;
  } else if (!s->is_over) {
    s->is_told = 0;
    if (part > 0) rc = csn_buffer_add(&s->input, bytes, part);
    if (rc == 0) rc = (int64_t)part;
  }
  if (s->is_hungry && (rc > 0 || s->input_ended)) set_fed(s, 1);
  pthread_mutex_unlock(&s->events->mutex);
  return rc;
}
