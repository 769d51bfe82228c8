/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What .gitignore files leave out, by git's rules: the innermost file that says something counts,
 * and in it the last line that matches. Whoever walks does not enter what is left out, so nothing
 * here looks at the directories above a path.
 */
#ifndef CSN_GUEST_FILES_IGNORE_H
#define CSN_GUEST_FILES_IGNORE_H

#include <stdbool.h>
#include <stddef.h>

#define CSN_IGNORE_NAME ".gitignore"
#define CSN_IGNORE_SIZE_MAX (256u << 10)   /* bytes of one file; a larger one is not honoured */

struct csn_ignore;

/* The rules in `text`, for the directory whose absolute path has `directory` bytes; `outer` is the
 * next directory's above, or NULL, and stays the caller's. NULL: no memory, or no rules. */
struct csn_ignore *csn_ignore_parse(const char *text, size_t n, size_t directory,
                                    const struct csn_ignore *outer);
/* The same of the .gitignore in an open directory; NULL also where there is none. */
struct csn_ignore *csn_ignore_read(int dir, size_t directory, const struct csn_ignore *outer);
/* Is the entry at this absolute path left out? */
bool csn_ignore_has(const struct csn_ignore *innermost, const char *path, bool is_directory);
void csn_ignore_free(struct csn_ignore *ignore);   /* not the outer ones */

#endif
