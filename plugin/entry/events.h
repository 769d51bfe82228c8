/* SPDX-License-Identifier: Apache-2.0 */
/* What has happened and a host has not collected yet. A queue is one descriptor; a source in it is
 * one call, whose thread puts events in and waits where there is no room. Of calls, results and the
 * ABI's structs it knows nothing; async.c does. plugin/entry/README.md has the why. */
#ifndef CSN_ENTRY_EVENTS_H
#define CSN_ENTRY_EVENTS_H

#include <pthread.h>

#include "util/buffer.h"
#include "util/control.h"
#include "util/wake.h"

/* Of one source: output that nobody collected, and input that nobody took. */
#define CSN_EVENTS_ROOM ((size_t)256 << 10)

struct csn_event {
  struct csn_event *next;
  uint32_t kind;   /* CAISSON_EVENT_* */
  uint32_t stream;
  int32_t permille;
  int is_queued;
  struct csn_buffer bytes;
};

struct csn_events {
  pthread_mutex_t mutex; /* guards it and all of its sources */
  struct csn_wake wake;  /* set exactly while a source is ready */
  struct csn_event_source *first, *last; /* those that have events, in turn */
  struct csn_event *handed_out;          /* its bytes are being read */
};

struct csn_event_source {
  struct csn_events *events;
  struct csn_event_source *next;   /* among the ready */
  struct csn_event *first, *last;  /* not collected */
  struct csn_event told_input, done; /* can always be put in: they take no memory */
  size_t held;                     /* bytes and heads of what was not collected */
  int waits;                       /* for room */
  int is_stopped;                  /* something was dropped: so is what follows */
  struct csn_wake room;            /* set once there is some again */
  struct csn_buffer input;
  int is_told;      /* that input is taken, since the last feed */
  int input_ended;
  int is_hungry;    /* found nothing: `fed` is to be set */
  int is_fed;       /* it is set */
  int is_over;      /* DONE is in */
  struct csn_wake fed;
};

int csn_events_init(struct csn_events *events, struct csn_error *err);
void csn_events_free(struct csn_events *events);

/* For output, or input, or both it needs descriptors of its own: 0 or CAISSON_E_LIMIT. */
int csn_event_source_init(struct csn_event_source *s, struct csn_events *events, int output,
                          int input, struct csn_error *err);
/* When its queue has no more use for it, also where nothing was collected. */
void csn_event_source_empty(struct csn_event_source *s);
void csn_event_source_free(struct csn_event_source *s); /* when its call has ended too */

/* ---- the call's thread ----------------------------------------------------------------------- */

/* Waits for room until the control says stop; what has none then is dropped, and all that comes
 * later. 0 or CAISSON_E_NOMEM. */
int csn_events_put_output(struct csn_event_source *s, int stream, const void *bytes, size_t n,
                          const struct csn_control *control);
/* Dropped where there is no room or memory. */
void csn_events_put_progress(struct csn_event_source *s, int permille, const char *note, size_t n);
/* The last one. */
void csn_events_put_done(struct csn_event_source *s);
/* As caisson_request.input, with the source as ctx. Where it answers CAISSON_INPUT_AGAIN, s->fed
 * becomes readable once there is something. */
int64_t csn_events_take_input(void *source, void *buffer, uint64_t capacity);

/* ---- the host's ------------------------------------------------------------------------------ */

/* The next event and whose it is, or NULL. Its bytes stay until the next one, or csn_events_free();
 * done and told_input stay as long as their source. */
const struct csn_event *csn_events_collect(struct csn_events *events,
                                           struct csn_event_source **source);
/* How many were taken, CAISSON_E_STATE (the end was given before) or CAISSON_E_NOMEM. */
int64_t csn_events_feed(struct csn_event_source *s, const void *bytes, uint64_t n);

#endif
