/* SPDX-License-Identifier: Apache-2.0 */
/* See build_tar.h. */
#include "engine/build_tar.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <archive.h>
#include <archive_entry.h>

#include "util/alloc.h"
#include "util/buffer.h"

/* A piece, and the heads around it. */
#define PENDING_MAX (CSN_CONTEXT_PIECE + ((size_t)256 << 10))

struct csn_build_tar {
  const struct csn_context *context;
  struct csn_sha256 hash; /* of what was packed */
  unsigned char want[CSN_SHA256_SIZE];
  struct archive *archive;
  struct archive_entry *entry;
  struct csn_buffer pending; /* packed and not given yet */
  int failed;                /* a piece did not fit into it */
  unsigned char *piece;
  size_t next;   /* entry */
  int fd;        /* of the file under way; -1: none */
  uint64_t left; /* bytes of it */
  uint64_t given;
  int ended;
};

/* Never fails: libarchive leaks what a failed write leaves behind. */
static la_ssize_t add_bytes(struct archive *a, void *ctx, const void *bytes, size_t n) {
  struct csn_build_tar *tar = ctx;
  (void)a;
  if (!tar->failed) tar->failed = csn_buffer_add(&tar->pending, bytes, n);
  return (la_ssize_t)n;
}

/* The GNU format takes names as the bytes they are, whatever the thread's locale. */
static int open_archive(struct csn_build_tar *tar) {
  tar->archive = archive_write_new();
  tar->entry = archive_entry_new();
  return tar->archive && tar->entry &&
         archive_write_set_format_gnutar(tar->archive) == ARCHIVE_OK &&
         archive_write_add_filter_none(tar->archive) == ARCHIVE_OK &&
         archive_write_set_bytes_per_block(tar->archive, 0) == ARCHIVE_OK &&
         archive_write_open(tar->archive, tar, NULL, add_bytes, NULL) == ARCHIVE_OK;
}

int csn_build_tar_new(const struct csn_context *context, const struct csn_sha256 *hash_begin,
                      const unsigned char hash[CSN_SHA256_SIZE], struct csn_build_tar **out,
                      struct csn_error *err) {
  struct csn_build_tar *tar = csn_calloc(1, sizeof *tar);
  if (!tar) return csn_fail_nomem(err);
  tar->context = context;
  tar->hash = *hash_begin;
  memcpy(tar->want, hash, sizeof tar->want);
  tar->pending.max = PENDING_MAX;
  tar->fd = -1;
  tar->piece = csn_alloc(CSN_CONTEXT_PIECE);
  if (!tar->piece || !open_archive(tar)) {
    csn_build_tar_free(tar);
    return csn_fail_nomem(err);
  }
  *out = tar;
  return 0;
}

void csn_build_tar_free(struct csn_build_tar *tar) {
  if (!tar) return;
  if (tar->archive) archive_write_close(tar->archive); /* after a fatal failure free() leaks */
  if (tar->archive) archive_write_free(tar->archive);
  archive_entry_free(tar->entry);
  csn_buffer_free(&tar->pending);
  csn_free(tar->piece);
  if (tar->fd >= 0) close(tar->fd);
  csn_free(tar);
}

/* ---- packing --------------------------------------------------------------------------------- */

/* All belongs to root, as the Docker client sends it. */
static void describe(struct archive_entry *e, const struct csn_context_entry *entry) {
  archive_entry_clear(e);
  archive_entry_set_pathname(e, entry->path);
  archive_entry_set_mode(e, (mode_t)entry->mode);
  archive_entry_set_mtime(e, entry->mtime, 0);
  if (entry->target) archive_entry_set_symlink(e, entry->target);
  archive_entry_set_size(e, (la_int64_t)entry->size);
}

static int begin_entry(struct csn_build_tar *tar, struct csn_error *err) {
  const struct csn_context_entry *entry = &tar->context->entries[tar->next];
  csn_context_hash_entry(&tar->hash, entry);
  describe(tar->entry, entry);
  if (archive_write_header(tar->archive, tar->entry) != ARCHIVE_OK) return csn_fail_nomem(err);
  tar->left = entry->size;
  if (tar->left == 0) {
    tar->next++;
    return 0;
  }
  tar->fd = csn_context_open_file(tar->context, entry, err);
  return tar->fd < 0 ? tar->fd : 0;
}

static int pack_piece(struct csn_build_tar *tar, struct csn_error *err) {
  size_t want = tar->left < CSN_CONTEXT_PIECE ? (size_t)tar->left : CSN_CONTEXT_PIECE;
  ssize_t n = read(tar->fd, tar->piece, want);
  if (n <= 0) return csn_context_changed(tar->context, &tar->context->entries[tar->next], err);
  csn_sha256_update(&tar->hash, tar->piece, (size_t)n);
  if (archive_write_data(tar->archive, tar->piece, (size_t)n) != n) return csn_fail_nomem(err);
  tar->left -= (uint64_t)n;
  tar->given += (uint64_t)n;
  if (tar->left) return 0;
  close(tar->fd);
  tar->fd = -1;
  tar->next++;
  return 0;
}

/* What was packed must be what was hashed: the image will say that it was made of that. */
static int finish(struct csn_build_tar *tar, struct csn_error *err) {
  unsigned char digest[CSN_SHA256_SIZE];
  csn_sha256_final(&tar->hash, digest);
  if (memcmp(digest, tar->want, sizeof digest) != 0)
    return csn_context_changed(tar->context, NULL, err);
  tar->ended = 1;
  return archive_write_close(tar->archive) == ARCHIVE_OK ? 0 : csn_fail_nomem(err);
}

static int pack(struct csn_build_tar *tar, struct csn_error *err) {
  int rc;
  if (tar->fd >= 0)
    rc = pack_piece(tar, err);
  else if (tar->next < tar->context->count)
    rc = begin_entry(tar, err);
  else
    rc = finish(tar, err);
  return rc == 0 && tar->failed ? csn_fail_nomem(err) : rc;
}

int64_t csn_build_tar_give(void *ctx, void *buffer, size_t room, struct csn_error *err) {
  struct csn_build_tar *tar = ctx;
  while (tar->pending.size == 0 && !tar->ended) {
    int rc = pack(tar, err);
    if (rc) return rc;
  }
  size_t n = tar->pending.size < room ? tar->pending.size : room;
  if (n) memcpy(buffer, tar->pending.data, n);
  csn_buffer_consume(&tar->pending, n);
  return (int64_t)n;
}

uint64_t csn_build_tar_given(const struct csn_build_tar *tar) {
  return tar->given;
}
