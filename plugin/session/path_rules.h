/* SPDX-License-Identifier: Apache-2.0 */
/* Which paths may be mounted, and where: rules on texts. Pure: what is behind a path on this
 * machine is host_dir.c's matter. */
#ifndef CSN_SESSION_PATH_RULES_H
#define CSN_SESSION_PATH_RULES_H

/* Absolute, without ".", "..", doubled slashes, control characters, or a slash at its end. */
int csn_path_is_plain(const char *path);
/* Equal to the directory or below it; both are plain. */
int csn_path_is_within(const char *path, const char *directory);

/* The first of a NULL-ended list that the path equals, lies under, or has under it; NULL: none. "/"
 * only if it is the path itself. */
const char *csn_path_find_forbidden(const char *path, const char *const *list);
/* The directories of a host that no sandbox ever sees, wherever an engine keeps its own. */
extern const char *const csn_path_forbidden[];

/* What is wrong with a place in a sandbox as a mount's target ("must ..."); NULL: nothing. */
const char *csn_path_target_problem(const char *target);
/* What is wrong with one below the workspace, such as "uploads/raw"; NULL: nothing. */
const char *csn_path_below_problem(const char *path);

#endif
