/* SPDX-License-Identifier: Apache-2.0 */
/* Texts that are not to be shown, and streams in which each of them becomes "***", however the
 * bytes are cut into pieces. Every byte of every occurrence goes, also where they overlap; what is
 * gone without a byte between is one "***". What was masked is never longer than it was. */
#ifndef CSN_UTIL_MASK_H
#define CSN_UTIL_MASK_H

#include <stddef.h>
#include <stdint.h>

#include "util/error.h"

#define CSN_MASK_TEXT "***"
#define CSN_MASK_MIN 4      /* bytes: a shorter text is shown, else no output could be read */
#define CSN_MASK_LINE_MIN 8 /* of a text of several lines each line, without blanks round it */
#define CSN_MASK_MAX ((size_t)2 << 20) /* of all texts together */

/* Does not change once it is made, so threads can share it; NULL masks nothing. */
struct csn_mask;

/* Of NUL-terminated texts, without blanks round them; *out is NULL where there is nothing to mask.
 * A text of several lines also counts line by line, since programs show it so. 0, CAISSON_E_NOMEM,
 * or CAISSON_E_LIMIT. */
int csn_mask_new(const char *const *texts, size_t count, struct csn_mask **out,
                 struct csn_error *err);
/* One of the texts of both, which may be one of the two. Where they are too many, b's alone. */
int csn_mask_join(struct csn_mask *a, struct csn_mask *b, struct csn_mask **out,
                  struct csn_error *err);
struct csn_mask *csn_mask_hold(struct csn_mask *mask);
void csn_mask_drop(struct csn_mask *mask);

/* As csn_run.output: non-zero stops, and is what csn_mask_add() returns. */
typedef int csn_mask_sink_fn(void *ctx, const void *bytes, size_t n);

struct csn_mask_stream {
  const struct csn_mask *mask;
  csn_mask_sink_fn *sink;
  void *ctx;
  uint32_t state;             /* of the automaton: how much of a text the last bytes may be */
  struct csn_mask_byte *held; /* a ring of the bytes that are not settled yet */
  size_t first, count;
  uint32_t covered; /* so many bytes from the first held one on are not shown */
  int in_mask;      /* the last byte that was settled is not shown */
  char *out;        /* what is settled and not handed over yet */
  size_t out_size;
  int stopped;
};

/* All the memory that it needs is got here: nothing can fail while bytes come. */
int csn_mask_begin(struct csn_mask_stream *s, const struct csn_mask *mask, csn_mask_sink_fn *sink,
                   void *ctx, struct csn_error *err);
/* Hands on what can no longer be a part of such a text; fewer bytes than the longest has are held
 * back. */
int csn_mask_add(struct csn_mask_stream *s, const void *bytes, size_t n);
/* Hands on what was held back. The stream can be used anew. */
int csn_mask_end(struct csn_mask_stream *s);
void csn_mask_free(struct csn_mask_stream *s);

/* A whole text, where it stands. is_cut: it may end in the midst of such a text, whose beginning is
 * then masked too, if it is long enough. The stream was begun with no sink. */
void csn_mask_text(struct csn_mask_stream *s, char *text, int is_cut);

#endif
