/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `list`: what is in a directory, with kind, size and time; as a tree where it goes deeper.
 */
#include "guest/files/shown.h"
#include "guest/files/walk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LIMIT_DEFAULT 500u
#define DEPTH_LIST_MAX 10u

struct listing {
  struct csn_shown shown;
  size_t root_size;          /* bytes of a path before what is relative to the root */
  uint64_t limit, count, listed;
  uint64_t directories;      /* of those counted */
  struct csn_buffer line;
};

static const struct {
  mode_t type;
  const char *word, *mark;   /* the mark stands behind the name */
} kinds[] = {
    {S_IFDIR, "dir", "/"},   {S_IFREG, "file", ""},    {S_IFLNK, "link", ""},
    {S_IFIFO, "fifo", ""},   {S_IFSOCK, "socket", ""}, {S_IFCHR, "device", ""},
    {S_IFBLK, "device", ""},
};

static size_t kind_of(mode_t mode) {
  size_t i = 0;
  while (i + 1 < sizeof kinds / sizeof kinds[0] && kinds[i].type != (mode & S_IFMT)) i++;
  return i;
}

/* ---- one entry ----------------------------------------------------------------------------- */

struct item {
  const char *name;      /* as it is shown */
  const char *path;      /* relative to the root */
  size_t depth;
  struct stat st;
  char target[PATH_MAX]; /* of a link; "" for others */
};

static void report(struct listing *l, const struct item *item, const char *time) {
  struct csn_answer *answer = &l->shown.op->answer;
  csn_answer_object(answer, NULL);
  csn_answer_string(answer, "path", item->path);
  csn_answer_string(answer, "kind", kinds[kind_of(item->st.st_mode)].word);
  csn_answer_number(answer, "size", item->st.st_size);
  csn_answer_string(answer, "mtime", time);
  if (item->target[0] != '\0') csn_answer_string(answer, "target", item->target);
  csn_answer_end_object(answer);
}

/* Whether there was room for it. */
static bool show(struct listing *l, const struct item *item) {
  char time[CSN_SHOWN_TIME_SIZE];
  struct csn_buffer *line = &l->line;
  size_t kind = kind_of(item->st.st_mode);
  csn_shown_time(item->st.st_mtim.tv_sec, time);
  csn_buffer_reset(line);
  csn_buffer_addf(line, "%-6s %12" PRIdMAX "  %s  ", kinds[kind].word, (intmax_t)item->st.st_size,
                  time);
  for (size_t i = 1; i < item->depth; i++) csn_buffer_addz(line, "  ");
  csn_shown_add_name(line, item->name);
  csn_buffer_addz(line, kinds[kind].mark);
  if (item->target[0] != '\0') {
    csn_buffer_addz(line, " -> ");
    csn_shown_add_name(line, item->target);
  }
  csn_buffer_addz(line, "\n");
  if (!csn_shown_put(&l->shown, csn_buffer_text(line), line->size)) return false;
  report(l, item, time);
  return true;
}

static void read_target(int dir, const char *name, struct item *item) {
  if (!S_ISLNK(item->st.st_mode)) return;
  ssize_t n = readlinkat(dir, name, item->target, sizeof item->target - 1);
  item->target[n > 0 ? n : 0] = '\0';
}

static int visit(void *ctx, const struct csn_walk_entry *entry) {
  struct listing *l = ctx;
  struct item item = {
      .name = entry->name, .path = entry->path + l->root_size, .depth = entry->depth};
  l->count++;
  l->directories += entry->type == DT_DIR;
  bool has_room = l->listed < l->limit && !l->shown.is_full && csn_shown_has_report_room(&l->shown);
  if (!has_room) return 0;
  if (fstatat(entry->dir, entry->name, &item.st, AT_SYMLINK_NOFOLLOW) < 0) {
    l->count--;
    return 0;
  }
  read_target(entry->dir, entry->name, &item);
  if (show(l, &item)) l->listed++;
  return 0;
}

/* ---- the whole ----------------------------------------------------------------------------- */

static const char *plural(uint64_t n) {
  return n == 1 ? "" : "s";
}

static void add_notes(struct listing *l, const struct csn_walk *walk, const char *path) {
  const char *shown = csn_shown_relative(l->shown.op, path);
  if (l->count == 0 && walk->unreadable == 0 && !walk->is_late)
    csn_shown_note(&l->shown, "%.300s is empty", shown);
  if (l->listed < l->count)
    csn_shown_note(&l->shown, "%" PRIu64 " entries in all; the first %" PRIu64
                   " are shown. List a subdirectory, or use glob.", l->count, l->listed);
  if (walk->is_late) csn_shown_note_late(&l->shown);
  if (walk->unreadable > 0)
    csn_shown_note(&l->shown, "%" PRIu64 " director%s could not be read", walk->unreadable,
                   walk->unreadable == 1 ? "y" : "ies");
}

static int list_directory(struct csn_op *op, struct listing *l, const char *path) {
  uint64_t depth = csn_op_number(op, "depth", 1);
  struct csn_walk walk = {.order = CSN_WALK_DIRECTORIES_FIRST,
                          .ends_at = csn_shown_ends_at(op),
                          .visit = visit,
                          .ctx = l,
                          .depth_max = depth < 1                ? 1
                                       : depth < DEPTH_LIST_MAX ? depth
                                                                : DEPTH_LIST_MAX};
  l->root_size = strlen(path) + (path[1] != '\0' ? 1 : 0);
  csn_answer_array(&op->answer, "entries");
  int number = csn_walk_run(&walk, path);
  csn_answer_end_array(&op->answer);
  if (number != 0) return csn_op_fail_errno(op, number, "list", path);
  csn_answer_number(&op->answer, "count", (int64_t)l->count);
  csn_answer_bool(&op->answer, "truncated", l->listed < l->count || walk.is_late);
  add_notes(l, &walk, path);
  if (l->count > 0 && l->listed == l->count && !walk.is_late)
    csn_shown_note(&l->shown, "%" PRIu64 " director%s, %" PRIu64 " other%s", l->directories,
                   l->directories == 1 ? "y" : "ies", l->count - l->directories,
                   plural(l->count - l->directories));
  return 0;
}

static int list_file(struct csn_op *op, struct listing *l, const char *path,
                     const struct stat *st) {
  const char *shown = csn_shown_relative(op, path);
  struct item item = {.name = shown, .path = shown, .depth = 1, .st = *st};
  read_target(AT_FDCWD, path, &item);
  csn_answer_array(&op->answer, "entries");
  show(l, &item);
  csn_answer_end_array(&op->answer);
  csn_answer_number(&op->answer, "count", 1);
  csn_answer_bool(&op->answer, "truncated", false);
  return 0;
}

/* A link that leads nowhere is described as what it is. */
static int examine(const char *path, struct stat *st) {
  if (stat(path, st) == 0) return 0;
  return errno == ENOENT || errno == ELOOP ? lstat(path, st) : -1;
}

int csn_op_list(struct csn_op *op) {
  char path[CSN_PATH_SIZE];
  struct stat st;
  if (csn_op_path(op, "path", path) < 0) return -1;
  if (examine(path, &st) < 0) return csn_op_fail_errno(op, errno, "list", path);
  struct listing l = {.limit = csn_op_number(op, "limit", LIMIT_DEFAULT),
                      .line = CSN_BUFFER(16 * CSN_PATH_SIZE)};
  csn_shown_begin(&l.shown, op);
  csn_answer_string(&op->answer, "path", path);
  int rc = S_ISDIR(st.st_mode) ? list_directory(op, &l, path) : list_file(op, &l, path, &st);
  csn_buffer_free(&l.line);
  return rc;
}
