/* SPDX-License-Identifier: Apache-2.0 */
/* The tar of a delivery, read back by libarchive: a file under a temporary name, then a hard
 * link. */
#include <stdlib.h>
#include <string.h>

#include <archive.h>
#include <archive_entry.h>

#include "engine/tar.h"
#include "tap.h"
#include "util/alloc.h"

static void check_file(struct archive *a, struct archive_entry *e, const char *bytes, size_t n) {
  is_int(archive_read_next_header(a, &e), ARCHIVE_OK, "the first entry");
  is_str(archive_entry_pathname(e), ".guest.tmp", "has the temporary name");
  is_int(archive_entry_filetype(e), AE_IFREG, "is a regular file");
  is_int(archive_entry_perm(e), 0111, "nobody may read it");
  is_int(archive_entry_uid(e), 0, "is root's");
  is_int(archive_entry_gid(e), 0, "and root's group's");
  is_int(archive_entry_size(e), (long long)n, "has the size");
  char *back = malloc(n + 1);
  is_int(archive_read_data(a, back, n + 1), (long long)n, "and the bytes");
  is_mem(back, bytes, n, "as they were");
  free(back);
}

static void test_size(size_t n) {
  struct csn_buffer tar CSN_CLEANUP_BUFFER = CSN_BUFFER(n + 16384);
  char *bytes = malloc(n ? n : 1);
  for (size_t i = 0; i < n; i++) bytes[i] = (char)(i * 7 + i / 251);
  is_int(csn_tar_file(".guest.tmp", "guest", bytes, n, 0111, &tar, NULL), 0, "%zu bytes", n);
  is_int(tar.size % 512, 0, "whole blocks");
  struct archive *a = archive_read_new();
  struct archive_entry *e = NULL;
  archive_read_support_format_tar(a);
  is_int(archive_read_open_memory(a, tar.data, tar.size), ARCHIVE_OK, "a tar, not compressed");
  check_file(a, e, bytes, n);
  is_int(archive_read_next_header(a, &e), ARCHIVE_OK, "the second entry");
  is_str(archive_entry_pathname(e), "guest", "has the final name");
  is_str(archive_entry_hardlink(e), ".guest.tmp", "and is a link to the first");
  is_int(archive_read_next_header(a, &e), ARCHIVE_EOF, "and that is all");
  archive_read_free(a);
  free(bytes);
}

static void test_limits(void) {
  struct csn_buffer tar CSN_CLEANUP_BUFFER = CSN_BUFFER(4000);
  struct csn_error err = {0};
  static const char bytes[5000];
  is_int(csn_tar_file("a", "b", bytes, sizeof bytes, 0644, &tar, &err), CAISSON_E_LIMIT,
         "a buffer's maximum holds");
  long i = 0;
  for (int rc = CAISSON_E_NOMEM; rc && i < 100; i++) {
    struct csn_buffer small CSN_CLEANUP_BUFFER = CSN_BUFFER(20000);
    csn_alloc_fail_after(i + 1);
    rc = csn_tar_file("a", "b", bytes, sizeof bytes, 0644, &small, &err);
    csn_alloc_fail_after(0);
    if (rc) is_int(rc, CAISSON_E_NOMEM, "allocation %ld fails", i + 1);
  }
  ok(i > 1 && i < 100, "without a failure it works");
}

/* Whose the first entry is, of a tar that goes on where nobody looks any more. */
static void test_owner(void) {
  static const struct csn_tar_dir dirs[] = {{"workspace", 0750}, {"workspace/a", 0700}};
  struct csn_buffer tar CSN_CLEANUP_BUFFER = CSN_BUFFER(20000);
  uint32_t uid = 7;
  is_int(csn_tar_dirs(dirs, 2, 31234, 5, &tar, NULL), 0, "two directories");
  is_int(csn_tar_read_owner(tar.data, 512, &uid, NULL), 0, "cut off behind the first header");
  is_int(uid, 31234, "it says whose the first is");
  is_int(csn_tar_read_owner(tar.data, 100, &uid, NULL), CAISSON_E_ENGINE, "within it, nothing");
  is_int(csn_tar_read_owner("", 0, &uid, NULL), CAISSON_E_ENGINE, "nor does nothing at all");
  is_int(uid, 31234, "and nothing is changed then");
}

int main(void) {
  test_owner();
  test_size(0);
  test_size(1);
  test_size(512);
  test_size(1234567);
  test_limits();
  return done_testing();
}
