/* SPDX-License-Identifier: Apache-2.0 */
/* Output of every kind and size: what the hook gets is whole and as it was written; what a model
 * gets is text, cut to its limit, and says where the rest is. */
#include "support/host.h"
#include "support/process.h"
#include "tap.h"

#include <time.h>

#define GIB ((uint64_t)1 << 30)

static struct box *box;

/* ---- bytes that are no text ------------------------------------------------------------------ */

static void test_bytes(void) {
  static const struct {
    const char *what, *command;
    const char *live;
    size_t size;
    const char *text;
  } rows[] = {
#define REPLACED "\xef\xbf\xbd"
      {"NULs", "printf 'a\\0b\\0'", "a\0b\0", 4, "a" REPLACED "b" REPLACED},
      {"a character in two writes", "printf '\\xe2\\x82'; sleep 0.05; printf '\\xac!'",
       "\xe2\x82\xac!", 4, "\xe2\x82\xac!"},
      {"a character in four writes",
       "for b in f0 9f 90 8b; do printf \"\\\\x$b\"; sleep 0.02; done", "\xf0\x9f\x90\x8b", 4,
       "\xf0\x9f\x90\x8b"},
      {"bytes that are no UTF-8", "printf 'a\\xff\\xfeb'",
       "a\xff\xfe"
       "b",
       4, "a" REPLACED REPLACED "b"},
      {"half a character at the end", "printf 'ab\\xe2\\x82'", "ab\xe2\x82", 4, "ab" REPLACED},
      {"half a character, then text", "printf '\\xe2\\x82'; sleep 0.05; printf 'x'", "\xe2\x82x", 3,
       REPLACED "x"},
      {"an encoded surrogate", "printf '\\xed\\xa0\\x80'", "\xed\xa0\x80", 3,
       REPLACED REPLACED REPLACED},
      {"control characters", "printf '\\033[1m\\r\\b\\177'", "\033[1m\r\b\177", 7,
       "\033[1m\r\b\177"},
#undef REPLACED
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    CALL c = shell(box, "o", rows[i].command);
    exited(c, 0, "%s", rows[i].what);
    ok(c->out.size == rows[i].size && memcmp(c->out.data, rows[i].live, rows[i].size) == 0,
       "%s: live, they are as they were written", rows[i].what);
    is_str(call_string(c, "stdout"), rows[i].text, "%s: in the document they are text",
           rows[i].what);
    is_int(c->result.bytes_out, rows[i].size, "%s: counted as bytes", rows[i].what);
  }
}

/* ---- streams --------------------------------------------------------------------------------- */

static void test_closed_early(void) {
  CALL c = shell(box, "o", "echo bye; exec >&- 2>&-; sleep 0.3; exit 5");
  exited(c, 5, "a command that closes its output goes on");
  is_str(call_string(c, "stdout"), "bye\n", "what it had printed is there");
  call_ok(c, call_number(c, "duration_ms") >= 300, "its end is awaited");
}

#define BOTH 20000000

static void test_both_streams(void) {
  CALL c = call_new_python(
      box, "o",
      "import os, threading\n"
      "def fill(fd, byte):\n"
      "    left = 20000000\n"
      "    while left: left -= os.write(fd, byte * min(left, 65537))\n"
      "ts = [threading.Thread(target=fill, args=a) for a in ((1, b'o'), (2, b'e'))]\n"
      "[t.start() for t in ts]; [t.join() for t in ts]\n");
  call_run(c);
  exited(c, 0, "both streams filled at once");
  is_int(c->out.size, BOTH, "all of stdout came");
  is_int(c->errors.size, BOTH, "all of stderr came");
  ok(strspn(c->out.data, "o") == BOTH && strspn(c->errors.data, "e") == BOTH,
     "and nothing is mixed");
  is_int(c->result.bytes_out, 2 * BOTH, "bytes_out has both");
  uint64_t shown = strspn(call_string(c, "stdout"), "o") + strspn(call_string(c, "stderr"), "e");
  ok(shown > 1000 && c->result.bytes_dropped <= 2 * BOTH - shown, "the document has some of both");
}

/* ---- what a model sees ----------------------------------------------------------------------- */

/* Two equal lines, neither of them empty? */
static bool has_twins(const char *text) {
  size_t n = strcspn(text, "\n") + 1;
  return n > 1 && strlen(text) == 2 * n && memcmp(text, text + n, n) == 0;
}

static void test_head_and_tail(void) {
  CALL c = shell(box, "o", "seq 1 100000; exit 3");
  exited(c, 3, "output that is too long to show");
  const char *text = call_text(c);
  size_t n = strlen(text);
  is_int(c->result.bytes_out, 588895, "bytes_out is what was written");
  ok(c->result.flags & CAISSON_RESULT_TRUNCATED, "a flag says that it was cut");
  ok(call_is_true(c, "truncated"), "and a member");
  ok(n > 49000 && n < 50500, "about 50,000 characters are shown (%zu)", n);
  ok(strncmp(text, "1\n2\n3\n", 6) == 0, "its head is kept");
  ok(n > 20 && strcmp(text + n - 22, "\n99999\n100000\n[exit 3]") == 0, "and its tail: %s",
     n > 22 ? text + n - 22 : text);
  ok(strstr(text, "bytes omitted"), "the gap is marked");
  const char *path = call_string(c, "spill_path");
  ok(strncmp(path, "/tmp/.caisson/", 14) == 0 && strstr(text, path),
     "with the file that has it all");
  ok(call_is_true(c, "spill_whole"), "whole");
  is_int(call_number(c, "bytes_omitted"), c->result.bytes_dropped,
         "bytes_omitted is bytes_dropped");
  is_int((long)strlen(call_string(c, "stdout")) -
             (long)(c->result.bytes_out - c->result.bytes_dropped),
         (long)strcspn(strstr(call_string(c, "stdout"), "\n...") + 1, "\n") + 2,
         "what is shown and what is dropped is all there was");
  char compare[200];
  snprintf(compare, sizeof compare, "seq 1 100000 | sha256sum; sha256sum <'%s'", path);
  CALL sums = shell(box, "o", compare);
  ok(has_twins(call_string(sums, "stdout")), "the file has what was written");
}

static void test_limits(void) {
  CALL c = call_new_shell(box, "o", "printf '\xe2\x82\xac%.0s' $(seq 900)");
  c->output_limit = 1000;
  call_run(c);
  is_int(c->result.flags & CAISSON_RESULT_TRUNCATED, 0, "the limit counts characters, not bytes");
  is_int(strlen(call_string(c, "stdout")), 2700, "all of them are shown");
  CALL d = call_new_shell(box, "o", "printf '\xe2\x82\xac%.0s' $(seq 1100)");
  d->output_limit = 1000;
  call_run(d);
  ok(d->result.flags & CAISSON_RESULT_TRUNCATED, "one character more than the limit is cut");
  is_int(d->out.size, 3300, "the hook gets all the same everything");
  CALL e = call_new_shell(box, "o", "seq 1 3000; seq 1 3000 >&2");
  e->output_limit = 1000;
  call_run(e);
  size_t shown = strlen(call_string(e, "stdout")) + strlen(call_string(e, "stderr"));
  call_ok(e, shown > 900 && shown < 1300, "both streams share one limit (%zu characters)", shown);
  ok(strstr(call_string(e, "stderr"), "\n3000\n"), "and stderr gets its part");
}

/* ---- a gigabyte ------------------------------------------------------------------------------ */

static const char line[] = "0123456789abcde\n";

struct checked {
  uint64_t at;
  bool differs, has_blocked;
};

/* Byte i of the stream must be line[i % 16]. */
static int32_t check_line(struct call *c, uint32_t stream, const void *bytes, size_t n) {
  static char expected[1 << 16];
  struct checked *s = c->user;
  (void)stream;
  if (!expected[0])
    for (size_t i = 0; i < sizeof expected; i++) expected[i] = line[i % 16];
  for (size_t done = 0; done < n && !s->differs;) {
    size_t from = (s->at + done) % 16, part = sizeof expected - from;
    if (part > n - done) part = n - done;
    s->differs = memcmp((const char *)bytes + done, expected + from, part) != 0;
    done += part;
  }
  s->at += n;
  return 0;
}

static void run_lines(struct call *c, struct checked *s) {
  *s = (struct checked){0, false, false};
  c->keep = 0;
  c->on_output = check_line;
  c->user = s;
  call_run(c);
}

static void test_gigabyte(void) {
  struct checked s;
  CALL warm = call_new_shell(box, "o", "yes 0123456789abcde | head -c 20000000");
  run_lines(warm, &s);
  process_reset_peak();
  long before = process_kb("VmHWM");
  CALL c = call_new_shell(box, "o", "yes 0123456789abcde | head -c 1073741824");
  run_lines(c, &s);
  long grown = process_kb("VmHWM") - before;
  exited(c, 0, "a command that prints 1 GiB");
  is_int(s.at, GIB, "all of it comes live");
  ok(!s.differs, "as it was written");
  is_int(c->result.bytes_out, GIB, "bytes_out");
  is_int(call_number(c, "bytes_total"), GIB, "bytes_total");
  ok(c->result.bytes_dropped > GIB - 60000 && c->result.bytes_dropped < GIB, "bytes_dropped");
  /* The sanitizer keeps what is freed, so that its figure says nothing of the plugin. */
  ok(before > 0 && grown < (process_is_sanitized() ? 400000 : 4096),
     "the host's memory grew by %ld kB", grown);
  diag("1 GiB in %.1f s", (double)c->took_ns / 1e9);
  ok(cJSON_IsFalse(call_get(c, "spill_whole")), "the file in the sandbox has the first part only");
  ok(strstr(call_text(c), "the first part of the output is in /tmp/.caisson/"), "the text says so");
  char look[300];
  snprintf(look, sizeof look, "yes 0123456789abcde | head -c 33554432 | sha256sum; sha256sum <'%s'",
           call_string(c, "spill_path"));
  CALL sums = shell(box, "o", look);
  ok(has_twins(call_string(sums, "stdout")), "32 MiB of it, from the beginning");
}

/* ---- a host that is slow --------------------------------------------------------------------- */

#define BLOCKED_S 18 /* longer than the helper waits for a host that is silent */

static int32_t block_once(struct call *c, uint32_t stream, const void *bytes, size_t n) {
  static const struct timespec long_time = {.tv_sec = BLOCKED_S};
  struct checked *s = c->user;
  s->at += n;
  (void)stream, (void)bytes;
  if (s->has_blocked || s->at < 1000000) return 0;
  s->has_blocked = true;
  nanosleep(&long_time, NULL);
  return 0;
}

static void test_slow_host(void) {
  struct checked s = {0, false, false};
  CALL c =
      call_new_shell(box, "slow", "yes 0123456789abcde | head -c 8000000; echo >&2 done; exit 6");
  c->keep = 0;
  c->user = &s;
  c->on_output = block_once;
  call_run(c);
  exited(c, 6, "a hook that blocks for %d s does not end the command", BLOCKED_S);
  call_ok(c, s.has_blocked && c->took_ns > BLOCKED_S * 1000000000LL, "it did block");
  is_int(c->result.bytes_out, 8000005, "and all output came after it");
}

int main(void) {
  box = box_open(NULL);
  test_bytes();
  test_closed_early();
  test_both_streams();
  test_head_and_tail();
  test_limits();
  test_gigabyte();
  test_slow_host();
  box_close(box);
  return done_testing();
}
