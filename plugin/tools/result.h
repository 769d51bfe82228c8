/* SPDX-License-Identifier: Apache-2.0 */
/* Makes CallToolResults: what a model reads, what a program reads, and the numbers beside them, for
 * each way in which a call can end (the table in caisson.h). */
#ifndef CSN_TOOLS_RESULT_H
#define CSN_TOOLS_RESULT_H

#include "tools/tool.h"
#include "util/capture.h"

struct csn_command_output {
  struct csn_capture out, err;
};

/* A command that was started. `flags` are those of csn_session_run. 0 or CAISSON_E_NOMEM. */
int csn_result_from_run(const struct csn_tool_call *call, const struct csn_run *run,
                        const struct csn_run_result *ended, uint32_t flags,
                        const struct csn_command_output *output, struct csn_tool_result *result,
                        struct csn_error *err);

/* A call that ran and whose result cannot be had, as *failure says: CAISSON_OUTCOME_LOST. Cannot
 * fail: result->json is NULL where there is no memory for one. */
void csn_result_from_loss(const struct csn_tool_call *call, const struct csn_error *failure,
                          struct csn_tool_result *result);

/* A call that was stopped before it started anything: code is CAISSON_E_CANCELLED or
 * CAISSON_E_DEADLINE and becomes an outcome; the status of the call is then CAISSON_OK. */
int csn_result_from_stop(int code, struct csn_tool_result *result, struct csn_error *err);

/* A call that failed with a status: *failure says why. What concerns the host alone (its options,
 * its configuration) is not in a model's document; with for_host it is.
 * 0 or CAISSON_E_NOMEM: then use csn_result_no_memory. */
int csn_result_from_error(const struct csn_error *failure, int for_host,
                          struct csn_tool_result *result);

/* An operation that did what it was asked. Takes `structured`, also when it fails. */
int csn_result_from_document(const char *text, cJSON *structured, struct csn_tool_result *result,
                             struct csn_error *err);

/* The pieces: a CallToolResult round a text and a document, both valid UTF-8 (takes `structured`,
 * also when it fails), and the member "error" of a document. 0 or CAISSON_E_NOMEM. */
int csn_result_wrap(const char *text, cJSON *structured, int is_error, cJSON **out);
int csn_result_add_error(cJSON *structured, const char *reason, const char *message,
                         const char *hint);

/* Whole documents for when there is no memory to make one: of a call that did nothing, and of one
 * that did something, CAISSON_OUTCOME_LOST. */
extern const char csn_result_no_memory[];
extern const char csn_result_lost_no_memory[];

#endif
