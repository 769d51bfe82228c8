/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Remembering what was handed over: see job_given.h. An operation is a process of its own.
 */
#include "guest/job_given.h"

#include <string.h>

static const struct csn_job_given *mine;

void csn_job_give(const struct csn_job_given *given) { mine = given; }

const struct csn_job_given *csn_job_given(void) { return mine; }

bool csn_job_is_about(const struct csn_wire_run *run) {
  return run->operation != NULL &&
         strncmp(run->operation, CSN_JOB_OPERATION, sizeof CSN_JOB_OPERATION - 1) == 0;
}
