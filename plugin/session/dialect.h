/* SPDX-License-Identifier: Apache-2.0 */
/* Where an engine takes a create body otherwise than Docker does. Nothing here goes by an
 * engine's name or version: what it refuses, in which words, is what tells. engine/README.md
 * has the list. */
#ifndef CSN_SESSION_DIALECT_H
#define CSN_SESSION_DIALECT_H

#include "session/seccomp.h"
#include "util/control.h"
#include "util/error.h"

/* What one engine was found to want. All zero at first; any thread. */
struct csn_dialect {
  /* It takes no profile but by the path of a file: these.. */
  _Atomic(char *) seccomp_paths[CSN_SECCOMP_COUNT];
  _Atomic int needs_nproc;      /* its own default for it is one that it may not set */
  _Atomic int tmpfs_by_flag;    /* it knows no uid= and gid= for a tmpfs, but "U": the user's */
};

struct csn_sessions;

/* A create or a start was refused. 1: it was for something that is now known, or mended, so trying
 * again makes sense; 0: it was not; negative: it was, but it could not be mended. `image` is one
 * that the engine has; `learned`, 0 at first, is this container's, for all its tries. */
int csn_dialect_learn(struct csn_sessions *all, unsigned *learned, const char *image,
                      const struct csn_control *control, struct csn_error *err);
/* The path of a profile; NULL: the engine takes its text. */
const char *csn_dialect_seccomp(const struct csn_sessions *all, enum csn_seccomp profile);
void csn_dialect_free(struct csn_dialect *dialect);

#endif
