/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What process 1 and the serves of one sandbox say to each other. FROZEN: a serve of a newer
 * version talks to the process 1 that an older version started, so nothing here may change its
 * place or its meaning. Members may be appended and kinds added; a receiver reads what it knows,
 * takes what is missing for 0, and ignores kinds that it does not know. Anything else needs a
 * socket name of its own.
 *
 * An abstract SOCK_SEQPACKET socket, one message per packet, in the machine's byte order.
 */
#ifndef CSN_GUEST_HUB_MESSAGE_H
#define CSN_GUEST_HUB_MESSAGE_H

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
  CSN_HUB_PURGE = 6   /* kill all but the serves; every serve is told PURGED */
};

struct csn_hub_request {
  uint8_t version;
  uint8_t kind;
  uint16_t zero;
  uint32_t number;    /* comes back in the answer */
  int32_t pid;        /* KILL */
  uint32_t flags;     /* KILL: CSN_HUB_FREEZE */
};

/* freeze everything from the start: it was tried before and was not enough */
#define CSN_HUB_FREEZE 1u

/* From process 1. */
enum csn_hub_answer_kind { CSN_HUB_STATUS = 1, CSN_HUB_KILLED = 2, CSN_HUB_PURGED = 3 };

struct csn_hub_answer {
  uint8_t version;
  uint8_t kind;
  uint16_t text_size;
  uint32_t number;              /* the request's; 0 in a PURGED that was not asked for */
  uint32_t busy_others;         /* STATUS */
  uint32_t channels_others;     /* STATUS */
  uint64_t age_ms, idle_ms;     /* STATUS */
  uint32_t found;               /* KILLED: how many live descendants there were */
  uint32_t zero;
  char text[CSN_HUB_TEXT_MAX];  /* STATUS: the key; KILLED: the first found; PURGED: the reason */
};

/* A busy serve speaks at least so often; one that is silent for CSN_HUB_DEAD_MS is taken for
 * dead. */
#define CSN_HUB_BEAT_MS 2000
#define CSN_HUB_DEAD_MS 30000

#endif
