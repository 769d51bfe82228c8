/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Process 1's end of the talk with the serves of its sandbox: who is connected, who is busy, and
 * what they ask for. It knows the messages (hub_message.h) and the sweeps, not how long anything
 * may last.
 */
#ifndef CSN_GUEST_HUB_H
#define CSN_GUEST_HUB_H

#include "guest/job_table.h"
#include "guest/service.h"

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define CSN_HUB_PEERS_MAX 64

struct csn_hub_peer {
  int fd;
  pid_t pid;           /* 0: not known before it speaks */
  bool busy;
  bool is_operation;   /* attached by a serve: it may ask about jobs, and its end is no alarm */
  pid_t speaker;       /* of an operation: its own, once it spoke; `pid` is its serve's */
  uint64_t heard;   /* when it last spoke */
  int stuck;        /* ticks for which it was seen in uninterruptible sleep */
};

struct csn_hub {
  int listener;
  bool has_subreapers;   /* the runtime knows them (gVisor does not) */
  pid_t first;      /* the serve that is our own child; the others come from outside */
  const char *key;
  /* Started ahead, for a session that is not known yet: */
  bool is_pooled;   /* nobody has it yet, so it ends with its first channel and does not age */
  bool takes_key;   /* TAKE was not heard yet */
  bool is_retired;  /* RETIRE was heard, and nothing stood against it */
  char taken_key[CSN_HUB_TEXT_MAX + 1];
  uint64_t born;
  uint64_t active;  /* when a call was last known to run */
  struct csn_hub_peer peers[CSN_HUB_PEERS_MAX];
  size_t count;
  struct csn_job_table jobs;
  struct csn_service service;   /* its running makes nobody busy: it may run for ever */
  uint32_t jobs_ran;   /* when we last looked */
  bool has_kept;       /* KEEP was heard, and */
  int kept;            /* brought this */
  void (*before_kill)(void);                /* checks that we still are ourselves */
  void (*reaped)(pid_t pid, int status);
};

/* Bind and listen. 0, or -1 with errno. */
int csn_hub_open(struct csn_hub *hub);

/* Fill in the descriptors to wait for; at most CSN_HUB_POLL_MAX. */
#define CSN_HUB_POLL_MAX (1 + CSN_HUB_PEERS_MAX + CSN_JOBS_RUNNING_MAX + 1)
size_t csn_hub_poll(const struct csn_hub *hub, struct pollfd *fds);

/* Deal with what poll found in the same array. */
void csn_hub_handle(struct csn_hub *hub, const struct pollfd *fds, size_t count);

/* Once a tick: continue serves that somebody may have stopped, give up busy ones that stay
 * silent. */
void csn_hub_tick(struct csn_hub *hub, uint64_t now);

/* We did not run ourselves for a while (the container was paused): count all silence from now
 * on. */
void csn_hub_excuse(struct csn_hub *hub, uint64_t now);

/* Whether a serve of this pid is connected. */
bool csn_hub_knows(const struct csn_hub *hub, pid_t pid);

/* A call is in flight, or a job runs. */
bool csn_hub_is_busy(const struct csn_hub *hub);

/* Once a turn: a job's end is a sign of life; the service is looked after. When the keeper of
 * either was killed, so is everything, since nobody knows what was the job's. */
void csn_hub_check_jobs(struct csn_hub *hub);

/* Kill all that runs but the serves, jobs too, and tell them why. */
void csn_hub_purge(struct csn_hub *hub, const char *why);

#endif
