/* SPDX-License-Identifier: Apache-2.0 */
/* See archive_write.h. GNU's tar format has names as bytes, of any length; zip has them as UTF-8
 * where they are that. */
#include "tools/archive_write.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <string.h>

#include "tools/archive_locale.h"
#include "tools/archive_path.h"
#include "util/alloc.h"
#include "util/utf8.h"
#include "wire/entry.h"

#define BLOCK (64 << 10)
#define TAR_TIME_MAX INT64_C(077777777777) /* in 2242: eleven octal digits */
#define ZIP_TIME_MAX ((int64_t)UINT32_MAX) /* in 2106; what is before 1980 libarchive sees to */
#define CHECK_EVERY ((uint64_t)1 << 20) /* bytes written between two looks at the control */

struct csn_archive_writer {
  struct csn_archive_order order;
  struct archive *archive;
  struct archive_entry *entry;
  struct csn_archive_locale bytes, text; /* for names that are no UTF-8, and that are */
  int stopped; /* by output */
  int given_up;
  uint64_t size;
  struct csn_sha256 sum;
  struct csn_archive_locale *locale; /* the one that is entered; NULL: none */
  struct csn_entry_reader entries;
  uint64_t left; /* of the file that is written */
  uint64_t head_count, promised; /* as the heads have it */
  uint64_t unchecked; /* bytes written since the control was asked */
};

/* Fails at the very end alone: libarchive leaks what an earlier failed write leaves behind. */
static la_ssize_t write_out(struct archive *a, void *ctx, const void *bytes, size_t n) {
  struct csn_archive_writer *w = ctx;
  (void)a;
  if (w->given_up) return -1;
  if (w->stopped) return (la_ssize_t)n;
  if (w->locale) csn_archive_locale_leave(w->locale);
  w->size += n;
  csn_sha256_update(&w->sum, bytes, n);
  if (w->order.output)
    w->stopped = w->order.output(w->order.output_ctx, CAISSON_STREAM_STDOUT, bytes, n);
  if (w->locale) csn_archive_locale_enter(w->locale);
  return (la_ssize_t)n;
}

static int set_format(struct archive *a, const char *format) {
  if (strcmp(format, "zip") == 0) return archive_write_set_format_zip(a);
  int rc = archive_write_set_format_gnutar(a);
  if (rc != ARCHIVE_OK || strcmp(format, "tar") == 0) return rc;
  rc = archive_write_add_filter_gzip(a);
  /* The time of its making would make two archives of one tree differ. */
  return rc == ARCHIVE_OK ? archive_write_set_options(a, "gzip:!timestamp") : rc;
}

static int open_archive(struct csn_archive_writer *w, const char *format) {
  return w->archive && w->entry && set_format(w->archive, format) == ARCHIVE_OK &&
         archive_write_set_bytes_per_block(w->archive, BLOCK) == ARCHIVE_OK &&
         archive_write_set_bytes_in_last_block(w->archive, 1) == ARCHIVE_OK &&
         archive_write_open(w->archive, w, NULL, write_out, NULL) == ARCHIVE_OK;
}

int csn_archive_create(const struct csn_archive_order *order, struct csn_archive_writer **out,
                       struct csn_error *err) {
  struct csn_archive_writer *w = csn_calloc(1, sizeof *w);
  if (!w) return csn_fail_nomem(err);
  w->order = *order;
  csn_sha256_init(&w->sum);
  csn_entry_reader_init(&w->entries);
  int no_locale = csn_archive_locale_init(&w->bytes, 0) || csn_archive_locale_init(&w->text, 1);
  w->archive = archive_write_new();
  w->entry = archive_entry_new();
  if (no_locale || !open_archive(w, order->format)) {
    csn_archive_free(w);
    return csn_fail_nomem(err);
  }
  *out = w;
  return 0;
}

void csn_archive_free(struct csn_archive_writer *w) {
  if (!w) return;
  w->stopped = 1; /* what it still has to say is nobody's concern */
  /* To a tar that was left in the middle of a file libarchive adds all that the file still lacks. A
   * zip it ends at once, and would leak its compression here. */
  w->given_up = strcmp(w->order.format, "zip") != 0;
  archive_entry_free(w->entry);
  if (w->archive) archive_write_close(w->archive); /* after a fatal failure free() leaks */
  if (w->archive) archive_write_free(w->archive);
  csn_archive_locale_free(&w->bytes);
  csn_archive_locale_free(&w->text);
  csn_free(w);
}

/* ---- entries --------------------------------------------------------------------------------- */

static int protocol(struct csn_error *failure, const char *why) {
  return csn_fail(failure, CAISSON_E_LOST, CAISSON_REASON_HELPER_PROTOCOL,
                  "the helper's entries are none: %s", why);
}

static int cancelled(struct csn_error *failure) {
  return csn_fail(failure, CAISSON_E_CANCELLED, CAISSON_REASON_CANCELLED, "cancelled by the host");
}

static int broken(const struct csn_archive_writer *w, struct csn_error *failure) {
  if (archive_errno(w->archive) == ENOMEM) return csn_fail_nomem(failure);
  const char *why = archive_error_string(w->archive);
  return csn_fail(failure, CAISSON_E_INTERNAL, CAISSON_REASON_INTERNAL,
                  "the archive cannot be written: %s", why ? why : "out of memory");
}

/* At most CHECK_EVERY bytes of the file. */
static int write_data(struct csn_archive_writer *w, const void *bytes, size_t n,
                      struct csn_error *failure) {
  w->unchecked += n;
  if (w->unchecked >= CHECK_EVERY) {
    w->unchecked = 0;
    int rc = csn_control_check(w->order.control, failure);
    if (rc) return rc;
  }
  w->left -= n;
  return archive_write_data(w->archive, bytes, n) < 0 ? broken(w, failure) : 0;
}

/* Fills what a file has less than it was said to have. */
static int finish_file(struct csn_archive_writer *w, struct csn_error *failure) {
  static const char zeros[16384];
  int rc = 0;
  while (rc == 0 && w->left > 0 && !w->stopped)
    rc = write_data(w, zeros, w->left < sizeof zeros ? (size_t)w->left : sizeof zeros, failure);
  return rc;
}

/* Any time can be set on a file. Beyond these libarchive has no room for it, or crashes. */
static void set_mtime(struct csn_archive_writer *w, int64_t mtime, uint32_t ns) {
  int64_t max = strcmp(w->order.format, "zip") == 0 ? ZIP_TIME_MAX : TAR_TIME_MAX;
  if (mtime < 0) archive_entry_set_mtime(w->entry, 0, 0);
  else if (mtime > max) archive_entry_set_mtime(w->entry, (time_t)max, 0);
  else archive_entry_set_mtime(w->entry, (time_t)mtime, (long)ns);
}

static void describe(struct csn_archive_writer *w, const struct csn_entry *e, const char *path) {
  static const unsigned types[] = {
      [CSN_ENTRY_FILE] = AE_IFREG, [CSN_ENTRY_DIRECTORY] = AE_IFDIR, [CSN_ENTRY_SYMLINK] = AE_IFLNK};
  archive_entry_clear(w->entry);
  archive_entry_set_pathname(w->entry, path);
  archive_entry_set_filetype(w->entry, types[e->type]);
  archive_entry_set_perm(w->entry, e->mode);
  set_mtime(w, e->mtime, e->mtime_ns);
  archive_entry_set_size(w->entry, e->type == CSN_ENTRY_FILE ? (la_int64_t)e->size : 0);
  if (e->type == CSN_ENTRY_SYMLINK) archive_entry_set_symlink(w->entry, e->target);
}

/* The helper keeps to the limits itself, and says so in better words. */
static int count(struct csn_archive_writer *w, const struct csn_entry *e,
                 struct csn_error *failure) {
  if (++w->head_count > w->order.max_entries) return protocol(failure, "too many");
  if (e->type != CSN_ENTRY_FILE) return 0;
  if (e->size > INT64_MAX) return protocol(failure, "no size");
  if (e->size > w->order.max_bytes - w->promised) return protocol(failure, "too many bytes");
  w->promised += e->size;
  return 0;
}

static int put_head(struct csn_archive_writer *w, const struct csn_entry *e,
                    struct csn_error *failure) {
  char path[CSN_ARCHIVE_PATH_SIZE];
  const char *why = NULL;
  if (e->type == CSN_ENTRY_HARDLINK) return protocol(failure, "a hard link");
  if (csn_archive_path(e->path, 0, path, &why) <= 0)
    return protocol(failure, why ? why : "no name");
  int rc = count(w, e, failure);
  if (rc) return rc;
  int is_text = csn_utf8_is_valid(path, strlen(path)) &&
                csn_utf8_is_valid(e->target, strlen(e->target));
  w->locale = is_text ? &w->text : &w->bytes;
  csn_archive_locale_enter(w->locale);
  describe(w, e, path);
  rc = archive_write_header(w->archive, w->entry);
  csn_archive_locale_leave(w->locale);
  w->locale = NULL;
  w->left = e->type == CSN_ENTRY_FILE ? e->size : 0;
  return rc == ARCHIVE_OK || rc == ARCHIVE_WARN ? 0 : broken(w, failure);
}

static int put_data(struct csn_archive_writer *w, const struct csn_entry_event *event,
                    struct csn_error *failure) {
  if (event->size > w->left) return protocol(failure, "more data than the file has");
  return write_data(w, event->bytes, (size_t)event->size, failure);
}

static int put_hole(struct csn_archive_writer *w, uint64_t n, struct csn_error *failure) {
  if (n > w->left) return protocol(failure, "more data than the file has");
  uint64_t after = w->left - n;
  w->left = n;
  int rc = finish_file(w, failure);
  w->left = after;
  return rc;
}

static int take_event(struct csn_archive_writer *w, const struct csn_entry_event *event,
                      struct csn_error *failure) {
  if (event->type == CSN_ENTRY_DATA) return put_data(w, event, failure);
  if (event->type == CSN_ENTRY_HOLE) return put_hole(w, event->size, failure);
  int rc = finish_file(w, failure);
  if (rc || event->type == CSN_ENTRY_END) return rc;
  return put_head(w, &event->entry, failure);
}

int csn_archive_take(struct csn_archive_writer *w, const void *bytes, size_t n,
                     struct csn_error *failure) {
  const uint8_t *at = bytes;
  struct csn_entry_event event;
  int rc = 0;
  while (rc == 0 && !w->stopped) {
    int found = csn_entry_read(&w->entries, &at, &n, &event);
    if (found == 0) return 0;
    rc = found < 0 ? protocol(failure, w->entries.error) : take_event(w, &event, failure);
  }
  return rc || !w->stopped ? rc : cancelled(failure);
}

int csn_archive_finish(void *writer, struct csn_error *err) {
  struct csn_archive_writer *w = writer;
  if (w->stopped) return cancelled(err);
  if (!w->entries.ended) return protocol(err, "they have no end");
  if (archive_write_close(w->archive) != ARCHIVE_OK) return broken(w, err);
  return w->stopped ? cancelled(err) : 0;
}

uint64_t csn_archive_size(struct csn_archive_writer *w, char sha256[CSN_SHA256_HEX]) {
  static const char digits[] = "0123456789abcdef";
  unsigned char digest[CSN_SHA256_SIZE];
  csn_sha256_final(&w->sum, digest);
  for (size_t i = 0; i < sizeof digest; i++) {
    sha256[2 * i] = digits[digest[i] >> 4];
    sha256[2 * i + 1] = digits[digest[i] & 15];
  }
  sha256[CSN_SHA256_HEX - 1] = '\0';
  return w->size;
}
