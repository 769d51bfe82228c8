/* SPDX-License-Identifier: Apache-2.0 */
/* See archive_index.h. The layouts: PKWARE's APPNOTE.TXT, 4.3, and 7-Zip's 7zFormat.txt. */
#include "tools/archive_index.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

/* Numbers in the heads of zip and 7z are little-endian. */
static uint64_t load(const uint8_t *at, size_t width) {
  uint64_t value = 0;
  while (width-- > 0) value = value << 8 | at[width];
  return value;
}

#define END_SIZE ((size_t)22)      /* of zip's end record without its comment */
#define LOCATOR_SIZE ((size_t)20)  /* of what stands before it in a zip64 */
#define END64_SIZE ((size_t)56)    /* and leads to this */
#define SIGNATURE ((size_t)4)
#define SEVEN_SIZE ((size_t)32)    /* of 7z's start header */
#define SEVEN_INDEX_MAX ((uint64_t)16 << 20)

/* As many bytes as are there, up to n; negative: *err. */
static int64_t read_at(const struct csn_archive_source *source, void *out, size_t n, uint64_t at,
                       struct csn_error *err) {
  size_t got = 0;
  while (got < n && at + got < source->taken) {
    ssize_t more = pread(source->spool, (uint8_t *)out + got, n - got, (off_t)(at + got));
    if (more < 0 && errno == EINTR) continue;
    if (more < 0)
      return csn_fail_errno(err, CAISSON_E_INTERNAL, CAISSON_REASON_INTERNAL, errno,
                            "the archive's temporary file cannot be read");
    if (more == 0) break;
    got += (size_t)more;
  }
  return (int64_t)got;
}

/* ---- zip ------------------------------------------------------------------------------------- */

static void lower(uint64_t *start, uint64_t at) {
  if (at < *start) *start = at;
}

/* Where zip64's end record has the index. */
static int lower_by_end64(const struct csn_archive_source *source, const uint8_t *locator,
                          uint64_t *start, struct csn_error *err) {
  uint8_t end[END64_SIZE];
  uint64_t at = load(locator + 8, 8);
  if (memcmp(locator, "PK\006\007", SIGNATURE) != 0 || at >= source->taken) return 0;
  int64_t n = read_at(source, end, sizeof end, at, err);
  if (n < 0) return (int)n;
  if (n == (int64_t)sizeof end) lower(start, load(end + 48, 8));
  return 0;
}

/* Where the index begins, or earlier: of the places that the end records name, the first. Without
 * such a record it may be anywhere. */
static int find_start(const struct csn_archive_source *source, uint64_t *start,
                      struct csn_error *err) {
  uint64_t size = source->taken < CSN_SOURCE_PIECE ? source->taken : CSN_SOURCE_PIECE;
  uint64_t tail = source->taken - size;
  int64_t n = read_at(source, source->piece, (size_t)size, tail, err);
  if (n < 0) return (int)n;
  *start = source->taken;
  for (size_t i = (size_t)n >= END_SIZE ? (size_t)n - END_SIZE + 1 : 0; i-- > 0;) {
    const uint8_t *end = source->piece + i;
    if (memcmp(end, "PK\005\006", SIGNATURE) != 0) continue;
    uint64_t index_size = load(end + 12, 4);
    lower(start, load(end + 16, 4));
    if (index_size <= tail + i) lower(start, tail + i - index_size);
    return i < LOCATOR_SIZE ? 0 : lower_by_end64(source, end - LOCATOR_SIZE, start, err);
  }
  *start = 0;
  return 0;
}

static uint64_t count_heads(const uint8_t *bytes, size_t n) {
  const uint8_t *end = bytes + n, *found;
  uint64_t count = 0;
  while ((found = memmem(bytes, (size_t)(end - bytes), "PK\001\002", SIGNATURE)) != NULL) {
    count++;
    bytes = found + SIGNATURE;
  }
  return count;
}

/* The heads themselves are counted: the number that the end record gives is nothing libarchive
 * keeps to. */
static int check_zip(const struct csn_archive_source *source, uint64_t max_entries,
                     struct csn_error *err) {
  uint64_t at = 0, count = 0;
  int rc = find_start(source, &at, err);
  while (rc == 0 && at < source->taken) {
    int64_t n = read_at(source, source->piece, CSN_SOURCE_PIECE, at, err);
    if (n < 0) return (int)n;
    count += count_heads(source->piece, (size_t)n);
    if (count > max_entries)
      return csn_fail(err, CAISSON_E_ARGUMENTS, CAISSON_REASON_ARCHIVE_LIMIT,
                      "the archive has more than %llu entries; nothing was unpacked",
                      (unsigned long long)max_entries);
    if (n < (int64_t)SIGNATURE) break;
    at += (uint64_t)n - (SIGNATURE - 1); /* one may lie across two pieces */
    rc = csn_control_check(source->call->control, err);
  }
  return rc;
}

/* ---- 7z -------------------------------------------------------------------------------------- */

static int check_seven(const uint8_t *head, struct csn_error *err) {
  if (load(head + 20, 8) <= SEVEN_INDEX_MAX) return 0;
  return csn_fail(err, CAISSON_E_ARGUMENTS, CAISSON_REASON_ARCHIVE_LIMIT,
                  "the archive's index has more than %llu bytes; nothing was unpacked",
                  (unsigned long long)SEVEN_INDEX_MAX);
}

int csn_archive_index_check(const struct csn_archive_source *source, uint64_t max_entries,
                            struct csn_error *err) {
  uint8_t head[SEVEN_SIZE];
  int64_t n = read_at(source, head, sizeof head, 0, err);
  if (n < 0) return (int)n;
  if (n >= (int64_t)SIGNATURE && memcmp(head, "PK", 2) == 0)
    return check_zip(source, max_entries, err);
  return n == (int64_t)sizeof head ? check_seven(head, err) : 0;
}
