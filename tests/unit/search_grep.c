/* SPDX-License-Identifier: Apache-2.0 */
/* grep: what it finds in each mode, what it says of the rest, and where it stops. */
#include "files_fixture.h"

#include "guest/files/search.h"

static void is_text(const char *expected, const char *name) {
  is_str(did.text, expected, "%s", name);
}

/* ---- lines ----------------------------------------------------------------------------------- */

static const char sample[] = "alpha one\nbeta\ngamma one\ndelta\nepsilon\nzeta\neta one\n";

static void test_content(void) {
  put_text("sample", sample);
  run_op("grep", "pattern=one", "output_mode=content");
  is_text("sample:1:alpha one\nsample:3:gamma one\nsample:7:eta one\n", "matching lines");
  is_int(report_int("lines_matched"), 3, "are counted");
  const cJSON *second = cJSON_GetArrayItem(report_get("matches"), 1);
  is_str(cJSON_GetStringValue(cJSON_GetObjectItem(second, "text")), "gamma one", "and reported");
  ok(cJSON_GetNumberValue(cJSON_GetObjectItem(second, "line")) == 3, "with their numbers");
  run_op("grep", "pattern=one", "output_mode=content", "context=1");
  is_text("sample:1:alpha one\nsample-2-beta\nsample:3:gamma one\nsample-4-delta\n--\n"
          "sample-6-zeta\nsample:7:eta one\n", "context, merged where it overlaps");
  run_op("grep", "pattern=delta", "output_mode=content", "before=2", "after=1");
  is_text("sample-2-beta\nsample-3-gamma one\nsample:4:delta\nsample-5-epsilon\n", "before, after");
  run_op("grep", "pattern=one", "output_mode=content", "context=1", "after=0");
  is_text("sample:1:alpha one\nsample-2-beta\nsample:3:gamma one\n--\nsample-6-zeta\n"
          "sample:7:eta one\n", "after says otherwise than context");
  run_op("grep", "pattern=one", "output_mode=content", "limit=2");
  is_text(
      "sample:1:alpha one\nsample:3:gamma one\n[stopped after 2 matching lines; there are more. "
      "Narrow pattern, path or glob, or raise limit.]\n",
      "a limit, which is said");
  ok(report_bool("truncated"), "also in the report");
  run_op("grep", "pattern=one", "output_mode=content", "limit=3");
  ok(!report_bool("truncated"), "but not when all of it was there");
}

/* Context and line numbers over the pieces in which a long file is read. */
static void test_pieces(void) {
  static char big[1500000];
  size_t n = 0;
  for (int i = 1; i <= 65000; i++)
    n += (size_t)snprintf(big + n, 64, "line %d %s\n", i, i % 20000 == 0 ? "MARK" : "and more");
  put_bytes("big", big, n);
  run_op("grep", "pattern=MARK", "path=big", "output_mode=content", "context=1");
  is_text(
      "big-19999-line 19999 and more\nbig:20000:line 20000 MARK\nbig-20001-line 20001 and more\n"
      "--\nbig-39999-line 39999 and more\nbig:40000:line 40000 MARK\nbig-40001-line 40001 and "
      "more\n"
      "--\nbig-59999-line 59999 and more\nbig:60000:line 60000 MARK\nbig-60001-line 60001 and "
      "more\n",
      "a long file is searched in pieces");
  run_op("grep", "pattern=and more", "path=big", "output_mode=count");
  is_text("big:64997\n", "and counted as a whole");
  memset(big, 'y', 1000000);
  memcpy(big + 999990, "needle\n\0", 8);
  put_bytes("big", big, 999997);
  run_op("grep", "pattern=needle", "path=big", "output_mode=content");
  ok(strstr(did.text, "big:1:[") && strstr(did.text, "needle\n") && did.size < 700,
     "a line longer than a piece is one line, cut around the match");
  put_text("big", "");
}

static void test_modes(void) {
  put_dir("m");
  put_text("m/old", "x\n");
  put_text("m/new", "x\nx y x\n\n");
  put_text("m/none", "z\n");
  struct timespec times[2] = {{.tv_sec = 5}, {.tv_sec = 5}};
  utimensat(AT_FDCWD, path_of("m/old"), times, 0);
  run_op("grep", "pattern=x", "path=m");
  is_text("m/new\nm/old\n", "files with matches, the newest first, is the default");
  run_op("grep", "pattern=x", "path=m", "limit=1");
  is_text("m/new\n[2 files match; the newest 1 are shown. Narrow pattern, path or glob, or raise "
          "limit.]\n", "a limit of files");
  run_op("grep", "pattern=x", "path=m", "output_mode=count");
  is_text("m/new:2\nm/old:1\n[3 matching lines in 2 files]\n", "count counts lines");
  run_op("grep", "pattern=nothing at all", "path=m");
  is_text("no matches found in 3 files\n", "nothing found");
  is_int(did.code, 0, "is no refusal");
  is_int(run_op("grep", "pattern=x", "output_mode=other"), 1, "an unknown mode is one");
  run_op("grep", "pattern=x", "path=m", "time_ms=0");
  ok(strstr(did.text, "[stopped because it took too long") && report_bool("truncated"),
     "what takes too long stops by itself, and says so");
  run_op("grep", "pattern=X", "path=m", "case_insensitive=true", "output_mode=count");
  is_text("m/new:2\nm/old:1\n[3 matching lines in 2 files]\n", "regardless of case");
  run_op("grep", "pattern=^$", "path=m", "output_mode=content");
  is_text("m/new:3:\n", "an empty line; behind the last newline there is none");
}

/* The clock is looked at within a piece too, whichever way it is searched. */
static void test_late(void) {
  static const struct {
    const char *pattern;
    unsigned flags;
  } ways[] = {{"many [x]", 0},
              {"[xz]{2}", 0},
              {"[xz]{2}", CSN_SEARCH_PLAINLY},
              {"\\w+", 0},
              {"\\w+", CSN_SEARCH_MULTILINE}};
  static char text[22000];
  for (size_t at = 0; at < sizeof text; at += 11) memcpy(text + at, "many lines\n", 11);
  for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
    struct csn_search_flaw flaw;
    struct csn_search_match match = {.line = 0};
    enum csn_search_result result = CSN_SEARCH_FOUND;
    struct csn_search *s = csn_search_begin(ways[i].pattern, ways[i].flags, &flaw);
    if (!s) BAIL_OUT("%s: %s", ways[i].pattern, flaw.text);
    csn_search_set_end(s, 1);
    for (size_t at = 0; result == CSN_SEARCH_FOUND; at = match.line_end + 1)
      result = csn_search_next(s, text, sizeof text, at, &match);
    is_int(result, CSN_SEARCH_LATE, "%s, flags %u, ends in time", ways[i].pattern, ways[i].flags);
    csn_search_end(s);
  }
  put_bytes("lines", text, sizeof text);
  run_op("grep", "pattern=lines", "path=lines", "output_mode=content", "time_ms=0");
  ok(strncmp(did.text, "lines:1:many lines\n", 19) == 0 && report_bool("truncated") &&
         strstr(did.text, "[stopped because it took too long"), "with what was found so far");
  ok(report_int("lines_matched") < 20, "which is little");
}

/* The lines before a match may be larger than all that is held: then the nearest are shown. */
static void test_long_context(void) {
  int fd = open(path_of("long"), O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
  char beginning[8193];
  memset(beginning, 'a', sizeof beginning);
  beginning[sizeof beginning - 1] = '\n';
  off_t size = (off_t)90 << 20;
  bool is_made = fd >= 0 && write(fd, beginning, sizeof beginning) == sizeof beginning;
  for (off_t at = 1 << 20; at < size; at += 1 << 20)
    is_made = is_made && pwrite(fd, "\n", 1, at) == 1;
  if (!is_made || pwrite(fd, "needle\n", 7, size) != 7) BAIL_OUT("cannot write a long file");
  close(fd);
  run_op("grep", "pattern=needle", "path=long", "output_mode=content", "before=1000");
  const cJSON *match = cJSON_GetArrayItem(report_get("matches"), 0);
  is_int((long long)cJSON_GetNumberValue(cJSON_GetObjectItem(match, "line")), 91,
         "context of long lines is no hindrance");
  ok(!report_bool("truncated") && memmem(did.text, did.size, "long-90-", 8), "and it is shown");
  unlink(path_of("long"));
}

/* ---- which files ----------------------------------------------------------------------------- */

static void test_chosen(void) {
  put_dir("c");
  put_dir("c/.git");
  put_dir("c/sub");
  put_text("c/.gitignore", "left.out\n");
  put_text("c/left.out", "hit\n");
  put_text("c/.git/config", "hit\n");
  put_text("c/sub/a.py", "hit\n");
  put_text("c/sub/b.ts", "hit\n");
  put_bytes("c/binary", "hit\0hit", 7);
  if (symlink("..", path_of("c/sub/loop")) < 0 || symlink("sub/a.py", path_of("c/link")) < 0 ||
      mkfifo(path_of("c/fifo"), 0600) < 0) BAIL_OUT("links");
  run_op("grep", "pattern=hit", "path=c", "output_mode=content");
  is_text("c/sub/a.py:1:hit\nc/sub/b.ts:1:hit\n[binary files not searched: 1]\n",
          "links, FIFOs, binaries, .git and what .gitignore names are passed over");
  run_op("grep", "pattern=hit", "path=c", "output_mode=count", "no_ignore=true");
  ok(strstr(did.text, "c/left.out:1\n") && !strstr(did.text, "config"), "no_ignore");
  run_op("grep", "pattern=hit", "path=c", "glob=*.py");
  is_text("c/sub/a.py\n", "a glob");
  run_op("grep", "pattern=hit", "path=c", "glob=sub/*.{ts,tsx}");
  is_text("c/sub/b.ts\n", "a glob with a directory");
  run_op("grep", "pattern=hit", "path=c", "glob=!*.py");
  ok(strncmp(did.text, "c/sub/b.ts\n", 11) == 0, "a glob that leaves out");
  run_op("grep", "pattern=hit", "path=c", "glob=*.py,*.ts", "output_mode=count");
  is_text("c/sub/a.py:1\nc/sub/b.ts:1\n[2 matching lines in 2 files]\n", "two globs");
  run_op("grep", "pattern=hit", "path=c/link", "output_mode=content");
  is_text("c/link:1:hit\n", "a link that is named is followed");
  is_int(run_op("grep", "pattern=hit", "path=c/binary"), 1, "a binary that is named is refused");
  is_str(refusal("reason"), "file.type", "with its reason");
  is_int(run_op("grep", "pattern=hit", "path=c/fifo"), 1, "so is a FIFO, at once");
  is_int(run_op("grep", "pattern=hit", "path=c/nowhere"), 1, "so is what is not there");
  is_str(refusal("reason"), "file.not_found", "with its reason");
  is_int(run_op("grep", "pattern=hit", "glob=[a"), 1, "so is a broken glob");
}

/* ---- texts ----------------------------------------------------------------------------------- */

static void test_texts(void) {
  put_dir("t");
  put_text("t/crlf", "one;\r\ntwo\r\n");
  run_op("grep", "pattern=;$", "path=t/crlf", "output_mode=content");
  is_text("t/crlf:1:one;\n", "a line's end is before its CR, which is not shown");
  put_text("t/broken", "a\xff" "b hit\n\xc3\xa4hit\n");
  run_op("grep", "pattern=.hit", "path=t/broken", "output_mode=count");
  is_text("t/broken:2\n", "bytes that are no UTF-8 do no harm");
  run_op("grep", "pattern=^\xc3\x84", "path=t/broken", "output_mode=count",
         "case_insensitive=true");
  is_text("t/broken:1\n", "case folding knows UTF-8");
  put_text("t/last", "no newline hit");
  run_op("grep", "pattern=hit$", "path=t/last", "output_mode=content");
  is_text("t/last:1:no newline hit\n", "a last line without a newline");
  put_text("t/span", "a\nb\n");
  run_op("grep", "pattern=a\\s*b", "path=t/span");
  is_text("no matches found in 1 file\n", "a match keeps to its line");
  run_op("grep", "pattern=a\\nb", "path=t/span");
  ok(strstr(did.text, "set multiline to true"), "a pattern that looks for a newline is told so");
  run_op("grep", "pattern=a.b", "path=t/span", "multiline=true", "output_mode=content");
  is_text("t/span:1:a\nt/span:2:b\n", "multiline shows all lines of a match");
}

/* A fault of some releases of PCRE2, which code made at run time brings out. */
static void test_wide(void) {
  put_text("t/wide", "\xe2\x84\xaa" "ey\n");
  static const char *const patterns[] = {"pattern=^\\S+y$", "pattern=^\\W", "pattern=^\\D+$",
                                         "pattern=(?=.)\\S+y"};
  for (size_t i = 0; i < sizeof patterns / sizeof *patterns; i++) {
    run_op("grep", patterns[i], "path=t/wide");
    is_text("t/wide\n", patterns[i]);
    run_op("grep", patterns[i], "path=t/wide", "multiline=true");
    is_text("t/wide\n", "over lines too");
  }
}

static void test_patterns(void) {
  is_int(run_op("grep", "pattern=(a"), 1, "a broken pattern is refused");
  is_str(refusal("reason"), "pattern.invalid", "with its reason");
  ok(strstr(refusal("message"), "offset 2") && strstr(refusal("message"), "(a<HERE>"), "and place");
  put_text("endless", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab\n");
  is_int(run_op("grep", "pattern=(a+)+$", "path=endless"), 1, "a pattern without end is refused");
  is_str(refusal("reason"), "pattern.limit", "with its reason");
  put_text("endless2", "aaaa\n");
  run_op("grep", "pattern=(a+)+$", "glob=endless*");
  ok(strncmp(did.text, "endless2\n", 9) == 0 && strstr(did.text, "took too long in 1 files"),
     "or noted, where other files have matches");
  is_int(run_op("grep", "pattern="), 1, "an empty pattern is refused");
}

static void test_output_limit(void) {
  char text[8000];
  size_t n = 0;
  for (int i = 0; i < 200; i++) n += (size_t)snprintf(text + n, 32, "hit number %d\n", i);
  put_text("much", text);
  run_op("grep", "pattern=hit number", "path=much", "output_mode=content", "output_limit=1500");
  ok(did.size <= 1500 && strstr(did.text, "there is no room for more"), "the limit of characters");
  ok(report_bool("truncated"), "is reported");
}

/* ---- short cuts ------------------------------------------------------------------------------ */

/* However an expression is searched, it finds the lines that it matches one by one. */
static void test_short_cuts(void) {
  static const char text[] =
      "def f(x):\n  return x\n\n  def  g ( a,\n   b):\nClass\nCLASS_A1\r\nx\n"
      "tas\xc5\xbf\nKEY\n\xe2\x84\xaa"
      "ey\nfoo.bar(1)\n\tend";
  static const char *const patterns[] = {"def\\s+\\w+\\s*\\(",
                                         "\\s+",
                                         "[^a-z]+$",
                                         "a,\\s*b",
                                         "class|def",
                                         "(?i)class",
                                         "key",
                                         "tas.",
                                         "foo\\.bar",
                                         "(?<!d)ef|end",
                                         "\\W\\D",
                                         "^\\s*$",
                                         "x*",
                                         "[A-Z]{3,}_[A-Z]\\d",
                                         "(re)?turn x+",
                                         "(def|return)\\s",
                                         "\\S+ey",
                                         "(?=.)\\S+ey",
                                         "[\\S]ey",
                                         "\\bx\\b",
                                         "[[:space:]]x",
                                         "\\Aretur|\\zend",
                                         "colou?r|e{1,2}nd"};
  for (size_t i = 0; i < sizeof patterns / sizeof *patterns; i++) {
    for (unsigned flags = 0; flags < 2; flags++) {
      size_t found[2] = {0, 0}, sum[2] = {0, 0};
      for (unsigned plainly = 0; plainly < 2; plainly++) {
        struct csn_search_flaw flaw;
        struct csn_search_match m;
        struct csn_search *s =
            csn_search_begin(patterns[i], flags | (plainly ? CSN_SEARCH_PLAINLY : 0), &flaw);
        if (!s) BAIL_OUT("%s: %s", patterns[i], flaw.text);
        for (size_t at = 0; csn_search_next(s, text, sizeof text - 1, at, &m) == CSN_SEARCH_FOUND;
             at = m.line_end + 1) {
          found[plainly]++;
          sum[plainly] += m.line * found[plainly];
        }
        csn_search_end(s);
      }
      ok(found[0] == found[1] && sum[0] == sum[1], "%s finds the same %zu lines%s", patterns[i],
         found[1], flags ? ", regardless of case" : "");
    }
  }
}

int main(void) {
  files_begin();
  test_content();
  test_pieces();
  test_late();
  test_long_context();
  test_modes();
  test_chosen();
  test_texts();
  test_wide();
  test_patterns();
  test_output_limit();
  test_short_cuts();
  files_end();
  return done_testing();
}
