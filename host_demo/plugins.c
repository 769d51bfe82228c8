/* SPDX-License-Identifier: Apache-2.0 */
/* plugins.c: the parser of a line. It guesses at nothing: a word that it does not know, a second of
 * a kind and a character that a path should not have are errors, since a line decides what code
 * runs with which settings. */
#include "plugins.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BLANKS " \t"

struct place {
  const char *file;
  unsigned line;
  char *why;
};

#define WRONG(p, fmt, ...) csn_why((p)->why, "%s:%u: " fmt, (p)->file, (p)->line, __VA_ARGS__)

/* ---- the values ------------------------------------------------------------------------------ */

static int check_path(const struct place *p, const char *name, const char *value) {
  if (*value == '/')
    return 0;
  return WRONG(p, "%s must be an absolute path, and %.200s is none", name, value);
}

static int check_prefix(const struct place *p, const char *name, const char *value) {
  static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
  static const char more[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
  if (strspn(value, letters) > 0 && value[strspn(value, more)] == '\0')
    return 0;
  return WRONG(p, "%s=%.200s: a prefix begins with a letter and goes on with letters, digits, "
                  "_ and -, as tools' names do",
               name, value);
}

static int check_sha256(const struct place *p, const char *name, const char *value) {
  if (csn_digest_valid(value))
    return 0;
  return WRONG(p, "%s=%.200s: give the 64 hexadecimal digits that sha256sum prints", name, value);
}

#define ROW(member, check) \
  { #member, offsetof(struct csn_plugin_line, member), \
    sizeof(((struct csn_plugin_line *)0)->member), check }

static const struct value {
  const char *name;
  size_t offset, size;
  int (*check)(const struct place *p, const char *name, const char *value);
} values[] = {ROW(path, check_path), ROW(config, check_path), ROW(prefix, check_prefix),
              ROW(sha256, check_sha256)};

/* values[0] is the one without a name in front. */
static int set_value(const struct place *p, struct csn_plugin_line *line, const struct value *v,
                     const char *value) {
  char *to = (char *)line + v->offset;
  if (*to)
    return WRONG(p, "a second %s", v->name);
  if (*value == '\0')
    return WRONG(p, "%s= has no value", v->name);
  if (strlen(value) >= v->size)
    return WRONG(p, "%s has more than %zu characters", v->name, v->size - 1);
  if (v->check(p, v->name, value) < 0)
    return -1;
  memcpy(to, value, strlen(value) + 1);
  return 0;
}

/* NAME=VALUE behind the path. */
static int take_option(const struct place *p, struct csn_plugin_line *line, char *word) {
  char *equals = strchr(word, '=');
  if (equals)
    *equals = '\0';
  for (size_t i = 1; equals && i < sizeof values / sizeof values[0]; i++)
    if (strcmp(word, values[i].name) == 0)
      return set_value(p, line, &values[i], equals + 1);
  return WRONG(p, "what is %.200s? A line is: plugin PATH [config=FILE] [prefix=NAME] "
                  "[sha256=HEX], with no blanks in a path",
               word);
}

/* ---- lines ----------------------------------------------------------------------------------- */

static struct csn_plugin_line *add_line(struct csn_plugins *list) {
  struct csn_plugin_line *lines =
      realloc(list->lines, (list->count + 1) * sizeof list->lines[0]);
  if (!lines)
    return NULL;
  list->lines = lines;
  memset(&lines[list->count], 0, sizeof lines[0]);
  return &lines[list->count++];
}

/* `text` holds no control character but tabs, and ends with a NUL. */
static int parse_line(struct csn_plugins *list, const struct place *p, char *text) {
  char *rest = NULL, *word = strtok_r(text, BLANKS, &rest);
  if (!word || *word == '#')
    return 0;
  if (strcmp(word, "plugin") != 0)
    return WRONG(p, "what is %.200s? Lines begin with: plugin PATH, or with # for a comment", word);
  if (list->count == CSN_PLUGINS_MAX)
    return WRONG(p, "more than %d plugins", CSN_PLUGINS_MAX);
  struct csn_plugin_line *line = add_line(list);
  if (!line)
    return WRONG(p, "%s", "out of memory");
  line->line = p->line;
  (void)snprintf(line->file, sizeof line->file, "%s", p->file);
  word = strtok_r(NULL, BLANKS, &rest);
  if (!word)
    return WRONG(p, "%s", "plugin: its path is missing");
  if (set_value(p, line, &values[0], word) < 0)
    return -1;
  while ((word = strtok_r(NULL, BLANKS, &rest)))
    if (take_option(p, line, word) < 0)
      return -1;
  return 0;
}

static int check_text(const struct place *p, const char *text, size_t n) {
  for (size_t i = 0; i < n; i++)
    if (text[i] == '\r')
      return WRONG(p, "%s", "a carriage return. Lines end with a newline alone, as on Unix");
    else if (((unsigned char)text[i] < ' ' && text[i] != '\t') || text[i] == 0x7f)
      return WRONG(p, "a control character (0x%02x)", (unsigned char)text[i]);
  return 0;
}

int csn_plugins_parse(struct csn_plugins *list, const char *file, const char *text, size_t n,
                      char why[CSN_LOADER_MESSAGE]) {
  struct place p = {.file = file, .why = why};
  while (n > 0) {
    const char *newline = memchr(text, '\n', n);
    size_t length = newline ? (size_t)(newline - text) : n;
    char line[2 * PATH_MAX + 512];
    p.line++;
    if (length >= sizeof line)
      return WRONG(&p, "a line of %zu bytes", length);
    if (check_text(&p, text, length) < 0)
      return -1;
    memcpy(line, text, length);
    line[length] = '\0';
    if (parse_line(list, &p, line) < 0)
      return -1;
    text += newline ? length + 1 : length;
    n -= newline ? length + 1 : length;
  }
  return 0;
}

void csn_plugins_free(struct csn_plugins *list) {
  free(list->lines);
  *list = (struct csn_plugins){.count = 0};
}
