/* SPDX-License-Identifier: Apache-2.0 */
/* A line for the host's log: whole, one line, nothing that a terminal would obey. */
#include "util/log.h"

#include <string.h>

#include "caisson.h"
#include "tap.h"
#include "util/utf8.h"

static char last[4096];
static int32_t last_level;
static int lines;

static void sink(void *ctx, int32_t level, const char *text, uint64_t n) {
  ok(ctx == last && text[n] == '\0' && strlen(text) == n, "the sink gets a whole string");
  last_level = level;
  lines++;
  memcpy(last, text, n + 1);
}

int main(void) {
  const struct csn_log log = {.sink = sink, .ctx = last}, silent = {.sink = NULL};
  csn_log(&log, CAISSON_LOG_WARNING, "call %s took %d ms", "shell", 12);
  is_str(last, "call shell took 12 ms", "formatted");
  is_int(last_level, CAISSON_LOG_WARNING, "at its level");
  csn_log(&log, CAISSON_LOG_INFO, "%s", "a\nb\r\x1b[31m\x7f\t|\xc2\x9b" "31m|\xc3\xa9\xff\xe2\x82");
  is_str(last, "a\\x0ab\\x0d\\x1b[31m\\x7f\\x09|\\xc2\\x9b31m|\xc3\xa9\\xff\\xe2\\x82",
         "control characters and broken text are escaped, letters are not");
  char longer[5000];
  memset(longer, 'x', sizeof longer);
  memcpy(longer + sizeof longer - 1, "", 1);
  csn_log(&log, CAISSON_LOG_INFO, "%s", longer);
  ok(strlen(last) <= 2048 && strlen(last) > 2000, "cut at 2 KiB: %zu", strlen(last));
  memset(longer, '\n', 1500);
  csn_log(&log, CAISSON_LOG_INFO, "%s", longer);
  ok(strlen(last) == 2048 && strcmp(last + 2044, "\\x0a") == 0, "never inside an escape");
  int before = lines;
  csn_log(&silent, CAISSON_LOG_INFO, "nobody listens");
  csn_log(NULL, CAISSON_LOG_INFO, "nobody listens");
  is_int(lines, before, "no sink, no line");
  return done_testing();
}
