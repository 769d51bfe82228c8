/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The few things that every part of the helper uses: the clock, and what holds for all its
 * processes.
 */
#ifndef CSN_GUEST_BASICS_H
#define CSN_GUEST_BASICS_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#define CSN_MS_IN_NS 1000000ull
/* While many processes die, they are reaped so often, and not one by one as they come. */
#define CSN_GUEST_REAP_NS 150000
#define CSN_GUEST_DIR "/tmp/.caisson"

static inline uint64_t csn_guest_now(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000000ull + (uint64_t)now.tv_nsec;
}

/* Non-dumpable, no new privileges, no core files, umask 022. For every process of ours. */
void csn_guest_harden(void);

/* Gives up the capabilities that an engine may have given to the sandbox's user (Podman does, those of
 * cap_add), so that nothing in a sandbox holds one. For what a sandbox itself runs. */
void csn_guest_drop_capabilities(void);

/* Block every signal, with all dispositions default: of what comes from inside only SIGKILL and
 * SIGSTOP have an effect (none at all on process 1), and nothing is inherited from the engine. */
void csn_guest_block_signals(void);

/* A descriptor that becomes readable when a child has died (not when it stops), or -1. */
int csn_guest_child_signals(void);

/* Let every signal through again, for a command. Safe between vfork and exec. */
void csn_guest_unblock_signals(void);

/* Make /tmp/.caisson (0700) unless it is there. */
void csn_guest_make_dir(void);

/* Give the memory of a static buffer that is not in use back to the kernel; it reads as zero
 * then. */
void csn_guest_release(void *bytes, size_t size);

/* Write all of it, however often that takes. 0, or -1 with errno. */
int csn_guest_write_all(int fd, const void *bytes, size_t size);

/* Close all descriptors from `first` on. */
void csn_guest_close_from(int first);

#endif
