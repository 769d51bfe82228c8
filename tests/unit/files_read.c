/* SPDX-License-Identifier: Apache-2.0 */
/* `read`: what is shown of a text, what is said of it, and what is refused. */
#include "files_fixture.h"

#include <sys/socket.h>
#include <sys/un.h>

#include "util/alloc.h"
#include "util/utf8.h"

static int has(const char *text, const char *part) {
  return strstr(text, part) != NULL;
}

#define shows(part) \
  do { \
    if (!ok(has(did.text, part), "shows: %s", part)) diag("%.1500s", did.text); \
  } while (0)

/* ---- plain text ------------------------------------------------------------------------------ */

static void test_plain(void) {
  put_text("a.txt", "one\n\n\tthree\n");
  is_int(run_op("read", "path=a.txt"), 0, "a plain text");
  is_str(did.text, "     1\tone\n     2\t\n     3\t\tthree\n", "is shown with numbers alone");
  is_str(report_string("path"), path_of("a.txt"), "its path");
  is_str(report_string("kind"), "text", "its kind");
  is_str(report_string("encoding"), "utf-8", "its encoding");
  is_str(report_string("line_endings"), "lf", "its line endings");
  is_int(report_int("total_lines"), 3, "its lines");
  is_int(report_int("first_line"), 1, "the first shown");
  is_int(report_int("last_line"), 3, "the last shown");
  is_int(report_int("size"), 12, "its size");
  ok(report_bool("final_newline") && report_bool("total_is_exact") && !report_bool("truncated"),
     "it is all there");
}

static void test_window(void) {
  put_text("ten", "1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n");
  run_op("read", "path=ten", "offset=3", "limit=2");
  is_str(did.text, "     3\t3\n     4\t4\n(lines 3 to 4 of 10; go on at offset 5)\n", "a window");
  ok(report_bool("truncated"), "is not all");
  is_int(report_int("total_lines"), 10, "all lines are counted");
  run_op("read", "path=ten", "offset=10");
  is_str(did.text, "    10\t10\n(lines 10 to 10 of 10)\n", "the last line");
  ok(!report_bool("truncated"), "has nothing after it");
  is_int(run_op("read", "path=ten", "offset=11"), 1, "beyond the end");
  is_str(refusal("reason"), "arguments.invalid", "is refused");
  ok(has(refusal("message"), "which has 10 lines"), "with the number of lines");
  is_int(run_op("read", "path=ten", "offset=0", "limit=0"), 0, "zeros");
  is_int(report_int("last_line"), 1, "are ones");
  is_int(run_op("read", "path=ten", "offset=18446744073709551615", "limit=18446744073709551615"), 1,
         "the largest numbers");
  is_int(run_op("read", "path=ten", "offset=2", "limit=18446744073709551615"), 0, "a large limit");
  is_int(report_int("last_line"), 10, "is all");
}

static void test_default_limit(void) {
  char text[2 * 2001 + 1];
  for (int i = 0; i < 2001; i++) memcpy(text + 2 * i, "x\n", 2);
  put_bytes("many", text, 2 * 2001);
  run_op("read", "path=many", "output_limit=1000000");
  is_int(report_int("last_line"), 2000, "2,000 lines where nothing is said");
  shows("(lines 1 to 2000 of 2001; go on at offset 2001)\n");
}

static void test_notes(void) {
  put_text("open", "a\nb");
  run_op("read", "path=open");
  is_str(did.text, "     1\ta\n     2\tb\n(2 lines; no newline at the end of the file)\n",
         "no final newline");
  ok(!report_bool("final_newline"), "is reported");
  put_text("crlf", "a\r\nb\r\n");
  run_op("read", "path=crlf");
  is_str(did.text, "     1\ta\n     2\tb\n(2 lines; every line ends in CRLF, shown without CR)\n",
         "CRLF");
  is_str(report_string("line_endings"), "crlf", "is reported");
  put_text("mixed", "a\r\nb\nc\rd\n");
  run_op("read", "path=mixed");
  shows("line endings are mixed, 1 CRLF and 2 LF");
  is_str(report_string("line_endings"), "mixed", "is reported");
  put_text("bom", "\xef\xbb\xbfhi\n");
  run_op("read", "path=bom");
  is_str(did.text, "     1\thi\n(1 line; it begins with a UTF-8 byte order mark)\n", "a mark");
  ok(report_bool("byte_order_mark"), "is reported");
  put_text("one", "x");
  run_op("read", "path=one");
  is_str(report_string("line_endings"), "none", "a line without an end has no line ending");
  put_text("bare", "a\r");
  run_op("read", "path=bare");
  is_str(report_string("line_endings"), "none", "a CR at the very end is none");
}

static void test_empty(void) {
  put_text("empty", "");
  is_int(run_op("read", "path=empty", "offset=5"), 0, "an empty file");
  is_str(did.text, "(the file is empty)\n", "says so");
  is_str(report_string("kind"), "empty", "and reports it");
  put_text("mark", "\xef\xbb\xbf");
  run_op("read", "path=mark");
  is_str(did.text, "(the file is empty)\n", "so does one with a mark alone");
}

/* ---- long ------------------------------------------------------------------------------------ */

static void test_long_lines(void) {
  struct csn_buffer text = CSN_BUFFER(1 << 20);
  for (int i = 0; i < 2000; i++) csn_buffer_addz(&text, "\xc3\xa9");
  csn_buffer_addz(&text, "\n");
  for (int i = 0; i < 2001; i++) csn_buffer_addz(&text, "\xf0\x9f\x99\x82");
  csn_buffer_addz(&text, "\nend\n");
  put_bytes("long", text.data, text.size);
  run_op("read", "path=long");
  is_int(report_int("lines_cut"), 1, "a line of 2,000 characters is whole, one of 2,001 is cut");
  shows("[cut: the line has 8004 bytes]");
  shows("     3\tend\n");
  shows("1 cut at 2000 characters");
  ok(report_bool("truncated"), "and that is not all");
  csn_buffer_free(&text);
}

static void test_output_limit(void) {
  struct csn_buffer text = CSN_BUFFER(1 << 20);
  for (int i = 0; i < 500; i++)
    csn_buffer_addz(&text, "\xc3\xa4\xc3\xb6\xc3\xbc 345678901234567890\n");
  put_bytes("wide", text.data, text.size);
  run_op("read", "path=wide", "output_limit=2000");
  ok(csn_utf8_count(did.text, did.size) <= 2000, "no more characters than may be shown");
  ok(report_int("last_line") > 30, "and not many less: %lld lines", report_int("last_line"));
  shows("more does not fit into one answer");
  char next[60];
  snprintf(next, sizeof next, "go on at offset %lld", report_int("last_line") + 1);
  shows(next);
  csn_buffer_reset(&text);
  for (int i = 0; i < 5000; i++) csn_buffer_addz(&text, "y");
  put_bytes("line", text.data, text.size);
  run_op("read", "path=line", "output_limit=1000");
  ok(did.size <= 1000, "one long line is cut to what may be shown: %zu", did.size);
  is_int(report_int("last_line"), 1, "but it is shown");
  csn_buffer_free(&text);
}

/* 300 MiB, nearly all of it a hole: one long line of NULs. */
static void test_huge(void) {
  char text[65536];
  for (size_t i = 0; i < sizeof text; i++) text[i] = i % 64 == 63 ? '\n' : 'x';
  put_bytes("huge", text, sizeof text);
  int fd = open(path_of("huge"), O_WRONLY);
  if (pwrite(fd, "\nend\n", 5, 300 << 20) != 5) BAIL_OUT("pwrite");
  close(fd);
  run_op("read", "path=huge", "limit=1");
  ok(!report_bool("total_is_exact"), "a huge file is not counted to its end");
  shows("(lines 1 to 1 of at least 1024; go on at offset 2)");
  is_int(run_op("read", "path=huge", "offset=1026"), 0, "but it is read by offset");
  is_str(did.text, "  1026\tend\n(lines 1026 to 1026 of 1026)\n", "to its end");
  ok(report_bool("total_is_exact"), "and then all of it was counted");
}

/* ---- encodings ------------------------------------------------------------------------------- */

static void test_encodings(void) {
  put_bytes("le", "\xff\xfeh\0i\0\r\0\n\0\x3d\xd8\x42\xde\n\0", 16);
  run_op("read", "path=le");
  shows("     1\thi\n     2\t\xf0\x9f\x99\x82\n");
  shows("the file is in utf-16le, shown as UTF-8");
  is_str(report_string("line_endings"), "mixed", "line endings are told after decoding");
  put_bytes("be", "\xfe\xff\0h\0i\0\n\xd8\x3d\0x\0", 13);
  run_op("read", "path=be");
  shows("     1\thi\n     2\t\xef\xbf\xbdx\xef\xbf\xbd\n");
  is_str(report_string("encoding"), "utf-16be", "the other order");
  put_text("latin", "caf\xe9\nna\xefve\n");
  run_op("read", "path=latin");
  shows("     1\tcaf\xc3\xa9\n     2\tna\xc3\xafve\n");
  is_str(report_string("encoding"), "latin-1", "Latin-1");
  put_text("windows", "\x93quoted\x94 \x80\n");
  run_op("read", "path=windows");
  shows("     1\t\xe2\x80\x9cquoted\xe2\x80\x9d \xe2\x82\xac\n");
  is_str(report_string("encoding"), "windows-1252", "windows-1252");
  put_text("flawed", "\xc3\xa4\xc3\xb6\xc3\xbc\xff\n");
  run_op("read", "path=flawed");
  is_str(report_string("encoding"), "utf-8", "UTF-8 with a flaw is UTF-8");
  char edge[65536 + 2];
  memset(edge, 'x', sizeof edge);
  memcpy(edge + 65535, "\xc3\xa9\n", 3);
  put_bytes("edge", edge, sizeof edge);
  run_op("read", "path=edge");
  is_str(report_string("encoding"), "utf-8", "a character across two pieces is no flaw");
}

/* ---- what is no text ------------------------------------------------------------------------- */

static void refused(const char *name, const char *reason, const char *part) {
  char operand[4200];
  snprintf(operand, sizeof operand, "path=%s", name);
  is_int(run_op("read", operand), 1, "refused: %s", name);
  is_str(refusal("reason"), reason, "because of %s", reason);
  if (!ok(has(refusal("message"), part), "in words: %s", part)) diag("%s", refusal("message"));
  is_str(did.text, "", "and nothing is shown");
}

static void test_binaries(void) {
  put_bytes("elf", "\x7f" "ELF\2\1\1\0", 8);
  refused("elf", "file.type", "an ELF program");
  put_bytes("zip", "PK\3\4xxxx", 8);
  refused("zip", "file.type", "a ZIP archive");
  put_bytes("gz", "\x1f\x8b\x08xxx", 6);
  refused("gz", "file.type", "gzip");
  put_text("pdf", "%PDF-1.7\n");
  refused("pdf", "file.type", "a PDF document (9 bytes)");
  put_bytes("db", "SQLite format 3\0xxxx", 20);
  refused("db", "file.type", "an SQLite database");
  put_bytes("bin", "a\0b", 3);
  refused("bin", "file.type", "a binary file");
  ok(has(refusal("hint"), "shell"), "with what to do");
  put_text("MZ.txt", "MZ is how programs begin\n");
  is_int(run_op("read", "path=MZ.txt"), 0, "a text that begins like a program is a text");
}

static void test_images(void) {
  static const struct {
    const char *bytes, *type;
  } rows[] = {{"\x89PNG\r\n\x1a\n12345678", "image/png"},
              {"\xff\xd8\xff\xe0" "123456789012", "image/jpeg"},
              {"GIF89a1234567890", "image/gif"},
              {"RIFF1234WEBPVP8 ", "image/webp"}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    put_bytes("image", rows[i].bytes, 16);
    is_int(run_op("read", "path=image", "limit=1"), 0, "%s", rows[i].type);
    is_str(report_string("kind"), "image", "is an image");
    is_str(report_string("mime_type"), rows[i].type, "of its type");
    ok(did.size == 16 && memcmp(did.text, rows[i].bytes, 16) == 0, "with its bytes");
  }
  if (truncate(path_of("image"), 5 << 20) < 0) BAIL_OUT("truncate");
  is_int(run_op("read", "path=image"), 0, "5 MiB are shown");
  is_int(report_int("size"), 5 << 20, "all of them");
  if (truncate(path_of("image"), (5 << 20) + 1) < 0) BAIL_OUT("truncate");
  is_int(run_op("read", "path=image"), 1, "more are not");
  is_str(refusal("reason"), "file.too_large", "and the reason is the size");
}

static void test_no_files(void) {
  put_dir("dir");
  refused("dir", "file.type", "a directory");
  ok(has(refusal("hint"), "list"), "with the tool for it");
  refused("missing", "file.not_found", "no such file");
  refused("dir/../missing/x", "file.not_found", "no such file");
  put_text("file", "x");
  refused("file/x", "file.type", "not a directory");
  if (mkfifo(path_of("fifo"), 0644) < 0) BAIL_OUT("mkfifo");
  refused("fifo", "file.type", "a named pipe");
  refused("/dev/zero", "file.type", "a character device");
  refused("", "arguments.invalid", "empty");
  if (symlink("loop", path_of("loop")) < 0) BAIL_OUT("symlink");
  refused("loop", "file.type", "circle");
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  snprintf(address.sun_path, sizeof address.sun_path, "%s", path_of("socket"));
  int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  if (bind(fd, (struct sockaddr *)&address, sizeof address) < 0) BAIL_OUT("bind");
  refused("socket", "file.type", "a socket");
  close(fd);
  char name[4200];
  memset(name, 'x', sizeof name);
  memcpy(name, "path=", 5);
  name[300] = '\0';
  is_int(run_op("read", name), 1, "a name that is too long");
  is_str(refusal("reason"), "arguments.invalid", "is a wrong argument");
  is_int(run_op("read", "limit=3"), 1, "no path at all is refused");
  is_int(run_op("read", "path=/proc/self/status"), 0, "a file of /proc, whose size is 0, is read");
}

static void test_no_memory(void) {
  put_bytes("le", "\xff\xfeh\0i\0\n\0", 8);
  for (long n = 1; n < 30; n++) {
    csn_alloc_fail_after(n);
    run_op("read", "path=le");
    csn_alloc_fail_after(0);
    if (did.code == 0 && !report_get("kind")) ok(0, "a success without a report, at %ld", n);
  }
  is_int(run_op("read", "path=le"), 0, "without memory nothing crashes");
}

/* What a serve does itself: it must be over in a moment, whatever the file is by then. */
static void test_small(void) {
  static char large[CSN_OP_SMALL_FILE + 1];
  static const char *const it[] = {"path=small.txt", NULL};
  static const char *const much[] = {"path=small.txt", "output_limit=10000000", NULL};
  static const char *const proc[] = {"path=/proc/self/maps", NULL};
  put_text("small.txt", "one\n");
  ok(csn_op_is_small("read", files_dir, it), "a small file is small work");
  ok(!csn_op_is_small("edit", files_dir, it), "to read, not to edit");
  ok(!csn_op_is_small("read", files_dir, much), "unless very much may be shown");
  ok(!csn_op_is_small("read", files_dir, proc), "or it is the kernel's");
  is_int(run_op_by(csn_op_run_small, "read", it, NULL, 0), 0, "it is read");
  ok(strstr(did.text, "one") != NULL, "as any other");
  memset(large, 'x', sizeof large);
  put_bytes("small.txt", large, sizeof large);
  ok(!csn_op_is_small("read", files_dir, it), "a larger one is not small");
  is_int(run_op_by(csn_op_run_small, "read", it, NULL, 0), 1, "and one that has grown meanwhile is refused");
  is_str(refusal("reason"), CSN_OP_CHANGED, "as changed");
}

int main(void) {
  files_begin();
  test_plain();
  test_window();
  test_default_limit();
  test_notes();
  test_empty();
  test_long_lines();
  test_output_limit();
  test_huge();
  test_encodings();
  test_binaries();
  test_images();
  test_no_files();
  test_small();
  test_no_memory();
  files_end();
  return done_testing();
}
