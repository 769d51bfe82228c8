/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/report_text.h"

#include <string.h>

/* ---- words ----------------------------------------------------------------------------------- */

/* Takes what stands before the next `separator` off the text, and the separator. */
static struct csn_report_slice take_until(struct csn_report_slice *text, char separator) {
  const char *end = text->size > 0 ? memchr(text->bytes, separator, text->size) : NULL;
  struct csn_report_slice taken = {text->bytes, end ? (size_t)(end - text->bytes) : text->size};
  size_t used = taken.size + (end != NULL);
  if (used > 0) text->bytes += used;
  text->size -= used;
  return taken;
}

bool csn_report_equals(struct csn_report_slice slice, const char *text) {
  size_t n = strlen(text);
  return slice.size == n && (n == 0 || memcmp(slice.bytes, text, n) == 0);
}

bool csn_report_has_word(struct csn_report_slice list, char separator, const char *word) {
  while (list.size > 0)
    if (csn_report_equals(take_until(&list, separator), word)) return true;
  return false;
}

static bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n'; }

struct csn_report_slice csn_report_next_word(struct csn_report_slice *text) {
  size_t at = 0, end;
  while (at < text->size && is_space(text->bytes[at])) at++;
  for (end = at; end < text->size && !is_space(text->bytes[end]);) end++;
  struct csn_report_slice word = {at < end ? text->bytes + at : text->bytes, end - at};
  if (end > 0) text->bytes += end;
  text->size -= end;
  return word;
}

bool csn_report_to_number(struct csn_report_slice text, int64_t *out) {
  struct csn_report_slice word = csn_report_next_word(&text);
  *out = -1;
  if (csn_report_next_word(&text).size > 0) return false;
  if (csn_report_equals(word, "max")) return true;
  bool negative = word.size > 0 && word.bytes[0] == '-';
  uint64_t value = 0;
  for (size_t i = negative; i < word.size; i++) {
    if (word.bytes[i] < '0' || word.bytes[i] > '9') return false;
    uint64_t digit = (uint64_t)(word.bytes[i] - '0');
    if (value > ((uint64_t)INT64_MAX - digit) / 10) return false;
    value = value * 10 + digit;
  }
  *out = negative ? -(int64_t)value : (int64_t)value;
  return word.size > (size_t)negative;
}

/* ---- status ---------------------------------------------------------------------------------- */

static bool read_four(struct csn_report_slice text, int64_t out[4]) {
  for (int i = 0; i < 4; i++)
    if (!csn_report_to_number(csn_report_next_word(&text), &out[i])) return false;
  return true;
}

static bool read_groups(struct csn_report_slice text, struct csn_report_status *out) {
  struct csn_report_slice word;
  out->group_count = 0;
  while ((word = csn_report_next_word(&text)).size > 0) {
    int64_t group;
    if (!csn_report_to_number(word, &group)) return false;
    if (out->group_count == CSN_REPORT_GROUPS_MAX)
      out->cut = true;
    else
      out->groups[out->group_count++] = group;
  }
  return true;
}

static void read_caps(struct csn_report_slice text, char out[CSN_REPORT_CAPS_SIZE]) {
  struct csn_report_slice word = csn_report_next_word(&text);
  if (word.size != CSN_REPORT_CAPS_SIZE - 1) return;
  memcpy(out, word.bytes, word.size);
  out[word.size] = '\0';
  if (strspn(out, "0123456789abcdef") != word.size) out[0] = '\0';
}

static void read_line(struct csn_report_slice name, struct csn_report_slice value,
                      struct csn_report_status *out) {
  static const char *const sets[CSN_CAP_SETS] = {"CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"};
  const struct {
    const char *name;
    int64_t *number;
    bool *has;
  } numbers[] = {{"NoNewPrivs", &out->no_new_privs, &out->has_no_new_privs},
                 {"Seccomp", &out->seccomp, &out->has_seccomp},
                 {"Seccomp_filters", &out->seccomp_filters, &out->has_seccomp_filters}};
  for (size_t i = 0; i < CSN_CAP_SETS; i++)
    if (csn_report_equals(name, sets[i])) read_caps(value, out->caps[i]);
  for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
    if (csn_report_equals(name, numbers[i].name))
      *numbers[i].has = csn_report_to_number(value, numbers[i].number);
  if (csn_report_equals(name, "Uid")) out->has_uid = read_four(value, out->uid);
  if (csn_report_equals(name, "Gid")) out->has_gid = read_four(value, out->gid);
  if (csn_report_equals(name, "Groups")) out->has_groups = read_groups(value, out);
}

/* A process' own name stands in it too, but with its newlines escaped. */
void csn_report_read_status(struct csn_report_slice text, struct csn_report_status *out) {
  memset(out, 0, sizeof *out);
  while (text.size > 0) {
    struct csn_report_slice line = take_until(&text, '\n');
    struct csn_report_slice name = take_until(&line, ':');
    read_line(name, line, out);
  }
}

/* ---- mountinfo ------------------------------------------------------------------------------- */

/* ID PARENT DEVICE ROOT TARGET OPTIONS [TAG...] - TYPE SOURCE SUPER; a source may be empty. */
int csn_report_next_mount(struct csn_report_slice *text, struct csn_report_mount *out) {
  memset(out, 0, sizeof *out);
  if (text->size == 0) return 0;
  struct csn_report_slice line = take_until(text, '\n'), word;
  for (int i = 0; i < 3; i++) take_until(&line, ' ');
  out->root = take_until(&line, ' ');
  out->target = take_until(&line, ' ');
  out->options = take_until(&line, ' ');
  do {
    if (line.size == 0) return -1;
    word = take_until(&line, ' ');
  } while (!csn_report_equals(word, "-"));
  out->type = take_until(&line, ' ');
  out->source = take_until(&line, ' ');
  out->super = line;
  return out->target.size > 0 && out->options.size > 0 && out->type.size > 0 ? 1 : -1;
}

static bool is_octal(struct csn_report_slice text, size_t at) {
  if (text.size - at < 4 || text.bytes[at] != '\\') return false;
  for (size_t i = at + 1; i < at + 4; i++)
    if (text.bytes[i] < '0' || text.bytes[i] > '7') return false;
  return text.bytes[at + 1] <= '3';
}

size_t csn_report_unescape(struct csn_report_slice text, char *out, size_t capacity, bool *cut) {
  size_t size = 0;
  for (size_t at = 0; at < text.size;) {
    const char *p = text.bytes + at;
    bool octal = is_octal(text, at);
    if (size == capacity) {
      *cut = true;
      break;
    }
    out[size++] = octal ? (char)((p[1] - '0') * 64 + (p[2] - '0') * 8 + (p[3] - '0')) : *p;
    at += octal ? 4 : 1;
  }
  return size;
}

/* ---- cgroup ---------------------------------------------------------------------------------- */

/* NUMBER:CONTROLLERS:PATH; version 2 has number 0 and no controllers. */
bool csn_report_cgroup_path(struct csn_report_slice text, const char *controller,
                            struct csn_report_slice *path) {
  while (text.size > 0) {
    struct csn_report_slice line = take_until(&text, '\n');
    struct csn_report_slice number = take_until(&line, ':'), list = take_until(&line, ':');
    bool is_it = controller ? csn_report_has_word(list, ',', controller)
                            : list.size == 0 && csn_report_equals(number, "0");
    *path = line;
    if (is_it && line.size > 0) return true;
  }
  return false;
}
