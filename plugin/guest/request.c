/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Gathering and checking a request: see request.h.
 */
#include "guest/request.h"

#include "guest/job_given.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int csn_request_add(struct csn_request *request, const uint8_t *bytes, size_t size) {
  if (size > CSN_RUN_MAX - request->size) {
    errno = E2BIG;
    return -1;
  }
  size_t need = request->size + size;
  if (need > request->capacity) {
    size_t capacity = need > CSN_FRAME_MAX ? CSN_RUN_MAX : need;
    uint8_t *grown = realloc(request->bytes, capacity);
    if (grown == NULL) return -1;
    request->bytes = grown;
    request->capacity = capacity;
  }
  if (size > 0) memcpy(request->bytes + request->size, bytes, size);
  request->size = need;
  return 0;
}

static const char *what_is_wrong(const struct csn_wire_run *run) {
  bool starts_job = run->operation != NULL && csn_job_starts_program(run->operation);
  bool needs_program = run->operation == NULL || starts_job;
  if (run->program_count == 0 && needs_program) return "there is no PROGRAM";
  if (run->program_count > 0 && !needs_program) return "both PROGRAM and OPERATION";
  if (run->cwd == NULL || run->cwd[0] != '/') return "CWD is not an absolute path";
  if (run->spill_after > CSN_SPILL_AFTER_MAX) return "SPILL_AFTER is too large";
  if (run->script_size > CSN_SCRIPT_MAX) return "SCRIPT_SIZE is too large";
  if (run->script_name == NULL) return run->script_size > 0 ? "there is no SCRIPT_NAME" : NULL;
  if (run->script_name[0] == '\0' || run->script_name[0] == '.' ||
      strchr(run->script_name, '/') != NULL)
    return "SCRIPT_NAME is not a plain file name";
  return NULL;
}

int csn_request_finish(struct csn_request *request, char *error) {
  struct csn_wire_run *run = &request->run;
  if (csn_wire_get_run(request->bytes, request->size, run, error) < 0) return -1;
  const char *wrong = what_is_wrong(run);
  if (wrong != NULL) {
    snprintf(error, CSN_FRAME_ERROR_MAX, "%s", wrong);
    return -1;
  }
  request->argv = calloc(run->arg_count + run->env_count + run->operand_count + 4, sizeof *request->argv);
  if (request->argv == NULL) {
    snprintf(error, CSN_FRAME_ERROR_MAX, "no memory for the arguments");
    return -1;
  }
  request->envp = request->argv + run->arg_count + 2;
  request->operands = request->envp + run->env_count + 1;
  csn_wire_get_run_strings(request->bytes, request->size, CSN_FIELD_OPERAND, request->operands,
                           run->operand_count);
  csn_wire_get_run_strings(request->bytes, request->size, CSN_FIELD_ARG, request->argv + 1,
                           run->arg_count);
  csn_wire_get_run_strings(request->bytes, request->size, CSN_FIELD_ENV, request->envp,
                           run->env_count);
  return 0;
}

static void set_in_environment(const char **entry, const char *mark, const char *path, char *room,
                               size_t size) {
  const char *value = strchr(*entry, '=');
  if (value == NULL || strcmp(value + 1, mark) != 0) return;
  int length = snprintf(room, size, "%.*s=%s", (int)(value - *entry), *entry, path);
  if (length > 0 && (size_t)length < size) *entry = room;
}

void csn_request_set_script(struct csn_request *request, const char *path, char *room,
                            size_t size) {
  const char *mark = request->run.script_mark;
  if (mark == NULL) return;
  for (const char **arg = request->argv + 1; *arg != NULL; arg++) {
    if (strcmp(*arg, mark) == 0) *arg = path;
  }
  for (const char **entry = request->envp; *entry != NULL; entry++)
    set_in_environment(entry, mark, path, room, size);
}

const char *csn_request_getenv(const struct csn_request *request, const char *name) {
  size_t length = strlen(name);
  for (const char **entry = request->envp; *entry != NULL; entry++) {
    if (strncmp(*entry, name, length) == 0 && (*entry)[length] == '=') return *entry + length + 1;
  }
  return NULL;
}

void csn_request_free(struct csn_request *request) {
  free(request->argv);
  free(request->bytes);
  memset(request, 0, sizeof *request);
}
