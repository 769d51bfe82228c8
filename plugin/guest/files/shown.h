/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a search shows: text within the call's limit of characters, paths in a form that a model can
 * use again, times and sizes.
 */
#ifndef CSN_GUEST_FILES_SHOWN_H
#define CSN_GUEST_FILES_SHOWN_H

#include "guest/files/op.h"

#include <time.h>

#define CSN_SHOWN_TIME_SIZE 24

struct csn_shown {
  struct csn_op *op;
  uint64_t left;      /* characters */
  bool is_full;       /* something found no room; nothing more is shown */
};

/* When a search stops by itself, by csn_walk_clock: before the host would end it, which shows
 * nothing of what was found. The operand time_ms says otherwise than 20 seconds. */
int64_t csn_shown_ends_at(const struct csn_op *op);
void csn_shown_note_late(struct csn_shown *shown);
/* Keeps some room for the notes at the end. */
void csn_shown_begin(struct csn_shown *shown, struct csn_op *op);
/* All of it or, with is_full, nothing. Returns whether it was shown. */
bool csn_shown_put(struct csn_shown *shown, const void *bytes, size_t n);
/* A line in brackets at the end; these always have room. */
void csn_shown_note(struct csn_shown *shown, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Whether the report has room for one more entry. */
bool csn_shown_has_report_room(const struct csn_shown *shown);

/* A path as it is shown: relative to the session's directory if it lies in it. */
const char *csn_shown_relative(const struct csn_op *op, const char *path);
/* Adds a name with its control characters written as \n, \t or \x1b, so that it keeps to its line.
 */
void csn_shown_add_name(struct csn_buffer *line, const char *name);
/* "2026-01-31T12:00:00Z" */
void csn_shown_time(time_t time, char out[CSN_SHOWN_TIME_SIZE]);

#endif
