/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What every operation on files is. It runs in a process of its own, forked from a serve, as the
 * sandbox's user, and may be killed at any moment: so it leaves nothing half done under a final
 * name. What it is asked comes as operands, NAME=VALUE, and, where there is more, on `in`; what it
 * writes to `out` is the text for the model, or bytes; its report goes to the third stream at the
 * end. The host has checked the operands, yet nothing here relies on that.
 */
#ifndef CSN_GUEST_FILES_OP_H
#define CSN_GUEST_FILES_OP_H

#include "guest/files/answer.h"
#include "util/path.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct csn_op {
  const char *base;               /* absolute: where relative paths begin */
  const char *const *operands;
  int in;                         /* /dev/null if the host sends nothing */
  int out;
  struct csn_buffer waiting;      /* of what goes to `out` */
  bool deaf;                      /* nobody takes it any more */
  bool is_small;                  /* carried out by a serve: see csn_op_run_small */
  struct csn_answer answer;       /* inside the report's outermost object */
  bool refused;                   /* csn_op_fail was called */
  char reason[64], message[6144], hint[512];
};

/* 0, or -1 after csn_op_fail; then nothing of the answer is reported. */
typedef int csn_op_fn(struct csn_op *op);

/* Carry out one operation; streams: in, out, report. Returns the exit code: 0 done, 1 refused. */
int csn_op_run(const char *name, const char *base, const char *const *operands,
               const int streams[3]);

/* Whether this one is surely done in a moment, and what it says fits into a pipe of
 * CSN_OP_SMALL_PIPE bytes: then a process of its own would be most of its cost, and a serve carries
 * it out itself. So far a `read` of a small file is. */
#define CSN_OP_SMALL_PIPE (1 << 20)
bool csn_op_is_small(const char *name, const char *base, const char *const *operands);
/* As csn_op_run, for such a one. Whatever the file has become meanwhile, it reads no more than
 * CSN_OP_SMALL_FILE bytes of it, and refuses if there are more. */
#define CSN_OP_SMALL_FILE (128u << 10)
int csn_op_run_small(const char *name, const char *base, const char *const *operands,
                     const int streams[3]);

/* ---- operands ------------------------------------------------------------------------------ */

const char *csn_op_text(const struct csn_op *op, const char *name);   /* NULL: it was not given */
uint64_t csn_op_number(const struct csn_op *op, const char *name, uint64_t fallback);
bool csn_op_flag(const struct csn_op *op, const char *name);          /* "true" */

/* The absolute path that operand `name` means, or `base` where it was not given; links are not
 * looked at. 0, or -1. */
int csn_op_path(struct csn_op *op, const char *name, char out[CSN_PATH_SIZE]);

/* ---- what comes of it ---------------------------------------------------------------------- */

/* Text for the model, buffered; 0, or -1 when nobody takes it any more or there is no memory. */
int csn_op_put(struct csn_op *op, const void *bytes, size_t n);
int csn_op_putf(struct csn_op *op, const char *format, ...) __attribute__((format(printf, 2, 3)));
int csn_op_flush(struct csn_op *op);

/* Refuse: why, in one sentence that names the thing, and what to do (may be ""). Returns -1. The
 * first one counts. Bytes that are no UTF-8 are repaired on the way out. */
int csn_op_fail(struct csn_op *op, const char *reason, const char *hint, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* The same for an errno: "cannot <verb> <path>: <why>", with reason and hint by its table. */
int csn_op_fail_errno(struct csn_op *op, int number, const char *verb, const char *path);

/* Reasons that operations give. They reach the host's structuredContent.error.reason as they are. */
#define CSN_OP_NOT_FOUND "file.not_found"
#define CSN_OP_EXISTS "file.exists"
#define CSN_OP_PERMISSION "file.permission"      /* also: read-only */
#define CSN_OP_TYPE "file.type"                  /* a directory, a FIFO, a device; or no directory */
#define CSN_OP_TOO_LARGE "file.too_large"
#define CSN_OP_ENCODING "file.encoding"
#define CSN_OP_CHANGED "file.changed"            /* since this session last read it */
#define CSN_OP_NO_MATCH "edit.no_match"
#define CSN_OP_AMBIGUOUS "edit.ambiguous"
#define CSN_OP_PATTERN "pattern.invalid"
#define CSN_OP_PATTERN_LIMIT "pattern.limit"     /* it would take for ever */
#define CSN_OP_DISK_FULL "disk.full"
#define CSN_OP_QUOTA "disk.quota"
#define CSN_OP_FAILED "file.failed"              /* any other errno */
#define CSN_OP_INVALID "arguments.invalid"
#define CSN_OP_MEMORY "sandbox.memory"
#define CSN_OP_INPUT "input.incomplete"          /* what was sent is not whole */
#define CSN_OP_SIZE "file.size"                  /* not what was announced */
#define CSN_OP_ARCHIVE_UNSAFE "archive.unsafe"
#define CSN_OP_ARCHIVE_LIMIT "archive.limit"

/* ---- the operations, each in a file of its own --------------------------------------------- */

csn_op_fn csn_op_read;
csn_op_fn csn_op_write;
csn_op_fn csn_op_edit;
csn_op_fn csn_op_list;
csn_op_fn csn_op_glob;
csn_op_fn csn_op_grep;
/* On background jobs; only where a serve has handed over what guest/job_given.h says. */
csn_op_fn csn_op_job_start, csn_op_job_output, csn_op_job_kill, csn_op_job_list;
csn_op_fn csn_op_kept_put, csn_op_kept_get;
csn_op_fn csn_op_service_start, csn_op_service_ready, csn_op_service_status, csn_op_service_log;
csn_op_fn csn_op_upload;
csn_op_fn csn_op_unpack;
csn_op_fn csn_op_unpack_clean;
csn_op_fn csn_op_pack;

#endif
