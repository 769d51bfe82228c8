/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Numbered lines: see lines.h.
 */
#include "guest/files/lines.h"

#include "util/utf8.h"

#include <string.h>

int csn_lines_add(struct csn_buffer *out, uint64_t number, const char *line, size_t n,
                  uint64_t whole, size_t most) {
  size_t shown = csn_utf8_span(line, n, most);
  int rc = csn_buffer_addf(out, "%6llu\t", (unsigned long long)number);
  if (rc == 0) rc = csn_buffer_add(out, line, shown);
  if (rc == 0 && shown < whole)
    rc = csn_buffer_addf(out, " ... [cut: the line has %llu bytes]", (unsigned long long)whole);
  if (rc == 0) rc = csn_buffer_add(out, "\n", 1);
  return rc != 0 ? rc : shown < whole;
}

int csn_lines_add_range(struct csn_buffer *out, const char *text, size_t n, uint64_t first,
                        uint64_t last, size_t most) {
  const char *end = text + n;
  uint64_t number = 1;
  while (text < end && number <= last) {
    const char *newline = memchr(text, '\n', (size_t)(end - text));
    size_t length = (size_t)((newline != NULL ? newline : end) - text);
    size_t shown = length - (length > 0 && text[length - 1] == '\r');
    if (number >= first) {
      int rc = csn_lines_add(out, number, text, shown, shown, most);
      if (rc < 0) return rc;
    }
    text += length + 1;
    number++;
  }
  return 0;
}

uint64_t csn_lines_count(const char *text, size_t n) {
  const char *end = text + n;
  uint64_t count = 0;
  while (text < end && (text = memchr(text, '\n', (size_t)(end - text))) != NULL) {
    count++;
    text++;
  }
  return count;
}
