/* SPDX-License-Identifier: Apache-2.0 */
/* A .dockerignore file: which paths of a build context are left out, by Docker's own rules
 * (docs.docker.com/build/concepts/context/#dockerignore-files): Go's filepath.Match with `**`, `!`
 * for exceptions, the last rule that matches a path or one of its folders wins. Pure. */
#ifndef CSN_ENGINE_IGNORE_RULES_H
#define CSN_ENGINE_IGNORE_RULES_H

#include <stddef.h>

#include "util/error.h"

#define CSN_IGNORE_RULES_MAX 4096
#define CSN_IGNORE_PATTERN_MAX 4096 /* bytes of one */

struct csn_ignore_rules;

/* The text of the file, n bytes. 0, CAISSON_E_NOMEM, or CAISSON_E_CONFIG for a pattern that is
 * none, by its line. */
int csn_ignore_rules_parse(const char *text, size_t n, struct csn_ignore_rules **out,
                           struct csn_error *err);
void csn_ignore_rules_free(struct csn_ignore_rules *rules);

/* Is this path left out? Relative, clean, without a slash at either end. NULL leaves out
 * nothing. */
int csn_ignore_rules_match(const struct csn_ignore_rules *rules, const char *path);
/* May something below a folder that is left out be taken in again? */
int csn_ignore_rules_have_exceptions(const struct csn_ignore_rules *rules);

#endif
