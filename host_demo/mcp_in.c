/* SPDX-License-Identifier: Apache-2.0 */
/* mcp_in.c: a buffer that grows to the longest line, and shrinks after it. */
#include "mcp_in.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "interrupt.h"
#include "ui.h"

#define ROOM_MIN ((size_t)64 * 1024)

/* Waits until there is something to read, which a signal may interrupt only here. */
static enum csn_in_got await_bytes(struct csn_in *in) {
  struct pollfd fds[] = {{.fd = in->fd, .events = POLLIN}, {.fd = in->ending, .events = POLLIN}};
  sigset_t blocked, before;
  int ready;
  csn_interrupt_signals(&blocked);
  do {
    (void)pthread_sigmask(SIG_BLOCK, &blocked, &before);
    ready = csn_interrupt_pressed() ? 0 : ppoll(fds, 2, NULL, &before);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
  } while (ready < 0 && errno == EINTR && !csn_interrupt_pressed());
  if (ready <= 0)
    return CSN_IN_INTERRUPTED;
  return fds[1].revents ? CSN_IN_END : CSN_IN_LINE;
}

/* Room behind what is there; what is there moves to the front first. */
static void make_room(struct csn_in *in) {
  size_t left = in->end - in->begin;
  if (in->begin > 0 && left > 0)
    memmove(in->bytes, in->bytes + in->begin, left);
  in->begin = 0;
  in->end = left;
  size_t wanted = left < ROOM_MIN / 2 ? ROOM_MIN : left * 2;
  if (in->room < left + ROOM_MIN / 2 || in->room > wanted * 2) {
    in->bytes = csn_must(realloc(in->bytes, wanted));
    in->room = wanted;
  }
}

/* Reads once. */
static enum csn_in_got fill(struct csn_in *in) {
  enum csn_in_got got = await_bytes(in);
  if (got != CSN_IN_LINE)
    return got;
  make_room(in);
  ssize_t n = read(in->fd, in->bytes + in->end, in->room - in->end);
  if (n < 0 && (errno == EINTR || errno == EAGAIN))
    return CSN_IN_LINE;
  if (n <= 0)
    in->ended = 1;
  else
    in->end += (size_t)n;
  return CSN_IN_LINE;
}

/* Hands out the bytes before `newline`, and steps over it. */
static void take(struct csn_in *in, const char *newline, const char **line, size_t *n) {
  *line = in->bytes + in->begin;
  *n = (size_t)(newline - *line);
  in->begin += *n + 1;
  if (in->begin > in->end)
    in->begin = in->end; /* the last one, without a newline */
  in->looked = 0;
}

static bool is_blank(const char *line, size_t n) {
  size_t i = 0;
  while (i < n && strchr(" \t\r", line[i]) && line[i])
    i++;
  return i == n;
}

/* A line out of what is there; false if more has to be read. */
static bool next_line(struct csn_in *in, const char **line, size_t *n) {
  while (in->end > in->begin) {
    size_t there = in->end - in->begin;
    const char *from = in->bytes + in->begin;
    const char *newline = memchr(from + in->looked, '\n', there - in->looked);
    if (!newline && !in->ended) {
      in->looked = there;
      if (in->skipping)
        in->begin = in->end = in->looked = 0;
      return false;
    }
    take(in, newline ? newline : from + there, line, n);
    bool skipped = in->skipping;
    in->skipping = 0;
    if (!skipped && !is_blank(*line, *n))
      return true;
  }
  return false;
}

/* More than a message may have, and no end of it in all that is there. */
static bool is_too_long(struct csn_in *in) {
  if (in->end - in->begin <= CSN_IN_MAX)
    return false;
  in->begin = in->end = in->looked = 0;
  in->skipping = 1;
  return true;
}

enum csn_in_got csn_in_read(struct csn_in *in, const char **line, size_t *n) {
  while (!next_line(in, line, n)) {
    if (in->ended)
      return CSN_IN_END;
    if (is_too_long(in))
      return CSN_IN_TOO_LONG;
    enum csn_in_got got = fill(in);
    if (got != CSN_IN_LINE)
      return got;
  }
  return *n > CSN_IN_MAX ? CSN_IN_TOO_LONG : CSN_IN_LINE;
}

void csn_in_free(struct csn_in *in) { free(in->bytes); }
