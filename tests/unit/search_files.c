/* SPDX-License-Identifier: Apache-2.0 */
/* glob and list: what they find, in which order, and what they say. */
#include <time.h>

#include "files_fixture.h"

static void put_aged(const char *name, long seconds) {
  struct timespec times[2] = {{.tv_sec = 1700000000 + seconds}, {.tv_sec = 1700000000 + seconds}};
  put_text(name, "x\n");
  if (utimensat(AT_FDCWD, path_of(name), times, 0) < 0) BAIL_OUT("utimensat");
}

static void put_link(const char *target, const char *name) {
  if (symlink(target, path_of(name)) < 0) BAIL_OUT("symlink %s", name);
}

/* ---- glob ------------------------------------------------------------------------------------ */

static void put_tree(void) {
  put_dir("src");
  put_dir("src/deep");
  put_dir(".git");
  put_dir("out");
  put_text(".gitignore", "out/\n*.tmp\n");
  put_aged("a.py", 1);
  put_aged("src/b.py", 3);
  put_aged("src/deep/c.py", 2);
  put_aged("src/.hidden.py", 4);
  put_aged("src/x.tmp", 9);
  put_aged("out/o.py", 9);
  put_aged(".git/g.py", 9);
  put_link("..", "src/loop");
  if (mkfifo(path_of("src/fifo"), 0600) < 0) BAIL_OUT("mkfifo");
}

static void is_glob(const char *pattern, const char *expected, const char *name) {
  char operand[512];
  (void)snprintf(operand, sizeof operand, "pattern=%s", pattern);
  run_op("glob", operand);
  is_str(did.text, expected, "%s", name);
}

static void test_glob(void) {
  char operand[512], pattern[512];
  put_tree();
  is_glob("*.py", "src/.hidden.py\nsrc/b.py\nsrc/deep/c.py\na.py\n", "any depth, newest first");
  is_int(did.code, 0, "which is no refusal");
  is_int(report_int("count"), 4, "and counted");
  is_int(cJSON_GetArraySize(report_get("files")), 4, "and in the report");
  is_glob("./*.py", "a.py\n", "here only");
  is_glob("src/*.py", "src/.hidden.py\nsrc/b.py\n", "in one directory");
  is_glob("src/**/c.*", "src/deep/c.py\n", "two stars");
  is_glob("{a,src/b}.py", "src/b.py\na.py\n", "braces");
  is_glob("../*/nothing", "no files match ../*/nothing\n", "nothing found is no error");
  is_int(did.code, 0, "nor a refusal");
  is_glob("nowhere/*.c", "no files match nowhere/*.c\n", "nor is a directory that is not there");
  is_glob("out/*", "out/o.py\n", "what is left out is found when it is named");
  (void)snprintf(pattern, sizeof pattern, "%s/src/d*/*.py", files_dir);
  is_glob(pattern, "src/deep/c.py\n", "an absolute pattern");
  run_op("glob", "pattern=*.py", "path=src/deep");
  is_str(did.text, "src/deep/c.py\n", "paths are relative to the session's directory");
  run_op("glob", "pattern=*.py", "limit=2");
  is_str(did.text, "src/.hidden.py\nsrc/b.py\n[4 files match; the newest 2 are shown. "
         "Narrow the pattern or raise limit.]\n", "a limit, which is said");
  ok(report_bool("truncated"), "also in the report");
  run_op("glob", "pattern=*.{py,tmp}", "no_ignore=true", "limit=3");
  ok(strstr(did.text, "out/o.py\n") && strstr(did.text, "src/x.tmp\n"), "no_ignore");
  ok(!strstr(did.text, "g.py"), "but never .git");
  (void)snprintf(operand, sizeof operand, "path=%s", "nowhere");
  is_int(run_op("glob", "pattern=*", operand), 1, "a path that is not there is refused");
  is_str(refusal("reason"), "file.not_found", "with its reason");
  run_op("glob", "pattern=*", "time_ms=0");
  ok(strstr(did.text, "took too long") && report_bool("truncated"), "no time is said too");
  run_op("list", "time_ms=0");
  ok(strstr(did.text, "took too long") && report_bool("truncated"), "of list likewise");
  is_int(run_op("glob", "pattern=[a"), 1, "so is a broken pattern");
  is_str(refusal("reason"), "pattern.invalid", "with its reason");
}

static void test_parents_ignore(void) {
  put_dir("p");
  put_dir("p/q");
  put_text("p/.gitignore", "q/skip.txt\n");
  put_text("p/q/skip.txt", "");
  put_text("p/q/keep.txt", "");
  run_op("glob", "pattern=*.txt", "path=p/q");
  is_str(did.text, "p/q/keep.txt\n", ".gitignore files above the path hold too");
}

static void test_odd_names(void) {
  put_dir("odd");
  put_text("odd/new\nline", "");
  put_text("odd/bad\xff", "");
  run_op("glob", "pattern=odd/new*");
  is_str(did.text, "odd/new\\nline\n", "a newline in a name is shown as one");
  run_op("glob", "pattern=odd/bad*");
  is_str(cJSON_GetStringValue(cJSON_GetArrayItem(report_get("files"), 0)), "odd/bad\xef\xbf\xbd",
         "what is no UTF-8 is repaired in the report");
}

static void test_deep(void) {
  char path[4096];
  int at = open(files_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  for (int i = 0; i < 300; i++) {
    if (mkdirat(at, "d", 0755) < 0) BAIL_OUT("mkdirat");
    int next = openat(at, "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    close(at);
    at = next;
  }
  close(at);
  (void)snprintf(path, sizeof path, "pattern=d/**/nothing");
  run_op("glob", path);
  ok(strstr(did.text, "too deep to search: 1"), "a tree that is too deep is said to be");
}

static void test_glob_output_limit(void) {
  char name[64];
  put_dir("many");
  for (int i = 0; i < 100; i++) {
    (void)snprintf(name, sizeof name, "many/a-rather-long-name-for-a-file-%03d", i);
    put_text(name, "");
  }
  run_op("glob", "pattern=many/*", "output_limit=1500");
  ok(did.size <= 1500, "the text keeps to the limit of characters");
  ok(strstr(did.text, "[100 files match; the newest ") != NULL, "and says so");
}

/* ---- list ------------------------------------------------------------------------------------ */

static void test_list(void) {
  char expected[1024];
  put_dir("l");
  put_dir("l/sub");
  put_aged("l/b.txt", 0);
  put_aged("l/sub/in", 60);
  put_link("b.txt", "l/a-link");
  run_op("list", "path=l", "depth=1");
  const char *first = did.text, *second = strchr(first, '\n') + 1;
  const char *third = strchr(second, '\n') + 1;
  ok(strncmp(first, "dir ", 4) == 0 && strstr(first, "sub/\n"), "directories first");
  ok(strncmp(second, "link ", 5) == 0 && strstr(second, "a-link -> b.txt\n"), "links say where to");
  (void)snprintf(expected, sizeof expected, "file   %12d  2023-11-14T22:13:20Z  b.txt\n"
                 "[1 directory, 2 others]\n", 2);
  is_str(third, expected, "files with size and time");
  const cJSON *entry = cJSON_GetArrayItem(report_get("entries"), 2);
  is_str(cJSON_GetStringValue(cJSON_GetObjectItem(entry, "kind")), "file", "kind in the report");
  is_str(cJSON_GetStringValue(cJSON_GetObjectItem(entry, "mtime")), "2023-11-14T22:13:20Z", "time");
  run_op("list", "path=l", "depth=2");
  ok(strstr(did.text, "2023-11-14T22:14:20Z    in\n"), "deeper entries are indented");
  is_str(cJSON_GetStringValue(cJSON_GetObjectItem(cJSON_GetArrayItem(report_get("entries"), 1),
                                                  "path")), "sub/in", "with their whole path");
  run_op("list", "path=l", "limit=1");
  ok(strstr(did.text, "[3 entries in all; the first 1 are shown."), "a limit is said");
  ok(report_bool("truncated") && report_int("count") == 3, "also in the report");
}

static void test_list_others(void) {
  put_dir("empty");
  run_op("list", "path=empty");
  is_str(did.text, "[empty is empty]\n", "an empty directory");
  run_op("list", "path=l/b.txt");
  is_str(did.text, "file              2  2023-11-14T22:13:20Z  l/b.txt\n",
         "a file describes itself");
  put_link("nowhere", "l/dangling");
  run_op("list", "path=l/dangling");
  ok(strstr(did.text, "l/dangling -> nowhere\n"), "so does a link that leads nowhere");
  is_int(run_op("list", "path=nowhere"), 1, "what is not there is refused");
  is_str(refusal("reason"), "file.not_found", "with its reason");
  run_op("list", "path=odd");
  ok(strstr(did.text, "new\\nline\n"), "a newline in a name keeps to its line");
}

int main(void) {
  files_begin();
  test_glob();
  test_parents_ignore();
  test_odd_names();
  test_list();
  test_list_others();
  test_glob_output_limit();
  test_deep();
  files_end();
  return done_testing();
}
