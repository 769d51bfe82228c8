/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What process 1 and the serves of one sandbox (and their operations) say to each other. FROZEN:
 * a serve of a newer version talks to the process 1 that an older version started, so nothing
 * here may change its place or its meaning. Members may be appended and kinds added; a receiver
 * reads what it knows, takes what is missing for 0, and ignores kinds that it does not know.
 * Anything else needs a socket name of its own.
 *
 * An abstract SOCK_SEQPACKET socket, one message per packet, in the machine's byte order.
 */
#ifndef CSN_GUEST_HUB_MESSAGE_H
#define CSN_GUEST_HUB_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Without the NUL that makes it abstract. Process 1 listens; peers that are not ours are
 * dropped. */
#define CSN_HUB_NAME "caisson/init/1"
#define CSN_HUB_VERSION 1
#define CSN_HUB_TEXT_MAX 256

/* From a serve. */
enum csn_hub_request_kind {
  CSN_HUB_STAT = 1,   /* answered by STATUS */
  CSN_HUB_BUSY = 2,   /* a call is in flight; again every CSN_HUB_BEAT_MS while it is */
  CSN_HUB_IDLE = 3,   /* none is */
  CSN_HUB_BYE = 4,    /* the connection will close and that is no accident */
  CSN_HUB_KILL = 5,   /* kill the descendants of `pid`, which is the asking serve or a child of it;
                         answered by KILLED */
  CSN_HUB_PURGE = 6,  /* kill all but the serves; every serve is told PURGED */
  CSN_HUB_ATTACH = 7, /* with a descriptor: the far end of it is an operation's, which may ask what
                         follows and nothing else, and whose end is no alarm */
  /* with three descriptors, a request's bytes, what its command reads as stdin, its script: start
     it as a background job; answered by JOB, number 0 if that was refused. The job is killed if
     the asking end closes before JOB_COMMIT came on it. */
  CSN_HUB_JOB_START = 8,
  CSN_HUB_JOB_LOOK = 9,    /* answered by JOB about job `pid`, or with NEXT the first from there on;
                              number 0: there is none */
  CSN_HUB_JOB_KILL = 10,   /* kill all of job `pid`; LOOK tells when that is done */
  CSN_HUB_JOB_SEEN = 11,   /* so much of job `pid`'s output has been shown, once JOB_COMMIT comes */
  CSN_HUB_JOB_COMMIT = 12, /* the operation that asked on this connection has ended well, and its
                              call with it: from its serve, which holds this end too */
  /* with descriptors as JOB_START: start it as the sandbox's service, unless there is one; answered
     by SERVICE, which says what there is then */
  CSN_HUB_SERVICE_START = 13,
  CSN_HUB_SERVICE_LOOK = 14,   /* answered by SERVICE; with LOG the ring comes with it */
  CSN_HUB_SERVICE_READY = 15,  /* run `pid` has answered its probe */
  CSN_HUB_TAKE = 16,       /* the session's key, for a process 1 that was started without one; only
                              of the first serve, and once; answered by STATUS */
  CSN_HUB_RETIRE = 17,     /* end the sandbox if nothing runs in it and no call has for `timeout_ms`;
                              answered by STATUS if it goes on */
  /* with a descriptor: keep it for the life of the sandbox, unless one is kept; answered by KEPT */
  CSN_HUB_KEEP = 18,
  CSN_HUB_RECALL = 19      /* answered by KEPT, with what is kept as a descriptor */
};

#define CSN_HUB_COMMAND_MAX 160

struct csn_hub_request {
  uint8_t version;
  uint8_t kind;
  uint16_t zero;
  uint32_t number;    /* comes back in the answer */
  int32_t pid;        /* KILL; a job's number in JOB_* */
  uint32_t flags;     /* KILL: CSN_HUB_FREEZE; JOB_LOOK: CSN_HUB_NEXT; SERVICE_*: the others */
  uint64_t out, err;  /* JOB_SEEN: offsets */
  uint64_t timeout_ms, output_max;      /* JOB_START: of this job; 0: none. SERVICE_START:
                                           output_max is the ring's size. RETIRE:
                                           timeout_ms */
  uint32_t running_max, kept_max;       /* JOB_START: jobs that run, and that ended and are kept */
  char command[CSN_HUB_COMMAND_MAX];    /* JOB_START: what to call it; NUL-terminated */
  uint16_t key_size;                    /* TAKE */
  char key[CSN_HUB_TEXT_MAX];
};

/* freeze everything from the start: it was tried before and was not enough */
#define CSN_HUB_FREEZE 1u
#define CSN_HUB_NEXT 2u
#define CSN_HUB_AGAIN 4u     /* SERVICE_START: also one that has ended */
#define CSN_HUB_RESTART 8u   /* SERVICE_START: whenever a run of it fails */
#define CSN_HUB_LOG 16u      /* SERVICE_LOOK */

enum csn_hub_job_state {
  CSN_HUB_JOB_STARTING = 1,
  CSN_HUB_JOB_RUNNING = 2,   /* something of it is alive */
  CSN_HUB_JOB_ENDED = 3,     /* nothing is, but for `survivors` */
  CSN_HUB_JOB_FAILED = 4     /* it could not be started; told once, then forgotten */
};
enum csn_hub_job_outcome {
  CSN_HUB_JOB_EXITED = 1,
  CSN_HUB_JOB_KILLED = 2,    /* because that was asked for */
  CSN_HUB_JOB_DEADLINE = 3,
  CSN_HUB_JOB_OOM = 4,
  CSN_HUB_JOB_LOST = 5       /* its keeper was killed, or everything was */
};

struct csn_hub_job {
  uint32_t number;              /* from 1 on, never reused; its files are in jobs/job-NUMBER */
  uint8_t state, outcome;       /* outcome: ENDED */
  uint8_t how;                  /* CSN_HOW_*: how its command ended, NOT_STARTED while it runs */
  uint8_t stage;                /* FAILED: enum csn_launch_stage, 0: its folder */
  int32_t status;               /* the exit code or the signal; FAILED: errno */
  uint32_t survivors;           /* ENDED by a kill: processes that could not be killed */
  uint64_t started_ms;          /* since 1970 */
  uint64_t duration_ms;         /* until now, or until it ended */
  uint64_t out_bytes, err_bytes;   /* ENDED: in its files */
  uint64_t dropped;             /* ENDED: bytes that are kept nowhere: beyond output_max, or from
                                   write_error on */
  uint64_t out_seen, err_seen;  /* as JOB_SEEN said last */
  uint64_t timeout_ms, output_max;
  char command[CSN_HUB_COMMAND_MAX];
  int32_t write_error;          /* errno of the write to its files that failed; 0: none did */
  int32_t pid;                  /* of its command, once it runs */
};

enum csn_hub_service_state {
  CSN_HUB_SERVICE_NONE = 0,
  CSN_HUB_SERVICE_STARTING = 1,
  CSN_HUB_SERVICE_RUNNING = 2,   /* something of it is alive */
  CSN_HUB_SERVICE_WAITING = 3,   /* its last run failed, the next one will come */
  CSN_HUB_SERVICE_ENDED = 4
};

struct csn_hub_service {
  uint8_t state;
  uint8_t is_ready;     /* this run has answered its probe */
  uint8_t is_new;       /* START: it was started just now, because of that */
  uint8_t zero;
  uint32_t restarts;
  uint64_t log_bytes;   /* that it ever printed */
};

/* From process 1. */
enum csn_hub_answer_kind {
  CSN_HUB_STATUS = 1,
  CSN_HUB_KILLED = 2,
  CSN_HUB_PURGED = 3,
  CSN_HUB_JOB = 4,
  CSN_HUB_SERVICE = 5,
  CSN_HUB_KEPT = 6
};

struct csn_hub_answer {
  uint8_t version;
  uint8_t kind;
  uint16_t text_size;
  uint32_t number;              /* the request's; 0 in a PURGED that was not asked for */
  uint32_t busy_others;         /* STATUS: serves with a call in flight, and running jobs */
  uint32_t channels_others;     /* STATUS */
  uint64_t age_ms, idle_ms;     /* STATUS */
  uint32_t found;               /* KILLED: how many live descendants there were; KEPT: whether
                                   something is kept, and after KEEP whether it is that */
  uint32_t zero;
  /* STATUS: the key; KILLED: the first found; PURGED: the reason; JOB: why it was refused or lost,
     or its survivors; SERVICE: the same of its last run */
  char text[CSN_HUB_TEXT_MAX];
  struct csn_hub_job job;       /* JOB; SERVICE: its last run, number 0 if there is none */
  struct csn_hub_service service;   /* SERVICE */
};

/* A busy serve speaks at least so often; one that is silent for CSN_HUB_DEAD_MS is taken for
 * dead. */
#define CSN_HUB_BEAT_MS 2000
#define CSN_HUB_DEAD_MS 30000

#define CSN_HUB_FDS_MAX 3   /* descriptors that come with a request */

/* Send bytes as one message, however often a signal comes in between. */
bool csn_hub_put(int socket, const void *bytes, size_t size, int flags);
/* Send a request with `count` descriptors, at least one. */
bool csn_hub_send(int socket, const struct csn_hub_request *request, const int *fds, size_t count,
                  int flags);
/* An answer with one descriptor, without waiting. */
bool csn_hub_send_answer(int socket, const struct csn_hub_answer *answer, int fd);
/* The next answer, within `wait_ms`, and the descriptor that came with it, or -1. */
bool csn_hub_receive_answer(int socket, int wait_ms, struct csn_hub_answer *answer, int *fd);

#endif
