/* SPDX-License-Identifier: Apache-2.0 */
/* See archive_source.h. */
#include "tools/archive_source.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "util/alloc.h"
#include "util/buffer.h"

#define PEEK ((size_t)8)

int csn_source_needs_spool(const struct csn_archive_source *source) {
  static const struct {
    const char *magic;
    size_t size;
  } formats[] = {{"PK\003\004", 4}, {"PK\005\006", 4}, {"7z\274\257\047\034", 6}};
  for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
    if (source->peeked >= formats[i].size &&
        memcmp(source->piece, formats[i].magic, formats[i].size) == 0)
      return 1;
  return 0;
}

/* ---- the input ------------------------------------------------------------------------------- */

static void count(struct csn_archive_source *source, const uint8_t *bytes, size_t n) {
  size_t zeros = 0;
  while (zeros < n && bytes[n - 1 - zeros] == 0) zeros++;
  source->zeros = zeros == n ? source->zeros + n : zeros;
  source->taken += n;
}

static int wait_a_moment(struct csn_archive_source *source) {
  struct csn_error ignored;
  struct pollfd p = {.fd = source->call->input_fd, .events = POLLIN};
  int rc = csn_control_poll(source->call->control, &p, p.fd > 0, csn_clock_now() + CSN_CONTROL_TICK,
                            &ignored);
  if (rc < 0) source->stopped = rc;
  return rc;
}

static int64_t ask(struct csn_archive_source *source, uint8_t *out, size_t room) {
  struct csn_error ignored;
  if (source->ended) return 0;
  source->stopped = csn_control_check(source->call->control, &ignored);
  while (!source->stopped && !source->input_failed) {
    int64_t n = source->call->input(source->call->input_ctx, out, room);
    source->ended = n == CAISSON_INPUT_END;
    if (n == CAISSON_INPUT_END) return 0;
    if (n > 0 && (uint64_t)n <= room) {
      count(source, out, (size_t)n);
      return n;
    }
    if (n != CAISSON_INPUT_AGAIN) source->input_failed = 1;
    else (void)wait_a_moment(source);
  }
  return -1;
}

static int fail_input(const struct csn_archive_source *source, struct csn_error *err) {
  if (source->stopped) return csn_control_check(source->call->control, err);
  return csn_fail(err, CAISSON_E_CANCELLED, CAISSON_REASON_INPUT, "the request's input failed");
}

int csn_source_open(struct csn_archive_source *source, const struct csn_tool_call *call,
                    struct csn_error *err) {
  *source = (struct csn_archive_source){.call = call, .spool = -1};
  source->piece = csn_alloc(CSN_SOURCE_PIECE);
  if (!source->piece) return csn_fail_nomem(err);
  while (source->peeked < PEEK && !source->ended) {
    int64_t n = ask(source, source->piece + source->peeked, CSN_SOURCE_PIECE - source->peeked);
    if (n < 0) return fail_input(source, err);
    source->peeked += (size_t)n;
  }
  return 0;
}

void csn_source_close(struct csn_archive_source *source) {
  csn_free(source->piece);
  source->piece = NULL;
  if (source->spool >= 0) close(source->spool);
  source->spool = -1;
}

int64_t csn_source_read(struct csn_archive_source *source, const void **bytes) {
  size_t n = source->peeked;
  *bytes = source->piece;
  source->peeked = 0;
  return n > 0 ? (int64_t)n : ask(source, source->piece, CSN_SOURCE_PIECE);
}

/* ---- the spool ------------------------------------------------------------------------------- */

static int open_spool(struct csn_error *err) {
  const char *dir = secure_getenv("TMPDIR");
  if (!dir || !*dir) dir = P_tmpdir;
  int fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  if (fd >= 0) return fd;
  CSN_CLEANUP_FREE char *name = csn_asprintf("%s/caisson-XXXXXX", dir);
  if (!name) return csn_fail_nomem(err);
  fd = mkostemp(name, O_CLOEXEC);
  if (fd >= 0) unlink(name);
  if (fd >= 0) return fd;
  return csn_fail_errno(err, CAISSON_E_LIMIT, CAISSON_REASON_DISK_FULL, errno,
                        "no temporary file can be made in %s", dir);
}

static int write_spool(int fd, const uint8_t *bytes, size_t n, struct csn_error *err) {
  while (n > 0) {
    ssize_t wrote = write(fd, bytes, n);
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0)
      return csn_fail_errno(err, CAISSON_E_LIMIT, CAISSON_REASON_DISK_FULL, errno,
                            "the archive cannot be kept in a temporary file");
    bytes += wrote;
    n -= (size_t)wrote;
  }
  return 0;
}

int csn_source_spool(struct csn_archive_source *source, uint64_t max, struct csn_error *err) {
  const void *bytes;
  int64_t n;
  source->spool = open_spool(err);
  if (source->spool < 0) return source->spool;
  while ((n = csn_source_read(source, &bytes)) > 0) {
    if (source->taken > max)
      return csn_fail(err, CAISSON_E_ARGUMENTS, CAISSON_REASON_ARCHIVE_LIMIT,
                      "the archive alone has more bytes than its files may have");
    int rc = write_spool(source->spool, bytes, (size_t)n, err);
    if (rc) return rc;
  }
  if (n < 0) return fail_input(source, err);
  return lseek(source->spool, 0, SEEK_SET) < 0 ? CAISSON_E_INTERNAL : 0;
}
