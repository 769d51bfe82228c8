/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/tar.h"

#include <errno.h>
#include <sys/stat.h>
#include <time.h>

#include <archive.h>
#include <archive_entry.h>

/* After a fatal failure free() does not close, and leaks. */
static void free_archive(struct archive **a) {
  if (*a) archive_write_close(*a);
  if (*a) archive_write_free(*a);
}

static void free_entry(struct archive_entry **e) {
  archive_entry_free(*e);
}

struct sink {
  struct csn_buffer *tar;
  int rc; /* of the first piece that did not fit */
};

/* Never fails: libarchive leaks what a failed write leaves behind. */
static la_ssize_t add_bytes(struct archive *a, void *ctx, const void *bytes, size_t n) {
  struct sink *sink = ctx;
  (void)a;
  if (sink->rc == 0) sink->rc = csn_buffer_add(sink->tar, bytes, n);
  return (la_ssize_t)n;
}

static struct archive *open_ustar(struct sink *sink) {
  struct archive *a = archive_write_new();
  if (!a) return NULL;
  /* Blocks of 0: what is written comes at once, and none is padded. */
  if (archive_write_set_format_ustar(a) == ARCHIVE_OK &&
      archive_write_add_filter_none(a) == ARCHIVE_OK &&
      archive_write_set_bytes_per_block(a, 0) == ARCHIVE_OK &&
      archive_write_open(a, sink, NULL, add_bytes, NULL) == ARCHIVE_OK)
    return a;
  archive_write_free(a);
  return NULL;
}

static void describe(struct archive_entry *e, const char *path, unsigned mode) {
  archive_entry_clear(e);
  archive_entry_set_pathname(e, path);
  archive_entry_set_filetype(e, AE_IFREG);
  archive_entry_set_perm(e, (mode_t)(mode & 07777));
  archive_entry_set_uid(e, 0);
  archive_entry_set_gid(e, 0);
  archive_entry_set_mtime(e, 0, 0);
}

static int write_file(struct archive *a, struct archive_entry *e, const char *path,
                      const void *bytes, size_t n, unsigned mode) {
  describe(e, path, mode);
  archive_entry_set_size(e, (la_int64_t)n);
  return archive_write_header(a, e) == ARCHIVE_OK &&
         archive_write_data(a, bytes, n) == (la_ssize_t)n;
}

static int write_link(struct archive *a, struct archive_entry *e, const char *path,
                      const char *target, unsigned mode) {
  describe(e, path, mode);
  archive_entry_set_hardlink(e, target);
  archive_entry_set_size(e, 0);
  return archive_write_header(a, e) == ARCHIVE_OK;
}

int csn_tar_file(const char *temporary, const char *name, const void *bytes, size_t n,
                 unsigned mode, struct csn_buffer *tar, struct csn_error *err) {
  struct sink sink = {tar, 0};
  struct archive_entry *e __attribute__((cleanup(free_entry))) = archive_entry_new();
  struct archive *a __attribute__((cleanup(free_archive))) = open_ustar(&sink);
  if (!e || !a) return csn_fail_nomem(err);
  int written = write_file(a, e, temporary, bytes, n, mode) &&
                write_link(a, e, name, temporary, mode) && archive_write_close(a) == ARCHIVE_OK;
  if (sink.rc == CAISSON_E_LIMIT)
    return csn_fail(err, sink.rc, CAISSON_REASON_INTERNAL, "the tar is larger than it may be");
  if (sink.rc || !written) return csn_fail_nomem(err);
  return 0;
}

/* ---- directories ----------------------------------------------------------------------------- */

static int write_dir(struct archive *a, struct archive_entry *e, const struct csn_tar_dir *dir,
                     unsigned uid, unsigned gid) {
  describe(e, dir->path, dir->mode);
  archive_entry_set_filetype(e, AE_IFDIR);
  archive_entry_set_mtime(e, time(NULL), 0);
  archive_entry_set_uid(e, uid);
  archive_entry_set_gid(e, gid);
  archive_entry_set_size(e, 0);
  return archive_write_header(a, e) == ARCHIVE_OK;
}

int csn_tar_dirs(const struct csn_tar_dir *dirs, size_t n, unsigned uid, unsigned gid,
                 struct csn_buffer *tar, struct csn_error *err) {
  struct sink sink = {tar, 0};
  struct archive_entry *e __attribute__((cleanup(free_entry))) = archive_entry_new();
  struct archive *a __attribute__((cleanup(free_archive))) = open_ustar(&sink);
  int written = e && a;
  for (size_t i = 0; written && i < n; i++) written = write_dir(a, e, &dirs[i], uid, gid);
  written = written && archive_write_close(a) == ARCHIVE_OK;
  if (sink.rc == CAISSON_E_LIMIT)
    return csn_fail(err, sink.rc, CAISSON_REASON_INTERNAL, "the tar is larger than it may be");
  return sink.rc || !written ? csn_fail_nomem(err) : 0;
}

/* ---- reading --------------------------------------------------------------------------------- */

struct tar_reader {
  struct archive *archive;
  struct archive_entry *entry; /* of ours: libarchive does not look whether it got one */
};

static void free_reader(struct tar_reader *r) {
  archive_entry_free(r->entry);
  if (r->archive) archive_read_free(r->archive);
}
#define CLEANUP_READER __attribute__((cleanup(free_reader)))

static int malformed(struct csn_error *err) {
  return csn_fail(err, CAISSON_E_ENGINE, CAISSON_REASON_ENGINE_PROTOCOL,
                  "what the engine sent is no tar of it");
}

static int refused(struct csn_error *err, const char *words) {
  return csn_fail(err, CAISSON_E_ENGINE, CAISSON_REASON_ENGINE_REFUSED, "%s", words);
}

static int read_content(struct archive *a, struct csn_buffer *file, struct csn_error *err) {
  char piece[4096];
  la_ssize_t got;
  while ((got = archive_read_data(a, piece, sizeof piece)) > 0) {
    int rc = csn_buffer_add(file, piece, (size_t)got);
    if (rc == CAISSON_E_LIMIT) return refused(err, "it is longer than it may be");
    if (rc) return csn_fail_nomem(err);
  }
  return got < 0 ? malformed(err) : 0;
}

/* Up to the first entry's head. */
static int open_reader(struct tar_reader *r, const void *tar, size_t n, struct csn_error *err) {
  r->archive = archive_read_new();
  r->entry = r->archive ? archive_entry_new2(r->archive) : NULL;
  if (!r->entry || archive_read_support_format_tar(r->archive) != ARCHIVE_OK)
    return csn_fail_nomem(err);
  if (n > 0 && archive_read_open_memory(r->archive, tar, n) == ARCHIVE_OK &&
      archive_read_next_header2(r->archive, r->entry) == ARCHIVE_OK)
    return 0;
  return archive_errno(r->archive) == ENOMEM ? csn_fail_nomem(err) : malformed(err);
}

int csn_tar_read_file(const void *tar, size_t n, struct csn_buffer *file, struct csn_error *err) {
  CLEANUP_READER struct tar_reader r = {.archive = NULL};
  int rc = open_reader(&r, tar, n, err);
  if (rc) return rc;
  if (archive_entry_filetype(r.entry) != AE_IFREG || archive_entry_hardlink(r.entry))
    return refused(err, "it is no regular file");
  return read_content(r.archive, file, err);
}

int csn_tar_read_owner(const void *tar, size_t n, uint32_t *uid, struct csn_error *err) {
  CLEANUP_READER struct tar_reader r = {.archive = NULL};
  int rc = open_reader(&r, tar, n, err);
  if (rc) return rc;
  la_int64_t owner = archive_entry_uid(r.entry);
  if (owner < 0 || owner > UINT32_MAX) return malformed(err);
  *uid = (uint32_t)owner;
  return 0;
}
