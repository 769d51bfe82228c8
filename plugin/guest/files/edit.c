/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `edit`: one text for another, byte for byte. old_string is an operand, the new one comes as
 * input, of which `size` says how long it is.
 */
#include "guest/files/encoding.h"
#include "guest/files/lines.h"
#include "guest/files/nearest.h"
#include "guest/files/save.h"
#include "guest/files/target.h"
#include "util/utf8.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FILE_MAX (32u << 20)     /* bytes, before */
#define RESULT_MAX (64u << 20)   /* after */
#define LINES_NAMED 20u          /* of matches, where there are too many */
#define PLACES_SHOWN 5u          /* of changes */
#define AROUND 3u                /* lines shown before and after */
#define ENDS_SHOWN 12u           /* lines of a long change, at its beginning and its end */
#define LINE_SHOWN 500u          /* characters */
#define OUTPUT_LIMIT 50000u

struct edit {
  struct csn_op *op;
  const char *old;               /* what is to be replaced */
  size_t old_size;
  struct csn_buffer new;         /* by what */
  struct csn_buffer text, result;
  size_t matches;
  size_t places[PLACES_SHOWN];   /* in the result: where the first ones begin */
};

static int fail_memory(struct csn_op *op, const char *path) {
  return csn_op_fail_errno(op, ENOMEM, "edit", path);
}

/* ---- what goes in ---------------------------------------------------------------------------- */

/* All that an open file or pipe gives, up to what the buffer may hold. */
static int take_all(struct csn_op *op, int fd, size_t expected, const char *what,
                    struct csn_buffer *out) {
  for (;;) {
    size_t room = out->size < expected ? expected - out->size + 1 : 65536;
    if (room > out->max - out->size) room = out->max - out->size;
    if (room == 0)
      return csn_op_fail(op, CSN_OP_TOO_LARGE, "Change it with shell (sed) or run_python.",
                         "cannot edit %s: it is larger than %zu bytes", what, out->max - 1);
    if (csn_buffer_reserve(out, room) != 0) return fail_memory(op, what);
    ssize_t got = csn_target_fill(fd, out->data + out->size, room);
    if (got < 0) return csn_op_fail_errno(op, errno, "read", what);
    if (got == 0) return 0;
    out->size += (size_t)got;
  }
}

static int take_new(struct edit *e) {
  struct csn_op *op = e->op;
  uint64_t size = csn_op_number(op, "size", UINT64_MAX);
  size_t expected = size < e->new.max ? (size_t)size : 0;
  if (take_all(op, op->in, expected, "new_string", &e->new) < 0) return -1;
  if (size == UINT64_MAX || size == e->new.size) return 0;
  return csn_op_fail(op, CSN_OP_INPUT, "Try again.",
                     "only %zu of %llu bytes of new_string arrived; nothing was changed",
                     e->new.size, (unsigned long long)size);
}

static int check_strings(struct edit *e) {
  e->old = csn_op_text(e->op, "old_string");
  if (e->old == NULL)
    return csn_op_fail(e->op, CSN_OP_INVALID, "", "old_string is missing");
  e->old_size = strlen(e->old);
  if (take_new(e) < 0) return -1;
  if (e->old_size != e->new.size || memcmp(e->old, csn_buffer_text(&e->new), e->old_size) != 0)
    return 0;
  return csn_op_fail(e->op, CSN_OP_INVALID,
                     "Nothing needs to be done, or new_string is not what was meant.",
                     "old_string and new_string are the same");
}

/* ---- matches --------------------------------------------------------------------------------- */

/* The next match from *at on, which is moved behind it; NULL: none. */
static const char *next_match(const struct edit *e, const char **at) {
  const char *end = csn_buffer_text(&e->text) + e->text.size;
  const char *found = memmem(*at, (size_t)(end - *at), e->old, e->old_size);
  if (found != NULL) *at = found + e->old_size;
  return found;
}

static void count_matches(struct edit *e) {
  const char *at = csn_buffer_text(&e->text);
  e->matches = 0;
  while (next_match(e, &at) != NULL) e->matches++;
}

static bool is_ascii(const char *bytes, size_t n) {
  size_t i = 0;
  while (i < n && (unsigned char)bytes[i] < 0x80) i++;
  return i == n;
}

/* The strings are UTF-8. In a file that is not, they are not found, or spoil what is there. */
static int check_encoding(struct edit *e, const char *path) {
  struct csn_decoder decoder = csn_encoding_detect(csn_buffer_text(&e->text), e->text.size, true);
  enum csn_encoding encoding = decoder.encoding;
  bool is_wide = encoding == CSN_ENCODING_UTF16LE || encoding == CSN_ENCODING_UTF16BE;
  bool is_plain =
      is_ascii(e->old, e->old_size) && is_ascii(csn_buffer_text(&e->new), e->new.size);
  if (encoding == CSN_ENCODING_UTF8 || (is_plain && !is_wide)) return 0;
  const char *name = csn_encoding_name(encoding);
  char hint[160];
  snprintf(hint, sizeof hint,
           "Change it with run_python: open(path, encoding=\"%s\", newline=\"\") to read it, and "
           "likewise to write it.", name);
  return csn_op_fail(e->op, CSN_OP_ENCODING, hint,
                     "cannot edit %s: the file is in %s, and edit compares and writes bytes of "
                     "UTF-8; nothing was changed", path, name);
}

static int fail_no_match(struct edit *e, const char *path) {
  uint64_t room = csn_op_number(e->op, "output_limit", OUTPUT_LIMIT);
  CSN_CLEANUP_BUFFER struct csn_buffer words =
      CSN_BUFFER(room < CSN_NEAREST_MAX ? (size_t)room / 2 : CSN_NEAREST_MAX);
  const char *hint = csn_nearest_explain(&words, csn_buffer_text(&e->text), e->text.size, e->old,
                                         e->old_size);
  /* The hint is a line of its own. */
  if (words.size > 0 && words.data[words.size - 1] == '\n') words.data[--words.size] = '\0';
  return csn_op_fail(e->op, CSN_OP_NO_MATCH, hint, "old_string is not in %s.%s", path,
                     csn_buffer_text(&words));
}

static int fail_ambiguous(struct edit *e, const char *path) {
  CSN_CLEANUP_BUFFER struct csn_buffer lines = CSN_BUFFER(4096);
  const char *text = csn_buffer_text(&e->text), *at = text, *counted = text, *found;
  uint64_t line = 1;
  for (size_t i = 0; i < LINES_NAMED && (found = next_match(e, &at)) != NULL; i++) {
    line += csn_lines_count(counted, (size_t)(found - counted));
    counted = found;
    csn_buffer_addf(&lines, "%s%llu", i > 0 ? ", " : "", (unsigned long long)line);
  }
  if (e->matches > LINES_NAMED)
    csn_buffer_addf(&lines, " and %zu more", e->matches - LINES_NAMED);
  return csn_op_fail(e->op, CSN_OP_AMBIGUOUS,
                     "Quote more lines around the one that is meant, or set replace_all.",
                     "old_string stands in %s %zu times, in lines %s; nothing was changed", path,
                     e->matches, csn_buffer_text(&lines));
}

/* ---- the new text ---------------------------------------------------------------------------- */

static int check_size(struct edit *e, const char *path) {
  uint64_t kept = e->text.size - e->matches * e->old_size;
  if (e->new.size == 0 || e->matches <= (RESULT_MAX - kept) / e->new.size) return 0;
  return csn_op_fail(e->op, CSN_OP_TOO_LARGE, "Replace in fewer places, or by less.",
                     "cannot edit %s: it would have more than %u bytes", path, RESULT_MAX);
}

static int splice(struct edit *e, const char *path) {
  const char *text = csn_buffer_text(&e->text), *from = text, *at = text, *found;
  if (check_size(e, path) < 0) return -1;
  size_t size = e->text.size - e->matches * e->old_size + e->matches * e->new.size;
  int rc = csn_buffer_reserve(&e->result, size);
  for (size_t i = 0; rc == 0 && (found = next_match(e, &at)) != NULL; i++) {
    rc = csn_buffer_add(&e->result, from, (size_t)(found - from));
    if (i < PLACES_SHOWN) e->places[i] = e->result.size;
    if (rc == 0) rc = csn_buffer_add(&e->result, csn_buffer_text(&e->new), e->new.size);
    from = at;
  }
  if (rc == 0) rc = csn_buffer_add(&e->result, from, (size_t)(text + e->text.size - from));
  return rc == 0 ? 0 : fail_memory(e->op, path);
}

/* ---- what is shown of it --------------------------------------------------------------------- */

/* Lines first to last, without the middle where they are many. */
static void show_lines(const struct edit *e, struct csn_buffer *out, uint64_t first,
                       uint64_t last) {
  const char *text = csn_buffer_text(&e->result);
  size_t n = e->result.size;
  if (last - first < 2 * (ENDS_SHOWN + AROUND)) {
    csn_lines_add_range(out, text, n, first, last, LINE_SHOWN);
    return;
  }
  uint64_t head = first + ENDS_SHOWN + AROUND - 1, tail = last - ENDS_SHOWN - AROUND + 1;
  csn_lines_add_range(out, text, n, first, head, LINE_SHOWN);
  csn_buffer_addf(out, "   ... [%llu lines]\n", (unsigned long long)(tail - head - 1));
  csn_lines_add_range(out, text, n, tail, last, LINE_SHOWN);
}

/* What is shown of the first changes, with lines around them; each line once. */
static void show_places(const struct edit *e, struct csn_buffer *out) {
  const char *text = csn_buffer_text(&e->result);
  uint64_t shown = 0;
  for (size_t i = 0; i < e->matches && i < PLACES_SHOWN; i++) {
    uint64_t first = csn_lines_count(text, e->places[i]) + 1;
    size_t within = e->new.size > 0 ? e->new.size - 1 : 0;
    uint64_t last = first + csn_lines_count(text + e->places[i], within) + AROUND;
    first = first > AROUND ? first - AROUND : 1;
    if (first > shown + 1 && shown > 0) csn_buffer_addz(out, "   ...\n");
    if (first <= shown) first = shown + 1;
    if (first <= last) show_lines(e, out, first, last);
    if (last > shown) shown = last;
  }
  if (e->matches > PLACES_SHOWN)
    csn_buffer_addf(out, "(%zu more changes are not shown)\n", e->matches - PLACES_SHOWN);
}

static int answer(const struct edit *e, const char *path) {
  struct csn_op *op = e->op;
  CSN_CLEANUP_BUFFER struct csn_buffer shown = CSN_BUFFER(1u << 20);
  uint64_t room = csn_op_number(op, "output_limit", OUTPUT_LIMIT);
  uint64_t line = csn_lines_count(csn_buffer_text(&e->result), e->places[0]) + 1;
  csn_buffer_addf(&shown, "Edited %s: %zu replacement%s%s%llu. It now reads:\n", path, e->matches,
                  e->matches == 1 ? ", in line " : "s, the first in line ", "",
                  (unsigned long long)line);
  show_places(e, &shown);
  size_t most = csn_utf8_span(csn_buffer_text(&shown), shown.size, room > 200 ? room - 100 : 100);
  csn_op_put(op, csn_buffer_text(&shown), most);
  if (most < shown.size) csn_op_putf(op, "\n[cut at the output limit; read the file for more]\n");
  csn_answer_string(&op->answer, "path", path);
  csn_answer_number(&op->answer, "replacements", (int64_t)e->matches);
  csn_answer_number(&op->answer, "first_line", (int64_t)line);
  csn_answer_number(&op->answer, "size", (int64_t)e->result.size);
  return 0;
}

/* ---- the operation --------------------------------------------------------------------------- */

/* `seen` is the state of the file that the result was made from; NULL: it is a new one. */
static int save(struct csn_op *op, const char *path, const struct csn_buffer *bytes,
                const struct stat *seen) {
  struct csn_save file;
  int rc = csn_save_begin(op, &file, path, bytes->size);
  if (rc == 0 && seen != NULL) {
    file.exists = true;
    file.old = *seen;
  }
  if (rc == 0) rc = csn_save_add(op, &file, csn_buffer_text(bytes), bytes->size);
  if (rc == 0) rc = csn_save_commit(op, &file);
  csn_save_end(&file);
  return rc;
}

/* An empty old_string: a new file. */
static int create(struct edit *e) {
  char path[CSN_PATH_SIZE];
  struct stat st;
  if (csn_target_path(e->op, path) < 0) return -1;
  if (stat(path, &st) == 0) {
    if (csn_target_check(e->op, "edit", path, st.st_mode) < 0) return -1;
    if (st.st_size > 0)
      return csn_op_fail(e->op, CSN_OP_EXISTS,
                         "To add to it, give the lines beside the place as old_string and repeat "
                         "them in new_string. To replace all of it, use write.",
                         "old_string is empty, which is for new files, and %s has a content", path);
  }
  if (save(e->op, path, &e->new, NULL) < 0) return -1;
  const char *text = csn_buffer_text(&e->new);
  uint64_t lines = csn_lines_count(text, e->new.size) + (text[e->new.size - 1] != '\n');
  csn_op_putf(e->op, "Created %s (%llu line%s, %zu byte%s)\n", path, (unsigned long long)lines,
              lines == 1 ? "" : "s", e->new.size, e->new.size == 1 ? "" : "s");
  csn_answer_string(&e->op->answer, "path", path);
  csn_answer_number(&e->op->answer, "replacements", 0);
  csn_answer_number(&e->op->answer, "first_line", 1);
  csn_answer_number(&e->op->answer, "size", (int64_t)e->new.size);
  return 0;
}

static int change(struct edit *e, const struct csn_target *target) {
  struct csn_op *op = e->op;
  const char *path = target->path;
  if (csn_target_check_seen(op, path, target->real, &target->st) < 0) return -1;
  size_t expected = target->st.st_size > 0 ? (size_t)target->st.st_size : 0;
  if (take_all(op, target->fd, expected, path, &e->text) < 0) return -1;
  if (check_encoding(e, path) < 0) return -1;
  count_matches(e);
  if (e->matches == 0) return fail_no_match(e, path);
  if (e->matches > 1 && !csn_op_flag(op, "replace_all")) return fail_ambiguous(e, path);
  if (splice(e, path) < 0 || save(op, path, &e->result, &target->st) < 0) return -1;
  return answer(e, path);
}

int csn_op_edit(struct csn_op *op) {
  struct edit e = {.op = op, .new = CSN_BUFFER(FILE_MAX + 1), .text = CSN_BUFFER(FILE_MAX + 1),
                   .result = CSN_BUFFER(RESULT_MAX)};
  struct csn_target target = {.fd = -1};
  int rc = check_strings(&e);
  if (rc == 0 && e.old_size == 0)
    rc = create(&e);
  else if (rc == 0 && (rc = csn_target_open(op, "edit", &target)) == 0)
    rc = change(&e, &target);
  if (target.fd >= 0) close(target.fd);
  csn_buffer_free(&e.new);
  csn_buffer_free(&e.text);
  csn_buffer_free(&e.result);
  return rc;
}
