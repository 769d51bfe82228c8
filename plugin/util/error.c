#include "util/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Cuts text that did not fit at the start of a UTF-8 sequence. */
static void trim_partial_character(char *text, size_t size) {
  size_t n = strnlen(text, size);
  if (n + 1 < size) return;
  size_t i = n;
  while (i > 0 && ((unsigned char)text[i - 1] & 0xc0) == 0x80) i--;
  if (i > 0 && (unsigned char)text[i - 1] >= 0xc0) text[i - 1] = '\0';
}

static void set(struct csn_error *err, int code, const char *reason, int sys_errno,
                const char *fmt, va_list args) __attribute__((format(printf, 5, 0)));

static void set(struct csn_error *err, int code, const char *reason, int sys_errno,
                const char *fmt, va_list args) {
  err->code = code;
  err->flags = 0;
  err->sys_errno = sys_errno;
  snprintf(err->reason, sizeof err->reason, "%s", reason);
  vsnprintf(err->message, sizeof err->message, fmt, args);
  trim_partial_character(err->message, sizeof err->message);
}

int csn_fail(struct csn_error *err, int code, const char *reason, const char *fmt, ...) {
  if (!err) return code;
  va_list args;
  va_start(args, fmt);
  set(err, code, reason, 0, fmt, args);
  va_end(args);
  return code;
}

int csn_fail_errno(struct csn_error *err, int code, const char *reason, int sys_errno,
                   const char *fmt, ...) {
  if (!err) return code;
  va_list args;
  va_start(args, fmt);
  set(err, code, reason, sys_errno, fmt, args);
  va_end(args);
  char text[128] = "";
  const char *words = strerror_r(sys_errno, text, sizeof text);
  size_t n = strlen(err->message);
  snprintf(err->message + n, sizeof err->message - n, ": %s", words);
  return code;
}

int csn_fail_nomem(struct csn_error *err) {
  return csn_fail(err, CAISSON_E_NOMEM, CAISSON_REASON_NOMEM, "out of memory in the host process");
}

int csn_error_wrap(struct csn_error *err, const char *fmt, ...) {
  if (!err) return CAISSON_E_INTERNAL;
  char inner[sizeof err->message];
  memcpy(inner, err->message, sizeof inner);
  va_list args;
  va_start(args, fmt);
  vsnprintf(err->message, sizeof err->message, fmt, args);
  va_end(args);
  size_t n = strlen(err->message);
  snprintf(err->message + n, sizeof err->message - n, ": %s", inner);
  trim_partial_character(err->message, sizeof err->message);
  return err->code;
}

void csn_error_clear(struct csn_error *err) {
  memset(err, 0, sizeof *err);
}
