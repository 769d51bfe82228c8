/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Feeding a command's stdin: see feed.h.
 */
#include "guest/feed.h"

#include "wire/protocol.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define GRANT_STEP (CSN_STDIN_GRANT / 4)

void csn_feed_begin(struct csn_feed *feed, int fd) {
  *feed = (struct csn_feed){.fd = fd, .allowed = CSN_STDIN_GRANT};
}

void csn_feed_close(struct csn_feed *feed) {
  if (feed->fd >= 0) close(feed->fd);
  feed->fd = -1;
  free(feed->ring);
  feed->ring = NULL;
  feed->size = 0;
}

void csn_feed_break(struct csn_feed *feed) {
  feed->broken = true;
  csn_feed_close(feed);
}

/* Write to the pipe. Returns how much it took; 0 when it is full or broken. */
static size_t write_some(struct csn_feed *feed, const uint8_t *bytes, size_t size) {
  ssize_t wrote = write(feed->fd, bytes, size);
  if (wrote >= 0) {
    feed->taken += (uint64_t)wrote;
    return (size_t)wrote;
  }
  if (errno != EAGAIN && errno != EINTR) csn_feed_break(feed);
  return 0;
}

static int keep(struct csn_feed *feed, const uint8_t *bytes, size_t size) {
  if (feed->ring == NULL) feed->ring = malloc(CSN_STDIN_GRANT);
  if (feed->ring == NULL) return -1;
  while (size > 0) {
    size_t end = (feed->start + feed->size) % CSN_STDIN_GRANT;
    size_t piece = CSN_STDIN_GRANT - end;
    if (piece > size) piece = size;
    memcpy(feed->ring + end, bytes, piece);
    feed->size += piece;
    bytes += piece;
    size -= piece;
  }
  return 0;
}

int csn_feed_add(struct csn_feed *feed, const uint8_t *bytes, size_t size) {
  if (feed->broken) return 0;
  if (feed->fd < 0 || feed->ended || size > feed->allowed) return -1;
  feed->allowed -= size;
  size_t wrote = feed->size == 0 ? write_some(feed, bytes, size) : 0;
  if (feed->broken || wrote == size) return 0;
  return keep(feed, bytes + wrote, size - wrote);
}

void csn_feed_end(struct csn_feed *feed) {
  feed->ended = true;
  if (feed->size == 0) csn_feed_close(feed);
}

void csn_feed_push(struct csn_feed *feed) {
  while (feed->fd >= 0 && feed->size > 0) {
    size_t piece = CSN_STDIN_GRANT - feed->start;
    if (piece > feed->size) piece = feed->size;
    size_t wrote = write_some(feed, feed->ring + feed->start, piece);
    if (wrote == 0) return;
    feed->start = (feed->start + wrote) % CSN_STDIN_GRANT;
    feed->size -= wrote;
  }
  if (feed->ended) csn_feed_close(feed);
}

uint64_t csn_feed_grant(struct csn_feed *feed) {
  uint64_t grant = feed->taken;
  if (feed->fd < 0 || feed->ended || grant < GRANT_STEP) return 0;
  feed->taken = 0;
  feed->allowed += grant;
  return grant;
}
