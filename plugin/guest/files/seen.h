/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What state of a file this session last saw: so that nothing is written over a change that the
 * model does not know of. Kept under /tmp/.caisson/seen, for the sandbox's lifetime. It is a
 * courtesy, no guard: where it cannot be kept, or where code inside meddles with it, everything
 * else works as if the file had never been read.
 */
#ifndef CSN_GUEST_FILES_SEEN_H
#define CSN_GUEST_FILES_SEEN_H

#include <stdbool.h>
#include <sys/stat.h>

/* For tests: another directory in place of /tmp/.caisson. */
extern const char *csn_seen_home;

/* `path`: absolute, without symbolic links. */
void csn_seen_note(const char *path, const struct stat *st);
/* It was seen in this session, and it is not now what it was then. */
bool csn_seen_is_stale(const char *path, const struct stat *st);

#endif
