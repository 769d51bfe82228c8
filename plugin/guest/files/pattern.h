/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Glob patterns: *, ?, [class], ** and {braces}. Pure; knows texts, no files. `*`, `?` and classes
 * never match a slash; `**` as a whole component matches any number of components; a backslash
 * takes the meaning of what follows it. A character is a UTF-8 one, or a byte where it is broken.
 */
#ifndef CSN_GUEST_FILES_PATTERN_H
#define CSN_GUEST_FILES_PATTERN_H

#include <stdbool.h>
#include <stddef.h>

#define CSN_GLOBS_MAX 512u   /* patterns that braces may expand to */

/* One pattern without braces against one text. */
bool csn_glob_match(const char *pattern, const char *text);
/* Whether something in the pattern is more than itself; braces count too. */
bool csn_glob_is_special(const char *pattern, size_t n);

struct csn_glob {
  char *pattern;
  bool by_name;           /* it has no slash: it is held against the last component */
  const char *suffix;     /* not NULL: the pattern is * and this */
  size_t suffix_size;
};

struct csn_globs {
  struct csn_glob *items;
  size_t count;
};

/* Expand and compile. `anchored`: patterns without a slash match in the root only. 0; or -1 with
 * `why`, a sentence for whoever wrote the pattern. */
int csn_globs_parse(const char *pattern, bool anchored, struct csn_globs *out, char why[128]);
/* `path` is relative to the root, `name` its last component. */
bool csn_globs_match(const struct csn_globs *globs, const char *path, const char *name);
/* How deep a match can lie at most, 1 being the root itself; 0: anywhere. */
size_t csn_globs_depth(const struct csn_globs *globs);
void csn_globs_free(struct csn_globs *globs);

#endif
