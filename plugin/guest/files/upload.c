/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `upload`: one file from the host. It has no name until all of it is there and on the disk; a
 * process that is killed before leaves nothing, since a file without a name goes with it. Only where
 * the file system knows no such files it has a name of ours meanwhile.
 */
#include "guest/basics.h"
#include "guest/files/intake.h"
#include "guest/files/quota.h"
#include "guest/files/staging.h"
#include "util/sha256.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define NUMBERS_MAX 10000   /* a_1 ... */

enum conflict { RENAME, REPLACE, REFUSE };

struct upload {
  struct csn_op *op;
  const char *wanted;
  enum conflict on_conflict;
  char path[CSN_PATH_SIZE];            /* of the directory */
  int dir, fd;
  char temporary[CSN_STAGING_SIZE];    /* its name so far, "" for none */
  char name[NAME_MAX + 1];             /* what it got */
  bool replaced;
  mode_t mode;
  uint64_t size, max;
  struct csn_quota quota;
  struct csn_sha256 sum;
};

/* ---- what is there already ------------------------------------------------------------------- */

static int refuse_existing(const struct upload *u) {
  return csn_op_fail(u->op, CSN_OP_EXISTS, "Choose another name, or on_conflict \"replace\".",
                     "%s/%s exists already", u->path, u->wanted);
}

/* What can be told before a byte was sent. */
static int look(struct upload *u) {
  struct stat found;
  if (fstatat(u->dir, u->wanted, &found, AT_SYMLINK_NOFOLLOW) < 0) return 0;
  if (u->on_conflict == REFUSE) return refuse_existing(u);
  if (u->on_conflict != REPLACE) return 0;
  if (S_ISDIR(found.st_mode))
    return csn_op_fail(u->op, CSN_OP_TYPE, "Choose another name.", "%s/%s is a directory", u->path,
                       u->wanted);
  if (S_ISREG(found.st_mode)) u->mode = found.st_mode & 0777;
  return 0;
}

/* ---- a file that has no name yet ------------------------------------------------------------- */

static int open_file(struct upload *u) {
  u->fd = openat(u->dir, ".", O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);
  if (u->fd >= 0) return 0;
  if (errno == EOPNOTSUPP || errno == EISDIR || errno == EINVAL || errno == ENOENT) {
    u->fd = csn_staging_make_file(u->dir, u->temporary, 0600);
    if (u->fd >= 0) return 0;
    u->temporary[0] = '\0';
  }
  return csn_op_fail_errno(u->op, errno, "write in", u->path);
}

/* A name for it, unless that is taken. */
static int give_name(const struct upload *u, const char *name) {
  char open[40];
  if (u->temporary[0] != '\0') return linkat(u->dir, u->temporary, u->dir, name, 0);
  snprintf(open, sizeof open, "/proc/self/fd/%d", u->fd);
  return linkat(AT_FDCWD, open, u->dir, name, AT_SYMLINK_FOLLOW);
}

static int receive(struct upload *u) {
  struct csn_intake intake;
  struct csn_entry_event event = {.type = 0};
  int rc = csn_intake_begin(&intake, u->op);
  while (rc == 0 && (rc = csn_intake_next(&intake, &event)) == 0 && event.type != CSN_ENTRY_END) {
    if (event.type != CSN_ENTRY_DATA) continue;
    u->size += event.size;
    if (u->size > u->max)
      rc = csn_op_fail(u->op, CSN_OP_TOO_LARGE, "", "the file is larger than %llu bytes",
                       (unsigned long long)u->max);
    else if (csn_quota_take(&u->quota, event.size) < 0)
      rc = -1;
    else if (csn_guest_write_all(u->fd, event.bytes, (size_t)event.size) < 0)
      rc = csn_op_fail_errno(u->op, errno, "write", u->wanted);
    else
      csn_sha256_update(&u->sum, event.bytes, (size_t)event.size);
  }
  csn_intake_end(&intake);
  return rc;
}

static int check_size(const struct upload *u) {
  uint64_t expected = csn_op_number(u->op, "size", u->size);
  if (u->size == expected) return 0;
  return csn_op_fail(u->op, CSN_OP_SIZE, "Send it again.",
                     "%llu bytes came where %llu were announced; nothing was kept",
                     (unsigned long long)u->size, (unsigned long long)expected);
}

/* ---- its final name -------------------------------------------------------------------------- */

/* How long the part before the number is: "a" of "a.csv", "a" of "a.tar.gz", ".a" of ".a". */
static size_t stem_size(const char *name) {
  const char *dot = strrchr(name + 1, '.');
  if (dot == NULL) return strlen(name);
  if (dot - name > 4 && strncmp(dot - 4, ".tar", 4) == 0) dot -= 4;
  return (size_t)(dot - name);
}

/* "a_1.csv": cut where it would be too long, at a character's beginning. */
static void number_name(const char *name, int number, char out[NAME_MAX + 1]) {
  char tail[NAME_MAX + 1];
  size_t stem = stem_size(name);
  size_t n = (size_t)snprintf(tail, sizeof tail, "_%d%s", number, name + stem);
  if (n > NAME_MAX - 1) n = (size_t)snprintf(tail, sizeof tail, "_%d", number);
  if (stem > NAME_MAX - n) stem = NAME_MAX - n;
  while (stem > 1 && ((unsigned char)name[stem] & 0xc0) == 0x80) stem--;
  memcpy(out, name, stem);
  memcpy(out + stem, tail, n + 1);
}

static int name_renamed(struct upload *u) {
  snprintf(u->name, sizeof u->name, "%s", u->wanted);
  for (int number = 1; number <= NUMBERS_MAX; number++) {
    if (give_name(u, u->name) == 0) return 0;
    if (errno != EEXIST) return csn_op_fail_errno(u->op, errno, "write", u->wanted);
    number_name(u->wanted, number, u->name);
  }
  return refuse_existing(u);
}

/* A name of ours first: only a rename replaces at one stroke. */
static int name_replacing(struct upload *u) {
  snprintf(u->name, sizeof u->name, "%s", u->wanted);
  if (u->temporary[0] == '\0') {
    char name[CSN_STAGING_SIZE];
    csn_staging_name(name);
    if (flock(u->fd, LOCK_EX | LOCK_NB) < 0 || give_name(u, name) < 0)
      return csn_op_fail_errno(u->op, errno, "write", u->wanted);
    strcpy(u->temporary, name);
  }
  struct stat found;
  u->replaced = fstatat(u->dir, u->name, &found, AT_SYMLINK_NOFOLLOW) == 0;
  if (renameat(u->dir, u->temporary, u->dir, u->name) < 0)
    return csn_op_fail_errno(u->op, errno, "replace", u->wanted);
  u->temporary[0] = '\0';
  return 0;
}

static int name_new(struct upload *u) {
  snprintf(u->name, sizeof u->name, "%s", u->wanted);
  if (give_name(u, u->name) == 0) return 0;
  if (errno == EEXIST) return refuse_existing(u);
  return csn_op_fail_errno(u->op, errno, "write", u->wanted);
}

static int finish(struct upload *u) {
  if (check_size(u) < 0) return -1;
  if (fchmod(u->fd, u->mode) < 0 || (fsync(u->fd) < 0 && errno != EINVAL))
    return csn_op_fail_errno(u->op, errno, "write", u->wanted);
  static int (*const ways[])(struct upload *) = {
    [RENAME] = name_renamed, [REPLACE] = name_replacing, [REFUSE] = name_new};
  if (ways[u->on_conflict](u) < 0) return -1;
  fsync(u->dir);
  return 0;
}

/* ---- the operation --------------------------------------------------------------------------- */

static void report(struct upload *u) {
  static const char digits[] = "0123456789abcdef";
  unsigned char digest[CSN_SHA256_SIZE];
  char hex[CSN_SHA256_HEX] = "", path[CSN_PATH_SIZE + NAME_MAX + 2];
  csn_sha256_final(&u->sum, digest);
  for (size_t i = 0; i < sizeof digest; i++) {
    hex[2 * i] = digits[digest[i] >> 4];
    hex[2 * i + 1] = digits[digest[i] & 15];
  }
  snprintf(path, sizeof path, "%s/%s", strcmp(u->path, "/") == 0 ? "" : u->path, u->name);
  csn_answer_string(&u->op->answer, "name", u->name);
  csn_answer_string(&u->op->answer, "path", path);
  csn_answer_number(&u->op->answer, "size", (int64_t)u->size);
  csn_answer_string(&u->op->answer, "sha256", hex);
  csn_answer_bool(&u->op->answer, "renamed", strcmp(u->name, u->wanted) != 0);
  csn_answer_bool(&u->op->answer, "replaced", u->replaced);
}

static int carry_out(struct upload *u) {
  if (look(u) < 0 || open_file(u) < 0 || receive(u) < 0 || finish(u) < 0) return -1;
  report(u);
  return 0;
}

/* Before there is a directory for it. What it replaces gives its room back. */
static int check_quota(struct upload *u) {
  char there[CSN_PATH_SIZE];
  struct stat st;
  uint64_t freed = 0, expected = csn_op_number(u->op, "size", 0);
  if (u->on_conflict == REPLACE && csn_path_resolve(u->path, u->wanted, there) == 0 &&
      lstat(there, &st) == 0 && S_ISREG(st.st_mode) && st.st_nlink == 1)
    freed = (uint64_t)st.st_blocks * 512;
  csn_quota_begin(&u->quota, u->op, u->path, freed);
  return csn_quota_expect(&u->quota, expected);
}

static enum conflict read_conflict(const struct csn_op *op) {
  const char *text = csn_op_text(op, "on_conflict");
  if (text != NULL && strcmp(text, "replace") == 0) return REPLACE;
  return text != NULL && strcmp(text, "error") == 0 ? REFUSE : RENAME;
}

/* The host has made it safe; a name is a single one here whatever it sent. */
static bool is_plain_name(const char *name) {
  return name != NULL && *name != '\0' && strlen(name) <= NAME_MAX && strchr(name, '/') == NULL &&
         strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
}

int csn_op_upload(struct csn_op *op) {
  struct upload u = {.op = op, .wanted = csn_op_text(op, "name"), .mode = 0644, .fd = -1,
                     .on_conflict = read_conflict(op),
                     .max = csn_op_number(op, "max_bytes", UINT64_MAX)};
  if (!is_plain_name(u.wanted)) return csn_op_fail(op, CSN_OP_INVALID, "", "the name is none");
  if (csn_op_path(op, "path", u.path) < 0 || check_quota(&u) < 0 || csn_dir_make(op, u.path) < 0)
    return -1;
  csn_sha256_init(&u.sum);
  u.dir = open(u.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (u.dir < 0) return csn_op_fail_errno(op, errno, "use the directory", u.path);
  int rc = carry_out(&u);
  if (u.temporary[0] != '\0') unlinkat(u.dir, u.temporary, 0);
  if (u.fd >= 0) close(u.fd);
  close(u.dir);
  return rc;
}
