/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `grep`: which files, or which lines of them, match a regular expression.
 */
#include "guest/files/grep.h"

#include "guest/files/walk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define LIMIT_DEFAULT 250u
#define LIMIT_MAX 10000u
#define CONTEXT_MAX 1000u
#define TEXT_MAX (64u << 20)     /* bytes in memory: of one line, or, over lines, of a file */
#define ENDLESS_MAX 5u           /* files in which the pattern may run into its limit */
#define OPEN_FLAGS (O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)

struct tree {
  struct csn_grep *grep;
  struct csn_globs wanted, unwanted;
  size_t root_size;              /* bytes of a path before what is relative to the root */
};

static const struct {
  const char *word, *answer;     /* the answer's array */
} modes[] = {
  [CSN_GREP_FILES] = {"files_with_matches", "files"},
  [CSN_GREP_CONTENT] = {"content", "matches"},
  [CSN_GREP_COUNT] = {"count", "files"},
};

/* ---- a file's result ----------------------------------------------------------------------- */

static void take_newest(struct csn_grep *g, int fd, const char *path) {
  struct stat st;
  if (fstat(fd, &st) == 0 && csn_newest_offer(&g->newest, &st.st_mtim, path) < 0)
    g->is_out_of_memory = true;
}

static void show_count(struct csn_grep *g) {
  if (g->listed >= g->limit || g->shown.is_full || !csn_shown_has_report_room(&g->shown)) return;
  csn_buffer_reset(&g->line);
  csn_shown_add_name(&g->line, g->path);
  csn_buffer_addf(&g->line, ":%" PRIu64 "\n", g->matches);
  if (!csn_shown_put(&g->shown, csn_buffer_text(&g->line), g->line.size)) return;
  g->listed++;
  csn_answer_object(&g->op->answer, NULL);
  csn_answer_string(&g->op->answer, "path", g->path);
  csn_answer_number(&g->op->answer, "count", (int64_t)g->matches);
  csn_answer_end_object(&g->op->answer);
}

static void count_end(struct csn_grep *g, enum csn_grep_end end) {
  if (end == CSN_GREP_BINARY) g->binary++;
  if (end == CSN_GREP_UNREADABLE) g->unreadable++;
  if (end == CSN_GREP_SEARCHED) g->files_searched++;
}

/* Takes the descriptor. */
static enum csn_grep_end search_file(struct csn_grep *g, int fd, const char *path) {
  enum csn_grep_end end = csn_grep_file(g, fd, csn_shown_relative(g->op, path));
  count_end(g, end);
  if (g->matches > 0) {
    g->files_matched++;
    if (g->mode == CSN_GREP_FILES) take_newest(g, fd, path);
    if (g->mode == CSN_GREP_COUNT) show_count(g);
    if (g->mode == CSN_GREP_COUNT) g->lines_matched += g->matches;
  }
  close(fd);
  return end;
}

static int visit(void *ctx, const struct csn_walk_entry *entry) {
  struct tree *tree = ctx;
  struct csn_grep *g = tree->grep;
  const char *path = entry->path + tree->root_size;
  if (entry->type != DT_REG) return 0;
  if (tree->wanted.count > 0 && !csn_globs_match(&tree->wanted, path, entry->name)) return 0;
  if (csn_globs_match(&tree->unwanted, path, entry->name)) return 0;
  int fd = openat(entry->dir, entry->name, OPEN_FLAGS | O_NOFOLLOW);
  if (fd >= 0)
    search_file(g, fd, entry->path);
  else if (errno != ENOENT && errno != ELOOP)
    g->unreadable++;
  return g->is_done || g->is_late || g->is_out_of_memory || g->endless >= ENDLESS_MAX ? -1 : 0;
}

/* ---- the arguments ------------------------------------------------------------------------- */

static int read_mode(struct csn_op *op, struct csn_grep *g) {
  const char *word = csn_op_text(op, "output_mode");
  for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
    g->mode = (enum csn_grep_mode)i;
    if (word == NULL || strcmp(word, modes[i].word) == 0) return 0;
  }
  return csn_op_fail(op, CSN_OP_INVALID, "It is files_with_matches, content or count.",
                     "there is no output_mode %.100s", word);
}

static uint64_t at_most(uint64_t n, uint64_t max) {
  return n < max ? n : max;
}

static int read_numbers(struct csn_op *op, struct csn_grep *g) {
  uint64_t context = csn_op_number(op, "context", 0);
  g->before = at_most(csn_op_number(op, "before", context), CONTEXT_MAX);
  g->after = at_most(csn_op_number(op, "after", context), CONTEXT_MAX);
  g->limit = at_most(csn_op_number(op, "limit", LIMIT_DEFAULT), LIMIT_MAX);
  return csn_newest_begin(&g->newest, g->limit) < 0 ? csn_op_fail_errno(op, ENOMEM, "search", "")
                                                    : 0;
}

static int compile(struct csn_op *op, struct csn_grep *g) {
  struct csn_search_flaw flaw;
  const char *pattern = csn_op_text(op, "pattern");
  if (pattern == NULL || *pattern == '\0')
    return csn_op_fail(op, CSN_OP_PATTERN, "Give a regular expression.", "the pattern is empty");
  g->is_multiline = csn_op_flag(op, "multiline");
  g->search = csn_search_begin(pattern,
                               (csn_op_flag(op, "case_insensitive") ? CSN_SEARCH_FOLD : 0) |
                                   (g->is_multiline ? CSN_SEARCH_MULTILINE : 0),
                               &flaw);
  if (g->search != NULL) return 0;
  size_t from = flaw.offset > 60 ? flaw.offset - 60 : 0;
  return csn_op_fail(
      op, CSN_OP_PATTERN,
      "It is a PCRE2 expression: ( ) [ ] { } . * + ? | ^ $ stand for themselves only "
      "behind a backslash.",
      "the pattern is not valid at offset %zu: %s, here: %.*s<HERE>%.60s", flaw.offset, flaw.text,
      (int)(flaw.offset - from), pattern + from, pattern + flaw.offset);
}

/* A comma outside braces separates patterns too; a pattern with ! in front leaves out. */
static int compile_glob(struct csn_op *op, struct tree *tree) {
  const char *glob = csn_op_text(op, "glob");
  char braced[CSN_PATH_SIZE], why[128];
  if (glob == NULL || *glob == '\0') return 0;
  bool is_unwanted = *glob == '!';
  if (is_unwanted) glob++;
  bool has_comma = strchr(glob, ',') != NULL && strchr(glob, '{') == NULL;
  int n =
      snprintf(braced, sizeof braced, "%s%s%s", has_comma ? "{" : "", glob, has_comma ? "}" : "");
  snprintf(why, sizeof why, "it is too long");
  struct csn_globs *globs = is_unwanted ? &tree->unwanted : &tree->wanted;
  if (n > 0 && (size_t)n < sizeof braced && csn_globs_parse(braced, false, globs, why) == 0)
    return 0;
  return csn_op_fail(op, CSN_OP_PATTERN, "Correct glob, or leave it out.",
                     "the glob %.400s is not valid: %s", glob, why);
}

/* ---- the answer ---------------------------------------------------------------------------- */

static void show_newest(struct csn_grep *g) {
  csn_newest_sort(&g->newest);
  for (size_t i = 0; i < g->newest.count && csn_shown_has_report_room(&g->shown); i++) {
    const char *path = csn_shown_relative(g->op, g->newest.paths[i].path);
    csn_buffer_reset(&g->line);
    csn_shown_add_name(&g->line, path);
    csn_buffer_addz(&g->line, "\n");
    if (!csn_shown_put(&g->shown, csn_buffer_text(&g->line), g->line.size)) return;
    csn_answer_string(&g->op->answer, NULL, path);
    g->listed++;
  }
}

static void add_cut_note(struct csn_grep *g) {
  struct csn_shown *shown = &g->shown;
  if (g->mode == CSN_GREP_CONTENT && g->is_done)
    csn_shown_note(shown, "stopped after %" PRIu64 " matching lines; there %s. %s", g->listed,
                   shown->is_full ? "is no room for more" : "are more",
                   shown->is_full ? "Narrow pattern, path or glob, or ask for less context."
                                  : "Narrow pattern, path or glob, or raise limit.");
  else if (g->listed < g->files_matched && g->mode != CSN_GREP_CONTENT)
    csn_shown_note(shown, "%" PRIu64 " files match; the %s %" PRIu64 " are shown. "
                   "Narrow pattern, path or glob, or raise limit.", g->files_matched,
                   g->mode == CSN_GREP_FILES ? "newest" : "first", g->listed);
}

/* A pattern with \n in it looks for what a line never has. */
static bool expects_lines(const struct csn_grep *g) {
  return !g->is_multiline && strstr(csn_op_text(g->op, "pattern"), "\\n") != NULL;
}

static void add_notes(struct csn_grep *g, uint64_t unreadable, uint64_t too_deep) {
  struct csn_shown *shown = &g->shown;
  const struct {
    uint64_t count;
    const char *text;
  } notes[] = {
    {g->binary, "binary files not searched"},
    {g->unreadable + unreadable, "files or directories that could not be read"},
    {g->too_large, "files over 64 MiB not searched, since multiline needs all of a file"},
    {too_deep, "directories too deep to search; give one as path"},
  };
  if (g->files_matched == 0)
    csn_op_putf(g->op, "no matches found in %" PRIu64 " file%s\n", g->files_searched,
                g->files_searched == 1 ? "" : "s");
  add_cut_note(g);
  if (g->is_late) csn_shown_note_late(shown);
  if (g->mode == CSN_GREP_COUNT && g->files_matched > 1)
    csn_shown_note(shown, "%" PRIu64 " matching lines in %" PRIu64 " files", g->lines_matched,
                   g->files_matched);
  for (size_t i = 0; i < sizeof notes / sizeof notes[0]; i++) {
    if (notes[i].count > 0) csn_shown_note(shown, "%s: %" PRIu64, notes[i].text, notes[i].count);
  }
  if (g->files_matched == 0 && expects_lines(g))
    csn_shown_note(shown, "the pattern has \\n, which is in no line: set multiline to true");
  if (g->endless > 0)
    csn_shown_note(shown,
                   "the pattern took too long in %" PRIu64 " files, the first %.200s: what is "
                   "shown is not all",
                   g->endless, g->first_endless);
}

static int finish(struct csn_grep *g, uint64_t unreadable, uint64_t too_deep) {
  struct csn_answer *answer = &g->op->answer;
  if (g->is_out_of_memory) return csn_op_fail_errno(g->op, ENOMEM, "search", "");
  if (g->endless > 0 && g->files_matched == 0)
    return csn_op_fail(g->op, CSN_OP_PATTERN_LIMIT,
                       "Avoid repeats inside repeats such as (a+)+ or (.*,)*, anchor it, or use "
                       "possessive ones such as a++.",
                       "the pattern goes back and forth without end in %.400s", g->first_endless);
  if (g->mode == CSN_GREP_FILES) show_newest(g);
  csn_answer_end_array(answer);
  csn_answer_number(answer, "files_matched", (int64_t)g->files_matched);
  if (g->mode != CSN_GREP_FILES)
    csn_answer_number(answer, "lines_matched",
                      (int64_t)(g->mode == CSN_GREP_COUNT ? g->lines_matched : g->listed));
  csn_answer_number(answer, "files_searched", (int64_t)g->files_searched);
  csn_answer_bool(answer, "truncated",
                  g->is_done || g->is_late || g->endless > 0 ||
                      (g->mode != CSN_GREP_CONTENT && g->listed < g->files_matched));
  add_notes(g, unreadable, too_deep);
  return 0;
}

/* ---- the whole ----------------------------------------------------------------------------- */

static int grep_tree(struct csn_op *op, struct csn_grep *g, const char *path) {
  struct tree tree = {.grep = g, .root_size = strlen(path) + (path[1] != '\0' ? 1 : 0)};
  struct csn_walk walk = {.order = g->mode == CSN_GREP_FILES ? CSN_WALK_AS_FOUND : CSN_WALK_BY_NAME,
                          .skips_vcs = true, .honours_ignore = !csn_op_flag(op, "no_ignore"),
                          .ceiling = op->base, .ends_at = g->ends_at, .visit = visit, .ctx = &tree};
  if (compile_glob(op, &tree) < 0) return -1;
  int number = csn_walk_run(&walk, path);
  g->is_late |= walk.is_late;
  csn_globs_free(&tree.wanted);
  csn_globs_free(&tree.unwanted);
  if (number != 0) return csn_op_fail_errno(op, number, "search", path);
  return finish(g, walk.unreadable, walk.too_deep);
}

static int grep_one(struct csn_op *op, struct csn_grep *g, const char *path) {
  int fd = open(path, OPEN_FLAGS);
  if (fd < 0) return csn_op_fail_errno(op, errno, "search", path);
  enum csn_grep_end end = search_file(g, fd, path);
  if (end == CSN_GREP_BINARY)
    return csn_op_fail(op, CSN_OP_TYPE, "Look into it with shell: strings, file, xxd.",
                       "%s is a binary file (it has NUL bytes), so it was not searched", path);
  if (end == CSN_GREP_UNREADABLE) return csn_op_fail_errno(op, EIO, "read", path);
  return finish(g, 0, 0);
}

static int grep(struct csn_op *op, struct csn_grep *g) {
  char path[CSN_PATH_SIZE];
  struct stat st;
  if (csn_op_path(op, "path", path) < 0) return -1;
  if (stat(path, &st) < 0) return csn_op_fail_errno(op, errno, "search", path);
  if (!S_ISDIR(st.st_mode) && !S_ISREG(st.st_mode))
    return csn_op_fail(op, CSN_OP_TYPE, "Search files and directories only.",
                       "%s is no file, but a FIFO, a socket or a device", path);
  csn_shown_begin(&g->shown, op);
  g->ends_at = csn_shown_ends_at(op);
  csn_search_set_end(g->search, g->ends_at);
  csn_answer_string(&op->answer, "mode", modes[g->mode].word);
  csn_answer_array(&op->answer, modes[g->mode].answer);
  return S_ISDIR(st.st_mode) ? grep_tree(op, g, path) : grep_one(op, g, path);
}

int csn_op_grep(struct csn_op *op) {
  struct csn_grep g = {
      .op = op, .text = CSN_BUFFER(TEXT_MAX), .line = CSN_BUFFER(16 * CSN_PATH_SIZE)};
  int rc = read_mode(op, &g);
  if (rc == 0) rc = read_numbers(op, &g);
  if (rc == 0) rc = compile(op, &g);
  if (rc == 0) rc = grep(op, &g);
  csn_search_end(g.search);
  csn_newest_free(&g.newest);
  csn_buffer_free(&g.text);
  csn_buffer_free(&g.line);
  return rc;
}
