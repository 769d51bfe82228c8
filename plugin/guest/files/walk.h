/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A walk through a directory tree. It follows no link below its root, opens nothing but
 * directories, and holds one descriptor for each level. What vanishes meanwhile is passed over;
 * what cannot be read is counted.
 */
#ifndef CSN_GUEST_FILES_WALK_H
#define CSN_GUEST_FILES_WALK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CSN_WALK_DEPTH_MAX 200u   /* levels; what lies deeper is counted, not visited */

struct csn_walk_entry {
  int dir;                /* the directory that holds it, open */
  const char *name;
  const char *path;       /* absolute; as given for the root, not resolved */
  unsigned char type;     /* DT_*, never DT_UNKNOWN */
  size_t depth;           /* 1: in the root itself */
};

enum csn_walk_order {
  CSN_WALK_AS_FOUND,
  CSN_WALK_BY_NAME,
  CSN_WALK_DIRECTORIES_FIRST,   /* and then by name */
};

struct csn_walk {
  enum csn_walk_order order;
  bool skips_vcs;         /* .git, .hg, .svn, .jj */
  bool honours_ignore;    /* .gitignore, there and above */
  const char *ceiling;    /* the directory above which no .gitignore is looked for */
  size_t depth_max;       /* 0: CSN_WALK_DEPTH_MAX */
  int64_t ends_at;        /* by csn_walk_clock; 0: it takes what it takes */
  int (*visit)(void *ctx, const struct csn_walk_entry *entry);   /* negative: end the walk */
  void *ctx;

  /* What came of it. */
  uint64_t unreadable;    /* directories */
  uint64_t too_deep;      /* likewise */
  bool is_late;           /* the time was over before the end */
};

/* Milliseconds of a clock that only goes on. */
int64_t csn_walk_clock(void);
/* A directory comes before what is in it. 0; or an errno if the root cannot be opened. */
int csn_walk_run(struct csn_walk *walk, const char *root);

#endif
