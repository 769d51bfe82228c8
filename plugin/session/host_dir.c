/* SPDX-License-Identifier: Apache-2.0 */
#include "session/host_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "util/alloc.h"
#include "util/random.h"

#define LOOK (O_PATH | O_NOFOLLOW | O_CLOEXEC)

struct walk {
  const char *where, *path;
  const struct csn_host_owner *owner; /* NULL: nothing is made */
  int at;                             /* of the directory that was reached */
  char real[CSN_PATH_SIZE];           /* its path */
  struct csn_error *err;
};

static int fail(const struct walk *w, const char *what, const char *why) {
  return csn_fail(w->err, CAISSON_E_CONFIG, CAISSON_REASON_POLICY, "%s: %s %.200s: %s", w->where,
                  what, w->path, why);
}

/* ---- the next component ---------------------------------------------------------------------- */

static int add_name(struct walk *w, const char *name) {
  size_t used = strlen(w->real), n = strlen(name);
  if (used + n + 2 > sizeof w->real) return fail(w, "cannot use", "its path is too long");
  w->real[used] = '/';
  memcpy(w->real + used + 1, name, n + 1);
  return 0;
}

/* Enters it; takes `fd`. */
static int enter(struct walk *w, const char *name, int fd, const struct stat *st, int is_last) {
  const char *problem = S_ISLNK(st->st_mode) ? "a symbolic link lies in the way, and links under a "
                                               "root of binds are never followed; remove it"
                        : S_ISDIR(st->st_mode) || (is_last && S_ISREG(st->st_mode))
                            ? NULL
                            : "what is there is neither a directory nor a file";
  int rc = problem ? fail(w, "refused to use", problem) : add_name(w, name);
  if (rc) {
    close(fd);
    return rc;
  }
  close(w->at);
  w->at = fd;
  return 0;
}

/* A directory is made under another name and gets its own with its owner and mode, so that
 * nobody ever sees one that is half made. 0 or an errno. */
static int make_directory(int at, const char *name, const struct csn_host_owner *owner,
                          struct csn_error *err) {
  char random[17], temporary[48];
  if (csn_random_hex(random, 8, err) != 0) return EIO;
  snprintf(temporary, sizeof temporary, ".caisson-%s", random);
  if (mkdirat(at, temporary, 0700) < 0) return errno;
  int fd CSN_CLEANUP_CLOSE = openat(at, temporary, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  int why = 0;
  if (fd < 0 || fchown(fd, owner->uid, owner->gid) < 0 || fchmod(fd, owner->mode) < 0) why = errno;
  if (!why && renameat2(at, temporary, at, name, RENAME_NOREPLACE) < 0) why = errno;
  /* Not every file system has that way; plain renaming replaces nothing but an empty directory. */
  if (why == EINVAL) why = renameat(at, temporary, at, name) < 0 ? errno : 0;
  if (why) unlinkat(at, temporary, AT_REMOVEDIR);
  return why == EEXIST || why == ENOTEMPTY ? 0 : why;
}

static int make_missing(struct walk *w, const char *name, int is_last) {
  struct csn_host_owner owner = *w->owner;
  if (!is_last) owner.mode = 0755;
  if (!is_last && !owner.is_of_all) {
    owner.uid = geteuid();
    owner.gid = getegid();
  }
  int why = make_directory(w->at, name, &owner, w->err);
  if (!why) return 0;
  if (why == EPERM)
    return fail(w, "cannot give to its user",
                "this process may not change owners; let sandbox.user be "
                "\"owner-of-workspace\", or make the directory beforehand");
  return fail(w, "cannot make", strerror(why));
}

/* 0; 1: it is not there. */
static int step(struct walk *w, const char *name, int is_last) {
  struct stat st;
  int fd = openat(w->at, name, LOOK);
  if (fd < 0 && errno == ENOENT && w->owner) {
    int rc = make_missing(w, name, is_last);
    if (rc) return rc;
    fd = openat(w->at, name, LOOK);
  }
  if (fd < 0) return errno == ENOENT ? 1 : fail(w, "cannot use", strerror(errno));
  if (fstat(fd, &st) == 0) return enter(w, name, fd, &st, is_last);
  close(fd);
  return fail(w, "cannot use", strerror(errno));
}

/* ---- the whole way --------------------------------------------------------------------------- */

static int begin(struct walk *w, const char *root) {
  char real[PATH_MAX];
  if (!realpath(root, real))
    return csn_fail(w->err, CAISSON_E_CONFIG, CAISSON_REASON_POLICY,
                    "%s: cannot use the root %.200s of sandbox.bind_roots: %s", w->where, root,
                    strerror(errno));
  snprintf(w->real, sizeof w->real, "%s", strcmp(real, "/") == 0 ? "" : real);
  w->at = open(real, LOOK | O_DIRECTORY);
  return w->at < 0 ? fail(w, "cannot use", strerror(errno)) : 0;
}

static int walk(struct walk *w, const char *root) {
  char rest[CSN_PATH_SIZE], *save = NULL;
  int rc = begin(w, root);
  if (rc) return rc;
  snprintf(rest, sizeof rest, "%s", w->path + strlen(root));
  char *name = strtok_r(rest, "/", &save);
  while (rc == 0 && name) {
    char *next = strtok_r(NULL, "/", &save);
    rc = step(w, name, next == NULL);
    name = next;
  }
  return rc;
}

static int finish(struct walk *w, int rc, struct csn_host_place *out) {
  snprintf(out->path, sizeof out->path, "%s", w->real);
  if (rc >= 0 && fstat(w->at, &out->st) < 0) rc = fail(w, "cannot use", strerror(errno));
  if (w->at >= 0) close(w->at);
  return rc;
}

int csn_host_find(const char *where, const char *root, const char *path, struct csn_host_place *out,
                  struct csn_error *err) {
  struct walk w = {.where = where, .path = path, .at = -1, .err = err};
  return finish(&w, walk(&w, root), out);
}

int csn_host_make(const char *where, const char *root, const char *path,
                  const struct csn_host_owner *owner, struct csn_host_place *out,
                  struct csn_error *err) {
  struct walk w = {.where = where, .path = path, .owner = owner, .at = -1, .err = err};
  return finish(&w, walk(&w, root), out);
}
