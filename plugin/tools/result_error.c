/* SPDX-License-Identifier: Apache-2.0 */
/* The results of calls that failed with a status: what a model is told about it, and what it had
 * better not be told. */
#include <string.h>

#include "tools/result.h"
#include "util/alloc.h"
#include "util/json.h"
#include "util/utf8.h"

/* The first line that fits: a reason, or else a code. */
static const struct advice {
  const char *reason; /* NULL: any */
  int code;           /* 0: any */
  const char *hint;
} advices[] = {
    {CAISSON_REASON_SESSION_MISSING, 0,
     "This session has no sandbox, and the host does not let this call make one; tell the user."},
    {CAISSON_REASON_SESSION_LIMIT, 0,
     "No sandbox is to be had at the moment; try again in a while, or tell the user."},
    {CAISSON_REASON_PORT_UNMAPPED, 0, "Use a port that the sandbox publishes."},
    {CAISSON_REASON_ATTESTATION, 0,
     "Nothing was run; tell the user that the sandbox was not safe to use."},
    {CAISSON_REASON_PROCESS_LIMIT, 0,
     "Try again, with fewer processes at once."},
    {CAISSON_REASON_DISK_FULL, 0, "Delete files that are not needed, then try again."},
    {CAISSON_REASON_EXEC_NOT_FOUND, 0, "Use a program that the sandbox has."},
    {NULL, CAISSON_E_ARGUMENTS, "Correct the arguments and call the tool again."},
    {NULL, CAISSON_E_NOT_FOUND, "Use one of the names that are offered."},
    {NULL, CAISSON_E_CONFIG,
     "No argument can change this; tell the user that the sandbox is not set up correctly."},
    {NULL, CAISSON_E_POLICY, "Do it another way, within what the sandbox allows."},
    {NULL, CAISSON_E_REFUSED, "Do not repeat the call as it is: ask the user."},
    {NULL, CAISSON_E_ENGINE,
     "No argument can change this; tell the user that the sandbox is not available at the moment."},
    {NULL, CAISSON_E_SANDBOX, "Nothing was done; trying it unchanged may not help."},
    {NULL, CAISSON_E_DRAINING, "The service is about to stop or restart; try again in a moment."},
    {NULL, CAISSON_E_NOMEM, "Try again in a moment."},
    {NULL, CAISSON_E_LIMIT, "Try again with less at a time."},
    {NULL, 0, "This is a defect of the sandbox, not of the call; tell the user."},
};

static const char *hint_for(const struct csn_error *failure) {
  const struct advice *a = advices;
  while ((a->reason && strcmp(a->reason, failure->reason) != 0) ||
         (a->code && a->code != failure->code))
    a++;
  return a->hint;
}

/* The host's options and configuration are between it and its operator: they name mounts, images
 * and people. The host has the words in its caisson_error. */
static const char *words_for_model(const struct csn_error *failure) {
  if (failure->code == CAISSON_E_CONFIG) return "the host's settings for this call are not valid";
  /* It says what the engine's machine looks like. */
  if (strcmp(failure->reason, CAISSON_REASON_ATTESTATION) == 0)
    return "the sandbox did not start as it must be, and was removed";
  return failure->message;
}

/* A gate's words stand as the host wrote them. */
static char *make_text(const struct csn_error *failure, const char *message, const char *hint) {
  if (failure->code == CAISSON_E_REFUSED) return csn_strdup(message);
  return csn_asprintf("Error: %s\n%s", message, hint);
}

static cJSON *make_structured(const struct csn_error *failure, const char *message,
                              const char *hint) {
  cJSON *s = cJSON_CreateObject();
  int rc = csn_json_add_string(s, "outcome", "none");
  rc |= csn_json_add_int(s, "exit_code", CAISSON_EXIT_UNKNOWN);
  rc |= csn_result_add_error(s, failure->reason, message, hint);
  if (!rc) return s;
  cJSON_Delete(s);
  return NULL;
}

int csn_result_from_error(const struct csn_error *failure, int for_host,
                          struct csn_tool_result *result) {
  const char *words = for_host ? failure->message : words_for_model(failure);
  const char *hint = hint_for(failure);
  /* Messages may quote the engine or a container, byte for byte. */
  CSN_CLEANUP_FREE char *message = csn_utf8_repaired(words, strlen(words));
  CSN_CLEANUP_FREE char *text = message ? make_text(failure, message, hint) : NULL;
  if (!text) return CAISSON_E_NOMEM;
  cJSON *structured = make_structured(failure, message, hint);
  if (!structured) return CAISSON_E_NOMEM;
  *result = (struct csn_tool_result){.outcome = CAISSON_OUTCOME_NONE,
                                     .exit_code = CAISSON_EXIT_UNKNOWN};
  return csn_result_wrap(text, structured, 1, &result->json);
}
