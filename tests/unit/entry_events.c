/* SPDX-License-Identifier: Apache-2.0 */
/* Events between threads that run calls and a host that collects: their order, their turns, what
 * waits when nobody collects, and a descriptor that is readable exactly while there are some. */
#include <stdlib.h>
#include <stdatomic.h>
#include <string.h>

#include "entry/events.h"
#include "support/process.h"
#include "tap.h"
#include "util/alloc.h"

static struct csn_events events;

static void open_events(void) {
  if (csn_events_init(&events, NULL)) BAIL_OUT("no queue");
}

static void open_source(struct csn_event_source *s) {
  if (csn_event_source_init(s, &events, 1, 1, NULL)) BAIL_OUT("no source");
}

static int is_readable(int fd, int ms) {
  struct pollfd p = {.fd = fd, .events = POLLIN};
  return poll(&p, 1, ms) == 1;
}

static const struct csn_control forever = CSN_CONTROL_NONE;

static void put(struct csn_event_source *s, int stream, const char *text) {
  if (csn_events_put_output(s, stream, text, strlen(text), &forever)) BAIL_OUT("put");
}

/* The next one as "KIND:TEXT" with the source's index, or "none". */
static const char *next(const struct csn_event_source *sources) {
  static const char kinds[] = "?OPID";
  static char text[64];
  struct csn_event_source *s;
  const struct csn_event *e = csn_events_collect(&events, &s);
  if (!e) return "none";
  snprintf(text, sizeof text, "%d%c%u:%s", (int)(s - sources), kinds[e->kind], e->stream,
           csn_buffer_text(&e->bytes));
  return text;
}

/* ---- one thread ------------------------------------------------------------------------------ */

static void test_order(void) {
  struct csn_event_source s[2];
  open_events();
  open_source(&s[0]);
  open_source(&s[1]);
  ok(!is_readable(events.wake.fd, 0), "nothing yet");
  is_str(next(s), "none", "to collect");
  put(&s[0], 1, "a");
  ok(is_readable(events.wake.fd, 0), "an event makes it readable");
  put(&s[0], 1, "b");
  put(&s[0], 2, "c");
  csn_events_put_progress(&s[0], 500, "half", 4);
  put(&s[0], 1, "d");
  csn_events_put_done(&s[0]);
  put(&s[1], 1, "x");
  csn_events_put_done(&s[1]);
  is_str(next(s), "0O1:ab", "pieces of one stream come together");
  is_str(next(s), "1O1:x", "two calls come in turn");
  is_str(next(s), "0O2:c", "a call's events in order");
  is_str(next(s), "1D0:", "one call's end is not behind another's output");
  is_str(next(s), "0P0:half", "progress");
  is_str(next(s), "0O1:d", "output again");
  ok(is_readable(events.wake.fd, 0), "readable up to the last");
  is_str(next(s), "0D0:", "which is DONE");
  ok(!is_readable(events.wake.fd, 0), "and not behind it");
  is_str(next(s), "none", "where there is nothing");
  put(&s[0], 1, "never collected");
  csn_event_source_empty(&s[0]);
  csn_event_source_free(&s[0]);
  csn_event_source_free(&s[1]);
  csn_events_free(&events);
}

static void test_bound(void) {
  static char large[1 << 20];
  struct csn_event_source s;
  struct csn_control stopped = {.deadline = 0, .wake_fd = -1};
  open_events();
  open_source(&s);
  is_int(csn_events_put_output(&s, 1, large, sizeof large, &stopped), 0,
         "what has no room when the call is to stop");
  ok(s.held <= CSN_EVENTS_ROOM && s.held > CSN_EVENTS_ROOM / 2, "is dropped (%zu lie there)", s.held);
  size_t lay = s.held;
  csn_events_put_progress(&s, 1, large, CSN_EVENTS_ROOM);
  is_int(s.held, lay, "so is progress");
  size_t got = 0;
  struct csn_event_source *from;
  for (const struct csn_event *e; (e = csn_events_collect(&events, &from));) got += e->bytes.size;
  ok(got <= CSN_EVENTS_ROOM && got > CSN_EVENTS_ROOM / 2, "the rest is there (%zu)", got);
  put(&s, 1, "later");
  is_str(next(&s), "none", "with no gap in it: what comes later is dropped too");
  csn_event_source_free(&s);

  open_source(&s);
  size_t tiny = 0;
  while (!s.is_stopped && tiny < sizeof large) {
    csn_events_put_output(&s, tiny % 2 ? 1 : 2, "x", 1, &stopped);
    tiny++;
  }
  ok(tiny * sizeof(struct csn_event) < 2 * CSN_EVENTS_ROOM, "tiny pieces count with their heads (%zu)",
     tiny);
  csn_event_source_free(&s);
  csn_events_free(&events);
}

static void test_no_memory(void) {
  struct csn_event_source s;
  open_events();
  open_source(&s);
  csn_alloc_fail_after(1);
  is_int(csn_events_put_output(&s, 1, "x", 1, &forever), CAISSON_E_NOMEM, "no memory for output");
  csn_alloc_fail_after(1);
  csn_events_put_progress(&s, 1, "x", 1);
  csn_alloc_fail_after(1);
  is_int(csn_events_feed(&s, "x", 1), CAISSON_E_NOMEM, "or for input");
  csn_alloc_fail_after(0);
  csn_events_put_done(&s);
  is_str(next(&s), "0D0:", "DONE needs none");
  csn_event_source_free(&s);
  csn_events_free(&events);
}

static void test_input(void) {
  static char buffer[CSN_EVENTS_ROOM], large[CSN_EVENTS_ROOM + 10];
  struct csn_event_source s;
  open_events();
  open_source(&s);
  is_int(csn_events_take_input(&s, buffer, 10), CAISSON_INPUT_AGAIN, "nothing yet");
  is_str(next(&s), "0I0:", "the host is told");
  is_int(csn_events_take_input(&s, buffer, 10), CAISSON_INPUT_AGAIN, "still nothing");
  is_str(next(&s), "none", "it was told");
  ok(!is_readable(s.fed.fd, 0), "nothing to wake for");
  is_int(csn_events_feed(&s, "abc", 3), 3, "a piece");
  ok(is_readable(s.fed.fd, 0), "wakes the call");
  is_int(csn_events_take_input(&s, buffer, 2), 2, "which takes it");
  is_str(next(&s), "0I0:", "and there is room again");
  is_int(csn_events_take_input(&s, buffer, 2), 1, "to its end");
  ok(buffer[0] == 'c', "in order");
  is_int(csn_events_take_input(&s, buffer, 2), CAISSON_INPUT_AGAIN, "then there is nothing");
  ok(!is_readable(s.fed.fd, 0), "and nothing to wake for");
  is_str(next(&s), "none", "one INPUT for one feed");

  is_int(csn_events_feed(&s, large, sizeof large), CSN_EVENTS_ROOM, "as much as there is room for");
  is_int(csn_events_feed(&s, large, 1), 0, "and no more");
  is_int(csn_events_take_input(&s, buffer, 100), 100, "some is taken");
  is_str(next(&s), "none", "too little to call the host for");
  is_int(csn_events_take_input(&s, buffer, CSN_EVENTS_ROOM / 2), CSN_EVENTS_ROOM / 2, "half of it");
  is_str(next(&s), "0I0:", "is enough");
  is_int(csn_events_feed(&s, NULL, 0), 0, "the end");
  is_int(csn_events_feed(&s, NULL, 0), CAISSON_E_STATE, "comes once");
  is_int(csn_events_feed(&s, "x", 1), CAISSON_E_STATE, "and nothing behind it");
  is_int(csn_events_take_input(&s, buffer, sizeof buffer), CSN_EVENTS_ROOM / 2 - 100, "the rest");
  is_int(csn_events_take_input(&s, buffer, sizeof buffer), CAISSON_INPUT_END, "and the end");
  csn_event_source_free(&s);

  open_source(&s);
  csn_events_put_done(&s);
  is_int(csn_events_feed(&s, "x", 1), 0, "a call that has ended takes nothing");
  is_str(next(&s), "0D0:", "and says so");
  csn_event_source_free(&s);
  csn_events_free(&events);
}

/* ---- several --------------------------------------------------------------------------------- */

struct producer {
  struct csn_event_source source;
  pthread_t thread;
  struct csn_wake cancel;
  size_t size, piece;
  atomic_int is_over;
  /* The consumer's: */
  size_t got, wrong, ended;
};

static char byte_at(size_t n) {
  return (char)(n * 31 + n / 251);
}

static void *produce(void *arg) {
  struct producer *p = arg;
  struct csn_control control = {CSN_NEVER, p->cancel.fd, NULL, NULL};
  char piece[70000];
  for (size_t at = 0; at < p->size;) {
    size_t n = p->size - at < p->piece ? p->size - at : p->piece;
    for (size_t i = 0; i < n; i++) piece[i] = byte_at(at + i);
    csn_events_put_output(&p->source, 1, piece, n, &control);
    at += n;
  }
  atomic_store(&p->is_over, 1);
  csn_events_put_done(&p->source);
  return NULL;
}

static void launch(struct producer *p, size_t size, size_t piece) {
  memset(p, 0, sizeof *p);
  open_source(&p->source);
  p->size = size;
  p->piece = piece;
  if (csn_wake_open(&p->cancel) || pthread_create(&p->thread, NULL, produce, p))
    BAIL_OUT("no thread");
}

static void end(struct producer *p) {
  pthread_join(p->thread, NULL);
  csn_wake_close(&p->cancel);
  csn_event_source_free(&p->source);
}

/* All there is; how many of them. */
static int consume(void) {
  int n = 0;
  struct csn_event_source *s;
  for (const struct csn_event *e; (e = csn_events_collect(&events, &s)); n++) {
    struct producer *p = (struct producer *)s;
    p->wrong += p->ended;
    if (e->kind == CAISSON_EVENT_DONE) p->ended++;
    for (size_t i = 0; i < e->bytes.size; i++) p->wrong += e->bytes.data[i] != byte_at(p->got + i);
    p->got += e->bytes.size;
  }
  return n;
}

#define PRODUCERS 8

/* A wake-up that is lost would leave the consumer waiting for its whole patience. */
static void test_many(void) {
  static struct producer p[PRODUCERS];
  static const size_t pieces[PRODUCERS] = {1, 3, 100, 1000, 4096, 33000, 65536, 70000};
  int open = PRODUCERS, idle = 0, late = 0;
  open_events();
  for (int i = 0; i < PRODUCERS; i++) launch(&p[i], 20000 + 40 * pieces[i], pieces[i]);
  while (open > 0 && !late) {
    late = !is_readable(events.wake.fd, 60000);
    idle += consume() == 0;
    open = PRODUCERS;
    for (int i = 0; i < PRODUCERS; i++) open -= (int)p[i].ended;
  }
  is_int(late, 0, "no wake-up is lost");
  is_int(idle, 0, "and none is for nothing");
  for (int i = 0; i < PRODUCERS; i++) {
    end(&p[i]);
    ok(p[i].got == p[i].size && p[i].wrong == 0 && p[i].ended == 1,
       "pieces of %zu: whole, in order, and then the end (%zu)", pieces[i], p[i].got);
  }
  csn_events_free(&events);
}

static int is_waiting(struct csn_event_source *s) {
  pthread_mutex_lock(&events.mutex);
  int waits = s->waits;
  pthread_mutex_unlock(&events.mutex);
  return waits;
}

static void await_waiting(struct csn_event_source *s) {
  for (int i = 0; i < 20000 && !is_waiting(s); i++) poll(NULL, 0, 1);
}

static void test_wait_and_cancel(void) {
  struct producer p;
  open_events();
  launch(&p, 10000000, 10000);
  await_waiting(&p.source);
  ok(is_waiting(&p.source) && !p.is_over, "a producer waits for its host");
  csn_wake_set(&p.cancel);
  pthread_join(p.thread, NULL);
  ok(p.is_over, "until it is cancelled");
  consume();
  ok(p.ended == 1 && p.wrong == 0 && p.got <= CSN_EVENTS_ROOM, "with what had room (%zu)", p.got);
  csn_wake_close(&p.cancel);
  csn_event_source_free(&p.source);

  launch(&p, 1000000, 10000);
  await_waiting(&p.source);
  while (!p.ended) {
    if (!is_readable(events.wake.fd, 60000)) BAIL_OUT("a lost wake-up");
    consume();
  }
  ok(p.got == p.size && p.wrong == 0, "or until there is room again, for all of it");
  end(&p);
  csn_events_free(&events);
}

/* A call that takes input while its host feeds it. */
struct eater {
  struct csn_event_source source;
  size_t got, wrong;
};

static void *eat(void *arg) {
  struct eater *e = arg;
  char piece[65536];
  for (;;) {
    int64_t n = csn_events_take_input(&e->source, piece, sizeof piece);
    if (n == CAISSON_INPUT_END) break;
    if (n == CAISSON_INPUT_AGAIN && !is_readable(e->source.fed.fd, 60000)) break;
    for (int64_t i = 0; i < n; i++) e->wrong += piece[i] != byte_at(e->got + (size_t)i);
    if (n > 0) e->got += (size_t)n;
  }
  csn_events_put_done(&e->source);
  return NULL;
}

static size_t feed_once(struct eater *e, size_t at, size_t piece, size_t size) {
  static char buffer[300000];
  size_t n = size - at < piece ? size - at : piece;
  for (size_t i = 0; i < n; i++) buffer[i] = byte_at(at + i);
  int64_t taken = csn_events_feed(&e->source, buffer, n);
  return taken > 0 ? (size_t)taken : 0;
}

static void test_feeding(size_t piece, size_t size) {
  struct eater e = {.got = 0};
  struct csn_event_source *from;
  pthread_t thread;
  size_t at = 0;
  int lost = 0, ended = 0;
  open_events();
  open_source(&e.source);
  if (pthread_create(&thread, NULL, eat, &e)) BAIL_OUT("no thread");
  while (!ended && !lost) {
    lost = !is_readable(events.wake.fd, 60000);
    for (const struct csn_event *v; (v = csn_events_collect(&events, &from));) {
      ended = v->kind == CAISSON_EVENT_DONE;
      if (ended) break;
      at += feed_once(&e, at, piece, size);
      if (at == size) csn_events_feed(&e.source, NULL, 0);
    }
  }
  pthread_join(thread, NULL);
  is_int(lost, 0, "a feed of %zu for each INPUT: none is lost", piece);
  ok(e.got == size && e.wrong == 0, "and all arrives in order (%zu)", e.got);
  csn_event_source_free(&e.source);
  csn_events_free(&events);
}

int main(void) {
  int fds = process_fds();
  test_order();
  test_bound();
  test_no_memory();
  test_input();
  test_many();
  test_wait_and_cancel();
  test_feeding(1, 3000);
  test_feeding(70000, 3000000);
  test_feeding(300000, 10000000);
  is_int(process_fds(), fds, "no descriptor is left");
  return done_testing();
}
