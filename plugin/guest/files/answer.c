/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writing JSON: see answer.h.
 */
#include "guest/files/answer.h"

#include "util/utf8.h"

#include <string.h>

static void add(struct csn_answer *answer, const void *bytes, size_t n) {
  if (!answer->failed && csn_buffer_add(&answer->text, bytes, n) != 0) answer->failed = true;
}

static void add_text(struct csn_answer *answer, const char *text) {
  add(answer, text, strlen(text));
}

static void add_escaped(struct csn_answer *answer, const char *bytes, size_t n) {
  static const char digits[] = "0123456789abcdef";
  size_t plain = 0;
  for (size_t i = 0; i < n; i++) {
    unsigned char c = (unsigned char)bytes[i];
    if (c >= 0x20 && c != '"' && c != '\\') continue;
    const char escape[6] = {'\\', 'u', '0', '0', digits[c >> 4], digits[c & 15]};
    add(answer, bytes + plain, i - plain);
    /* A NUL would end the text at the host, which refuses it: it is as unreadable as bad UTF-8. */
    if (c == 0)
      add_text(answer, "\xef\xbf\xbd");
    else
      add(answer, escape, sizeof escape);
    plain = i + 1;
  }
  add(answer, bytes + plain, n - plain);
}

static void add_string(struct csn_answer *answer, const void *bytes, size_t n) {
  struct csn_buffer repaired = CSN_BUFFER(CSN_ANSWER_MAX);
  add_text(answer, "\"");
  if (csn_utf8_is_valid(bytes, n))
    add_escaped(answer, bytes, n);
  else if (csn_utf8_repair(bytes, n, &repaired) == 0)
    add_escaped(answer, repaired.data, repaired.size);
  else
    answer->failed = true;
  csn_buffer_free(&repaired);
  add_text(answer, "\"");
}

static void begin(struct csn_answer *answer, const char *name) {
  if (answer->comma) add_text(answer, ",");
  answer->comma = true;
  if (name == NULL) return;
  add_string(answer, name, strlen(name));
  add_text(answer, ":");
}

void csn_answer_object(struct csn_answer *answer, const char *name) {
  begin(answer, name);
  add_text(answer, "{");
  answer->comma = false;
}

void csn_answer_array(struct csn_answer *answer, const char *name) {
  begin(answer, name);
  add_text(answer, "[");
  answer->comma = false;
}

void csn_answer_end_object(struct csn_answer *answer) {
  add_text(answer, "}");
  answer->comma = true;
}

void csn_answer_end_array(struct csn_answer *answer) {
  add_text(answer, "]");
  answer->comma = true;
}

void csn_answer_bytes(struct csn_answer *answer, const char *name, const void *bytes, size_t n) {
  begin(answer, name);
  add_string(answer, bytes, n);
}

void csn_answer_string(struct csn_answer *answer, const char *name, const char *text) {
  csn_answer_bytes(answer, name, text, strlen(text));
}

void csn_answer_number(struct csn_answer *answer, const char *name, int64_t value) {
  begin(answer, name);
  if (!answer->failed && csn_buffer_addf(&answer->text, "%lld", (long long)value) != 0)
    answer->failed = true;
}

void csn_answer_bool(struct csn_answer *answer, const char *name, bool value) {
  begin(answer, name);
  add_text(answer, value ? "true" : "false");
}
