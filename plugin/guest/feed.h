/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The command's stdin: what the host sent and the command has not yet taken, and how much more the
 * host may send. Bounded by that grant, so that reading from the host never has to stop.
 */
#ifndef CSN_GUEST_FEED_H
#define CSN_GUEST_FEED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct csn_feed {
  int fd;             /* the pipe's write end, non-blocking; -1: none, or closed */
  uint8_t *ring;      /* CSN_STDIN_GRANT bytes, made when the pipe is first full */
  size_t start, size;
  uint64_t allowed;   /* bytes that the host may still send */
  uint64_t taken;     /* bytes that the command took and that were not granted anew yet */
  bool ended;         /* the host has sent the last */
  bool broken;        /* the command closed its end */
};

/* `fd` is taken over; -1 for a command without stdin. */
void csn_feed_begin(struct csn_feed *feed, int fd);

/* Take bytes from the host. 0, or -1 when it sent more than it may or memory is short. */
int csn_feed_add(struct csn_feed *feed, const uint8_t *bytes, size_t size);

/* No more will come. */
void csn_feed_end(struct csn_feed *feed);

/* Pass on what the pipe takes now. */
void csn_feed_push(struct csn_feed *feed);

/* The command closed its end: drop what is here and what still comes. */
void csn_feed_break(struct csn_feed *feed);

/* How many bytes to grant now, 0 for none. Grants come in large steps. */
uint64_t csn_feed_grant(struct csn_feed *feed);

void csn_feed_close(struct csn_feed *feed);

#endif
