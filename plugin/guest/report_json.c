/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/report_json.h"

#include "util/utf8.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define REPLACEMENT "\xef\xbf\xbd"

static void add(struct csn_report_json *json, const void *bytes, size_t n) {
  if (n > json->capacity - json->size) json->full = true;
  if (json->full || n == 0) return;
  memcpy(json->bytes + json->size, bytes, n);
  json->size += n;
}

static void add_text(struct csn_report_json *json, const char *text) {
  add(json, text, strlen(text));
}

/* Valid UTF-8, in which only quotes, backslashes and control characters need anything. */
static void add_valid(struct csn_report_json *json, const char *bytes, size_t n) {
  static const char digits[] = "0123456789abcdef";
  size_t plain = 0;
  for (size_t i = 0; i < n; i++) {
    unsigned char c = (unsigned char)bytes[i];
    if (c >= 0x20 && c != '"' && c != '\\' && c != 0x7f) continue;
    const char escape[6] = {'\\', 'u', '0', '0', digits[c >> 4], digits[c & 15]};
    add(json, bytes + plain, i - plain);
    /* A NUL would end the text at the host, which refuses it: it is as unreadable as bad UTF-8. */
    if (c == 0)
      add_text(json, REPLACEMENT);
    else
      add(json, escape, sizeof escape);
    plain = i + 1;
  }
  add(json, bytes + plain, n - plain);
}

static void add_string(struct csn_report_json *json, const char *bytes, size_t n) {
  add_text(json, "\"");
  while (n > 0) {
    size_t valid = csn_utf8_valid_prefix(bytes, n);
    add_valid(json, bytes, valid);
    if (valid < n) add_text(json, REPLACEMENT);
    if (valid < n) valid += csn_utf8_span(bytes + valid, n - valid, 1);
    bytes += valid;
    n -= valid;
  }
  add_text(json, "\"");
}

static void begin(struct csn_report_json *json, const char *name) {
  if (json->comma) add_text(json, ",");
  json->comma = true;
  if (name == NULL) return;
  add_string(json, name, strlen(name));
  add_text(json, ":");
}

void csn_report_object(struct csn_report_json *json, const char *name) {
  begin(json, name);
  add_text(json, "{");
  json->comma = false;
}

void csn_report_array(struct csn_report_json *json, const char *name) {
  begin(json, name);
  add_text(json, "[");
  json->comma = false;
}

void csn_report_end_object(struct csn_report_json *json) {
  add_text(json, "}");
  json->comma = true;
}

void csn_report_end_array(struct csn_report_json *json) {
  add_text(json, "]");
  json->comma = true;
}

void csn_report_bytes(struct csn_report_json *json, const char *name, const void *bytes, size_t n) {
  begin(json, name);
  add_string(json, bytes, n);
}

void csn_report_string(struct csn_report_json *json, const char *name, const char *text) {
  csn_report_bytes(json, name, text, strlen(text));
}

void csn_report_number(struct csn_report_json *json, const char *name, int64_t value) {
  char text[24];
  snprintf(text, sizeof text, "%" PRId64, value);
  begin(json, name);
  add_text(json, text);
}

void csn_report_bool(struct csn_report_json *json, const char *name, bool value) {
  begin(json, name);
  add_text(json, value ? "true" : "false");
}

void csn_report_null(struct csn_report_json *json, const char *name) {
  begin(json, name);
  add_text(json, "null");
}

void csn_report_known(struct csn_report_json *json, const char *name, bool known, int64_t value) {
  if (known)
    csn_report_number(json, name, value);
  else
    csn_report_null(json, name);
}

struct csn_report_mark csn_report_mark(const struct csn_report_json *json) {
  return (struct csn_report_mark){json->size, json->comma, json->full};
}

void csn_report_undo(struct csn_report_json *json, struct csn_report_mark mark) {
  json->size = mark.size;
  json->comma = mark.comma;
  json->full = mark.full;
}

bool csn_report_keep(struct csn_report_json *json, struct csn_report_mark mark, size_t limit) {
  if (!json->full && json->size <= limit) return true;
  csn_report_undo(json, mark);
  json->cut = true;
  return false;
}
