/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A process between a command and its serve, for when the serve cannot be the command's subreaper
 * itself since something of an earlier call still lives under it: the one that everything the
 * command starts ends up under, whatever it does to get away. Its waitpid saying "no children" is
 * the proof that nothing of the command is left.
 *
 * It talks to its serve over a SOCK_SEQPACKET pair, in struct csn_report. When the serve closes
 * its end, the call is over and the supervisor becomes the caretaker of what still runs: it
 * reads and drops what that prints, so that it does not die of SIGPIPE, and ends with the last
 * of it.
 */
#ifndef CSN_GUEST_SUPERVISOR_H
#define CSN_GUEST_SUPERVISOR_H

#include "guest/launch.h"

#include <stdint.h>

/* Supervisor to serve. */
enum csn_report_kind {
  CSN_REPORT_FAILED = 1,   /* the command did not start; the supervisor ends */
  CSN_REPORT_ENDED = 2,    /* the command has ended; if nothing is left, so does the supervisor */
  CSN_REPORT_EMPTY = 3     /* nothing is left; the supervisor ends */
};

struct csn_report {
  uint32_t kind;
  /* ENDED: live descendants; CSN_LEFT_UNCOUNTED during a kill */
  uint32_t left;
  int32_t status;                      /* ENDED: as waitpid gives it */
  struct csn_launch_failure failure;   /* FAILED */
};

#define CSN_LEFT_UNCOUNTED UINT32_MAX

/* Serve to supervisor, one byte: a kill is under way; count nothing, just reap. */
#define CSN_NOTE_KILL 'K'

struct csn_supervisor {
  struct csn_launch launch;
  int control;          /* its end of the pair */
  int in;               /* the command's stdin */
  /* both ends of the command's stdout and stderr; it keeps the write ends open, so that no
   * end-of-file wakes the serve before the command is over */
  int out[2], err[2];
  int oom_score;        /* to set for the command, 0 for none */
};

/* The supervisor, in the child of a fork. All signals are blocked. All descriptors above
 * CSN_SPAWN_LOW are taken over from the serve and closed; those in `supervisor` must be above
 * it. */
_Noreturn void csn_supervisor_main(const struct csn_supervisor *supervisor);

#endif
