/* SPDX-License-Identifier: Apache-2.0 */
#include "util/audit.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "caisson.h"
#include "util/alloc.h"
#include "util/buffer.h"
#include "util/clock.h"
#include "util/json.h"
#include "util/utf8.h"

#define VERSION 1
#define LINE_MAX_BYTES ((size_t)1 << 20)

/* In place of a line for which there was no memory: nothing is missing without a word. */
static const char lost[] = "{\"audit\":1,\"event\":\"audit.lost\",\"reason\":\"memory\"}";

static __thread const struct csn_audit_caller *working_for;

const struct csn_audit_caller *csn_audit_work_for(const struct csn_audit_caller *caller) {
  const struct csn_audit_caller *before = working_for;
  working_for = caller;
  return before;
}

int csn_audit_is_on(const struct csn_log *log) {
  return log && log->sink && log->audit.is_on;
}

static void say_lost(const struct csn_log *log) {
  log->sink(log->ctx, CAISSON_LOG_AUDIT, lost, sizeof lost - 1);
}

/* ---- what stands in it ----------------------------------------------------------------------- */

int csn_audit_add(cJSON *line, const char *name, const char *text) {
  if (!text) return csn_json_add(line, name, cJSON_CreateNull());
  if (csn_utf8_is_valid(text, strlen(text))) return csn_json_add_string(line, name, text);
  char *repaired CSN_CLEANUP_FREE = csn_utf8_repaired(text, strlen(text));
  return csn_json_add_string(line, name, repaired);
}

int csn_audit_add_int(cJSON *line, const char *name, int is_known, int64_t value) {
  return is_known ? csn_json_add_int(line, name, value) : csn_audit_add(line, name, NULL);
}

int csn_audit_add_ms(cJSON *line, const char *name, int is_known, int64_t ns) {
  if (!is_known) return csn_audit_add(line, name, NULL);
  return csn_json_add_number(line, name, (double)(ns / 1000) / 1000);
}

/* "2026-01-31T12:00:00.123Z" */
static void print_time(char text[CSN_CLOCK_TEXT]) {
  struct timespec now;
  struct tm utc;
  clock_gettime(CLOCK_REALTIME, &now);
  gmtime_r(&now.tv_sec, &utc);
  size_t n = strftime(text, CSN_CLOCK_TEXT, "%Y-%m-%dT%H:%M:%S", &utc);
  snprintf(text + n, CSN_CLOCK_TEXT - n, ".%03dZ", (int)(now.tv_nsec / 1000000));
}

cJSON *csn_audit_begin(const struct csn_log *log, const char *event) {
  static const struct csn_audit_caller nobody = {NULL, NULL};
  const struct csn_audit_caller *caller = working_for ? working_for : &nobody;
  char now[CSN_CLOCK_TEXT];
  if (!csn_audit_is_on(log)) return NULL;
  print_time(now);
  cJSON *line = cJSON_CreateObject();
  int bad = csn_json_add_int(line, "audit", VERSION) | csn_json_add_string(line, "time", now) |
            csn_json_add_string(line, "event", event) |
            csn_audit_add(line, "instance", log->audit.instance) |
            csn_audit_add(line, "principal", caller->principal) |
            csn_audit_add(line, "trace_id", caller->trace_id);
  if (!bad) return line;
  cJSON_Delete(line);
  say_lost(log);
  return NULL;
}

/* ---- the line -------------------------------------------------------------------------------- */

/* Characters that JSON may hold as they are, but that end a line somewhere or turn the text round:
 * DEL, C1 controls, the separators and the marks of direction. */
static int is_unsafe(unsigned character) {
  return (character >= 0x7f && character < 0xa0) || character == 0x61c ||
         (character >= 0x200b && character <= 0x200f) ||
         (character >= 0x2028 && character <= 0x202e) ||
         (character >= 0x2060 && character <= 0x206f) || character == 0xfeff;
}

static unsigned character_at(const unsigned char *p, size_t length) {
  if (length == 1) return p[0];
  if (length == 2) return (p[0] & 0x1fu) << 6 | (p[1] & 0x3fu);
  if (length == 3) return (p[0] & 0x0fu) << 12 | (p[1] & 0x3fu) << 6 | (p[2] & 0x3fu);
  return 0x10000; /* beyond all that are meant */
}

/* All of them can only stand inside strings, where an escape means the same. */
static int make_safe(const char *text, struct csn_buffer *out) {
  size_t n = strlen(text), plain = 0;
  int bad = 0;
  for (size_t at = 0; at < n && !bad;) {
    const unsigned char *p = (const unsigned char *)text + at;
    size_t length = p[0] < 0x7f ? 1 : csn_utf8_span(p, n - at, 1);
    unsigned character = character_at(p, length);
    at += length;
    if (!is_unsafe(character)) continue;
    bad = csn_buffer_add(out, text + plain, at - length - plain);
    if (!bad) bad = csn_buffer_addf(out, "\\u%04x", character);
    plain = at;
  }
  return bad ? bad : csn_buffer_add(out, text + plain, n - plain);
}

void csn_audit_end(const struct csn_log *log, cJSON *line, int bad) {
  if (!line) return;
  struct csn_buffer safe CSN_CLEANUP_BUFFER = CSN_BUFFER(LINE_MAX_BYTES);
  char *text CSN_CLEANUP_FREE = bad ? NULL : csn_json_print(line);
  cJSON_Delete(line);
  if (text && make_safe(text, &safe) == 0)
    log->sink(log->ctx, CAISSON_LOG_AUDIT, csn_buffer_text(&safe), safe.size);
  else
    say_lost(log);
}
