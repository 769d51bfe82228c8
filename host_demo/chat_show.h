/* SPDX-License-Identifier: Apache-2.0 */
/* chat_show.h: what tools do while they run, for people: on stderr, faint, and only on a
 * terminal or where it was asked for. Several tools may print at once. */
#ifndef HOST_CHAT_SHOW_H
#define HOST_CHAT_SHOW_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct csn_chat_show {
  pthread_mutex_t mutex;
  bool wanted, verbose;
  bool line_open;
  const void *speaker; /* whose output came last */
};

/* One tool's. */
struct csn_chat_voice {
  struct csn_chat_show *show;
  const char *name;
  char rest[4]; /* the beginning of a character */
  size_t rest_size;
};

void csn_show_open(struct csn_chat_show *show, bool verbose);

/* Which tool is called with what; "the tool NAME {...}". */
void csn_show_call(struct csn_chat_voice *voice, const char *arguments);

void csn_show_output(struct csn_chat_voice *voice, const char *bytes, size_t n);

void csn_show_progress(struct csn_chat_voice *voice, int32_t permille, const char *note, size_t n);

/* All of them have ended: what comes next starts a line. */
void csn_show_end(struct csn_chat_show *show);

/* The model is being waited for. */
void csn_show_waiting(const char *model);

/* A piece of its answer, on stdout. */
void csn_show_answer(const char *text);

#endif
