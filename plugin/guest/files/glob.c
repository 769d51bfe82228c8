/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `glob`: the newest files whose paths match a pattern.
 */
#include "guest/files/newest.h"
#include "guest/files/pattern.h"
#include "guest/files/shown.h"
#include "guest/files/walk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define LIMIT_DEFAULT 200u
#define LIMIT_MAX 10000u

struct globbing {
  struct csn_globs globs;
  struct csn_newest newest;
  char root[CSN_PATH_SIZE];
  size_t root_size;      /* bytes of a path before what is relative to the root */
  const char *pattern;   /* what is left of it behind the directories that it names */
  bool has_prefix, is_out_of_memory;
};

static int visit(void *ctx, const struct csn_walk_entry *entry) {
  struct globbing *g = ctx;
  struct stat st;
  if (entry->type == DT_DIR ||
      !csn_globs_match(&g->globs, entry->path + g->root_size, entry->name))
    return 0;
  if (fstatat(entry->dir, entry->name, &st, AT_SYMLINK_NOFOLLOW) < 0) return 0;
  g->is_out_of_memory = csn_newest_offer(&g->newest, &st.st_mtim, entry->path) < 0;
  return g->is_out_of_memory ? -1 : 0;
}

/* ---- the pattern --------------------------------------------------------------------------- */

/* Take the leading directories that are plain names off the pattern: the walk begins there. */
static int split(struct csn_op *op, struct globbing *g) {
  char start[CSN_PATH_SIZE], prefix[CSN_PATH_SIZE];
  const char *pattern = csn_op_text(op, "pattern");
  if (pattern == NULL || *pattern == '\0')
    return csn_op_fail(op, CSN_OP_PATTERN, "Give one such as **/*.py.", "the pattern is empty");
  if (csn_op_path(op, "path", start) < 0) return -1;
  size_t plain = 0;
  for (size_t i = 0; pattern[i] != '\0' && !csn_glob_is_special(pattern + i, 1); i++) {
    if (pattern[i] == '/') plain = i + 1;
  }
  g->has_prefix = plain > 0;
  g->pattern = pattern + plain;
  snprintf(prefix, sizeof prefix, "%.*s", plain < sizeof prefix ? (int)plain : 0, pattern);
  if (plain < sizeof prefix && csn_path_resolve(start, prefix, g->root) == 0) {
    g->root_size = strlen(g->root) + (g->root[1] != '\0' ? 1 : 0);
    return 0;
  }
  return csn_op_fail(op, CSN_OP_PATTERN, "", "the pattern is too long");
}

static int compile(struct csn_op *op, struct globbing *g) {
  char why[128];
  if (*g->pattern == '\0') g->pattern = "**";
  if (csn_globs_parse(g->pattern, g->has_prefix, &g->globs, why) == 0) return 0;
  return csn_op_fail(op, CSN_OP_PATTERN, "Correct the pattern.",
                     "the pattern %.400s is not valid: %s", csn_op_text(op, "pattern"), why);
}

/* ---- the answer ---------------------------------------------------------------------------- */

static void show(struct csn_op *op, struct globbing *g, struct csn_shown *shown, size_t *count) {
  struct csn_buffer line = CSN_BUFFER(16 * CSN_PATH_SIZE);
  csn_answer_array(&op->answer, "files");
  for (size_t i = 0; i < g->newest.count && csn_shown_has_report_room(shown); i++) {
    const char *path = csn_shown_relative(op, g->newest.paths[i].path);
    csn_buffer_reset(&line);
    csn_shown_add_name(&line, path);
    csn_buffer_addz(&line, "\n");
    if (!csn_shown_put(shown, csn_buffer_text(&line), line.size)) break;
    csn_answer_string(&op->answer, NULL, path);
    ++*count;
  }
  csn_answer_end_array(&op->answer);
  csn_buffer_free(&line);
}

static void add_notes(struct globbing *g, struct csn_shown *shown, const struct csn_walk *walk,
                      size_t count) {
  if (g->newest.seen == 0)
    csn_op_putf(shown->op, "no files match %.1000s\n", csn_op_text(shown->op, "pattern"));
  else if (count < g->newest.seen)
    csn_shown_note(shown, "%" PRIu64 " files match; the newest %zu are shown. "
                   "Narrow the pattern or raise limit.", g->newest.seen, count);
  if (walk->is_late) csn_shown_note_late(shown);
  if (walk->unreadable > 0)
    csn_shown_note(shown, "directories that could not be read: %" PRIu64, walk->unreadable);
  if (walk->too_deep > 0)
    csn_shown_note(shown, "directories too deep to search: %" PRIu64 "; give one as path",
                   walk->too_deep);
}

static int search(struct csn_op *op, struct globbing *g) {
  struct csn_shown shown;
  struct csn_walk walk = {.skips_vcs = true, .honours_ignore = !csn_op_flag(op, "no_ignore"),
                          .ceiling = op->base, .ends_at = csn_shown_ends_at(op),
                          .depth_max = csn_globs_depth(&g->globs),
                          .visit = visit, .ctx = g};
  int number = csn_walk_run(&walk, g->root);
  bool is_just_absent = g->has_prefix && (number == ENOENT || number == ENOTDIR);
  if (number != 0 && !is_just_absent) return csn_op_fail_errno(op, number, "search", g->root);
  if (g->is_out_of_memory) return csn_op_fail_errno(op, ENOMEM, "search", g->root);
  size_t count = 0;
  csn_newest_sort(&g->newest);
  csn_shown_begin(&shown, op);
  show(op, g, &shown, &count);
  add_notes(g, &shown, &walk, count);
  csn_answer_number(&op->answer, "count", (int64_t)g->newest.seen);
  csn_answer_bool(&op->answer, "truncated", count < g->newest.seen || walk.is_late);
  return 0;
}

int csn_op_glob(struct csn_op *op) {
  struct globbing g = {.pattern = NULL};
  uint64_t limit = csn_op_number(op, "limit", LIMIT_DEFAULT);
  if (split(op, &g) < 0 || compile(op, &g) < 0) return -1;
  int rc = csn_newest_begin(&g.newest, limit < LIMIT_MAX ? limit : LIMIT_MAX);
  rc = rc < 0 ? csn_op_fail_errno(op, ENOMEM, "search", g.root) : search(op, &g);
  csn_newest_free(&g.newest);
  csn_globs_free(&g.globs);
  return rc;
}
