/* SPDX-License-Identifier: Apache-2.0 */
/* See build_context.h. */
#include "engine/build_context.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/ignore_rules.h"
#include "util/alloc.h"
#include "util/buffer.h"

#define DEPTH_MAX 256
#define IGNORE_FILE ".dockerignore"
#define IGNORE_MAX ((size_t)1 << 20)

/* One reading of the folder. */
struct walk {
  struct csn_context *context;
  const struct csn_ignore_rules *rules;
  const char *dockerfile;
  const struct csn_control *control;
  struct csn_error *err;
};

static int fail(const struct csn_context *context, const char *path, int sys_errno, const char *why,
                struct csn_error *err) {
  return csn_fail_errno(err, CAISSON_E_CONFIG, CAISSON_REASON_CONFIG, sys_errno,
                        "sandbox.build.context: %.300s%s%.300s %s", context->path, *path ? "/" : "",
                        path, why);
}

/* ---- entries --------------------------------------------------------------------------------- */

/* The new entry, or NULL: no memory. Its path is to be freed by then. */
static struct csn_context_entry *add_entry(struct csn_context *context, char *path) {
  if (context->count == context->room) {
    size_t room = context->room ? context->room * 2 : 64;
    void *more = csn_realloc(context->entries, room * sizeof *context->entries);
    if (!more) return NULL;
    context->entries = more;
    context->room = room;
  }
  struct csn_context_entry *entry = &context->entries[context->count++];
  *entry = (struct csn_context_entry){.path = path};
  return entry;
}

static int read_target(int folder, const char *name, struct csn_context_entry *entry,
                       struct walk *w) {
  char target[PATH_MAX];
  ssize_t n = readlinkat(folder, name, target, sizeof target - 1);
  if (n < 0) return fail(w->context, entry->path, errno, "cannot be read", w->err);
  entry->target = csn_strndup(target, (size_t)n);
  return entry->target ? 0 : csn_fail_nomem(w->err);
}

static void skip(struct csn_context *context, const char *path) {
  if (context->skipped++ == 0)
    snprintf(context->first_skipped, sizeof context->first_skipped, "%s", path);
}

/* Takes the path. */
static int take_entry(struct walk *w, int folder, const char *name, char *path,
                      const struct stat *st) {
  struct csn_context *context = w->context;
  if (!S_ISREG(st->st_mode) && !S_ISDIR(st->st_mode) && !S_ISLNK(st->st_mode)) {
    skip(context, path);
    csn_free(path);
    return 0;
  }
  if (context->count == CSN_CONTEXT_ENTRIES_MAX) {
    csn_free(path);
    return fail(context, "", 0, "holds more than a million entries; leave out what the build does "
                "not need by a .dockerignore", w->err);
  }
  struct csn_context_entry *entry = add_entry(context, path);
  if (!entry) {
    csn_free(path);
    return csn_fail_nomem(w->err);
  }
  entry->mode = st->st_mode;
  entry->mtime = st->st_mtime;
  entry->size = S_ISREG(st->st_mode) ? (uint64_t)st->st_size : 0;
  return S_ISLNK(st->st_mode) ? read_target(folder, name, entry, w) : 0;
}

/* ---- folders --------------------------------------------------------------------------------- */

static int is_kept(const struct walk *w, const char *path) {
  return strcmp(path, IGNORE_FILE) == 0 || strcmp(path, w->dockerfile) == 0 ||
         !csn_ignore_rules_match(w->rules, path);
}

/* May something in a folder that is left out belong to the build all the same? */
static int may_hold(const struct walk *w, const char *path) {
  size_t n = strlen(path);
  return csn_ignore_rules_have_exceptions(w->rules) ||
         (strncmp(w->dockerfile, path, n) == 0 && w->dockerfile[n] == '/');
}

static int walk_folder(struct walk *w, int fd, const char *path, unsigned depth);

static int walk_below(struct walk *w, int folder, const char *name, const char *path,
                      unsigned depth) {
  int fd = openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0) return fail(w->context, path, errno, "cannot be read", w->err);
  if (depth == DEPTH_MAX) {
    close(fd);
    return fail(w->context, path, 0, "lies too deep", w->err);
  }
  return walk_folder(w, fd, path, depth + 1);
}

static int walk_name(struct walk *w, int folder, const char *name, const char *above,
                     unsigned depth) {
  struct stat st;
  char *path = csn_asprintf("%s%s%s", above, *above ? "/" : "", name);
  if (!path) return csn_fail_nomem(w->err);
  CSN_CLEANUP_FREE char *copy = csn_strdup(path);
  int rc = copy ? csn_control_check(w->control, w->err) : csn_fail_nomem(w->err);
  if (rc == 0 && fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
    rc = fail(w->context, path, errno, "cannot be read", w->err);
  int kept = rc == 0 && is_kept(w, path);
  if (kept)
    rc = take_entry(w, folder, name, path, &st);
  else
    csn_free(path);
  if (rc || !S_ISDIR(st.st_mode) || !(kept || may_hold(w, copy))) return rc;
  return walk_below(w, folder, name, copy, depth);
}

/* Takes the descriptor. */
static int walk_folder(struct walk *w, int fd, const char *path, unsigned depth) {
  DIR *dir = fdopendir(fd);
  struct dirent *d;
  int rc = 0;
  if (!dir) {
    close(fd);
    return csn_fail_nomem(w->err);
  }
  while (rc == 0 && (errno = 0, d = readdir(dir)) != NULL)
    if (strcmp(d->d_name, ".") != 0 && strcmp(d->d_name, "..") != 0)
      rc = walk_name(w, dirfd(dir), d->d_name, path, depth);
  if (rc == 0 && errno) rc = fail(w->context, path, errno, "cannot be read", w->err);
  closedir(dir);
  return rc;
}

/* ---- a file ---------------------------------------------------------------------------------- */

/* Opens the file one folder after the other, so that none of them is a link by now. */
static int open_beneath(int root, const char *path) {
  int at = root;
  for (;;) {
    size_t n = strcspn(path, "/");
    char name[NAME_MAX + 1];
    if (n > NAME_MAX) {
      errno = ENAMETOOLONG;
      n = 0;
    }
    memcpy(name, path, n);
    name[n] = '\0';
    int last = path[n] == '\0';
    int flags = last ? O_RDONLY | O_NONBLOCK : O_PATH | O_DIRECTORY;
    int next = n ? openat(at, name, flags | O_NOFOLLOW | O_CLOEXEC) : -1;
    int failed = errno;
    if (at != root) close(at);
    errno = failed;
    if (last || next < 0) return next;
    at = next;
    path += n + 1;
  }
}

int csn_context_open_file(const struct csn_context *context, const struct csn_context_entry *entry,
                          struct csn_error *err) {
  struct stat st;
  int fd = open_beneath(context->root, entry->path);
  if (fd < 0) return fail(context, entry->path, errno, "cannot be read", err);
  if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && (uint64_t)st.st_size == entry->size) return fd;
  close(fd);
  return csn_context_changed(context, entry, err);
}

int csn_context_changed(const struct csn_context *context, const struct csn_context_entry *entry,
                        struct csn_error *err) {
  return fail(context, entry ? entry->path : "", 0,
              "changed while the image was being built; try again when nothing writes there", err);
}

/* ---- the whole ------------------------------------------------------------------------------- */

static int read_rules(const struct csn_context *context, struct csn_ignore_rules **rules,
                      struct csn_error *err) {
  CSN_CLEANUP_BUFFER struct csn_buffer text = CSN_BUFFER(IGNORE_MAX);
  int fd CSN_CLEANUP_CLOSE = open_beneath(context->root, IGNORE_FILE);
  *rules = NULL;
  if (fd < 0 && errno == ENOENT) return 0;
  for (ssize_t n = 1; fd >= 0 && n > 0;) {
    char piece[4096];
    n = read(fd, piece, sizeof piece);
    if (n < 0) break;
    if (csn_buffer_add(&text, piece, (size_t)n))
      return fail(context, IGNORE_FILE, EFBIG, "cannot be read", err);
    if (n == 0) return csn_ignore_rules_parse(csn_buffer_text(&text), text.size, rules, err);
  }
  return fail(context, IGNORE_FILE, errno, "cannot be read", err);
}

static int by_path(const void *a, const void *b) {
  const struct csn_context_entry *x = a, *y = b;
  return strcmp(x->path, y->path);
}

static int has_dockerfile(const struct csn_context *context, const char *dockerfile) {
  for (size_t i = 0; i < context->count; i++)
    if (strcmp(context->entries[i].path, dockerfile) == 0 && !S_ISDIR(context->entries[i].mode))
      return 1;
  return 0;
}

static int read_folder(struct csn_context *context, const char *dockerfile,
                       const struct csn_control *control, struct csn_error *err) {
  struct csn_ignore_rules *rules;
  context->root = open(context->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (context->root < 0) return fail(context, "", errno, "cannot be read", err);
  int rc = read_rules(context, &rules, err);
  if (rc) return rc;
  struct walk w = {context, rules, dockerfile, control, err};
  int fd = openat(context->root, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  rc = fd < 0 ? fail(context, "", errno, "cannot be read", err) : walk_folder(&w, fd, "", 0);
  csn_ignore_rules_free(rules);
  if (rc) return rc;
  if (!has_dockerfile(context, dockerfile))
    return fail(context, dockerfile, 0,
                "does not exist: give sandbox.build.dockerfile, relative to the context", err);
  qsort(context->entries, context->count, sizeof *context->entries, by_path);
  return 0;
}

int csn_context_open(const char *path, const char *dockerfile, const struct csn_control *control,
                     struct csn_context *out, struct csn_error *err) {
  *out = (struct csn_context){.root = -1, .path = csn_strdup(path)};
  int rc = out->path ? read_folder(out, dockerfile, control, err) : csn_fail_nomem(err);
  if (rc) csn_context_close(out);
  return rc;
}

void csn_context_close(struct csn_context *context) {
  for (size_t i = 0; i < context->count; i++) {
    csn_free(context->entries[i].path);
    csn_free(context->entries[i].target);
  }
  csn_free(context->entries);
  csn_free(context->path);
  if (context->root >= 0) close(context->root);
  *context = (struct csn_context){.root = -1};
}

/* ---- its hash -------------------------------------------------------------------------------- */

static void hash_text(struct csn_sha256 *hash, const char *text) {
  csn_sha256_update(hash, text, strlen(text) + 1);
}

void csn_context_hash_entry(struct csn_sha256 *hash, const struct csn_context_entry *entry) {
  char head[64];
  /* A link's own mode differs between file systems and means nothing. */
  unsigned mode = S_ISLNK(entry->mode) ? S_IFLNK : entry->mode & (S_IFMT | 07777);
  snprintf(head, sizeof head, "%o %llu", mode, (unsigned long long)entry->size);
  hash_text(hash, head);
  hash_text(hash, entry->path);
  hash_text(hash, entry->target ? entry->target : "");
}

static int hash_content(const struct csn_context *context, const struct csn_context_entry *entry,
                        const struct csn_control *control, unsigned char *piece,
                        struct csn_sha256 *hash, struct csn_error *err) {
  int fd CSN_CLEANUP_CLOSE = csn_context_open_file(context, entry, err);
  if (fd < 0) return fd;
  for (uint64_t left = entry->size; left > 0;) {
    int rc = csn_control_check(control, err);
    if (rc) return rc;
    ssize_t n = read(fd, piece, left < CSN_CONTEXT_PIECE ? (size_t)left : CSN_CONTEXT_PIECE);
    if (n <= 0) return csn_context_changed(context, entry, err);
    csn_sha256_update(hash, piece, (size_t)n);
    left -= (uint64_t)n;
  }
  return 0;
}

int csn_context_hash(const struct csn_context *context, const struct csn_control *control,
                     struct csn_sha256 *hash, struct csn_error *err) {
  CSN_CLEANUP_FREE unsigned char *piece = csn_alloc(CSN_CONTEXT_PIECE);
  int rc = piece ? 0 : csn_fail_nomem(err);
  for (size_t i = 0; rc == 0 && i < context->count; i++) {
    const struct csn_context_entry *entry = &context->entries[i];
    csn_context_hash_entry(hash, entry);
    if (S_ISREG(entry->mode)) rc = hash_content(context, entry, control, piece, hash, err);
  }
  return rc;
}
