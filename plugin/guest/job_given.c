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
  static const char *const prefixes[] = {CSN_JOB_OPERATION, CSN_SERVICE_OPERATION,
                                         CSN_KEPT_OPERATION};
  for (size_t i = 0; run->operation != NULL && i < sizeof prefixes / sizeof *prefixes; i++) {
    if (strncmp(run->operation, prefixes[i], strlen(prefixes[i])) == 0) return true;
  }
  return false;
}

bool csn_job_starts_program(const char *operation) {
  return strcmp(operation, CSN_JOB_START_OPERATION) == 0 ||
         strcmp(operation, CSN_SERVICE_START_OPERATION) == 0;
}

bool csn_job_only_looks(const char *operation) {
  return strcmp(operation, CSN_JOB_LIST_OPERATION) == 0 ||
         strcmp(operation, CSN_SERVICE_STATUS_OPERATION) == 0 ||
         strcmp(operation, CSN_SERVICE_LOG_OPERATION) == 0;
}
