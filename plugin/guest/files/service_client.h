/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How an operation asks process 1 about the sandbox's service, and what it says of it in its report.
 */
#ifndef CSN_GUEST_FILES_SERVICE_CLIENT_H
#define CSN_GUEST_FILES_SERVICE_CLIENT_H

#include "guest/files/op.h"
#include "guest/hub_message.h"
#include "guest/ring.h"

struct csn_service_client {
  uint32_t number;                /* of the last request */
  struct csn_hub_answer answer;   /* the last one; its text is NUL-terminated */
  struct csn_ring log;            /* once one came with an answer */
};

/* Send a request (version and number are filled in), with descriptors or without, and wait for its
 * SERVICE. 0, or -1 after csn_op_fail. */
int csn_service_ask(struct csn_op *op, struct csn_service_client *client,
                    struct csn_hub_request request, const int *fds, size_t fd_count);

/* LOOK, with the log if it is not there yet. */
int csn_service_ask_state(struct csn_op *op, struct csn_service_client *client);

/* Tell without waiting for anything that this run is ready. */
void csn_service_tell_ready(uint32_t run);

/* "none", "starting", "running", "restarting", "exited" or "failed" */
const char *csn_service_state(const struct csn_hub_answer *answer);

/* Why the last run is none any more, or could not be one: "exit code 1"; "" while it runs. */
void csn_service_put_end(const struct csn_hub_answer *answer, char *text, size_t size);

/* The report's members. */
void csn_service_report(struct csn_answer *report, const struct csn_hub_answer *answer);

/* Refuse, with how it stands and what it printed last. `what` begins the sentence. Returns -1. */
int csn_service_refuse(struct csn_op *op, const struct csn_service_client *client,
                       const char *reason, const char *what);

#define CSN_OP_SERVICE_FAILED "service.failed"
#define CSN_OP_SERVICE_NOT_READY "service.not_ready"
#define CSN_OP_SERVICE_NONE "service.none"

#endif
