/* tap.h: the whole of the C test library. Header-only; a program that includes it prints TAP on
 * stdout and returns done_testing() from main. It knows nothing of what is being tested.
 * The plan is computed at the end, so that a program that dies half-way has no plan and fails.
 * What is said about a failure goes to stderr, where a harness does not swallow it. */
#ifndef TAP_H
#define TAP_H

#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#define TAP_UNUSED __attribute__((unused))
#define TAP_PRINTF(fmt, first) __attribute__((format(printf, fmt, first)))

struct tap_state {
  pthread_mutex_t lock;
  unsigned long run;
  unsigned long failed;
  bool last_failed;
};

static struct tap_state tap_state TAP_UNUSED = {PTHREAD_MUTEX_INITIALIZER, 0, 0, false};

/* Every line of a diagnostic starts with "# ", whatever newlines it holds. The lock is held. */
TAP_UNUSED static inline void tap_comment(const char *text) {
  FILE *to = tap_state.last_failed ? stderr : stdout;
  while (*text) {
    size_t n = strcspn(text, "\n");
    (void)fprintf(to, "# %.*s\n", (int)n, text);
    text += n;
    if (*text == '\n')
      text++;
  }
}

/* A comment; behind a failed test it is about the failure. */
TAP_UNUSED static inline void diag(const char *fmt, ...) TAP_PRINTF(1, 2);
TAP_UNUSED static inline void diag(const char *fmt, ...) {
  char text[2048];
  va_list ap;
  va_start(ap, fmt);
  (void)vsnprintf(text, sizeof text, fmt, ap);
  va_end(ap);
  pthread_mutex_lock(&tap_state.lock);
  tap_comment(text);
  (void)fflush(stdout);
  pthread_mutex_unlock(&tap_state.lock);
}

/* Prints one result. A newline or '#' in a name would be read as TAP syntax, so it is replaced. */
TAP_UNUSED static inline void tap_result(bool pass, const char *file, int line, const char *detail,
                                         const char *fmt, va_list ap) TAP_PRINTF(5, 0);
TAP_UNUSED static inline void tap_result(bool pass, const char *file, int line, const char *detail,
                                         const char *fmt, va_list ap) {
  char name[512];
  (void)vsnprintf(name, sizeof name, fmt, ap);
  for (char *p = name; *p; p++)
    if (*p == '\n' || *p == '#')
      *p = ' ';
  pthread_mutex_lock(&tap_state.lock);
  tap_state.run++;
  tap_state.last_failed = !pass;
  (void)printf("%s %lu - %s\n", pass ? "ok" : "not ok", tap_state.run, name);
  (void)fflush(stdout);
  if (!pass) {
    tap_state.failed++;
    (void)fprintf(stderr, "# failed: %s\n#   at %s:%d\n", name, file, line);
    if (detail)
      tap_comment(detail);
  }
  pthread_mutex_unlock(&tap_state.lock);
}

TAP_UNUSED static inline bool tap_ok(const char *file, int line, bool pass, const char *fmt, ...)
    TAP_PRINTF(4, 5);
TAP_UNUSED static inline bool tap_ok(const char *file, int line, bool pass, const char *fmt, ...) {
  va_list ap;
  va_start(ap, fmt);
  tap_result(pass, file, line, NULL, fmt, ap);
  va_end(ap);
  return pass;
}

TAP_UNUSED static inline bool tap_is_int(const char *file, int line, long long got, long long want,
                                         const char *fmt, ...) TAP_PRINTF(5, 6);
TAP_UNUSED static inline bool tap_is_int(const char *file, int line, long long got, long long want,
                                         const char *fmt, ...) {
  char detail[96];
  va_list ap;
  (void)snprintf(detail, sizeof detail, "       got: %lld\n  expected: %lld", got, want);
  va_start(ap, fmt);
  tap_result(got == want, file, line, detail, fmt, ap);
  va_end(ap);
  return got == want;
}

TAP_UNUSED static inline bool tap_is_str(const char *file, int line, const char *got,
                                         const char *want, const char *fmt, ...) TAP_PRINTF(5, 6);
TAP_UNUSED static inline bool tap_is_str(const char *file, int line, const char *got,
                                         const char *want, const char *fmt, ...) {
  bool same = got && want ? strcmp(got, want) == 0 : got == want;
  char detail[1024];
  va_list ap;
  (void)snprintf(detail, sizeof detail, "       got: %s%.450s%s\n  expected: %s%.450s%s",
                 got ? "\"" : "", got ? got : "(null)", got ? "\"" : "", want ? "\"" : "",
                 want ? want : "(null)", want ? "\"" : "");
  va_start(ap, fmt);
  tap_result(same, file, line, detail, fmt, ap);
  va_end(ap);
  return same;
}

/* A few bytes of each side from the first difference on, in hex. */
TAP_UNUSED static inline void tap_hex(char *out, size_t room, const void *mem, size_t at,
                                      size_t len) {
  const unsigned char *bytes = (const unsigned char *)mem;
  size_t used = 0;
  out[0] = '\0';
  for (size_t i = at; i < len && i < at + 16 && used + 4 <= room; i++) {
    (void)snprintf(out + used, room - used, "%02x ", bytes[i]);
    used += 3;
  }
}

TAP_UNUSED static inline bool tap_is_mem(const char *file, int line, const void *got,
                                         const void *want, size_t len, const char *fmt, ...)
    TAP_PRINTF(6, 7);
TAP_UNUSED static inline bool tap_is_mem(const char *file, int line, const void *got,
                                         const void *want, size_t len, const char *fmt, ...) {
  bool same = len == 0 || (got && want && memcmp(got, want, len) == 0);
  char detail[256] = "  a pointer is NULL";
  va_list ap;
  if (!same && got && want) {
    const unsigned char *a = (const unsigned char *)got, *b = (const unsigned char *)want;
    char ga[64], gb[64];
    size_t at = 0;
    while (at < len && a[at] == b[at])
      at++;
    tap_hex(ga, sizeof ga, got, at, len);
    tap_hex(gb, sizeof gb, want, at, len);
    (void)snprintf(detail, sizeof detail, "  differ at byte %zu\n       got: %s\n  expected: %s", at,
                   ga, gb);
  }
  va_start(ap, fmt);
  tap_result(same, file, line, detail, fmt, ap);
  va_end(ap);
  return same;
}

TAP_UNUSED static inline void tap_bail_out(const char *fmt, ...)
    TAP_PRINTF(1, 2) __attribute__((noreturn));
TAP_UNUSED static inline void tap_bail_out(const char *fmt, ...) {
  va_list ap;
  va_start(ap, fmt);
  pthread_mutex_lock(&tap_state.lock);
  (void)fputs("Bail out! ", stdout);
  (void)vprintf(fmt, ap);
  (void)putchar('\n');
  (void)fflush(stdout);
  va_end(ap);
  exit(255);
}

/* A thread that was joined may still be on its way out of the kernel, and LeakSanitizer, which
 * stops all threads when the program ends, may crash when it meets one there. A directory has two
 * links more than subdirectories, and this one has a subdirectory for each thread. */
TAP_UNUSED static inline void tap_await_threads(void) {
  const struct timespec pause = {0, 1000000};
  struct stat task;
  for (int i = 0; i < 300 && stat("/proc/self/task", &task) == 0 && task.st_nlink > 3; i++)
    (void)nanosleep(&pause, NULL);
}

/* Prints the plan; what it returns is the program's exit status. A program with no test fails. */
TAP_UNUSED static inline int done_testing(void) {
  pthread_mutex_lock(&tap_state.lock);
  unsigned long run = tap_state.run, failed = tap_state.failed;
  (void)printf("1..%lu\n", run);
  if (failed)
    (void)printf("# %lu of %lu failed\n", failed, run);
  (void)fflush(stdout);
  pthread_mutex_unlock(&tap_state.lock);
  tap_await_threads();
  return failed || run == 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* ok(cond, fmt, ...) and is_...(got, want, fmt, ...) return whether the test passed. */
#define ok(cond, ...) tap_ok(__FILE__, __LINE__, (cond) ? true : false, __VA_ARGS__)
#define is_int(got, want, ...)                                                                     \
  tap_is_int(__FILE__, __LINE__, (long long)(got), (long long)(want), __VA_ARGS__)
#define is_str(got, want, ...) tap_is_str(__FILE__, __LINE__, (got), (want), __VA_ARGS__)
#define is_mem(got, want, len, ...) tap_is_mem(__FILE__, __LINE__, (got), (want), (len), __VA_ARGS__)
#define BAIL_OUT(...) tap_bail_out(__VA_ARGS__)

#endif
