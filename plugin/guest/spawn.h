/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Making a command's pipes and starting it: under the serve itself, or under a supervisor of its
 * own.
 */
#ifndef CSN_GUEST_SPAWN_H
#define CSN_GUEST_SPAWN_H

#include "guest/launch.h"

#include <stdbool.h>
#include <sys/types.h>

/* The serve's ends; all above CSN_SPAWN_LOW, those of pipes non-blocking. */
struct csn_spawned {
  pid_t pid;      /* the supervisor, or the command itself if there is none */
  int control;    /* to the supervisor; -1 if there is none */
  int in;         /* -1 when the command has no stdin */
  int out, err;
  int writes[2];  /* without supervisor: the write ends of out and err, kept open so that no
                     end-of-file wakes the serve before the command is over */
};

#define CSN_SPAWNED_NONE ((struct csn_spawned){0, -1, -1, -1, -1, {-1, -1}})

/* Descriptors up to this one must be taken in the calling process: the supervisor arranges its own
 * there. */
#define CSN_SPAWN_LOW 6
/* One of these, so that a supervisor passes it on: during an operation on background jobs its
 * socket to process 1, otherwise nothing of use. */
#define CSN_SPAWN_HUB 6

/* Start the command as a child of this process. 0, or -1 with *failure, and nothing left open. */
int csn_spawn_direct(const struct csn_launch *launch, bool with_stdin, int devnull,
                     struct csn_spawned *spawned, struct csn_launch_failure *failure);

/* Start a supervisor with this command. The supervisor reports whether the command could be
 * started. 0, or -1 with *failure, and nothing left open. */
int csn_spawn_supervised(const struct csn_launch *launch, bool with_stdin, int devnull,
                         int oom_score, struct csn_spawned *spawned,
                         struct csn_launch_failure *failure);

/* Carry out a small operation in this process: `spawned` is then what its streams hold and no
 * process. Returns its exit code; -1 if that cannot be done here, and nothing is left open. */
int csn_spawn_nothing(const struct csn_launch *launch, int devnull, struct csn_spawned *spawned);

/* Close what is open of it. */
void csn_spawned_close(struct csn_spawned *spawned);

#endif
