/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `write`: a whole new file, or a new content for one. The content comes as input, of which `size`
 * says how long it is, so that one cut short is never taken for whole.
 */
#include "guest/files/lines.h"
#include "guest/files/save.h"
#include "guest/files/target.h"

#include <errno.h>
#include <string.h>

#define PIECE 65536u

struct content {
  uint64_t lines;
  char last;
};

static void count_lines(struct content *content, const char *bytes, size_t n) {
  content->lines += csn_lines_count(bytes, n);
  if (n > 0) content->last = bytes[n - 1];
}

static int copy(struct csn_op *op, struct csn_save *save, struct content *content) {
  static char piece[PIECE];   /* not on the stack: pages that are not touched cost nothing */
  uint64_t size = csn_op_number(op, "size", UINT64_MAX);
  for (;;) {
    ssize_t n = csn_target_fill(op->in, piece, sizeof piece);
    if (n < 0) return csn_op_fail_errno(op, errno, "take the content of", save->path);
    if (n == 0) break;
    count_lines(content, piece, (size_t)n);
    if (csn_save_add(op, save, piece, (size_t)n) < 0) return -1;
  }
  if (size == UINT64_MAX || size == save->size) return 0;
  return csn_op_fail(op, CSN_OP_INPUT, "Try again.",
                     "only %llu of %llu bytes of the content arrived; %s is as it was",
                     (unsigned long long)save->size, (unsigned long long)size, save->path);
}

static int write_file(struct csn_op *op, struct csn_save *save, const char *path) {
  struct content content = {0, '\n'};
  uint64_t size = csn_op_number(op, "size", 0);
  if (csn_save_begin(op, save, path, size) < 0 || copy(op, save, &content) < 0 ||
      csn_save_commit(op, save) < 0)
    return -1;
  uint64_t lines = content.lines + (content.last != '\n');
  csn_op_putf(op, "%s %s", save->exists ? "Replaced" : "Created", path);
  if (strcmp(path, save->real) != 0) csn_op_putf(op, ", which is %s", save->real);
  csn_op_putf(op, " (%llu line%s, %llu byte%s)\n", (unsigned long long)lines, lines == 1 ? "" : "s",
              (unsigned long long)save->size, save->size == 1 ? "" : "s");
  csn_answer_string(&op->answer, "path", path);
  csn_answer_bool(&op->answer, "replaced", save->exists);
  csn_answer_number(&op->answer, "size", (int64_t)save->size);
  csn_answer_number(&op->answer, "lines", (int64_t)lines);
  return 0;
}

int csn_op_write(struct csn_op *op) {
  char path[CSN_PATH_SIZE];
  struct csn_save save;
  if (csn_target_path(op, path) < 0) return -1;
  int rc = write_file(op, &save, path);
  csn_save_end(&save);
  return rc;
}
