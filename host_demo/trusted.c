/* SPDX-License-Identifier: Apache-2.0 */
/* trusted.c: walks to a file one folder at a time, each opened in the one before it and checked on
 * the open descriptor, so that no rename or link made meanwhile leads anywhere else. Knows nothing
 * of plugins. */
#include "trusted.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LINKS_MAX 40
#define ABOVE_MAX 64
/* Room for a name that is one byte too long, which the kernel then refuses. */
#define NAME_SIZE (NAME_MAX + 2)

/* Whoever can replace this program need not bother with its plugin: the program's owner, and who
 * can write to a folder above it, are trusted as root is. So a checkout that belongs to somebody
 * else still runs under sudo, and the rules are about all other places. */
struct program {
  uid_t owner;
  size_t count;
  struct {
    dev_t dev;
    ino_t ino;
  } above[ABOVE_MAX];
};

struct walk {
  const char *kind, *path; /* for the words */
  char *why;
  char *real;          /* of `folder`, without links; PATH_MAX bytes; "" for / */
  char rest[PATH_MAX]; /* what is still to be walked */
  int folder;          /* open */
  bool shared;         /* others can make files in it, though not remove ours */
  int links;
  struct program program;
};

#define REFUSE(w, fmt, ...) csn_why((w)->why, "%s %.1024s: " fmt, (w)->kind, (w)->path, __VA_ARGS__)

/* ---- who is trusted -------------------------------------------------------------------------- */

static void look_at_program(struct program *program) {
  struct stat st;
  char own[PATH_MAX];
  *program = (struct program){.owner = geteuid()};
  ssize_t n = readlink("/proc/self/exe", own, sizeof own - 1);
  if (n <= 0 || stat("/proc/self/exe", &st) < 0)
    return;
  own[n] = '\0';
  program->owner = st.st_uid;
  for (char *slash; (slash = strrchr(own, '/')) != NULL && program->count < ABOVE_MAX;) {
    *slash = '\0';
    if (stat(*own ? own : "/", &st) < 0)
      return;
    program->above[program->count].dev = st.st_dev;
    program->above[program->count++].ino = st.st_ino;
  }
}

static bool is_above_program(const struct program *program, const struct stat *st) {
  for (size_t i = 0; i < program->count; i++)
    if (program->above[i].dev == st->st_dev && program->above[i].ino == st->st_ino)
      return true;
  return false;
}

static int check_owner(const struct walk *w, const struct stat *st, const char *what,
                       const char *name) {
  if (st->st_uid == 0 || st->st_uid == geteuid() || st->st_uid == w->program.owner)
    return 0;
  return REFUSE(w, "%s %.1024s belongs to user %u, who could replace the %s. It must belong to "
                   "root or to the user that runs this program (%u)",
                what, name, (unsigned)st->st_uid, w->kind, (unsigned)geteuid());
}

static bool others_write(const struct stat *st) { return (st->st_mode & (S_IWGRP | S_IWOTH)) != 0; }

/* In a sticky folder such as /tmp others can make entries but neither remove nor rename ours, and
 * every entry on the way is checked to be ours or root's. So it may be on the way. */
static int check_folder(struct walk *w, const struct stat *st) {
  const char *name = *w->real ? w->real : "/";
  const bool sticky = st->st_mode & S_ISVTX, above = is_above_program(&w->program, st);
  w->shared = others_write(st) && (sticky || !above);
  if (!above && check_owner(w, st, "its folder", name) < 0)
    return -1;
  if (!w->shared || sticky)
    return 0;
  return REFUSE(w, "its folder %.1024s can be written by %s (mode %04o), who could replace the %s. "
                   "Take that away with: chmod go-w %.1024s",
                name, st->st_mode & S_IWOTH ? "everybody" : "its group",
                (unsigned)st->st_mode & 07777, w->kind, name);
}

static int check_file(const struct walk *w, const struct stat *st) {
  if (!S_ISREG(st->st_mode))
    return REFUSE(w, "%s", "it is not a regular file");
  if (check_owner(w, st, "the file", w->real) < 0)
    return -1;
  if (others_write(st))
    return REFUSE(w, "it can be written by %s (mode %04o). Take that away with: chmod go-w %.1024s",
                  st->st_mode & S_IWOTH ? "everybody" : "its group",
                  (unsigned)st->st_mode & 07777, w->real);
  /* Somebody else's hard link to some other file of ours would pass all that. */
  if (w->shared)
    return REFUSE(w, "%s", "it lies in a folder in which others can make files. Put it into a "
                           "folder of its own");
  return 0;
}

/* ---- the walk -------------------------------------------------------------------------------- */

static int failed(const struct walk *w) { return REFUSE(w, "%s", strerror(errno)); }

static int too_long(const struct walk *w) { return REFUSE(w, "%s", "its path is too long"); }

static int go_into(struct walk *w, int folder) {
  (void)close(w->folder);
  w->folder = folder;
  return 0;
}

static int go_to_root(struct walk *w) {
  struct stat st;
  int fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0 || fstat(fd, &st) < 0) {
    (void)failed(w);
    if (fd >= 0)
      (void)close(fd);
    return -1;
  }
  w->real[0] = '\0';
  (void)go_into(w, fd);
  return check_folder(w, &st);
}

/* Its folders were checked on the way down, and an open one is what it was. */
static int go_up(struct walk *w) {
  struct stat st;
  int fd = openat(w->folder, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0 || fstat(fd, &st) < 0) {
    (void)failed(w);
    if (fd >= 0)
      (void)close(fd);
    return -1;
  }
  char *slash = strrchr(w->real, '/');
  if (slash)
    *slash = '\0';
  (void)go_into(w, fd);
  return check_folder(w, &st);
}

/* Takes the next name off `rest`; false where there is none. */
static bool next_name(struct walk *w, char name[NAME_SIZE]) {
  size_t skip = strspn(w->rest, "/"), n = strcspn(w->rest + skip, "/");
  if (n == 0)
    return false;
  (void)snprintf(name, NAME_SIZE, "%.*s", (int)n, w->rest + skip);
  memmove(w->rest, w->rest + skip + n, strlen(w->rest + skip + n) + 1);
  return true;
}

static bool is_last(const struct walk *w) { return w->rest[strspn(w->rest, "/")] == '\0'; }

static int follow_link(struct walk *w, int link, const struct stat *st, const char *name) {
  char target[PATH_MAX], longer[PATH_MAX * 2 + 2];
  if (check_owner(w, st, "the link", name) < 0)
    return -1;
  if (++w->links > LINKS_MAX) {
    errno = ELOOP;
    return failed(w);
  }
  ssize_t n = readlinkat(link, "", target, sizeof target - 1);
  if (n < 0)
    return failed(w);
  target[n] = '\0';
  int size = snprintf(longer, sizeof longer, "%s/%s", target, w->rest);
  if (size < 0 || (size_t)size >= sizeof w->rest)
    return too_long(w);
  memcpy(w->rest, longer, (size_t)size + 1);
  return *target == '/' ? go_to_root(w) : 0;
}

static int append_name(struct walk *w, const char *name) {
  size_t n = strlen(w->real), m = strlen(name);
  if (n + m + 2 > PATH_MAX)
    return too_long(w);
  w->real[n] = '/';
  memcpy(w->real + n + 1, name, m + 1);
  return 0;
}

/* One name further. 1: it is the file, not yet opened for reading; 0: go on; -1: refused. */
static int step(struct walk *w, const char *name) {
  struct stat st;
  if (strcmp(name, ".") == 0)
    return 0;
  if (strcmp(name, "..") == 0)
    return go_up(w);
  int fd = openat(w->folder, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0)
    return failed(w);
  int rc = fstat(fd, &st) < 0 ? failed(w) : 0;
  if (!rc && S_ISLNK(st.st_mode)) {
    rc = follow_link(w, fd, &st, name);
  } else if (!rc && (rc = append_name(w, name)) == 0) {
    if (S_ISDIR(st.st_mode)) {
      (void)go_into(w, fd);
      return check_folder(w, &st);
    }
    errno = ENOTDIR;
    rc = is_last(w) ? 1 : failed(w);
  }
  (void)close(fd);
  return rc;
}

/* Opened for reading only when it is known to be a regular file: opening others can do things. What
 * is checked in the end is nevertheless what this has opened. */
static int open_file(const struct walk *w, const char *name) {
  struct stat st;
  if (fstatat(w->folder, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
    return failed(w);
  if (!S_ISREG(st.st_mode))
    return check_file(w, &st);
  int fd = openat(w->folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
  if (fd < 0)
    return failed(w);
  if ((fstat(fd, &st) < 0 ? failed(w) : check_file(w, &st)) == 0)
    return fd;
  (void)close(fd);
  return -1;
}

static int start(struct walk *w, const char *kind, const char *path, char real[PATH_MAX],
                 char why[CSN_LOADER_MESSAGE]) {
  *w = (struct walk){.kind = kind, .path = path, .why = why, .real = real, .folder = -1};
  *real = '\0';
  if (*path != '/')
    return REFUSE(w, "%s", "the path must be absolute: a relative one is another file in another "
                           "folder");
  if (strlen(path) >= sizeof w->rest)
    return too_long(w);
  memcpy(w->rest, path, strlen(path) + 1);
  look_at_program(&w->program);
  return go_to_root(w);
}

/* All the way: 0 at a folder, 1 at something else in it, which is called `name`, -1: refused. */
static int go(struct walk *w, const char *kind, const char *path, char real[PATH_MAX],
              char name[NAME_SIZE], char why[CSN_LOADER_MESSAGE]) {
  int rc = start(w, kind, path, real, why);
  while (rc == 0 && next_name(w, name))
    rc = step(w, name);
  return rc;
}

int csn_trusted_open(const char *kind, const char *path, char real[PATH_MAX],
                     char why[CSN_LOADER_MESSAGE]) {
  struct walk w;
  char name[NAME_SIZE];
  int fd = -1, rc = go(&w, kind, path, real, name, why);
  if (rc == 0)
    (void)REFUSE(&w, "%s", "it is a folder");
  else if (rc == 1)
    fd = open_file(&w, name);
  if (w.folder >= 0)
    (void)close(w.folder);
  return fd;
}

int csn_trusted_open_folder(const char *kind, const char *path, char real[PATH_MAX],
                            char why[CSN_LOADER_MESSAGE]) {
  struct walk w;
  char name[NAME_SIZE];
  int fd = -1, rc = go(&w, kind, path, real, name, why);
  if (rc == 1)
    (void)REFUSE(&w, "%s", "it is not a folder");
  else if (rc == 0 && w.shared)
    (void)REFUSE(&w, "%s", "others can make files in it");
  else if (rc == 0 && (fd = openat(w.folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
    (void)failed(&w);
  if (w.folder >= 0)
    (void)close(w.folder);
  return fd;
}
