/* SPDX-License-Identifier: Apache-2.0 */
/* `edit`: what is changed, what is shown of it, and what is said when nothing is. */
#include "files_fixture.h"

#include "util/alloc.h"
#include "util/utf8.h"

/* An edit of the file "f". */
static int edit_with(const char *old, const char *new, const char *more) {
  char operand[8192], size[40];
  snprintf(operand, sizeof operand, "old_string=%s", old);
  snprintf(size, sizeof size, "size=%zu", strlen(new));
  return run_op_with("edit", (const char *const[]){"path=f", operand, size, more, NULL}, new,
                     strlen(new));
}

static int edit(const char *old, const char *new) {
  return edit_with(old, new, NULL);
}

/* Anew, as if it had never been seen. */
static void put_fresh(const char *text) {
  unlink(path_of("f"));
  char command[200];
  snprintf(command, sizeof command, "rm -rf %s", files_state);
  if (system(command) != 0) BAIL_OUT("rm");
  put_text("f", text);
}

static void holds(const char *text) {
  is_str(get_file("f", NULL), text, "and this is there");
}

static void says(const char *part) {
  if (!ok(strstr(refusal("message"), part), "says: %s", part)) diag("%s", refusal("message"));
}

static void hints(const char *part) {
  if (!ok(strstr(refusal("hint"), part), "hints: %s", part)) diag("%s", refusal("hint"));
}

static void refused(const char *reason, const char *part) {
  is_int(did.code, 1, "refused");
  is_str(refusal("reason"), reason, "because of %s", reason);
  says(part);
}

/* ---- what is changed ------------------------------------------------------------------------- */

static void test_one(void) {
  put_fresh("a\nb\nc\nd\ne\nf\ng\nh\n");
  chmod(path_of("f"), 0751);
  is_int(edit("d\n", "D1\nD2\n"), 0, "one place");
  holds("a\nb\nc\nD1\nD2\ne\nf\ng\nh\n");
  char text[300];
  snprintf(text, sizeof text,
           "Edited %s: 1 replacement, in line 4. It now reads:\n     1\ta\n     2\tb\n"
           "     3\tc\n     4\tD1\n     5\tD2\n     6\te\n     7\tf\n     8\tg\n", path_of("f"));
  is_str(did.text, text, "is shown with the lines around it");
  is_int(report_int("replacements"), 1, "reported");
  is_int(report_int("first_line"), 4, "with its line");
  is_int(report_int("size"), 20, "and the size");
  struct stat st;
  ok(stat(path_of("f"), &st) == 0 && (st.st_mode & 07777) == 0751, "the mode stays");
  is_int(edit("D1\nD2\ne\n", ""), 0, "a removal");
  holds("a\nb\nc\nf\ng\nh\n");
  ok(strstr(did.text, "in line 4"), "has a line too");
}

static void test_bytes(void) {
  put_fresh("a\r\nb\tc\r\n\xff\xfe no newline");
  is_int(edit("b\tc\r\n", "x\r\ny\r\n"), 0, "CRLF and tabs");
  holds("a\r\nx\r\ny\r\n\xff\xfe no newline");
  is_int(edit("no newline", "end"), 0, "at the end, beside bytes that are no text");
  holds("a\r\nx\r\ny\r\n\xff\xfe end");
  is_int(edit("a\r\nx\r\ny\r\n", ""), 0, "at the beginning");
  put_fresh("all");
  is_int(edit("all", ""), 0, "everything");
  holds("");
}

static void test_all(void) {
  put_fresh("aaaaa");
  is_int(edit_with("aa", "b", "replace_all=true"), 0, "all of them");
  holds("bba");
  is_int(report_int("replacements"), 2, "from left to right, without overlap");
  put_fresh("x\nx\nx\nx\nx\nx\nx\nx\n");
  is_int(edit_with("x", "x\ny", "replace_all=true"), 0, "more than are shown");
  ok(strstr(did.text, "(3 more changes are not shown)"), "and that is said");
  is_int(edit_with("x\ny", "x", "replace_all=true"), 0, "and back");
  holds("x\nx\nx\nx\nx\nx\nx\nx\n");
}

static void test_ambiguous(void) {
  put_fresh("x\ny\nx\nyy x\n");
  edit("x", "z");
  refused("edit.ambiguous", "3 times, in lines 1, 3, 4");
  holds("x\ny\nx\nyy x\n");
  hints("replace_all");
  struct csn_buffer many = CSN_BUFFER(4096);
  for (int i = 0; i < 30; i++) csn_buffer_addz(&many, "same\n");
  put_fresh(many.data);
  edit("same", "other");
  refused("edit.ambiguous", "19, 20 and 10 more");
  csn_buffer_free(&many);
}

static void test_long(void) {
  struct csn_buffer text = CSN_BUFFER(1 << 20);
  for (int i = 0; i < 400; i++) csn_buffer_addz(&text, "a line of a long text\n");
  put_fresh("before\nHERE\nafter\n");
  is_int(edit("HERE\n", text.data), 0, "a long text");
  ok(strstr(did.text, "     1\tbefore") && strstr(did.text, "... [") && strstr(did.text, "\tafter"),
     "is shown with both its ends");
  is_int(edit_with("line", "LINE", "replace_all=true"), 0, "many places");
  is_int(edit_with("LINE", "Line", "output_limit=1000"), 1, "too many places");
  is_int(run_op_with("edit", (const char *const[]){"path=f", "old_string=LINE", "output_limit=1000",
                                                   "replace_all=true", NULL}, text.data, text.size),
         0, "a small output limit");
  ok(csn_utf8_count(did.text, did.size) <= 1000 && strstr(did.text, "[cut at the output limit"),
     "is kept to");
  csn_buffer_free(&text);
}

/* ---- new files ------------------------------------------------------------------------------- */

static void test_create(void) {
  put_fresh("");
  unlink(path_of("f"));
  is_int(edit("", "new\n"), 0, "an empty old_string makes a file");
  holds("new\n");
  edit("", "more\n");
  refused("file.exists", "has a content");
  put_fresh("");
  is_int(edit("", "filled\n"), 0, "or fills an empty one");
  holds("filled\n");
  edit("same", "same");
  refused("arguments.invalid", "the same");
  unlink(path_of("f"));
  edit("x", "y");
  refused("file.not_found", "no such file");
}

/* ---- misses ---------------------------------------------------------------------------------- */

static void test_causes(void) {
  put_fresh("if x:\n\treturn 1\n\nelse:\n\treturn 2\n");
  edit("else:\n    return 2\n", "z");
  refused("edit.no_match", "white space differs");
  says("Line 5 begins with 1 tab in the file and with 4 blanks in old_string");
  says("in lines 4 to 5:\n     4\telse:\n     5\t\treturn 2");
  edit("     4\telse:\n     5\t\treturn 2\n", "z");
  refused("edit.no_match", "line numbers that read shows");
  edit("     4\xe2\x86\x92" "else:\n     5\xe2\x86\x92\treturn 2\n", "z");
  refused("edit.no_match", "line numbers that read shows");
  edit("Else:", "z");
  refused("edit.no_match", "case differ");
  edit("else:\\n\\treturn 2", "z");
  refused("edit.no_match", "escapes");
  edit("4\telse:\n5\t        RETURN 2\n", "z");
  refused("edit.no_match", "upper and lower case differ; and white space differs");
  says("line numbers");
  put_fresh("one\r\ntwo\r\n");
  edit("one\ntwo\n", "z");
  refused("edit.no_match", "line ends differ");
  hints("write \\r\\n at each line end");
  holds("one\r\ntwo\r\n");
  put_fresh("one\ntwo\n");
  edit("one\r\ntwo\r\n", "z");
  refused("edit.no_match", "line ends differ");
  hints("write \\n and not");
  put_fresh("it's \"so\"\n");
  edit("it\xe2\x80\x99s \xe2\x80\x9cso\xe2\x80\x9d", "z");
  refused("edit.no_match", "typographic");
  put_fresh("end  \nnext\n");
  edit("end\nnext", "z");
  refused("edit.no_match", "white space differs");
}

static void test_nearest(void) {
  put_fresh("def first():\n    return 1\n\ndef second(a, b):\n    value = compute(a, b)\n"
            "    return value\n\ndef third():\n    return 3\n");
  edit("def second(a, b):\n    value = compute(a, c)\n    return value\n", "z");
  refused("edit.no_match", "in lines 4 to 6");
  says("first difference is in line 5, where old_string has:     value = compute(a, c)");
  edit("    vlaue = compute(a, bb)\n", "z");
  says("in line 5:\n     5\t    value = compute(a, b)");
  edit("qqqqq wwwww zzzzz\n", "z");
  says("Nothing in it is like old_string");
  put_fresh("");
  edit("anything", "z");
  says("Nothing in it is like old_string");
  put_fresh("x\n");
  edit("\n\n\n", "z");
  is_str(refusal("reason"), "edit.no_match", "blank lines that are not there");
  edit(" ", "z");
  is_str(refusal("reason"), "edit.no_match", "a blank that is not there");
}

/* ---- changed, refused ------------------------------------------------------------------------ */

static void test_changed(void) {
  const struct timespec times[2] = {{0, UTIME_OMIT}, {2000000000, 5}};
  put_fresh("one\n");
  run_op("read", "path=f");
  put_text("f", "two\n");
  utimensat(AT_FDCWD, path_of("f"), times, 0);
  edit("two", "three");
  refused("file.changed", "changed since it was last read");
  holds("two\n");
  run_op("read", "path=f");
  is_int(edit("two", "three"), 0, "once read it can be edited");
  is_int(edit("three", "four"), 0, "and again, without reading");
  holds("four\n");
}

static void test_refused(void) {
  put_fresh("x");
  is_int(run_op("edit", "path=f"), 1, "no old_string");
  const char *const short_of_size[] = {"path=f", "old_string=x", "size=9", NULL};
  is_int(run_op_with("edit", short_of_size, "abc", 3), 1, "half a new_string");
  is_str(refusal("reason"), "input.incomplete", "is refused");
  holds("x");
  unlink(path_of("f"));
  put_dir("f");
  edit("x", "y");
  refused("file.type", "a directory");
  edit("", "y");
  refused("file.type", "a directory");
  rmdir(path_of("f"));
  if (mkfifo(path_of("f"), 0644) < 0) BAIL_OUT("mkfifo");
  edit("x", "y");
  refused("file.type", "a named pipe");
  edit("", "y");
  refused("file.type", "a named pipe");
  unlink(path_of("f"));
}

static void test_encodings(void) {
  put_fresh("");
  put_bytes("f", "\xff\xfeh\0i\0", 6);
  edit("hi", "ho");
  refused("file.encoding", "is in utf-16le");
  put_fresh("caf\xe9 noir\n");
  edit("caf\xc3\xa9", "tea");
  refused("file.encoding", "is in latin-1");
  is_int(edit("noir", "vert"), 0, "plain letters are the same in Latin-1");
  holds("caf\xe9 vert\n");
  edit("vert", "fum\xc3\xa9");
  refused("file.encoding", "is in latin-1");
  hints("encoding=\"latin-1\"");
  holds("caf\xe9 vert\n");
  put_fresh("it\x92s\n");
  edit_with("s", "\xe2\x80\x99", "replace_all=true");
  refused("file.encoding", "is in windows-1252");
  put_fresh("");
  put_bytes("f", "\xff\xfeh\0i\0", 6);
  edit("h", "H");
  refused("file.encoding", "is in utf-16le");
  is_int(memcmp(get_file("f", NULL), "\xff\xfeh\0i\0", 6), 0, "which is left as it is");
  put_fresh("caf\xc3\xa9, b\xc3\xa9, \xff noir\n");
  is_int(edit("noir", "\xc3\xa9"), 0, "UTF-8 with a flaw is still UTF-8");
  holds("caf\xc3\xa9, b\xc3\xa9, \xff \xc3\xa9\n");
}

/* Where the letters that tell stand far behind. */
static void test_late_encoding(void) {
  struct csn_buffer text = CSN_BUFFER(1 << 20);
  csn_buffer_addz(&text, "noir\n");
  for (int i = 0; i < 5000; i++) csn_buffer_addz(&text, "a line of a long text\n");
  csn_buffer_addz(&text, "caf\xe9\n");
  put_fresh(text.data);
  edit("noir", "fum\xc3\xa9");
  refused("file.encoding", "is in latin-1");
  csn_buffer_free(&text);
}

/* Misses of all sorts: whatever the words, they fit, and nothing crashes. */
static void test_random_misses(void) {
  static const char *const pieces[] = {"a", "b", "\t", "  ", "\n", "\r\n", "12\t", "\\n", "A",
                                       "\xe2\x80\x99", "\xc2\xa0", "\xff", "\xe2\x80", "1",
                                       "longer "};
  unsigned state = 12345, misses = 0;
  for (int i = 0; i < 1500; i++) {
    char text[600] = "", old[200] = "";
    for (int j = 0; j < 70; j++) {
      state = state * 1664525u + 1013904223u;
      char *to = j < 50 ? text : old;
      strcat(to, pieces[(state >> 16) % (sizeof pieces / sizeof *pieces)]);
    }
    put_text("f", text);
    if (edit(old, "x") == 1) misses += *refusal("message") && strlen(refusal("message")) < 6143;
  }
  ok(misses > 1000, "%u random misses are explained", misses);
}

static void test_sizes(void) {
  put_fresh("x");
  if (truncate(path_of("f"), (32 << 20) + 1) < 0) BAIL_OUT("truncate");
  edit("x", "y");
  refused("file.too_large", "larger than 33554432 bytes");
  struct csn_buffer text = CSN_BUFFER(1 << 20);
  for (int i = 0; i < 1 << 16; i++) csn_buffer_addz(&text, "x");
  put_fresh(text.data);
  edit_with("x", text.data, "replace_all=true");
  refused("file.too_large", "more than 67108864 bytes");
  csn_buffer_free(&text);
}

static void test_no_memory(void) {
  for (long n = 1; n < 60; n++) {
    put_fresh("one two three\n");
    csn_alloc_fail_after(n);
    edit("two", "2");
    csn_alloc_fail_after(0);
    const char *there = get_file("f", NULL);
    if (!there || (strcmp(there, "one two three\n") != 0 && strcmp(there, "one 2 three\n") != 0))
      ok(0, "whole whatever fails, at %ld", n);
    csn_alloc_fail_after(n);
    edit("tow", "2");
    csn_alloc_fail_after(0);
  }
  ok(1, "without memory nothing crashes");
}

int main(void) {
  files_begin();
  umask(022);
  test_one();
  test_bytes();
  test_all();
  test_ambiguous();
  test_long();
  test_create();
  test_causes();
  test_nearest();
  test_changed();
  test_refused();
  test_encodings();
  test_late_encoding();
  csn_seen_home = "/proc/nowhere";
  test_random_misses();
  csn_seen_home = files_state;
  test_sizes();
  test_no_memory();
  files_end();
  return done_testing();
}
