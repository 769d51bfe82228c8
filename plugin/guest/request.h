/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One RUN request as the host sent it: gathered from its frames, checked, and turned into what exec
 * takes. It starts nothing.
 */
#ifndef CSN_GUEST_REQUEST_H
#define CSN_GUEST_REQUEST_H

#include "wire/message.h"

struct csn_request {
  uint8_t *bytes;            /* all RUN_PARTs and RUN joined; the strings below point into it */
  size_t size, capacity;
  struct csn_wire_run run;
  const char **argv;         /* [0] is left for the program's name; ends in NULL */
  const char **envp;         /* ends in NULL */
  const char **operands;     /* ends in NULL */
};

/* Add the payload of a RUN_PART or RUN. 0; -1 when it grows beyond CSN_RUN_MAX (E2BIG) or memory is
 * short (ENOMEM). */
int csn_request_add(struct csn_request *request, const uint8_t *bytes, size_t size);

/* All is there: take it apart. 0, or -1 with a sentence in `error` (CSN_FRAME_ERROR_MAX bytes). */
int csn_request_finish(struct csn_request *request, char *error);

/* Replace each argument and each environment value that equals the script's mark by `path`. An
 * environment string is rebuilt in `room` (of `size` bytes); one that does not fit is left
 * alone. */
void csn_request_set_script(struct csn_request *request, const char *path, char *room, size_t size);

/* The value of a variable in the request's environment, or NULL. */
const char *csn_request_getenv(const struct csn_request *request, const char *name);

void csn_request_free(struct csn_request *request);

#endif
