/* SPDX-License-Identifier: Apache-2.0 */
/* A host with one thread and an event loop: calls are started on a queue of caisson.async/1 and
 * what happens to them is collected when epoll says so. */
#ifndef SUPPORT_LOOP_H
#define SUPPORT_LOOP_H

#include "support/host.h"

struct loop {
  struct box *box;
  const caisson_async *async;
  uint64_t queue;
  int fd;
  int epoll;
  int wakes, spurious; /* how often epoll said so; of these, for nothing */
  int running;         /* calls whose DONE was not collected */
};

/* One call of it. What the test puts in is above the line. */
struct started {
  struct call *call; /* its args, session, deadline...; freed by loop_free_call() */
  uint32_t flags;    /* CAISSON_START_* */
  size_t keep;       /* bytes of stdout to collect, at most */
  void (*on_event)(struct loop *loop, struct started *s, const caisson_event *event);
  void *user;
  /* -------- */
  struct loop *loop;
  int events, outputs, progresses, inputs, dones;
  int out_of_order; /* events behind DONE */
  size_t out_seen, err_seen;
};

struct loop *loop_open(struct box *box);
void loop_close(struct loop *loop); /* and its queue, if loop->queue is not 0 */

/* A shell call that wants its output. */
struct started *loop_shell(struct loop *loop, const char *session, const char *command);
struct started *loop_call(struct loop *loop, struct call *call);
int32_t loop_start(struct started *s);
void loop_free_call(struct started *s); /* closes it too */

/* Collects what is there, once epoll says that something is, or until that many ms are over. How
 * many events there were. */
int loop_turn(struct loop *loop, int ms);
/* Turns until no call runs any more, or the time (with patience) is over. */
bool loop_run(struct loop *loop, int ms);
/* Turns until that call has ended, its stdout holds `text`, or the time is over. */
bool loop_until_output(struct started *s, const char *text, int ms);

#endif
