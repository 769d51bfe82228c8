/* SPDX-License-Identifier: Apache-2.0 */
/* The lines of a folder that names several plugins: what they say, and what is refused where. */
#include "host_demo/plugins.h"
#include "tap.h"

#define HEX "0123456789abcdefABCDEF0123456789abcdefABCDEF0123456789abcdefABCD"

static struct csn_plugins list;
static char why[CSN_LOADER_MESSAGE];

static int parse_n(const char *text, size_t n) {
  csn_plugins_free(&list);
  *why = '\0';
  return csn_plugins_parse(&list, "a.conf", text, n, why);
}

static int parse(const char *text) { return parse_n(text, strlen(text)); }

static void test_good(void) {
  is_int(parse("# several plugins\n"
               "\n"
               "plugin /a.so\n"
               "  \tplugin\t/b.so  sha256=" HEX " prefix=b-2_ config=/etc/b.json  \n"
               "   # the end\n"
               "plugin /c.so config=/x=y"),
         0, "comments, blanks, options in any order, and no newline at the end");
  is_int((long)list.count, 3, "three plugins");
  is_str(list.lines[0].path, "/a.so", "a path alone");
  ok(!*list.lines[0].config && !*list.lines[0].prefix && !*list.lines[0].sha256, "has no options");
  is_str(list.lines[1].path, "/b.so", "a path");
  is_str(list.lines[1].config, "/etc/b.json", "its configuration");
  is_str(list.lines[1].prefix, "b-2_", "its prefix");
  is_str(list.lines[1].sha256, HEX, "its pin");
  is_str(list.lines[2].config, "/x=y", "a value may hold an =");
  is_str(list.lines[2].file, "a.conf", "each knows its file");
  is_int((long)list.lines[2].line, 6, "and line");
  is_int(csn_plugins_parse(&list, "b.conf", "plugin /d.so\n", 13, why), 0, "another file");
  is_int((long)list.count, 4, "adds to the list");
  is_int(parse(""), 0, "an empty file is one");
  is_int((long)list.count, 0, "of no plugins");
}

static void test_refused(void) {
  static const struct {
    const char *text, *words;
  } cases[] = {
      {"\nplugins /a.so", "a.conf:2: what is plugins?"},
      {"plugin", "a.conf:1: plugin: its path is missing"},
      {"plugin a.so", "absolute path, and a.so is none"},
      {"plugin config=/a.json /a.so", "absolute path, and config=/a.json is none"},
      {"plugin /a.so config=a.json", "config must be an absolute path"},
      {"plugin /a.so /b.so", "what is /b.so?"},
      {"plugin /a.so # first", "what is #?"},
      {"plugin /a.so colour=red", "what is colour?"},
      {"plugin /a.so path=/b.so", "what is path?"},
      {"plugin /a.so prefix=a prefix=b", "a second prefix"},
      {"plugin /a.so config=", "config= has no value"},
      {"plugin /a.so prefix=1a", "begins with a letter"},
      {"plugin /a.so prefix=a.b", "begins with a letter"},
      {"plugin /a.so prefix=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "more than 32 characters"},
      {"plugin /a.so sha256=abc", "64 hexadecimal digits"},
      {"plugin /a.so sha256=" HEX "0", "more than 64 characters"},
      {"plugin /a.so sha256=x123456789abcdefABCDEF0123456789abcdefABCDEF0123456789abcdefABCD",
       "64 hexadecimal digits"},
      {"plugin /a.so\r\n", "a carriage return"},
      {"plugin /a.so prefix=\x1b[2J", "a control character (0x1b)"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    bool right = parse(cases[i].text) == -1 && strstr(why, cases[i].words);
    if (!ok(right, "refused: %s", cases[i].words)) diag("%s", why);
  }
  is_int(parse_n("plugin /a\0b.so\n", 15), -1, "a NUL is a control character too");
}

static void test_limits(void) {
  static char text[CSN_PLUGINS_MAX * 16 + 64], path[3 * PATH_MAX];
  for (int i = 0; i < CSN_PLUGINS_MAX; i++) strcat(text, "plugin /a.so\n");
  is_int(parse(text), 0, "%d plugins", CSN_PLUGINS_MAX);
  is_int(parse(strcat(text, "plugin /a.so\n")), -1, "and no more");
  ok(strstr(why, "a.conf:65: more than 64"), "the line that is too many is named");
  memcpy(path, "plugin /", 8);
  memset(path + 8, 'x', PATH_MAX - 2);
  is_int(parse(path), 0, "a path of %d characters", PATH_MAX - 1);
  path[8 + PATH_MAX - 2] = 'x';
  is_int(parse(path), -1, "and not one more");
  memset(path + 8, 'x', sizeof path - 9);
  is_int(parse(path), -1, "a line that is too long");
  ok(strstr(why, "a line of"), "is refused as that");
}

int main(void) {
  test_good();
  test_refused();
  test_limits();
  csn_plugins_free(&list);
  return done_testing();
}
