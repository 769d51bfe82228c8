/* SPDX-License-Identifier: Apache-2.0 */
/* Lines for the host's log callback. One line each, control characters escaped. */
#ifndef CSN_UTIL_LOG_H
#define CSN_UTIL_LOG_H

#include <stdint.h>

struct csn_log {
  void (*sink)(void *ctx, int32_t level, const char *text, uint64_t n); /* NULL: nowhere */
  void *ctx;
  struct {
    int is_on, has_arguments;
    const char *instance;
  } audit; /* util/audit.h */
};

/* level: CAISSON_LOG_*. A line is cut at 2 KiB. */
void csn_log(const struct csn_log *log, int32_t level, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

#endif
