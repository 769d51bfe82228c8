/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A walk through a directory tree: see walk.h. A directory is read to its end before anything in it
 * is visited, so that it can be sorted, and so that getdents is asked for much at a time.
 */
#include "guest/files/walk.h"

#include "guest/files/ignore.h"
#include "util/alloc.h"
#include "util/path.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define LISTING_FIRST 32768u          /* bytes asked of getdents at a time */
#define LISTING_MAX (128u << 20)      /* of one directory: more than a million names */
#define OPEN_FLAGS (O_RDONLY | O_DIRECTORY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)

/* One directory on the way down. */
struct level {
  int fd;
  size_t path_size;               /* of the directory's path */
  char *listing;                  /* struct dirent64, one behind the other */
  size_t size, at;
  size_t capacity;
  struct dirent64 **sorted;       /* NULL: as they lie */
  size_t count, next;
  struct csn_ignore *own;         /* its .gitignore; NULL if there is none */
  const struct csn_ignore *innermost;
};

struct state {
  struct csn_walk *walk;
  struct level levels[CSN_WALK_DEPTH_MAX + 1];
  size_t depth;                   /* levels in use */
  struct csn_ignore *above[64];   /* of the directories above the root */
  size_t above_count;
  char path[CSN_PATH_SIZE + (CSN_WALK_DEPTH_MAX + 1) * (NAME_MAX + 1)];
};

/* ---- reading one directory ----------------------------------------------------------------- */

/* False: no memory, or more than a directory may hold; what is there stays. */
static bool make_room(struct level *level) {
  if (level->capacity - level->size >= LISTING_FIRST) return true;
  size_t capacity = level->capacity == 0 ? LISTING_FIRST : 2 * level->capacity;
  char *more = capacity <= LISTING_MAX ? csn_realloc(level->listing, capacity) : NULL;
  if (more == NULL) return false;
  level->listing = more;
  level->capacity = capacity;
  return true;
}

static bool read_listing(struct level *level) {
  level->size = level->at = 0;
  while (make_room(level)) {
    ssize_t n = getdents64(level->fd, level->listing + level->size, level->capacity - level->size);
    if (n <= 0) return n == 0 || level->size > 0 || errno == ENOENT;
    level->size += (size_t)n;
  }
  return false;
}

/* The next entry as it lies, or NULL. */
static struct dirent64 *take(struct level *level) {
  while (level->at < level->size) {
    struct dirent64 *entry = (struct dirent64 *)(void *)(level->listing + level->at);
    level->at += entry->d_reclen;
    const char *name = entry->d_name;
    if (name[0] != '.' || (name[1] != '\0' && (name[1] != '.' || name[2] != '\0'))) return entry;
  }
  return NULL;
}

static int by_name(const void *a, const void *b) {
  return strcmp((*(struct dirent64 *const *)a)->d_name, (*(struct dirent64 *const *)b)->d_name);
}

static int directories_first(const void *a, const void *b) {
  bool a_is = (*(struct dirent64 *const *)a)->d_type == DT_DIR;
  bool b_is = (*(struct dirent64 *const *)b)->d_type == DT_DIR;
  return a_is != b_is ? (int)b_is - (int)a_is : by_name(a, b);
}

static unsigned char type_by_stat(int dir, const char *name) {
  struct stat st;
  if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) != 0) return DT_WHT;
  return (unsigned char)IFTODT(st.st_mode);
}

static void sort(struct level *level, enum csn_walk_order order) {
  size_t entries = 0;
  while (take(level) != NULL) entries++;
  level->at = 0;
  level->sorted = entries > 0 ? csn_alloc(entries * sizeof *level->sorted) : NULL;
  if (level->sorted == NULL) return;
  level->count = level->next = 0;
  while (level->count < entries) {
    struct dirent64 *entry = take(level);
    if (entry->d_type == DT_UNKNOWN) entry->d_type = type_by_stat(level->fd, entry->d_name);
    level->sorted[level->count++] = entry;
  }
  qsort(level->sorted, level->count, sizeof *level->sorted,
        order == CSN_WALK_BY_NAME ? by_name : directories_first);
}

static struct dirent64 *next_entry(struct level *level) {
  if (level->sorted == NULL) return take(level);
  return level->next < level->count ? level->sorted[level->next++] : NULL;
}

/* ---- going down and up --------------------------------------------------------------------- */

/* Takes the descriptor. A level keeps its memory for the next directory of that depth. */
static void enter(struct state *s, int fd, size_t path_size) {
  struct level *level = &s->levels[s->depth];
  level->fd = fd;
  level->path_size = path_size;
  level->innermost = s->depth > 0                   ? s->levels[s->depth - 1].innermost
                     : s->above_count > 0           ? s->above[s->above_count - 1]
                                                    : NULL;
  if (!read_listing(level)) s->walk->unreadable++;
  if (s->walk->order != CSN_WALK_AS_FOUND) sort(level, s->walk->order);
  if (s->walk->honours_ignore) {
    level->own = csn_ignore_read(fd, path_size, level->innermost);
    if (level->own != NULL) level->innermost = level->own;
  }
  s->depth++;
}

static void leave(struct state *s) {
  struct level *level = &s->levels[--s->depth];
  close(level->fd);
  csn_free(level->sorted);
  csn_ignore_free(level->own);
  level->sorted = NULL;
  level->own = NULL;
}

static void descend(struct state *s, const struct csn_walk_entry *entry) {
  size_t depth_max = s->walk->depth_max > 0 ? s->walk->depth_max : CSN_WALK_DEPTH_MAX;
  if (s->depth >= depth_max || s->depth > CSN_WALK_DEPTH_MAX) {
    if (s->walk->depth_max == 0) s->walk->too_deep++;
    return;
  }
  int fd = openat(entry->dir, entry->name, OPEN_FLAGS | O_NOFOLLOW);
  if (fd >= 0)
    enter(s, fd, strlen(s->path));
  else if (errno != ENOENT && errno != ELOOP && errno != ENOTDIR)
    s->walk->unreadable++;
}

/* ---- what is passed over ------------------------------------------------------------------- */

static bool is_vcs(const char *name) {
  static const char *const names[] = {".git", ".hg", ".svn", ".jj"};
  if (name[0] != '.') return false;
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
    if (strcmp(name, names[i]) == 0) return true;
  }
  return false;
}

/* The kernel's own trees have no end and hold no files; they are walked when they are the root. */
static bool is_kernel_tree(const char *path) {
  return strcmp(path, "/proc") == 0 || strcmp(path, "/sys") == 0 || strcmp(path, "/dev") == 0;
}

static bool is_passed_over(const struct state *s, const struct level *level,
                           const struct csn_walk_entry *entry) {
  bool is_directory = entry->type == DT_DIR;
  if (entry->type == DT_WHT) return true;
  if (s->walk->skips_vcs && is_vcs(entry->name)) return true;
  return csn_ignore_has(level->innermost, entry->path, is_directory);
}

static void set_path(struct state *s, const struct level *level, const char *name) {
  size_t at = level->path_size;
  if (at > 1) s->path[at++] = '/';
  memcpy(s->path + at, name, strlen(name) + 1);
}

/* Negative: the walk is to end. */
static int visit(struct state *s, struct level *level, const struct dirent64 *found) {
  struct csn_walk_entry entry = {.dir = level->fd, .name = found->d_name, .path = s->path,
                                 .type = found->d_type, .depth = s->depth};
  set_path(s, level, found->d_name);
  if (entry.type == DT_UNKNOWN) entry.type = type_by_stat(level->fd, found->d_name);
  if (is_passed_over(s, level, &entry)) return 0;
  if (s->walk->visit(s->walk->ctx, &entry) < 0) return -1;
  if (entry.type == DT_DIR && !is_kernel_tree(s->path)) descend(s, &entry);
  return 0;
}

/* The coarse clock costs next to nothing, so it is asked at each entry. */
int64_t csn_walk_clock(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static bool is_late(struct csn_walk *walk) {
  if (walk->ends_at != 0 && csn_walk_clock() >= walk->ends_at) walk->is_late = true;
  return walk->is_late;
}

/* ---- the whole ----------------------------------------------------------------------------- */

static bool is_inside(const char *path, const char *directory) {
  size_t n = strlen(directory);
  if (strcmp(directory, "/") == 0) return true;
  return strncmp(path, directory, n) == 0 && (path[n] == '/' || path[n] == '\0');
}

/* The .gitignore files from the ceiling down to the root's parent. */
static void read_above(struct state *s, const char *root) {
  char path[CSN_PATH_SIZE];
  const char *ceiling = s->walk->ceiling;
  if (!s->walk->honours_ignore || ceiling == NULL || !is_inside(root, ceiling)) return;
  for (size_t n = strlen(ceiling); root[n] != '\0' && s->above_count < 64;
       n += 1 + strcspn(root + n + 1, "/")) {
    size_t size = n > 0 ? n : 1;
    memcpy(path, root, size);
    path[size] = '\0';
    int fd = open(path, OPEN_FLAGS);
    if (fd < 0) continue;
    const struct csn_ignore *outer = s->above_count > 0 ? s->above[s->above_count - 1] : NULL;
    struct csn_ignore *ignore = csn_ignore_read(fd, size, outer);
    if (ignore != NULL) s->above[s->above_count++] = ignore;
    close(fd);
  }
}

static void free_state(struct state *s) {
  while (s->depth > 0) leave(s);
  for (size_t i = 0; i <= CSN_WALK_DEPTH_MAX; i++) csn_free(s->levels[i].listing);
  while (s->above_count > 0) csn_ignore_free(s->above[--s->above_count]);
  csn_free(s);
}

int csn_walk_run(struct csn_walk *walk, const char *root) {
  struct state *s = csn_calloc(1, sizeof *s);
  if (s == NULL) return ENOMEM;
  int fd = open(root, OPEN_FLAGS);
  if (fd < 0) {
    int number = errno;
    csn_free(s);
    return number;
  }
  s->walk = walk;
  memcpy(s->path, root, strlen(root) + 1);
  read_above(s, root);
  enter(s, fd, strlen(root));
  while (s->depth > 0) {
    struct level *level = &s->levels[s->depth - 1];
    struct dirent64 *entry = next_entry(level);
    if (entry == NULL)
      leave(s);
    else if (is_late(walk) || visit(s, level, entry) < 0)
      break;
  }
  free_state(s);
  return 0;
}
