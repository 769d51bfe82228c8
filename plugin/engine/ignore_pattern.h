/* SPDX-License-Identifier: Apache-2.0 */
/* One pattern of a .dockerignore file. Pure; the time it takes is at most its length times that of
 * the path, whatever either holds. */
#ifndef CSN_ENGINE_IGNORE_PATTERN_H
#define CSN_ENGINE_IGNORE_PATTERN_H

#include <stddef.h>

struct csn_ignore_pattern;

/* 0, -1 where it is none (a class without an end, a backslash at the end), or CAISSON_E_NOMEM. */
int csn_ignore_pattern_compile(const char *text, struct csn_ignore_pattern **out);
void csn_ignore_pattern_free(struct csn_ignore_pattern *pattern);
/* Does it match the first n bytes of the path, all of them? `scratch` has room for two sets of n +
 * 1 bytes. */
int csn_ignore_pattern_match(const struct csn_ignore_pattern *pattern, const char *path, size_t n,
                             unsigned char *scratch);

#endif
