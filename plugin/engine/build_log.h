/* SPDX-License-Identifier: Apache-2.0 */
/* What a build prints, followed: which step it is at, and the last that this step said. Pure. */
#ifndef CSN_ENGINE_BUILD_LOG_H
#define CSN_ENGINE_BUILD_LOG_H

#include <stddef.h>

#define CSN_BUILD_STEP_SIZE 200
#define CSN_BUILD_TAIL_SIZE 400

struct csn_build_log {
  unsigned step, steps;            /* 0: none has begun */
  char what[CSN_BUILD_STEP_SIZE];  /* "RUN make" */
  char tail[CSN_BUILD_TAIL_SIZE];  /* the last lines that it printed, with " / " between them */
  size_t tail_size;
  int in_line; /* the text so far does not end with a newline */
};

/* Takes a piece of the text; 1 if it began another step. */
int csn_build_log_take(struct csn_build_log *log, const char *text);
/* The image that a step "FROM ..." is about; "" for any other. */
void csn_build_log_base(const struct csn_build_log *log, char *base, size_t size);

#endif
