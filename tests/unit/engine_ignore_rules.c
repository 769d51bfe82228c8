/* SPDX-License-Identifier: Apache-2.0 */
/* .dockerignore: Docker's own examples and the corners of its rules. */
#include "engine/ignore_rules.h"

#include <string.h>

#include "tap.h"
#include "util/alloc.h"

static struct csn_ignore_rules *parse(const char *text) {
  struct csn_ignore_rules *rules = NULL;
  struct csn_error err = {0};
  if (csn_ignore_rules_parse(text, strlen(text), &rules, &err)) diag("%s", err.message);
  return rules;
}

/* {rules, path, is it left out?} */
static const struct {
  const char *rules, *path;
  int out;
} cases[] = {
    {"", "a", 0},
    {"# comment\n\n   \n", "# comment", 0},
    {"*/temp*", "somedir/temporary.txt", 1},
    {"*/temp*", "somedir/temp", 1},
    {"*/temp*", "temp", 0},
    {"*/temp*", "a/b/temp", 0},
    {"*/*/temp*", "somedir/subdir/temporary.txt", 1},
    {"temp?", "tempa", 1},
    {"temp?", "temp", 0},
    {"temp?", "temp\xc3\xa4", 1},
    {"temp?", "temp/", 0},
    {"**/*.go", "main.go", 1},
    {"**/*.go", "a/b/main.go", 1},
    {"**/*.go", "main.gone", 0},
    {"**", "a/b/c", 1},
    {"**/", "a/b/c", 1},
    {"a/**", "a/b/c", 1},
    {"a/**", "a", 0},
    {"a/**/b", "a/b", 1},
    {"a/**/b", "a/x/y/b", 1},
    {"a/**/b", "axb", 0},
    {"**/foo/bar", "x/foo/bar/baz", 1},
    {"dir**", "dir/x", 1},
    {"dir**/x", "dir/y/x", 1},
    {"/foo/", "foo", 1},
    {"/foo/", "foo/bar", 1},
    {"foo/bar", "foo", 0},
    {"./foo//bar/../baz", "foo/baz", 1},
    {"../foo", "foo", 0},
    {"  foo  \r\n", "foo", 1},
    {"\xef\xbb\xbf" "foo", "foo", 1},
    {"*.md\n!README.md", "README.md", 0},
    {"*.md\n!README.md", "OTHER.md", 1},
    {"*.md\n!README*.md\nREADME-secret.md", "README-secret.md", 1},
    {"*.md\nREADME-secret.md\n!README*.md", "README-secret.md", 0},
    {"dir\n!dir/kept", "dir/kept", 0},
    {"dir\n!dir/kept", "dir/kept/below", 0},
    {"dir\n!dir/kept", "dir/other", 1},
    {"*\n!! a", "a", 1},
    {"*\n! /a/", "a", 0},
    {"a.b", "axb", 0},
    {"a+(b)|$^{c}", "a+(b)|$^{c}", 1},
    {"[a-c]x", "bx", 1},
    {"[a-c]x", "dx", 0},
    {"[^a-c]x", "dx", 1},
    {"[^a-c]x", "/x", 0},
    {"[\\]]", "]", 1},
    {"[\xc3\xa4-\xc3\xb6]", "\xc3\xa5", 1},
    {"[\xc3\xa4-\xc3\xb6]", "a", 0},
    {"\\*", "*", 1},
    {"\\*", "a", 0},
    {"*a*b*c*d*e*f*g*h*", "aXbXcXdXeXfXgXhX", 1},
    {".*", ".git/config", 1},
    {"*", "a/b", 1},
    {"a", "ab", 0},
};

static void test_cases(void) {
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct csn_ignore_rules *rules = parse(cases[i].rules);
    is_int(rules ? csn_ignore_rules_match(rules, cases[i].path) : -1, cases[i].out,
           "\"%s\" and %s", cases[i].rules, cases[i].path);
    csn_ignore_rules_free(rules);
  }
}

static void test_exceptions(void) {
  struct csn_ignore_rules *with = parse("*\n!a"), *without = parse("*");
  ok(csn_ignore_rules_have_exceptions(with), "with an exception");
  ok(!csn_ignore_rules_have_exceptions(without), "without one");
  ok(!csn_ignore_rules_match(NULL, "a") && !csn_ignore_rules_have_exceptions(NULL), "no file");
  csn_ignore_rules_free(with);
  csn_ignore_rules_free(without);
}

static void test_malformed(void) {
  static const struct {
    const char *text, *words;
  } bad[] = {{"a\n[b", "line 2"}, {"a\\", "line 1"}, {"x\n\n!", "line 3"}, {"[]", "line 1"}};
  struct csn_ignore_rules *rules;
  struct csn_error err;
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    is_int(csn_ignore_rules_parse(bad[i].text, strlen(bad[i].text), &rules, &err), CAISSON_E_CONFIG,
           "\"%s\" is none", bad[i].text);
    ok(strstr(err.message, bad[i].words), "%s", err.message);
  }
  is_int(csn_ignore_rules_parse("a\0b", 3, &rules, &err), CAISSON_E_CONFIG, "a NUL");
  static char many[2 * (CSN_IGNORE_RULES_MAX + 1)], lengthy[CSN_IGNORE_PATTERN_MAX + 1];
  for (size_t i = 0; i < sizeof many; i++) many[i] = i % 2 ? '\n' : 'a';
  memset(lengthy, 'a', sizeof lengthy);
  is_int(csn_ignore_rules_parse(many, sizeof many, &rules, &err), CAISSON_E_CONFIG, "too many");
  is_int(csn_ignore_rules_parse(lengthy, sizeof lengthy, &rules, &err), CAISSON_E_CONFIG, "too long");
  for (long n = 1; n < 8; n++) {
    csn_alloc_fail_after(n);
    is_int(csn_ignore_rules_parse("a\nb", 3, &rules, &err), CAISSON_E_NOMEM, "no memory at %ld", n);
  }
  csn_alloc_fail_after(0);
}

int main(void) {
  test_cases();
  test_exceptions();
  test_malformed();
  return done_testing();
}
