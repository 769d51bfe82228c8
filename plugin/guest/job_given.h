/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a serve hands to an operation on background jobs besides its operands: a socket to
 * process 1, and the request that it belongs to, whose PROGRAM and the like `job_start` runs.
 */
#ifndef CSN_GUEST_JOB_GIVEN_H
#define CSN_GUEST_JOB_GIVEN_H

#include "guest/request.h"

#include <stdbool.h>

/* All operations on jobs are called so, those on the service, which is one, and those on what
 * process 1 keeps. */
#define CSN_JOB_OPERATION "job_"
#define CSN_SERVICE_OPERATION "service_"
#define CSN_KEPT_OPERATION "kept_"
#define CSN_JOB_START_OPERATION "job_start"
#define CSN_JOB_KILL_OPERATION "job_kill"
#define CSN_JOB_LIST_OPERATION "job_list"
#define CSN_SERVICE_START_OPERATION "service_start"
#define CSN_SERVICE_STATUS_OPERATION "service_status"
#define CSN_SERVICE_LOG_OPERATION "service_log"

/* In such an operation, the socket to process 1 (hub_message.h); its serve holds it too. */
#define CSN_JOB_HUB 3

struct csn_job_given {
  const struct csn_request *request;
  const char *script;   /* path, "" for none */
};

/* For the operation that the calling process is about to become. NULL: none was handed over. */
void csn_job_give(const struct csn_job_given *given);
const struct csn_job_given *csn_job_given(void);

/* Whether a request is one about jobs, or about something else that process 1 is asked. */
bool csn_job_is_about(const struct csn_wire_run *run);
/* Whether it runs a program besides. */
bool csn_job_starts_program(const char *operation);
/* Whether it only looks, and so is no sign of life. */
bool csn_job_only_looks(const char *operation);

#endif
