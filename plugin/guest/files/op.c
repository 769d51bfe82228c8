/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The frame of an operation: its table, operands, streams and report. See op.h.
 */
#include "guest/files/op.h"

#include "guest/basics.h"

#include <errno.h>
#include <linux/magic.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#define SMALL_OUTPUT 100000u /* characters: with what numbers the lines, well within the pipe */
#define WRITE_AT 65536u   /* bytes that are worth a write */

static const struct {
  const char *name;
  csn_op_fn *run;
} operations[] = {
  {"read", csn_op_read},
  {"write", csn_op_write},
  {"edit", csn_op_edit},
  {"list", csn_op_list},
  {"glob", csn_op_glob},
  {"grep", csn_op_grep},
  {"job_start", csn_op_job_start},
  {"job_output", csn_op_job_output},
  {"job_kill", csn_op_job_kill},
  {"job_list", csn_op_job_list},
  {"service_start", csn_op_service_start},
  {"service_ready", csn_op_service_ready},
  {"service_status", csn_op_service_status},
  {"service_log", csn_op_service_log},
  {"kept_put", csn_op_kept_put},
  {"kept_get", csn_op_kept_get},
  {"upload", csn_op_upload},
  {"unpack", csn_op_unpack},
  {"unpack_clean", csn_op_unpack_clean},
  {"pack", csn_op_pack},
};

/* ---- operands ------------------------------------------------------------------------------ */

const char *csn_op_text(const struct csn_op *op, const char *name) {
  size_t length = strlen(name);
  for (const char *const *operand = op->operands; *operand != NULL; operand++) {
    if (strncmp(*operand, name, length) == 0 && (*operand)[length] == '=')
      return *operand + length + 1;
  }
  return NULL;
}

uint64_t csn_op_number(const struct csn_op *op, const char *name, uint64_t fallback) {
  const char *text = csn_op_text(op, name);
  if (text == NULL || *text < '0' || *text > '9') return fallback;
  return strtoull(text, NULL, 10);
}

bool csn_op_flag(const struct csn_op *op, const char *name) {
  const char *text = csn_op_text(op, name);
  return text != NULL && strcmp(text, "true") == 0;
}

int csn_op_path(struct csn_op *op, const char *name, char out[CSN_PATH_SIZE]) {
  const char *path = csn_op_text(op, name);
  if (csn_path_resolve(op->base, path != NULL ? path : "", out) == 0) return 0;
  return csn_op_fail(op, CSN_OP_INVALID, "", "the %s is too long: at most %d bytes", name,
                     CSN_PATH_SIZE - 1);
}

/* ---- what comes of it ---------------------------------------------------------------------- */

int csn_op_flush(struct csn_op *op) {
  if (!op->deaf &&
      csn_guest_write_all(op->out, csn_buffer_text(&op->waiting), op->waiting.size) < 0)
    op->deaf = true;
  csn_buffer_reset(&op->waiting);
  return op->deaf ? -1 : 0;
}

static int fail_deaf(struct csn_op *op) {
  return csn_op_fail(op, CSN_OP_FAILED, "Ask for less at a time.", "the answer was not taken");
}

int csn_op_put(struct csn_op *op, const void *bytes, size_t n) {
  if (op->deaf) return fail_deaf(op);
  if (op->waiting.size + n > WRITE_AT && csn_op_flush(op) < 0) return fail_deaf(op);
  if (n >= WRITE_AT) {
    op->deaf = csn_guest_write_all(op->out, bytes, n) < 0;
    return op->deaf ? fail_deaf(op) : 0;
  }
  if (csn_buffer_add(&op->waiting, bytes, n) == 0) return 0;
  return csn_op_fail(op, CSN_OP_MEMORY, "", "out of memory in the sandbox");
}

int csn_op_putf(struct csn_op *op, const char *format, ...) {
  char text[2 * CSN_PATH_SIZE];
  va_list args;
  va_start(args, format);
  int n = vsnprintf(text, sizeof text, format, args);
  va_end(args);
  if (n < 0) return -1;
  return csn_op_put(op, text, (size_t)n < sizeof text ? (size_t)n : sizeof text - 1);
}

int csn_op_fail(struct csn_op *op, const char *reason, const char *hint, const char *format, ...) {
  va_list args;
  if (op->refused) return -1;
  op->refused = true;
  snprintf(op->reason, sizeof op->reason, "%s", reason);
  snprintf(op->hint, sizeof op->hint, "%s", hint);
  va_start(args, format);
  vsnprintf(op->message, sizeof op->message, format, args);
  va_end(args);
  return -1;
}

static const struct {
  int number;
  const char *reason, *why, *hint;
} failures[] = {
  {ENOENT, CSN_OP_NOT_FOUND, "there is no such file or directory",
   "List the directory, or search with glob, to see what is there."},
  {ENOTDIR, CSN_OP_TYPE, "a part of the path is a file, not a directory", "Check the path."},
  {EISDIR, CSN_OP_TYPE, "it is a directory", "Name a file in it, or list it."},
  {EEXIST, CSN_OP_EXISTS, "it exists already", ""},
  {ELOOP, CSN_OP_TYPE, "its symbolic links lead round in a circle", "Check where the links point."},
  {EACCES, CSN_OP_PERMISSION, "permission denied", "Work in the session's own directory."},
  {EPERM, CSN_OP_PERMISSION, "permission denied", "Work in the session's own directory."},
  {EROFS, CSN_OP_PERMISSION, "that part of the file system is read-only",
   "Write in the session's own directory or in /tmp."},
  {ENOSPC, CSN_OP_DISK_FULL, "the disk is full", "Remove files that are not needed and try again."},
  {EDQUOT, CSN_OP_DISK_FULL, "the disk is full", "Remove files that are not needed and try again."},
  {ENAMETOOLONG, CSN_OP_INVALID, "a name in it is longer than 255 bytes", "Choose a shorter name."},
  {ENOMEM, CSN_OP_MEMORY, "out of memory in the sandbox", "End what uses the memory and try again."},
};

int csn_op_fail_errno(struct csn_op *op, int number, const char *verb, const char *path) {
  for (size_t i = 0; i < sizeof failures / sizeof failures[0]; i++) {
    if (failures[i].number == number)
      return csn_op_fail(op, failures[i].reason, failures[i].hint, "cannot %s %s: %s", verb, path,
                         failures[i].why);
  }
  return csn_op_fail(op, CSN_OP_FAILED, "", "cannot %s %s: %s", verb, path, strerror(number));
}

/* ---- the frame ----------------------------------------------------------------------------- */

static void report_refusal(const struct csn_op *op, struct csn_answer *report) {
  csn_answer_object(report, NULL);
  csn_answer_object(report, "error");
  csn_answer_string(report, "reason", op->reason);
  csn_answer_string(report, "message", op->message);
  csn_answer_string(report, "hint", op->hint);
  csn_answer_end_object(report);
  csn_answer_end_object(report);
}

/* Without memory for a report, what it would say is known. */
static int write_report(int fd, const struct csn_answer *report) {
  static const char no_memory[] =
    "{\"error\":{\"reason\":\"" CSN_OP_MEMORY "\",\"message\":\"out of memory in the sandbox\","
    "\"hint\":\"End what uses the memory, look at what was done, and try again.\"}}";
  if (report->failed) return csn_guest_write_all(fd, no_memory, sizeof no_memory - 1);
  return csn_guest_write_all(fd, csn_buffer_text(&report->text), report->text.size);
}

static int carry_out(struct csn_op *op, const char *name) {
  for (size_t i = 0; i < sizeof operations / sizeof operations[0]; i++) {
    if (strcmp(operations[i].name, name) == 0) return operations[i].run(op);
  }
  return csn_op_fail(op, CSN_OP_INVALID, "", "this helper has no operation %s", name);
}

/* No file of the kernel's making, whose reading may wait for something. */
static bool is_small_file(const char *path) {
  struct stat st;
  struct statfs fs;
  return stat(path, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0 &&
         st.st_size <= CSN_OP_SMALL_FILE &&
         statfs(path, &fs) == 0 && fs.f_type != PROC_SUPER_MAGIC && fs.f_type != SYSFS_MAGIC;
}

bool csn_op_is_small(const char *name, const char *base, const char *const *operands) {
  char path[CSN_PATH_SIZE];
  const struct csn_op op = {.base = base, .operands = operands};
  const char *given = csn_op_text(&op, "path");
  return strcmp(name, "read") == 0 && csn_op_number(&op, "output_limit", 0) <= SMALL_OUTPUT &&
         given != NULL && csn_path_resolve(base, given, path) == 0 && is_small_file(path);
}

static int run(const char *name, const char *base, const char *const *operands,
               const int streams[3], bool is_small) {
  struct csn_op op = {.base = base, .operands = operands, .in = streams[0],
                      .out = streams[1], .is_small = is_small,
                      .waiting = CSN_BUFFER(2 * WRITE_AT), .answer = CSN_ANSWER};
  csn_answer_object(&op.answer, NULL);
  int rc = carry_out(&op, name);
  csn_answer_end_object(&op.answer);
  if (csn_op_flush(&op) < 0 && rc == 0) rc = fail_deaf(&op);
  if (rc == 0 && op.answer.failed)
    rc = csn_op_fail(&op, CSN_OP_MEMORY, "Ask for less at a time.", "the answer is too long");
  struct csn_answer refusal = CSN_ANSWER;
  if (rc < 0) report_refusal(&op, &refusal);
  if (write_report(streams[2], rc < 0 ? &refusal : &op.answer) < 0) rc = -1;
  csn_buffer_free(&op.waiting);
  csn_buffer_free(&op.answer.text);
  csn_buffer_free(&refusal.text);
  return rc < 0;
}

int csn_op_run(const char *name, const char *base, const char *const *operands,
               const int streams[3]) {
  return run(name, base, operands, streams, false);
}

int csn_op_run_small(const char *name, const char *base, const char *const *operands,
                     const int streams[3]) {
  return run(name, base, operands, streams, true);
}
