/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `pack`: a file or a folder with all below it, as entries on the output. No link is followed below
 * the place that was asked for; what is no file, folder or link is left out, and named in the report.
 */
#include "guest/files/staging.h"
#include "wire/entry.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#define PIECE ((size_t)128 << 10)
#define LISTED_MAX 64    /* of what was left out, and of what changed */
#define OPEN_FLAGS (O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)

struct pack {
  struct csn_op *op;
  uint8_t *piece;               /* PIECE bytes behind room for a head */
  char path[CSN_PATH_SIZE];     /* in the archive */
  size_t path_size;
  uint64_t entries, bytes, max_entries, max_bytes;
  uint64_t skipped_total, changed_total;
  char *changed[LISTED_MAX];
};

/* ---- the report ------------------------------------------------------------------------------ */

static void skip(struct pack *pack, const char *why) {
  if (pack->skipped_total++ >= LISTED_MAX) return;
  csn_answer_object(&pack->op->answer, NULL);
  csn_answer_string(&pack->op->answer, "path", pack->path);
  csn_answer_string(&pack->op->answer, "why", why);
  csn_answer_end_object(&pack->op->answer);
}

static void note_change(struct pack *pack) {
  if (pack->changed_total < LISTED_MAX) pack->changed[pack->changed_total] = strdup(pack->path);
  pack->changed_total++;
}

/* ---- the stream ------------------------------------------------------------------------------ */

/* Nobody takes it any more: the operation ends, and whoever ended it knows why. */
static int put(struct pack *pack, const void *bytes, size_t n) {
  if (csn_op_put(pack->op, bytes, n) == 0) return 0;
  return csn_op_fail(pack->op, CSN_OP_FAILED, "", "nobody takes the archive");
}

static int put_head(struct pack *pack, const struct stat *st, uint8_t type, const char *target) {
  uint8_t head[CSN_ENTRY_HEAD_MAX];
  const struct csn_entry entry = {
    .type = type,
    .mode = (uint16_t)(st->st_mode & 0777),
    .mtime = st->st_mtim.tv_sec,
    .mtime_ns = (uint32_t)st->st_mtim.tv_nsec % 1000000000u,
    .size = type == CSN_ENTRY_FILE ? (uint64_t)st->st_size : 0,
    .path = pack->path,
    .target = target,
  };
  if (++pack->entries > pack->max_entries)
    return csn_op_fail(pack->op, CSN_OP_ARCHIVE_LIMIT, "Fetch a part of it, or allow more.",
                       "there are more than %llu entries", (unsigned long long)pack->max_entries);
  return put(pack, head, csn_entry_put_head(&entry, head));
}

static int put_hole(struct pack *pack, uint64_t n) {
  uint8_t hole[CSN_ENTRY_HOLE_SIZE];
  return n > 0 ? put(pack, hole, csn_entry_put_hole(n, hole)) : 0;
}

/* ---- a file ---------------------------------------------------------------------------------- */

/* Where the next data begin; what has none is not read. */
static uint64_t next_data(int fd, uint64_t at, uint64_t size) {
  off_t found = lseek(fd, (off_t)at, SEEK_DATA);
  if (found < 0) return errno == ENXIO ? size : at;
  return (uint64_t)found < size ? (uint64_t)found : size;
}

static ssize_t read_at(int fd, uint8_t *bytes, size_t n, uint64_t at) {
  ssize_t got;
  do
    got = pread(fd, bytes, n, (off_t)at);
  while (got < 0 && errno == EINTR);
  return got;
}

/* As many bytes as the head has promised, whatever becomes of the file meanwhile. */
static int put_content(struct pack *pack, int fd, uint64_t size) {
  uint64_t at = 0;
  while (at < size) {
    uint64_t data = next_data(fd, at, size);
    if (put_hole(pack, data - at) < 0) return -1;
    at = data;
    size_t n = size - at < PIECE ? (size_t)(size - at) : PIECE;
    ssize_t got = n > 0 ? read_at(fd, pack->piece + CSN_ENTRY_DATA_HEAD, n, at) : 0;
    if (n > 0 && got <= 0) {
      note_change(pack);
      return put_hole(pack, size - at);
    }
    if (got > 0 && put(pack, pack->piece, csn_entry_put_data((uint32_t)got, pack->piece) + (size_t)got))
      return -1;
    at += (uint64_t)got;
  }
  return 0;
}

static int pack_file(struct pack *pack, int fd, const struct stat *before) {
  struct stat after;
  uint64_t size = (uint64_t)before->st_size, changes = pack->changed_total;
  if (size > pack->max_bytes - pack->bytes)
    return csn_op_fail(pack->op, CSN_OP_ARCHIVE_LIMIT, "Fetch a part of it, or allow more.",
                       "the files have more than %llu bytes", (unsigned long long)pack->max_bytes);
  pack->bytes += size;
  if (put_head(pack, before, CSN_ENTRY_FILE, "") < 0 || put_content(pack, fd, size) < 0) return -1;
  bool same = fstat(fd, &after) == 0 && after.st_size == before->st_size &&
              after.st_mtim.tv_sec == before->st_mtim.tv_sec &&
              after.st_mtim.tv_nsec == before->st_mtim.tv_nsec;
  if (!same && pack->changed_total == changes) note_change(pack);
  return 0;
}

/* ---- a tree ---------------------------------------------------------------------------------- */

static int pack_one(struct pack *pack, int dir, const char *name, int depth);

static const char *why_not(int number) {
  return number == EACCES || number == EPERM ? "permission denied" : strerror(number);
}

/* A name more at the path's end; 0, or -1 if there is no room. */
static int push(struct pack *pack, const char *name, size_t *before) {
  size_t n = strlen(name);
  *before = pack->path_size;
  if (pack->path_size + n + 2 > sizeof pack->path) return -1;
  if (pack->path_size > 0) pack->path[pack->path_size++] = '/';
  memcpy(pack->path + pack->path_size, name, n + 1);
  pack->path_size += n;
  return 0;
}

static void pop(struct pack *pack, size_t before) {
  pack->path_size = before;
  pack->path[before] = '\0';
}

static int pack_entries(struct pack *pack, DIR *entries, int depth) {
  struct dirent *entry;
  int rc = 0;
  while (rc == 0 && (entry = csn_dir_next(entries)) != NULL) {
    size_t before;
    if (csn_staging_is_name(entry->d_name)) continue;
    if (push(pack, entry->d_name, &before) < 0) {
      skip(pack, "something in it has too long a path");
      continue;
    }
    rc = pack_one(pack, dirfd(entries), entry->d_name, depth + 1);
    pop(pack, before);
  }
  if (rc == 0 && errno != 0) skip(pack, "not all of what is in it can be listed");
  return rc;
}

/* The kernel's own views have no end. */
static bool is_view(int fd) {
  struct statfs fs;
  return fstatfs(fd, &fs) == 0 && (fs.f_type == PROC_SUPER_MAGIC || fs.f_type == SYSFS_MAGIC);
}

/* Takes fd. */
static int pack_dir(struct pack *pack, int fd, const struct stat *st, int depth) {
  if (is_view(fd) || depth > CSN_TREE_DEPTH_MAX - 8) {
    skip(pack, is_view(fd) ? "it is a view of the kernel's" : "it lies too deep");
    close(fd);
    return 0;
  }
  DIR *entries = fdopendir(fd);
  if (entries == NULL) {
    close(fd);
    return csn_op_fail(pack->op, CSN_OP_MEMORY, "", "out of memory in the sandbox");
  }
  int rc = put_head(pack, st, CSN_ENTRY_DIRECTORY, "");
  if (rc == 0) rc = pack_entries(pack, entries, depth);
  closedir(entries);
  return rc;
}

static int pack_link(struct pack *pack, int dir, const char *name, const struct stat *st) {
  char target[CSN_PATH_SIZE];
  ssize_t n = readlinkat(dir, name, target, sizeof target - 1);
  if (n <= 0) {
    skip(pack, "the link cannot be read");
    return 0;
  }
  target[n] = '\0';
  return put_head(pack, st, CSN_ENTRY_SYMLINK, target);
}

/* What was opened is what counts, not what a look before has found. */
static int pack_open(struct pack *pack, int fd, int depth) {
  struct stat st;
  if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode)) return pack_dir(pack, fd, &st, depth);
  int rc = 0;
  if (S_ISREG(st.st_mode) && !is_view(fd))
    rc = pack_file(pack, fd, &st);
  else
    skip(pack, "it is neither a file nor a folder nor a link");
  close(fd);
  return rc;
}

static int pack_one(struct pack *pack, int dir, const char *name, int depth) {
  struct stat st;
  if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
    if (errno != ENOENT) skip(pack, why_not(errno));
    return 0;
  }
  if (S_ISLNK(st.st_mode)) return pack_link(pack, dir, name, &st);
  if (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode)) {
    skip(pack, "it is neither a file nor a folder nor a link");
    return 0;
  }
  int fd = openat(dir, name, OPEN_FLAGS);
  if (fd >= 0) return pack_open(pack, fd, depth);
  if (errno != ENOENT) skip(pack, why_not(errno));
  return 0;
}

/* ---- the operation --------------------------------------------------------------------------- */

static int pack_all(struct pack *pack, const char *path) {
  uint8_t end[1];
  struct stat st;
  size_t before;
  const char *name = strrchr(path, '/') + 1;
  int fd = open(path, OPEN_FLAGS & ~O_NOFOLLOW);
  if (fd < 0) return csn_op_fail_errno(pack->op, errno, "fetch", path);
  if (fstat(fd, &st) < 0 || (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode)) || is_view(fd)) {
    close(fd);
    return csn_op_fail(pack->op, CSN_OP_TYPE, "", "%s is neither a file nor a folder", path);
  }
  push(pack, *name != '\0' ? name : "root", &before);
  if (pack_open(pack, fd, 0) < 0) return -1;
  return put(pack, end, csn_entry_put_end(end));
}

/* The list of what was left out is open: it was written on the way. */
static void report(struct pack *pack, const char *path) {
  struct csn_answer *answer = &pack->op->answer;
  csn_answer_end_array(answer);
  csn_answer_number(answer, "skipped_total", (int64_t)pack->skipped_total);
  csn_answer_array(answer, "changed");
  for (size_t i = 0; i < LISTED_MAX && pack->changed[i] != NULL; i++)
    csn_answer_string(answer, NULL, pack->changed[i]);
  csn_answer_end_array(answer);
  csn_answer_string(answer, "path", path);
  csn_answer_number(answer, "entries", (int64_t)pack->entries);
  csn_answer_number(answer, "bytes", (int64_t)pack->bytes);
}

int csn_op_pack(struct csn_op *op) {
  char path[CSN_PATH_SIZE];
  struct pack pack = {.op = op,
                      .max_entries = csn_op_number(op, "max_entries", UINT64_MAX),
                      .max_bytes = csn_op_number(op, "max_bytes", UINT64_MAX)};
  if (csn_op_path(op, "path", path) < 0) return -1;
  pack.piece = malloc(PIECE + CSN_ENTRY_DATA_HEAD);
  if (pack.piece == NULL) return csn_op_fail(op, CSN_OP_MEMORY, "", "out of memory in the sandbox");
  csn_answer_array(&op->answer, "skipped");
  int rc = pack_all(&pack, path);
  if (rc == 0) report(&pack, path);
  free(pack.piece);
  for (size_t i = 0; i < LISTED_MAX; i++) free(pack.changed[i]);
  return rc;
}
