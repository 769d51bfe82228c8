/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A serve: one channel to the host, one call at a time. This header holds the state that the parts
 * of a serve share; serve.c runs the loop, serve_host.c obeys the host's frames, call.c starts a
 * call and follows it, call_clear.c makes room for it, call_kill.c ends it by force, call_end.c
 * says how it ended.
 */
#ifndef CSN_GUEST_SERVE_H
#define CSN_GUEST_SERVE_H

#include "guest/feed.h"
#include "guest/job_given.h"
#include "guest/outbox.h"
#include "guest/registry.h"
#include "guest/request.h"
#include "guest/script.h"
#include "guest/spawn.h"
#include "guest/spill.h"
#include "guest/squeeze.h"
#include "wire/message.h"

enum csn_call_state {
  CSN_CALL_NONE,
  CSN_CALL_GATHERING,   /* RUN_PARTs are here, RUN is not */
  CSN_CALL_SCRIPT,      /* RUN is here, the script is not */
  CSN_CALL_CLEARING,    /* no process was to be had; process 1 makes room */
  CSN_CALL_RUNNING,
  CSN_CALL_KILLING,     /* its tree is being killed and reaped */
  CSN_CALL_PURGING,     /* process 1 was asked to kill everything; LOST follows */
  CSN_CALL_DRAINING     /* the command is over; what it printed last is on its way */
};

/* One kill, over all its rounds. */
struct csn_call_kill {
  uint64_t outcome;      /* CSN_OUTCOME_CANCELLED or _DEADLINE; 0: no kill */
  uint64_t started, next;   /* when it began, when to go on */
  uint64_t reap;         /* when to reap again; the dying need the CPU more than we do */
  uint64_t rounds;
  uint32_t awaited;      /* number of the request that process 1 has not answered; 0: none */
  uint32_t found;        /* live descendants at the start of the last round */
  char text[CSN_HUB_TEXT_MAX + 1];
};

/* What is dying when the command ends gets this long before it counts as still running. */
#define CSN_CALL_DYING_NS 1000000ull

struct csn_call {
  enum csn_call_state state;
  struct csn_request request;
  struct csn_script script;
  struct csn_spill spill;
  struct csn_feed feed;
  struct csn_spawned process;
  bool direct;                         /* the command is our own child, there is no supervisor */
  bool oom_score_raised;               /* when direct; else the supervisor does that */
  uint64_t started, ended, deadline;   /* deadline 0: none */
  uint64_t out_bytes, err_bytes;
  size_t out_left, err_left;           /* still to be drained */
  bool has_status;
  int status;                          /* as waitpid gives it */
  bool empty;                          /* nothing of it is alive */
  uint32_t still_running;
  bool stdin_refusal_told;
  bool is_look;                        /* it only looks at jobs: no sign of life */
  struct csn_job_given job;
  struct csn_call_kill kill;
  struct csn_wire_fault fault;         /* of the LOST to come */
};

struct csn_serve {
  struct csn_frame_reader reader;
  struct csn_outbox outbox;
  struct csn_registry registry;
  struct csn_call call;
  struct csn_squeeze squeeze;
  uint64_t now;              /* taken once each turn of the loop */
  uint64_t heard;            /* when the host last sent anything */
  uint64_t silence_ns;
  int devnull;
  int oom_fd, oom_score;
  uint64_t oom_seen;
  int signals;               /* signalfd for SIGCHLD */
  /* someone lives under us: the running call, or what earlier ones left */
  bool has_children;
  struct csn_spawned leftovers;   /* read ends of what a direct call left in the background */
  size_t moved;              /* bytes through our buffers since they were last given back */
  bool pong_due;
  uint8_t pong[8];
  bool report_due;
  uint32_t status_number;    /* of the STAT that process 1 has not answered; 0: none */
  bool host_gone;            /* it is not listened to any more */
  char refusal[CSN_FRAME_ERROR_MAX];   /* what it did wrong, said last; "" for nothing */
  bool leaving;              /* the channel ends with the call */
  int exit_code;
};

/* Serve the channel on stdin and stdout. Never returns; exits with CSN_SERVE_EXIT_*. */
_Noreturn void csn_serve_main(uint64_t silence_ms);

/* serve_host.c: read and obey what the host sent. */
void csn_serve_hear_host(struct csn_serve *serve);
/* serve_host.c: send what is due besides output: PONG, STDIN_WANT, STDIN_CLOSED. */
void csn_serve_send_due(struct csn_serve *serve);
/* serve_host.c: give back the memory that a large call touched. */
void csn_serve_release_input(struct csn_serve *serve);
/* The host is gone or broke the rules: kill what runs, then leave. */
void csn_serve_leave(struct csn_serve *serve);

/* call.c */
void csn_call_gather(struct csn_serve *serve, const uint8_t *bytes, size_t size, bool last);
void csn_call_add_script(struct csn_serve *serve, const uint8_t *bytes, size_t size);
void csn_call_hear_supervisor(struct csn_serve *serve);
void csn_serve_reap(struct csn_serve *serve);
void csn_call_weigh(struct csn_serve *serve);
void csn_call_empty(struct csn_serve *serve);
void csn_call_take_output(struct csn_serve *serve, bool out, bool err);
void csn_call_drain(struct csn_serve *serve);

/* call_kill.c */
void csn_call_kill(struct csn_serve *serve, uint64_t outcome);
void csn_call_killed(struct csn_serve *serve, const struct csn_hub_answer *answer);
void csn_call_kill_on(struct csn_serve *serve);
void csn_call_purge(struct csn_serve *serve, const char *reason, const char *text);
#define CSN_CALL_SQUEEZED_TEXT                                                                     \
  "a limit of the helper was changed from inside the sandbox, so everything that ran in it was "   \
  "killed"

/* call_clear.c: begin; process 1's answers; time is up. */
void csn_call_clear(struct csn_serve *serve);
void csn_call_clear_status(struct csn_serve *serve, const struct csn_hub_answer *status);
void csn_call_cleared(struct csn_serve *serve);
void csn_call_clear_late(struct csn_serve *serve);

/* call_end.c: each ends the call with its frame and leaves the serve as it was before. */
void csn_call_end_exit(struct csn_serve *serve);
void csn_call_end_error(struct csn_serve *serve, const char *reason, int number, const char *text);
void csn_call_end_lost(struct csn_serve *serve, const char *reason, const char *text);
void csn_call_reset(struct csn_call *call);
struct csn_wire_text csn_call_text(const char *string);

/* leftovers.c: read and drop what background processes print, while this serve lives and after. */
void csn_leftovers_discard(struct csn_spawned *leftovers);
void csn_leftovers_hand_over(struct csn_spawned *leftovers, int devnull);

#endif
