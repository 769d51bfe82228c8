/* SPDX-License-Identifier: Apache-2.0 */
/* ui.c: messages on stderr, colours, and the one line that shows progress. Knows nothing of plugins
 * or calls. */
#include "ui.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "text.h"

#define MESSAGE_MAX 4096
#define PROGRESS_COLUMNS 72

/* A message may come from any thread. */
static atomic_bool progress_shown;

const char *csn_ui_style(FILE *stream, enum csn_ui_style style) {
  static const char *const sequences[] = {"\033[0m", "\033[32m", "\033[31m", "\033[2m", "\033[1m"};
  const char *none = getenv("NO_COLOR"), *term = getenv("TERM");
  bool wanted = !(none && *none) && term && *term && strcmp(term, "dumb") != 0 &&
                isatty(fileno(stream));
  return wanted ? sequences[style] : "";
}

static void say(const char *fmt, va_list ap) __attribute__((format(printf, 1, 0)));
static void say(const char *fmt, va_list ap) {
  char text[MESSAGE_MAX];
  (void)vsnprintf(text, sizeof text, fmt, ap);
  char *safe = csn_text_escape(text, strlen(text), true);
  csn_ui_progress_clear();
  (void)fflush(stdout);
  (void)fprintf(stderr, "caisson-host: %s\n", safe);
  free(safe);
}

void csn_ui_line(const char *text, size_t n) {
  csn_ui_progress_clear();
  (void)fflush(stdout);
  (void)fprintf(stderr, "%.*s\n", (int)n, text);
}

void csn_ui_say(const char *fmt, ...) {
  va_list ap;
  va_start(ap, fmt);
  say(fmt, ap);
  va_end(ap);
}

int csn_ui_usage(const char *fmt, ...) {
  va_list ap;
  va_start(ap, fmt);
  say(fmt, ap);
  va_end(ap);
  return CSN_EXIT_USAGE;
}

bool csn_ui_put(FILE *to, const char *text) {
  char *safe = isatty(fileno(to)) ? csn_text_escape(text, strlen(text), true) : NULL;
  bool written = fputs(safe ? safe : text, to) >= 0;
  free(safe);
  return written;
}

void csn_ui_progress(bool verbose, int32_t permille, const char *note, uint64_t n) {
  bool terminal = isatty(STDERR_FILENO);
  if (!terminal && !verbose)
    return;
  char *safe = csn_text_escape(note ? note : "", note ? (size_t)n : 0, false);
  if (!terminal) {
    csn_ui_say("%s", safe);
  } else {
    csn_text_shorten(safe, PROGRESS_COLUMNS);
    (void)fprintf(stderr, "\r\033[K%s", safe);
    if (permille >= 0)
      (void)fprintf(stderr, " %d%%", permille / 10);
    (void)fflush(stderr);
    progress_shown = true;
  }
  free(safe);
}

void csn_ui_progress_clear(void) {
  if (!progress_shown)
    return;
  (void)fputs("\r\033[K", stderr);
  (void)fflush(stderr);
  progress_shown = false;
}

void *csn_must(void *pointer) {
  if (!pointer) {
    (void)fputs("caisson-host: out of memory\n", stderr);
    exit(CSN_EXIT_FAILED);
  }
  return pointer;
}
