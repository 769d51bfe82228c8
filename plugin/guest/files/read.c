/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `read`: lines of a text with their numbers, or an image's bytes. The file goes by in pieces, so
 * its size does not matter; what is known of it beyond what is shown is counted on the way.
 */
#include "guest/files/encoding.h"
#include "guest/files/kind.h"
#include "guest/files/lines.h"
#include "guest/files/seen.h"
#include "guest/files/target.h"
#include "util/utf8.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define PIECE 65536u
#define IMAGE_MAX (5u << 20)
#define LIMIT 2000u                  /* lines, where nothing is said */
#define COUNT_ON (256ull << 20)      /* bytes beyond what is shown: then it is "at least" */
#define FOR_NOTES 400u               /* characters of the output limit that notes may need */
#define OUTPUT_LIMIT 50000u

struct view {
  struct csn_op *op;
  uint64_t first, last;      /* the lines that are wanted */
  uint64_t room;             /* characters that may still be shown */
  uint64_t shown, cut;       /* lines; cut ones among them */
  bool full;                 /* no room for a wanted line */
  uint64_t line;             /* the number of the one that is going by */
  uint64_t length;           /* its bytes so far */
  char end;                  /* the last of them */
  size_t held;               /* how many of them are in `head` */
  char head[CSN_LINE_HELD];
  uint64_t lf, crlf;         /* line endings so far */
  bool unfinished;           /* the last line has none */
  uint64_t beyond;           /* bytes that went by after the last line to be shown */
  bool counted;              /* to the end of the file */
  struct csn_buffer text;
};

/* ---- lines going by -------------------------------------------------------------------------- */

static bool is_past(const struct view *v) {
  return v->full || v->line > v->last;
}

/* 0, or -1 when there is no more sense in it. A line that is too long for the room is shown in
 * part if it is the first. */
static int show(struct view *v, uint64_t length) {
  size_t held = length < v->held ? (size_t)length : v->held;
  size_t most = v->room > CSN_LINE_SHOWN + 64 ? CSN_LINE_SHOWN : v->room > 64 ? v->room - 64 : 0;
  csn_buffer_reset(&v->text);
  int cut = csn_lines_add(&v->text, v->line, v->head, held, length,
                          v->shown == 0 ? most : CSN_LINE_SHOWN);
  if (cut < 0) return csn_op_fail_errno(v->op, ENOMEM, "show", "the lines");
  size_t characters = csn_utf8_count(csn_buffer_text(&v->text), v->text.size);
  if (characters > v->room && v->shown > 0) {
    v->full = true;
    return 0;
  }
  v->room -= characters < v->room ? characters : v->room;
  v->shown++;
  v->cut += cut > 0;
  return csn_op_put(v->op, v->text.data, v->text.size);
}

static int end_line(struct view *v, bool has_newline) {
  bool is_crlf = has_newline && v->length > 0 && v->end == '\r';
  v->crlf += is_crlf;
  v->lf += has_newline && !is_crlf;
  v->unfinished = !has_newline;
  if (v->line >= v->first && !is_past(v) && show(v, v->length - is_crlf) < 0) return -1;
  v->line++;
  v->length = v->held = 0;
  return 0;
}

static void hold(struct view *v, const char *bytes, size_t n) {
  size_t room = sizeof v->head - v->held;
  v->length += n;
  v->end = bytes[n - 1];
  if (v->line < v->first || is_past(v)) return;
  memcpy(v->head + v->held, bytes, n < room ? n : room);
  v->held += n < room ? n : room;
}

static int feed(struct view *v, const char *bytes, size_t n) {
  while (n > 0) {
    const char *newline = memchr(bytes, '\n', n);
    size_t piece = newline != NULL ? (size_t)(newline - bytes) : n;
    if (piece > 0) hold(v, bytes, piece);
    if (newline != NULL && end_line(v, true) < 0) return -1;
    size_t taken = piece + (newline != NULL);
    if (is_past(v)) v->beyond += taken;
    bytes += taken;
    n -= taken;
  }
  return 0;
}

/* ---- the file -------------------------------------------------------------------------------- */

static int feed_decoded(struct view *v, struct csn_decoder *decoder, const char *bytes, size_t n,
                        struct csn_buffer *decoded) {
  if (decoder->encoding == CSN_ENCODING_UTF8) return feed(v, bytes, n);
  csn_buffer_reset(decoded);
  if (csn_decoder_add(decoder, bytes, n, decoded) < 0)
    return csn_op_fail_errno(v->op, ENOMEM, "show", "the lines");
  return feed(v, csn_buffer_text(decoded), decoded->size);
}

static int fail_growing(struct csn_op *op, const char *path) {
  return csn_op_fail(op, CSN_OP_CHANGED, "Read it again.", "%s grew while it was being read", path);
}

/* `piece` holds the first n bytes already. */
static int go_through(struct view *v, const struct csn_target *target, struct csn_decoder *decoder,
                      char *piece, size_t n) {
  CSN_CLEANUP_BUFFER struct csn_buffer decoded = CSN_BUFFER(4 * PIECE);
  size_t skip = decoder->mark, went_by = 0;
  for (;;) {
    if (feed_decoded(v, decoder, piece + skip, n - skip, &decoded) < 0) return -1;
    if (v->beyond > COUNT_ON) return 0;
    went_by += n;
    if (v->op->is_small && went_by > CSN_OP_SMALL_FILE) return fail_growing(v->op, target->path);
    ssize_t got = csn_target_fill(target->fd, piece, PIECE);
    if (got < 0) return csn_op_fail_errno(v->op, errno, "read", target->path);
    if (got == 0) break;
    n = (size_t)got;
    skip = 0;
  }
  if (feed_decoded(v, decoder, piece, 0, &decoded) < 0) return -1;
  if (v->length > 0 && end_line(v, false) < 0) return -1;
  v->counted = true;
  return 0;
}

/* ---- what is said of it ---------------------------------------------------------------------- */

static const char *line_endings(const struct view *v) {
  if (v->lf > 0 && v->crlf > 0) return "mixed";
  if (v->crlf > 0) return "crlf";
  return v->lf > 0 ? "lf" : "none";
}

static void put_range(struct csn_op *op, const struct view *v) {
  uint64_t total = v->line - 1, last = v->first + v->shown - 1;
  const char *how = v->counted ? "" : "at least ";
  if (v->shown == total && v->counted && v->first == 1)
    csn_op_putf(op, "(%llu line%s", (unsigned long long)total, total == 1 ? "" : "s");
  else
    csn_op_putf(op, "(lines %llu to %llu of %s%llu", (unsigned long long)v->first,
                (unsigned long long)last, how, (unsigned long long)total);
  if (last < total || !v->counted)
    csn_op_putf(op, "; go on at offset %llu", (unsigned long long)last + 1);
  if (v->full) csn_op_putf(op, "; more does not fit into one answer");
}

static void put_notes(struct csn_op *op, const struct view *v, const struct csn_decoder *decoder) {
  bool is_whole = v->counted && v->shown == v->line - 1;
  bool is_utf8 = decoder->encoding == CSN_ENCODING_UTF8;
  if (is_whole && is_utf8 && decoder->mark == 0 && v->crlf == 0 && !v->unfinished && v->cut == 0)
    return;
  put_range(op, v);
  if (v->cut > 0)
    csn_op_putf(op, "; %llu cut at %u characters: use shell (cut -c) for the rest",
                (unsigned long long)v->cut, CSN_LINE_SHOWN);
  if (v->crlf > 0 && v->lf == 0) csn_op_putf(op, "; every line ends in CRLF, shown without CR");
  if (v->crlf > 0 && v->lf > 0)
    csn_op_putf(op, "; line endings are mixed, %llu CRLF and %llu LF, shown without CR",
                (unsigned long long)v->crlf, (unsigned long long)v->lf);
  if (!is_utf8)
    csn_op_putf(op, "; the file is in %s, shown as UTF-8", csn_encoding_name(decoder->encoding));
  if (is_utf8 && decoder->mark > 0) csn_op_putf(op, "; it begins with a UTF-8 byte order mark");
  if (v->unfinished && v->counted) csn_op_putf(op, "; no newline at the end of the file");
  csn_op_putf(op, ")\n");
}

static void report_text(struct csn_op *op, const struct view *v,
                        const struct csn_decoder *decoder) {
  struct csn_answer *answer = &op->answer;
  uint64_t total = v->line - 1, last = v->first + v->shown - 1;
  csn_answer_string(answer, "encoding", csn_encoding_name(decoder->encoding));
  csn_answer_bool(answer, "byte_order_mark", decoder->mark > 0);
  csn_answer_string(answer, "line_endings", line_endings(v));
  csn_answer_bool(answer, "final_newline", v->counted && !v->unfinished);
  csn_answer_number(answer, "total_lines", (int64_t)total);
  csn_answer_bool(answer, "total_is_exact", v->counted);
  csn_answer_number(answer, "first_line", (int64_t)v->first);
  csn_answer_number(answer, "last_line", (int64_t)last);
  csn_answer_number(answer, "lines_cut", (int64_t)v->cut);
  csn_answer_bool(answer, "truncated", !v->counted || last < total || v->cut > 0);
}

static void report(struct csn_op *op, const struct csn_target *target, const char *kind,
                   uint64_t size) {
  csn_answer_string(&op->answer, "path", target->path);
  csn_answer_string(&op->answer, "kind", kind);
  csn_answer_number(&op->answer, "size", (int64_t)size);
}

/* ---- by kind --------------------------------------------------------------------------------- */

static int read_empty(struct csn_op *op, const struct csn_target *target) {
  csn_op_putf(op, "(the file is empty)\n");
  report(op, target, "empty", (uint64_t)target->st.st_size);
  csn_answer_number(&op->answer, "total_lines", 0);
  csn_answer_bool(&op->answer, "truncated", false);
  return 0;
}

static int read_text(struct csn_op *op, const struct csn_target *target, char *piece, size_t n) {
  uint64_t offset = csn_op_number(op, "offset", 1), limit = csn_op_number(op, "limit", LIMIT);
  uint64_t room = csn_op_number(op, "output_limit", OUTPUT_LIMIT);
  struct view v = {.op = op, .first = offset > 0 ? offset : 1, .line = 1,
                   .room = room > 2 * FOR_NOTES ? room - FOR_NOTES : FOR_NOTES,
                   .text = CSN_BUFFER(2 * CSN_LINE_HELD)};
  struct csn_decoder decoder = csn_encoding_detect(piece, n, n < PIECE);
  if (limit == 0) limit = 1;
  v.last = limit <= UINT64_MAX - v.first ? v.first + limit - 1 : UINT64_MAX;
  int rc = go_through(&v, target, &decoder, piece, n);
  csn_buffer_free(&v.text);
  if (rc < 0) return -1;
  unsigned long long total = (unsigned long long)v.line - 1;
  if (total == 0) return read_empty(op, target);
  if (v.shown == 0)
    return csn_op_fail(op, CSN_OP_INVALID, "Ask for an offset within the file.",
                       "offset %llu is beyond the end of %s, which has %llu line%s",
                       (unsigned long long)v.first, target->path, total, total == 1 ? "" : "s");
  put_notes(op, &v, &decoder);
  report(op, target, "text", (uint64_t)target->st.st_size);
  report_text(op, &v, &decoder);
  return 0;
}

/* Its bytes as they are; the host makes an image block of them. */
static int read_image(struct csn_op *op, const struct csn_target *target,
                      const struct csn_kind *kind, char *piece, size_t n) {
  uint64_t size = 0;
  for (;;) {
    size += n;
    if (size > IMAGE_MAX || target->st.st_size > IMAGE_MAX)
      return csn_op_fail(op, CSN_OP_TOO_LARGE,
                         "Scale it down with run_python (Pillow: image.thumbnail) and read that.",
                         "cannot show %s: it is %s of %lld bytes, more than %u", target->path,
                         kind->what, (long long)target->st.st_size, IMAGE_MAX);
    if (csn_op_put(op, piece, n) < 0) return -1;
    ssize_t got = csn_target_fill(target->fd, piece, PIECE);
    if (got < 0) return csn_op_fail_errno(op, errno, "read", target->path);
    if (got == 0) break;
    n = (size_t)got;
  }
  report(op, target, "image", size);
  csn_answer_string(&op->answer, "mime_type", kind->mime_type);
  csn_answer_bool(&op->answer, "truncated", false);
  return 0;
}

static int read_file(struct csn_op *op, const struct csn_target *target) {
  static char piece[PIECE];   /* not on the stack: pages that are not touched cost nothing */
  ssize_t got = csn_target_fill(target->fd, piece, sizeof piece);
  if (got < 0) return csn_op_fail_errno(op, errno, "read", target->path);
  csn_seen_note(target->real, &target->st);
  if (got == 0) return read_empty(op, target);
  struct csn_kind kind = csn_kind_of(piece, (size_t)got);
  if (kind.mime_type != NULL) return read_image(op, target, &kind, piece, (size_t)got);
  if (kind.what == NULL) return read_text(op, target, piece, (size_t)got);
  return csn_op_fail(op, CSN_OP_TYPE, kind.hint, "cannot show %s as text: it is %s (%lld bytes)",
                     target->path, kind.what, (long long)target->st.st_size);
}

int csn_op_read(struct csn_op *op) {
  struct csn_target target;
  int rc = csn_target_open(op, "read", &target);
  if (rc == 0) rc = read_file(op, &target);
  if (target.fd >= 0) close(target.fd);
  return rc;
}
