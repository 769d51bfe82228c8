/* SPDX-License-Identifier: Apache-2.0 */
/* See archive_formats.h. They are listed one by one: among all those that libarchive knows are some
 * that name other files of this machine (mtree), start programs (grzip, lrzip), or keep all of an
 * archive's index in memory, as large as it likes (xar, rar, cab). */
#include "tools/archive_formats.h"

#include <archive.h>
#include <stddef.h>

static int add_formats(struct archive *a) {
  static int (*const formats[])(struct archive *) = {
      archive_read_support_format_tar,
      archive_read_support_format_cpio,
      archive_read_support_format_zip,
      archive_read_support_format_7zip,
  };
  for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
    if (formats[i](a) == ARCHIVE_FATAL) return -1;
  return 0;
}

/* Only what is in the library: for the rest it would start a program. */
static int add_filters(struct archive *a) {
  static const struct {
    int (*add)(struct archive *);
    const char *(*version)(void);
  } filters[] = {
      {archive_read_support_filter_gzip, archive_zlib_version},
      {archive_read_support_filter_bzip2, archive_bzlib_version},
      {archive_read_support_filter_xz, archive_liblzma_version},
      {archive_read_support_filter_lzma, archive_liblzma_version},
      {archive_read_support_filter_lzip, archive_liblzma_version},
      {archive_read_support_filter_lz4, archive_liblz4_version},
      {archive_read_support_filter_zstd, archive_libzstd_version},
      {archive_read_support_filter_compress, NULL},
  };
  for (size_t i = 0; i < sizeof filters / sizeof *filters; i++)
    if ((!filters[i].version || filters[i].version()) && filters[i].add(a) == ARCHIVE_FATAL)
      return -1;
  return 0;
}

int csn_archive_add_formats(struct archive *a) {
  return add_formats(a) || add_filters(a) ? -1 : 0;
}
