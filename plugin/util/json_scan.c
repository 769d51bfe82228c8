/* SPDX-License-Identifier: Apache-2.0 */
/* Strict JSON (RFC 8259) as a yes or no with a place: what cJSON lets pass (control characters in
 * strings, leading zeros, NUL) never reaches it. Pure, no recursion, no allocation. */
#include <string.h>

#include "util/json.h"
#include "util/utf8.h"

struct scanner {
  const unsigned char *text;
  size_t size, at;
  const char *words; /* the first flaw's; NULL: none yet */
  int depth;
  uint64_t in_object; /* one bit for each open container, the innermost lowest */
};

_Static_assert(CSN_JSON_DEPTH_MAX <= 64, "one bit for each level");

static int flaw(struct scanner *s, const char *words) {
  s->words = words;
  return -1;
}

/* The next byte, or -1 at the end. */
static int peek(const struct scanner *s) {
  return s->at < s->size ? s->text[s->at] : -1;
}

static int skip_space(struct scanner *s) {
  while (s->at < s->size && memchr(" \t\r\n", s->text[s->at], 4)) s->at++;
  return peek(s);
}

/* Four hex digits, or -1. */
static long read_hex4(const struct scanner *s, size_t at) {
  long value = 0;
  if (s->size - at < 4) return -1;
  for (size_t i = at; i < at + 4; i++) {
    unsigned char c = s->text[i];
    int digit = c >= '0' && c <= '9'   ? c - '0'
                : c >= 'a' && c <= 'f' ? c - 'a' + 10
                : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                       : -1;
    if (digit < 0) return -1;
    value = value * 16 + digit;
  }
  return value;
}

static int is_low_surrogate_at(const struct scanner *s, size_t at) {
  if (s->size - at < 6 || s->text[at] != '\\' || s->text[at + 1] != 'u') return 0;
  long low = read_hex4(s, at + 2);
  return low >= 0xdc00 && low <= 0xdfff;
}

/* s->at is at the backslash. */
static int scan_escape(struct scanner *s) {
  if (s->size - s->at < 2) return flaw(s, "the text ends inside a string");
  unsigned char c = s->text[s->at + 1];
  if (c != 'u') {
    if (!c || !strchr("\"\\/bfnrt", c))
      return flaw(s, "no such escape; write \\\\ for a backslash");
    s->at += 2;
    return 0;
  }
  long value = read_hex4(s, s->at + 2);
  if (value < 0) return flaw(s, "\\u needs four hexadecimal digits");
  if (value == 0) return flaw(s, "a NUL character (\\u0000) cannot be passed on");
  if (value >= 0xdc00 && value <= 0xdfff) return flaw(s, "half of a surrogate pair");
  int is_high = value >= 0xd800 && value <= 0xdbff;
  if (is_high && !is_low_surrogate_at(s, s->at + 6)) return flaw(s, "half of a surrogate pair");
  s->at += is_high ? 12 : 6;
  return 0;
}

static const char *control_words(int c) {
  return c == '\n'   ? "a newline inside a string is written \\n"
         : c == '\t' ? "a tab inside a string is written \\t"
         : c == 0    ? "a NUL byte cannot be passed on"
                     : "a control character inside a string is written \\u00..";
}

static int scan_string(struct scanner *s) {
  s->at++;
  while (s->at < s->size) {
    unsigned char c = s->text[s->at];
    if (c == '"') {
      s->at++;
      return 0;
    }
    if (c < 0x20) return flaw(s, control_words(c));
    if (c != '\\') {
      s->at++;
    } else if (scan_escape(s)) {
      return -1;
    }
  }
  return flaw(s, "the text ends inside a string");
}

static int scan_digits(struct scanner *s) {
  size_t from = s->at;
  while (s->at < s->size && s->text[s->at] >= '0' && s->text[s->at] <= '9') s->at++;
  return s->at > from ? 0 : flaw(s, "a digit is missing");
}

/* cJSON reads no more of a number than this. */
#define NUMBER_MAX 63

static int scan_number(struct scanner *s) {
  size_t from = s->at;
  if (peek(s) == '-') s->at++;
  if (peek(s) == '0') {
    s->at++;
    if (peek(s) >= '0' && peek(s) <= '9') return flaw(s, "a number does not begin with 0");
  } else if (scan_digits(s)) {
    return -1;
  }
  if (peek(s) == '.') {
    s->at++;
    if (scan_digits(s)) return -1;
  }
  if (peek(s) == 'e' || peek(s) == 'E') {
    s->at++;
    if (peek(s) == '+' || peek(s) == '-') s->at++;
    if (scan_digits(s)) return -1;
  }
  return s->at - from <= NUMBER_MAX ? 0 : flaw(s, "a number has too many digits");
}

static int scan_word(struct scanner *s, const char *word) {
  size_t n = strlen(word);
  if (s->size - s->at < n || memcmp(s->text + s->at, word, n) != 0)
    return flaw(s, "a value is expected here (text needs double quotes)");
  s->at += n;
  return 0;
}

static int scan_name(struct scanner *s) {
  if (peek(s) != '"') return flaw(s, "a name in double quotes is expected here");
  if (scan_string(s)) return -1;
  if (skip_space(s) != ':') return flaw(s, "':' is expected here");
  s->at++;
  return 0;
}

static int open_container(struct scanner *s, int is_object) {
  if (s->depth == CSN_JSON_DEPTH_MAX) return flaw(s, "nested too deeply");
  s->depth++;
  s->in_object = s->in_object << 1 | (is_object ? 1U : 0U);
  s->at++;
  return 0;
}

static void close_container(struct scanner *s) {
  s->depth--;
  s->in_object >>= 1;
  s->at++;
}

/* One value, or the opening of one. *opened: what follows is the inside of a new container. */
static int scan_value(struct scanner *s, int *opened) {
  int c = skip_space(s);
  *opened = c == '{' || c == '[';
  switch (c) {
    case -1: return flaw(s, "the text ends where a value is expected");
    case '{':
    case '[': return open_container(s, c == '{');
    case '"': return scan_string(s);
    case 't': return scan_word(s, "true");
    case 'f': return scan_word(s, "false");
    case 'n': return scan_word(s, "null");
    default: break;
  }
  if (c == '-' || (c >= '0' && c <= '9')) return scan_number(s);
  return flaw(s, "a value is expected here (text needs double quotes)");
}

/* After a value: closes what ends here and stands at the start of the next value, or at the end of
 * everything (depth 0). */
static int scan_between(struct scanner *s) {
  while (s->depth > 0) {
    int is_object = s->in_object & 1;
    int c = skip_space(s);
    if (c == (is_object ? '}' : ']')) {
      close_container(s);
      continue;
    }
    if (c != ',') {
      if (c < 0) return flaw(s, is_object ? "the text ends inside an object"
                                          : "the text ends inside an array");
      return flaw(s, is_object ? "',' or '}' is expected here" : "',' or ']' is expected here");
    }
    s->at++;
    skip_space(s);
    return is_object ? scan_name(s) : 0;
  }
  return 0;
}

/* Behind '{' or '[': an empty container is a finished value. *done: it was. */
static int scan_opening(struct scanner *s, int *done) {
  int is_object = s->in_object & 1;
  *done = skip_space(s) == (is_object ? '}' : ']');
  if (*done) {
    close_container(s);
    return 0;
  }
  return is_object ? scan_name(s) : 0;
}

static int scan_document(struct scanner *s) {
  do {
    int opened, done = 1;
    if (scan_value(s, &opened)) return -1;
    if (opened && scan_opening(s, &done)) return -1;
    if (done && scan_between(s)) return -1;
  } while (s->depth > 0);
  return skip_space(s) < 0 ? 0 : flaw(s, "something follows the end of the JSON value");
}

int csn_json_scan(const char *text, size_t n, struct csn_json_flaw *out) {
  struct scanner s = {.text = (const unsigned char *)text, .size = n};
  size_t valid = csn_utf8_valid_prefix(text, n);
  if (valid < n) s.size = valid;
  if (scan_document(&s) == 0 && valid == n) return 0;
  /* What the scan makes of the end of the valid part is not the cause. */
  if (valid < n && s.at >= valid) s.words = NULL;
  if (out && s.words) *out = (struct csn_json_flaw){s.at, s.words};
  if (out && !s.words) *out = (struct csn_json_flaw){valid, "invalid UTF-8"};
  return -1;
}
