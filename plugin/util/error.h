/* The one error idiom: functions return 0 (or a count) or a negative CAISSON_E_*, and say why in a
 * buffer of fixed size, so that reporting "out of memory" cannot itself fail. */
#ifndef CSN_UTIL_ERROR_H
#define CSN_UTIL_ERROR_H

#include <stdint.h>

#include "caisson.h"

struct csn_error {
  int code;
  uint32_t flags; /* CAISSON_ERROR_* */
  int sys_errno;
  char reason[CAISSON_REASON_SIZE];
  char message[CAISSON_MESSAGE_SIZE];
};

/* Fills in *err (which may be NULL) and returns code, so that `return csn_fail(...)` reads well.
 * The message is one line, UTF-8, cut at a character's boundary if it does not fit. */
int csn_fail(struct csn_error *err, int code, const char *reason, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

/* The same, keeping errno as sys_errno and ending the message with its text. */
int csn_fail_errno(struct csn_error *err, int code, const char *reason, int sys_errno,
                   const char *fmt, ...) __attribute__((format(printf, 5, 6)));

int csn_fail_nomem(struct csn_error *err);

/* Puts "context: " before the message on the way up; returns err->code. */
int csn_error_wrap(struct csn_error *err, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

void csn_error_clear(struct csn_error *err);

/* Did the caller's own cancel or deadline end it? Such errors are not retried or wrapped. */
static inline int csn_is_stop(int code) {
  return code == CAISSON_E_CANCELLED || code == CAISSON_E_DEADLINE;
}

#endif
