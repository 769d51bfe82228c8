/* SPDX-License-Identifier: Apache-2.0 */
/* What the programs in this folder share. They run inside a sandbox, as code of a model would, and
 * try to get out; each prints a line for each attempt, with what came of it, and "done" at its end.
 * The host's side (tests/security/attack.h) makes one assertion of each line. */
#ifndef SECURITY_ATTEMPT_H
#define SECURITY_ATTEMPT_H

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static inline void contained(bool is_contained, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
static inline void contained(bool is_contained, const char *fmt, ...) {
  va_list ap;
  va_start(ap, fmt);
  printf("%s - ", is_contained ? "ok" : "not ok");
  vprintf(fmt, ap);
  printf("\n");
  va_end(ap);
}

/* Permission, a read-only place, or no such thing: who gets any other error (EFAULT, EINVAL) was
 * let into the kernel, which only did not like the arguments. */
static inline bool is_refusal(int error) {
  return error == EPERM || error == EACCES || error == EROFS || error == ENOSYS;
}

/* A call that returned this is one that was refused. */
static inline void refused(const char *what, long result) {
  int error = errno;
  bool is_refused = result < 0 && is_refusal(error);
  contained(is_refused, "%s: %s", what, result < 0 ? strerror(error) : "it worked");
}

#define TRY(what, ...) (errno = 0, refused((what), (long)(__VA_ARGS__)))
#define TRY_CALL(name, ...) TRY(#name, syscall(SYS_##name, __VA_ARGS__))

#endif
