/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The private file that a call's script is run from: made, filled piece by piece, removed.
 */
#ifndef CSN_GUEST_SCRIPT_H
#define CSN_GUEST_SCRIPT_H

#include <stddef.h>
#include <stdint.h>

struct csn_script {
  int fd;           /* while it is being filled, else -1 */
  uint64_t left;    /* bytes still to come */
  char dir[64];     /* "" when there is none */
  char path[160];
};

/* Make a directory of its own under /tmp/.caisson and the empty file `name` in it. 0, or -1 and
 * errno, with nothing left behind. */
int csn_script_open(struct csn_script *script, const char *name, uint64_t size);

/* Append a piece, at most `left` bytes. The file is closed with the last. 0, or -1 and errno. */
int csn_script_add(struct csn_script *script, const uint8_t *bytes, size_t size);

/* Remove file and directory; a directory in which the command left something else stays. */
void csn_script_remove(struct csn_script *script);

#endif
