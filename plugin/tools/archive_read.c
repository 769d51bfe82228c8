/* SPDX-License-Identifier: Apache-2.0 */
/* See archive_read.h. */
#include "tools/archive_read.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "tools/archive_formats.h"
#include "tools/archive_index.h"
#include "tools/archive_locale.h"
#include "tools/archive_path.h"
#include "tools/archive_source.h"
#include "util/alloc.h"
#include "util/utf8.h"
#include "wire/entry.h"

/* Below this an archive may expand as it likes. */
#define RATIO_FROM ((uint64_t)10 << 20)
/* What an archive may have beside the bytes of its files, where it is kept in a file. */
#define SPOOL_EXTRA ((uint64_t)64 << 20)
#define TAR_BLOCK 512u
#define ROOM_MIN ((size_t)16 << 10) /* for a head or a piece that is worth one */

struct csn_archive_reader {
  struct csn_archive_source source;
  struct csn_archive_limits limits;
  struct csn_archive_locale locale;
  struct archive *archive;
  struct archive_entry *room;  /* of ours, since libarchive does not look whether it got one */
  struct archive_entry *entry; /* that, not looked at yet; NULL: none */
  struct csn_error failure;
  uint64_t entries, bytes;
  uint64_t dropped; /* bytes of what is left out */
  char format[64];
  int in_entry; /* its data are not all read yet */
  int is_dropped; /* and concern nobody */
  int ended;
  uint64_t at, size;    /* of the file that is read */
  const uint8_t *block; /* of it */
  size_t block_left;
  char path[CSN_ARCHIVE_PATH_SIZE], target[CSN_ARCHIVE_PATH_SIZE];
  uint8_t waiting[ROOM_MIN]; /* made and not taken yet */
  size_t waiting_at, waiting_size;
};

/* ---- failures -------------------------------------------------------------------------------- */

/* A name for a message: one line of valid text. */
static char *shown(const char *name) {
  char *text = csn_utf8_repaired(name, strnlen(name, 300));
  for (char *p = text; p && *p; p++)
    if ((unsigned char)*p < 0x20 || *p == 0x7f) *p = '?';
  return text;
}

static int refuse(struct csn_archive_reader *r, const char *name, const char *why) {
  CSN_CLEANUP_FREE char *text = shown(name);
  return csn_fail(&r->failure, CAISSON_E_ARGUMENTS, CAISSON_REASON_ARCHIVE_UNSAFE,
                  "%s: %s; nothing was unpacked", text ? text : "an entry", why);
}

static int too_much(struct csn_archive_reader *r, const char *what, uint64_t limit,
                    const char *unit) {
  return csn_fail(&r->failure, CAISSON_E_ARGUMENTS, CAISSON_REASON_ARCHIVE_LIMIT,
                  "the archive %s %llu %s; nothing was unpacked", what, (unsigned long long)limit,
                  unit);
}

static int invalid(struct csn_archive_reader *r, const char *why) {
  CSN_CLEANUP_FREE char *text = shown(why ? why : "it cannot be read");
  return csn_fail(&r->failure, CAISSON_E_ARGUMENTS, CAISSON_REASON_ARCHIVE_INVALID,
                  "the archive is none, or damaged: %s; nothing was unpacked", text ? text : "");
}

/* Of libarchive: it may be our own source that failed. */
static int damaged(struct csn_archive_reader *r) {
  if (r->source.stopped || r->source.input_failed) return CAISSON_E_CANCELLED;
  if (archive_errno(r->archive) == ENOMEM) return csn_fail_nomem(&r->failure);
  return invalid(r, archive_error_string(r->archive));
}

/* ---- libarchive ------------------------------------------------------------------------------ */

static la_ssize_t read_source(struct archive *a, void *ctx, const void **bytes) {
  struct csn_archive_reader *r = ctx;
  csn_archive_locale_leave(&r->locale);
  int64_t n = csn_source_read(&r->source, bytes);
  csn_archive_locale_enter(&r->locale);
  if (n < 0) archive_set_error(a, EIO, "the input failed");
  return (la_ssize_t)n;
}

static int open_archive(struct csn_archive_reader *r) {
  r->archive = archive_read_new();
  r->room = r->archive ? archive_entry_new2(r->archive) : NULL;
  if (!r->room || csn_archive_add_formats(r->archive)) return csn_fail_nomem(&r->failure);
  int rc = r->source.spool >= 0
               ? archive_read_open_fd(r->archive, r->source.spool, CSN_SOURCE_PIECE)
               : archive_read_open(r->archive, r, NULL, read_source, NULL);
  return rc == ARCHIVE_OK ? 0 : damaged(r);
}

/* A tar's end is two blocks of zeros: one that ends without has lost something. They lie where the
 * next head would (what libarchive looked for last); a file's own zeros are no end. Behind a
 * compression that is for the compression to tell. */
static int is_cut(const struct csn_archive_reader *r) {
  int is_tar = (archive_format(r->archive) & ARCHIVE_FORMAT_BASE_MASK) == ARCHIVE_FORMAT_TAR;
  uint64_t at = (uint64_t)archive_read_header_position(r->archive);
  return is_tar && archive_filter_code(r->archive, 0) == ARCHIVE_FILTER_NONE && r->source.ended &&
         (r->source.zeros < TAR_BLOCK || r->source.taken < at + TAR_BLOCK);
}

/* Names that cannot be converted come with a warning and as the bytes they are. */
static int next_entry(struct csn_archive_reader *r) {
  int rc = archive_read_next_header2(r->archive, r->room);
  r->entry = rc == ARCHIVE_OK || rc == ARCHIVE_WARN ? r->room : NULL;
  if (r->entry) return 0;
  if (rc != ARCHIVE_EOF) return damaged(r);
  return is_cut(r) ? invalid(r, "it ends too early") : 0;
}

/* ---- what an entry may be -------------------------------------------------------------------- */

static const char *unwanted_type(unsigned type) {
  static const struct {
    unsigned type;
    const char *why;
  } types[] = {{AE_IFCHR, "it is a device"},
               {AE_IFBLK, "it is a device"},
               {AE_IFIFO, "it is a FIFO"},
               {AE_IFSOCK, "it is a socket"}};
  for (size_t i = 0; i < sizeof types / sizeof *types; i++)
    if (types[i].type == type) return types[i].why;
  return NULL;
}

/* The entry's type here; 0: refused. */
static uint8_t classify(struct csn_archive_reader *r, const char *name) {
  unsigned type = archive_entry_filetype(r->entry);
  const char *why = unwanted_type(type);
  if (!why && archive_entry_perm(r->entry) & 07000)
    why = "it has a setuid, setgid or sticky bit";
  if (!why && archive_entry_hardlink(r->entry) && archive_entry_size(r->entry) > 0)
    why = "it is a hard link with content of its own";
  if (why) {
    (void)refuse(r, name, why);
    return 0;
  }
  if (archive_entry_hardlink(r->entry)) return CSN_ENTRY_HARDLINK;
  if (type == AE_IFLNK) return CSN_ENTRY_SYMLINK;
  return type == AE_IFDIR ? CSN_ENTRY_DIRECTORY : CSN_ENTRY_FILE;
}

/* 1, 0 for a target that is not unpacked, negative when refused. */
static int check_target(struct csn_archive_reader *r, uint8_t type, const char *name) {
  const char *why = NULL, *target;
  r->target[0] = '\0';
  if (type == CSN_ENTRY_SYMLINK) {
    target = archive_entry_symlink(r->entry);
    if (csn_archive_symlink(r->path, target ? target : "", &why)) return refuse(r, name, why);
    snprintf(r->target, sizeof r->target, "%s", target);
  } else if (type == CSN_ENTRY_HARDLINK) {
    target = archive_entry_hardlink(r->entry);
    int rc = csn_archive_path(target, r->limits.strip, r->target, &why);
    if (rc < 0) return refuse(r, name, "it is a hard link that leaves the directory");
    if (rc == 0) return refuse(r, name, "it is a hard link to what is left out");
  }
  return 1;
}

static int check_amount(struct csn_archive_reader *r, uint64_t more) {
  uint64_t bytes = r->bytes + r->dropped;
  if (more > r->limits.bytes || bytes > r->limits.bytes - more)
    return too_much(r, "has more than", r->limits.bytes, "bytes");
  bytes += more;
  if (bytes > RATIO_FROM && bytes / r->limits.ratio > r->source.taken)
    return too_much(r, "expands to more than", r->limits.ratio, "times its own size");
  return 0;
}

/* What has no content to unpack is read too: libarchive would do it all the same, but without our
 * limits and for as long as it takes. */
static void begin_data(struct csn_archive_reader *r, int is_dropped) {
  r->in_entry = 1;
  r->is_dropped = is_dropped;
  r->at = 0;
  r->block_left = 0;
}

/* The head of the entry into `out`. The bytes made, 0 where it is left out, or negative. */
static int64_t put_entry(struct csn_archive_reader *r, uint8_t *out) {
  const char *why = NULL, *name = archive_entry_pathname(r->entry);
  if (++r->entries > r->limits.entries)
    return too_much(r, "has more than", r->limits.entries, "entries");
  int rc = csn_archive_path(name ? name : "", r->limits.strip, r->path, &why);
  if (rc < 0) return refuse(r, name ? name : "", why);
  uint8_t type = classify(r, name);
  if (type == 0) return r->failure.code;
  begin_data(r, rc == 0 || type != CSN_ENTRY_FILE);
  if (rc == 0) return 0;
  rc = check_target(r, type, name);
  if (rc < 0) return rc;
  int is_sized = type == CSN_ENTRY_FILE && archive_entry_size_is_set(r->entry);
  r->size = is_sized ? (uint64_t)archive_entry_size(r->entry) : 0;
  if (check_amount(r, r->size > r->limits.bytes ? r->size : 0)) return r->failure.code;
  struct csn_entry head = {
      .type = type,
      .mode = (uint16_t)(archive_entry_perm(r->entry) & 0777),
      .mtime = archive_entry_mtime_is_set(r->entry) ? archive_entry_mtime(r->entry) : 0,
      .mtime_ns = (uint32_t)archive_entry_mtime_nsec(r->entry) % 1000000000u,
      .size = is_sized ? r->size : CSN_ENTRY_SIZE_UNKNOWN,
      .path = r->path,
      .target = r->target,
  };
  return (int64_t)csn_entry_put_head(&head, out);
}

/* ---- data ------------------------------------------------------------------------------------ */

static int64_t put_hole(struct csn_archive_reader *r, uint64_t to, uint8_t *out) {
  uint64_t n = to - r->at;
  if (check_amount(r, n)) return r->failure.code;
  r->bytes += n;
  r->at = to;
  return (int64_t)csn_entry_put_hole(n, out);
}

static int64_t put_block(struct csn_archive_reader *r, uint8_t *out, size_t room) {
  size_t n = room - CSN_ENTRY_DATA_HEAD < r->block_left ? room - CSN_ENTRY_DATA_HEAD : r->block_left;
  if (n > CSN_ENTRY_DATA_MAX) n = CSN_ENTRY_DATA_MAX;
  if (check_amount(r, n)) return r->failure.code;
  memcpy(out + csn_entry_put_data((uint32_t)n, out), r->block, n);
  r->block += n;
  r->block_left -= n;
  r->at += n;
  r->bytes += n;
  return (int64_t)(n + CSN_ENTRY_DATA_HEAD);
}

static int64_t drop_block(struct csn_archive_reader *r, size_t n) {
  if (check_amount(r, n)) return r->failure.code;
  r->dropped += n;
  return 0;
}

/* The next block of the entry; 0 bytes are made where there is nothing to say yet. */
static int64_t put_data(struct csn_archive_reader *r, uint8_t *out, size_t room) {
  const void *block = NULL;
  size_t n = 0;
  la_int64_t offset = 0;
  if (r->block_left > 0) return put_block(r, out, room);
  int rc = archive_read_data_block(r->archive, &block, &n, &offset);
  if (rc == ARCHIVE_EOF) {
    r->in_entry = 0;
    return !r->is_dropped && r->size > r->at ? put_hole(r, r->size, out) : 0;
  }
  if (rc != ARCHIVE_OK) return damaged(r);
  if (r->is_dropped) return drop_block(r, n);
  if ((uint64_t)offset < r->at) return invalid(r, "its parts overlap");
  r->block = block;
  r->block_left = n;
  return (uint64_t)offset > r->at ? put_hole(r, (uint64_t)offset, out) : 0;
}

/* ---- the stream of entries ------------------------------------------------------------------- */

/* What makes nothing may be very much: each round asks whether the call goes on. */
static int64_t make_some(struct csn_archive_reader *r, uint8_t *out, size_t room) {
  struct csn_error ignored;
  int64_t n = 0;
  while (n == 0) {
    r->source.stopped = csn_control_check(r->source.call->control, &ignored);
    if (r->source.stopped) return r->source.stopped;
    if (r->in_entry) {
      n = put_data(r, out, room);
      continue;
    }
    if (r->entry) {
      n = put_entry(r, out);
      r->entry = NULL;
      continue;
    }
    int rc = next_entry(r);
    if (rc) return rc;
    if (r->entry) continue;
    r->ended = 1;
    return (int64_t)csn_entry_put_end(out);
  }
  return n;
}

/* Stopped: the call's control says so as well, to whoever asks us. */
static int64_t end_of_input(const struct csn_archive_reader *r) {
  if (r->source.stopped) return CAISSON_INPUT_AGAIN;
  return r->source.input_failed ? CAISSON_INPUT_ERROR : CAISSON_INPUT_END;
}

static int64_t take_waiting(struct csn_archive_reader *r, void *buffer, uint64_t capacity) {
  size_t n = r->waiting_size - r->waiting_at;
  if (n > capacity) n = (size_t)capacity;
  memcpy(buffer, r->waiting + r->waiting_at, n);
  r->waiting_at += n;
  return (int64_t)n;
}

int64_t csn_archive_give(void *reader, void *buffer, uint64_t capacity) {
  struct csn_archive_reader *r = reader;
  if (r->waiting_at < r->waiting_size) return take_waiting(r, buffer, capacity);
  if (r->ended || r->failure.code || r->source.stopped || r->source.input_failed)
    return end_of_input(r);
  int is_direct = capacity >= ROOM_MIN;
  csn_archive_locale_enter(&r->locale);
  int64_t n = make_some(r, is_direct ? buffer : r->waiting,
                        is_direct ? (size_t)capacity : sizeof r->waiting);
  csn_archive_locale_leave(&r->locale);
  if (n < 0) return end_of_input(r);
  if (is_direct) return n;
  r->waiting_at = 0;
  r->waiting_size = (size_t)n;
  return take_waiting(r, buffer, capacity);
}

/* ---- from outside ---------------------------------------------------------------------------- */

static int begin(struct csn_archive_reader *r, const struct csn_tool_call *call,
                 struct csn_error *err) {
  int rc = csn_source_open(&r->source, call, err);
  if (rc) return rc;
  int is_spooled = csn_source_needs_spool(&r->source);
  if (csn_archive_locale_init(&r->locale, is_spooled)) return csn_fail_nomem(err);
  if (is_spooled) {
    rc = csn_source_spool(&r->source, r->limits.bytes + SPOOL_EXTRA, err);
    if (!rc) rc = csn_archive_index_check(&r->source, r->limits.entries, err);
    if (rc) return rc;
  }
  csn_archive_locale_enter(&r->locale);
  rc = open_archive(r);
  if (!rc) rc = next_entry(r);
  csn_archive_locale_leave(&r->locale);
  if (!rc && !r->entry) rc = invalid(r, "there is nothing in it");
  if (!rc) snprintf(r->format, sizeof r->format, "%s", archive_format_name(r->archive));
  if (r->failure.code) *err = r->failure;
  else if (rc && r->source.stopped) return csn_control_check(call->control, err);
  else if (rc) return csn_fail(err, rc, CAISSON_REASON_INPUT, "the request's input failed");
  return rc;
}

int csn_archive_open(const struct csn_tool_call *call, const struct csn_archive_limits *limits,
                     struct csn_archive_reader **out, struct csn_error *err) {
  struct csn_archive_reader *r = csn_calloc(1, sizeof *r);
  if (!r) return csn_fail_nomem(err);
  r->limits = *limits;
  r->source.spool = -1;
  int rc = begin(r, call, err);
  if (rc) csn_archive_close(r);
  else *out = r;
  return rc;
}

void csn_archive_close(struct csn_archive_reader *r) {
  if (!r) return;
  archive_entry_free(r->room);
  if (r->archive) archive_read_free(r->archive);
  csn_source_close(&r->source);
  csn_archive_locale_free(&r->locale);
  csn_free(r);
}

const struct csn_error *csn_archive_failure(const struct csn_archive_reader *r) {
  return &r->failure;
}

uint64_t csn_archive_entries(const struct csn_archive_reader *r) {
  return r->entries;
}

uint64_t csn_archive_bytes(const struct csn_archive_reader *r) {
  return r->bytes;
}

const char *csn_archive_format(const struct csn_archive_reader *r) {
  return r->format;
}
