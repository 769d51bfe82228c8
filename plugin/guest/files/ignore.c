/* SPDX-License-Identifier: Apache-2.0 */
/*
 * .gitignore: see ignore.h.
 */
#include "guest/files/ignore.h"

#include "guest/files/pattern.h"
#include "util/alloc.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define RULES_MAX 20000u

enum kind { NAME, SUFFIX, GLOB };   /* the name itself; * and this; anything else */

struct rule {
  char *pattern;
  size_t size;
  enum kind kind;
  bool negated, for_directories, anchored;
};

struct csn_ignore {
  const struct csn_ignore *outer;
  size_t prefix;        /* bytes of a path before what is relative to the directory */
  char *text;           /* the patterns lie in it */
  struct rule *rules;
  size_t count;
};

/* ---- parsing ------------------------------------------------------------------------------- */

/* Spaces at the end do not count unless a backslash stands before them. */
static void trim(char *line) {
  size_t n = strlen(line);
  if (n > 0 && line[n - 1] == '\r') line[--n] = '\0';
  while (n > 0 && line[n - 1] == ' ' && (n < 2 || line[n - 2] != '\\')) line[--n] = '\0';
}

static void classify(struct rule *rule) {
  bool is_suffix = rule->pattern[0] == '*';
  const char *rest = rule->pattern + (is_suffix ? 1 : 0);
  rule->size = strlen(rule->pattern);
  rule->kind = GLOB;
  if (rule->anchored || strpbrk(rest, "*?[\\") != NULL) return;
  rule->kind = is_suffix ? SUFFIX : NAME;
  if (is_suffix) rule->pattern++, rule->size--;
}

static bool parse_line(char *line, struct rule *rule) {
  *rule = (struct rule){.pattern = line};
  trim(line);
  if (*line == '#' || *line == '\0') return false;
  if (*line == '!') {
    rule->negated = true;
    rule->pattern = ++line;
  }
  size_t n = strlen(line);
  if (n > 0 && line[n - 1] == '/') {
    rule->for_directories = true;
    line[n - 1] = '\0';
  }
  rule->anchored = strchr(line, '/') != NULL;
  if (*line == '/') rule->pattern++;
  if (strncmp(rule->pattern, "**/", 3) == 0 && strchr(rule->pattern + 3, '/') == NULL &&
      strcmp(rule->pattern + 3, "**") != 0) {
    rule->pattern += 3;
    rule->anchored = false;
  }
  classify(rule);
  return *rule->pattern != '\0' || rule->kind == SUFFIX;
}

static bool add_rules(struct csn_ignore *ignore) {
  size_t lines = 1;
  for (const char *at = ignore->text; (at = strchr(at, '\n')) != NULL; at++) lines++;
  if (lines > RULES_MAX) return false;
  ignore->rules = csn_calloc(lines, sizeof *ignore->rules);
  if (ignore->rules == NULL) return false;
  char *rest = ignore->text;
  for (char *line; (line = strsep(&rest, "\n")) != NULL;) {
    if (parse_line(line, &ignore->rules[ignore->count])) ignore->count++;
  }
  return ignore->count > 0;
}

struct csn_ignore *csn_ignore_parse(const char *text, size_t n, size_t directory,
                                    const struct csn_ignore *outer) {
  static const char mark[] = "\xef\xbb\xbf";
  struct csn_ignore *ignore = csn_calloc(1, sizeof *ignore);
  if (ignore == NULL) return NULL;
  if (n >= 3 && memcmp(text, mark, 3) == 0) text += 3, n -= 3;
  ignore->outer = outer;
  ignore->prefix = directory + (directory > 1 ? 1 : 0);
  ignore->text = csn_strndup(text, n);
  if (ignore->text != NULL && add_rules(ignore)) return ignore;
  csn_ignore_free(ignore);
  return NULL;
}

struct csn_ignore *csn_ignore_read(int dir, size_t directory, const struct csn_ignore *outer) {
  struct stat st;
  struct csn_ignore *ignore = NULL;
  int fd = openat(dir, CSN_IGNORE_NAME, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
  if (fd < 0) return NULL;
  bool is_usable = fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0 &&
                   st.st_size <= (off_t)CSN_IGNORE_SIZE_MAX;
  char *text = is_usable ? csn_alloc((size_t)st.st_size) : NULL;
  ssize_t n = text != NULL ? read(fd, text, (size_t)st.st_size) : 0;
  if (n > 0) ignore = csn_ignore_parse(text, (size_t)n, directory, outer);
  csn_free(text);
  close(fd);
  return ignore;
}

void csn_ignore_free(struct csn_ignore *ignore) {
  if (ignore == NULL) return;
  csn_free(ignore->rules);
  csn_free(ignore->text);
  csn_free(ignore);
}

/* ---- matching ------------------------------------------------------------------------------ */

static bool matches(const struct rule *rule, const char *relative, const char *name, size_t size) {
  switch (rule->kind) {
  case NAME:
    return rule->size == size && memcmp(rule->pattern, name, size) == 0;
  case SUFFIX:
    return size >= rule->size && memcmp(name + size - rule->size, rule->pattern, rule->size) == 0;
  case GLOB:
    break;
  }
  return csn_glob_match(rule->pattern, rule->anchored ? relative : name);
}

bool csn_ignore_has(const struct csn_ignore *innermost, const char *path, bool is_directory) {
  if (innermost == NULL) return false;
  const char *name = strrchr(path, '/') + 1;
  size_t size = strlen(name);
  for (const struct csn_ignore *ignore = innermost; ignore != NULL; ignore = ignore->outer) {
    for (size_t i = ignore->count; i-- > 0;) {
      const struct rule *rule = &ignore->rules[i];
      if (rule->for_directories && !is_directory) continue;
      if (matches(rule, path + ignore->prefix, name, size)) return !rule->negated;
    }
  }
  return false;
}
