/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the parts of `grep` share: the whole search (grep.c), one file (grep_file.c) and the lines
 * that it shows of it (grep_show.c).
 */
#ifndef CSN_GUEST_FILES_GREP_H
#define CSN_GUEST_FILES_GREP_H

#include "guest/files/newest.h"
#include "guest/files/pattern.h"
#include "guest/files/search.h"
#include "guest/files/shown.h"

#include <sys/stat.h>

enum csn_grep_mode { CSN_GREP_FILES, CSN_GREP_CONTENT, CSN_GREP_COUNT };

struct csn_grep {
  struct csn_op *op;
  struct csn_shown shown;
  struct csn_search *search;
  enum csn_grep_mode mode;
  uint64_t before, after, limit;
  bool is_multiline;

  /* The file that is being searched: whole lines of it, as many as fit. */
  const char *path;             /* as it is shown */
  struct csn_buffer text;
  uint64_t matches;             /* lines, of this file */

  /* Of this file's lines, offsets in the text. */
  size_t shown_end;             /* behind the last line that was shown or passed over for good */
  size_t counted;               /* the line that begins here has the number line_number */
  uint64_t line_number;
  uint64_t after_left;          /* lines of context still to come */
  bool has_shown;               /* something of this file */

  struct csn_buffer line;       /* what is shown next */
  bool is_done;                 /* the limit is reached */
  bool is_out_of_memory;
  int64_t ends_at;              /* by csn_walk_clock */
  bool is_late;

  /* Of all files. */
  struct csn_newest newest;     /* with matches; mode files only */
  uint64_t files_matched, lines_matched, files_searched;
  uint64_t listed;              /* entries in the answer */
  uint64_t binary, unreadable, too_large, endless;
  char first_endless[CSN_PATH_SIZE];
};

/* What became of a file. */
enum csn_grep_end { CSN_GREP_SEARCHED, CSN_GREP_BINARY, CSN_GREP_UNREADABLE };

/* Search an open file; leaves g->matches. In mode files the first match is enough. */
enum csn_grep_end csn_grep_file(struct csn_grep *g, int fd, const char *path);

/* Mode content. One match whose lines lie in the text: it and the context before it. */
void csn_grep_show(struct csn_grep *g, const struct csn_search_match *match);
/* The context that is still due before `end`. */
void csn_grep_show_after(struct csn_grep *g, size_t end);
/* The text's first `n` bytes will go away: what is counted in it moves. */
void csn_grep_forget(struct csn_grep *g, size_t n);
/* How many bytes before `end` may still be shown as context. */
size_t csn_grep_keep(const struct csn_grep *g, size_t end);

#endif
