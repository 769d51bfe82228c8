/* SPDX-License-Identifier: Apache-2.0 */
/* Globs and .gitignore rules as tables: which paths they match. */
#include <string.h>

#include "guest/files/ignore.h"
#include "guest/files/pattern.h"
#include "tap.h"

/* ---- globs ----------------------------------------------------------------------------------- */

static const struct {
  const char *pattern, *path;
  bool matches;
} globs[] = {
    {"*.c", "a.c", true},
    {"*.c", "deep/down/a.c", true},
    {"*.c", "a.h", false},
    {"*.c", ".c", true},
    {"*", ".hidden", true},
    {"a?c", "abc", true},
    {"a?c", "a\xc3\xa4" "c", true},
    {"a?c", "ac", false},
    {"a\\*c", "a*c", true},
    {"a\\*c", "abc", false},
    {"src/*.c", "src/a.c", true},
    {"src/*.c", "src/x/a.c", false},
    {"src/*.c", "other/src/a.c", false},
    {"src/**/*.c", "src/a.c", true},
    {"src/**/*.c", "src/x/y/a.c", true},
    {"src/**", "src/x/y", true},
    {"src/**", "src", false},
    {"**", "a/b/c", true},
    {"**/a.c", "a.c", true},
    {"**/a.c", "x/y/a.c", true},
    {"**/a.c", "x/ya.c", false},
    {"**/x/**/z", "x/z", true},
    {"**/x/**/z", "a/x/b/c/z", true},
    {"**/x/**/z", "a/y/z", false},
    {"a**c", "abbc", true},
    {"a**c", "x/abbc", true},
    {"x/a**c", "x/a/c", false},
    {"[abc].txt", "b.txt", true},
    {"[!abc].txt", "b.txt", false},
    {"[^abc].txt", "d.txt", true},
    {"[a-c]x", "bx", true},
    {"[]-]x", "]x", true},
    {"[]-]x", "-x", true},
    {"[[:digit:]]x", "7x", true},
    {"[[:alpha:]]x", "7x", false},
    {"[\xc3\xa4-\xc3\xbc]x", "\xc3\xb6x", true},
    {"\\[id].tsx", "[id].tsx", true},
    {"*.{c,h}", "x/a.h", true},
    {"*.{c,h}", "a.o", false},
    {"{src,test}/**/*.{ts,tsx}", "test/a/b.tsx", true},
    {"{a,b{c,d}}", "bd", true},
    {"{a,b{c,d}}", "b", false},
    {"a{,b}", "a", true},
    {"{a}", "a", true},
    {"\\{a,b}", "{a,b}", true},
    {"{src/*.c,*.h}", "x/y/z.h", true},
    {"{src/*.c,*.h}", "x/src/z.c", false},
    {"[{]a", "{a", true},
    {"*a*a*a*a*a*a*a*a*b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", false},
};

static bool match(const char *pattern, const char *path) {
  struct csn_globs set;
  char why[128];
  const char *slash = strrchr(path, '/');
  if (csn_globs_parse(pattern, false, &set, why) != 0) BAIL_OUT("%s: %s", pattern, why);
  bool matches = csn_globs_match(&set, path, slash ? slash + 1 : path);
  csn_globs_free(&set);
  return matches;
}

static void test_globs(void) {
  for (size_t i = 0; i < sizeof globs / sizeof *globs; i++)
    ok(match(globs[i].pattern, globs[i].path) == globs[i].matches, "%s %s %s", globs[i].pattern,
       globs[i].matches ? "matches" : "does not match", globs[i].path);
}

static void test_anchored(void) {
  struct csn_globs set;
  char why[128];
  is_int(csn_globs_parse("*.c", true, &set, why), 0, "a pattern behind a prefix");
  ok(csn_globs_match(&set, "a.c", "a.c"), "matches in the root");
  ok(!csn_globs_match(&set, "x/a.c", "a.c"), "and not below");
  is_int((long long)csn_globs_depth(&set), 1, "so that nothing below is walked");
  csn_globs_free(&set);
}

static void test_refused(void) {
  static const char *const bad[] = {"[a", "{a,b", "x{a,{b}",
                                    "{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}"};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    struct csn_globs set;
    char why[128] = "";
    ok(csn_globs_parse(bad[i], false, &set, why) < 0 && why[0] != '\0', "%s is refused: %s", bad[i],
       why);
  }
}

/* ---- .gitignore ------------------------------------------------------------------------------ */

/* As `git check-ignore` says of each. A path that ends in a slash is a directory. */
static const struct {
  const char *rules, *path;
  bool ignored;
} ignores[] = {
    {"*.o", "/a.o", true},
    {"*.o", "/x/y/a.o", true},
    {"*.o", "/a.c", false},
    {"build", "/build/", true},
    {"build", "/x/build", true},
    {"build/", "/build/", true},
    {"build/", "/build", false},
    {"build/", "/x/build/", true},
    {"/build", "/build/", true},
    {"/build", "/x/build/", false},
    {"a/b", "/a/b", true},
    {"a/b", "/x/a/b", false},
    {"a/b/", "/a/b/", true},
    {"**/b", "/a/x/b", true},
    {"**/a/b", "/x/a/b", true},
    {"a/**", "/a/x", true},
    {"a/**", "/a/", false},
    {"a/**/b", "/a/b", true},
    {"a/**/b", "/a/x/y/b", true},
    {"*.o\n!keep.o", "/keep.o", false},
    {"!keep.o\n*.o", "/keep.o", true},
    {"*\n!*.c", "/a.c", false},
    {"*\n!*.c", "/a.h", true},
    {"# no comment\nx", "/# no comment", false},
    {"\\#x", "/#x", true},
    {"\\!x", "/!x", true},
    {"x   ", "/x", true},
    {"x\\ ", "/x ", true},
    {"x\r\n", "/x", true},
    {"\n\n/\n", "/x", false},
    {"*.py[cod]", "/a/b.pyc", true},
    {"*.py[cod]", "/a/b.py", false},
    {"foo*", "/foobar", true},
    {"foo*bar", "/foo/bar", false},
    {"/*", "/x", true},
    {"/*", "/x/y", false},
    {"a?c", "/abc", true},
    {"[a", "/[a", false},
    {"\xef\xbb\xbfx", "/x", true},
    {"doc/*.txt", "/doc/a.txt", true},
    {"doc/*.txt", "/doc/x/a.txt", false},
    {"**/node_modules/", "/p/q/node_modules/", true},
};

static void test_ignore(void) {
  for (size_t i = 0; i < sizeof ignores / sizeof *ignores; i++) {
    struct csn_ignore *rules =
        csn_ignore_parse(ignores[i].rules, strlen(ignores[i].rules), 1, NULL);
    char path[64];
    (void)snprintf(path, sizeof path, "%s", ignores[i].path);
    size_t n = strlen(path);
    bool is_directory = path[n - 1] == '/';
    if (is_directory) path[n - 1] = '\0';
    ok(csn_ignore_has(rules, path, is_directory) == ignores[i].ignored, "%s: %s is %s",
       ignores[i].rules, ignores[i].path, ignores[i].ignored ? "left out" : "kept");
    csn_ignore_free(rules);
  }
}

static void test_nested(void) {
  struct csn_ignore *outer = csn_ignore_parse("*.log\nsub/only\n", 15, 2, NULL);
  struct csn_ignore *inner = csn_ignore_parse("!keep.log\nx\n", 12, 6, outer);
  ok(csn_ignore_has(inner, "/w/sub/a.log", false), "an outer rule holds below");
  ok(!csn_ignore_has(inner, "/w/sub/keep.log", false), "unless an inner one says otherwise");
  ok(csn_ignore_has(inner, "/w/sub/only", false), "paths are relative to their own file");
  ok(csn_ignore_has(inner, "/w/sub/y/x", false), "inner rules hold");
  ok(!csn_ignore_has(outer, "/w/x", false), "and only there");
  csn_ignore_free(inner);
  csn_ignore_free(outer);
}

int main(void) {
  test_globs();
  test_anchored();
  test_refused();
  test_ignore();
  test_nested();
  return done_testing();
}
