/* SPDX-License-Identifier: Apache-2.0 */
/* stdin: through the request's input callback, however it comes and whatever the command does with
 * it, and as an argument. */
#include "support/host.h"
#include "tap.h"

static struct box *box;

/* ---- a source -------------------------------------------------------------------------------- */

/* Gives the first `size` bytes of what `seq 1 ...` prints, and then `last`. The sandbox can make
 * the same, so it compares. */
struct source {
  uint64_t size;
  int64_t last;
  uint64_t piece;       /* at most so many at a time; 0: as many as are taken */
  int again;            /* answers CAISSON_INPUT_AGAIN so often before each piece */
  struct call *cancels; /* once all has come back from it, it is cancelled in place of `last` */
  /* How far it is. */
  uint64_t given, number;
  char text[24];
  size_t text_size, text_at;
  int agains, calls;
};

static uint64_t fill(struct source *s, char *out, uint64_t n) {
  uint64_t done = 0;
  while (done < n) {
    if (s->text_at == s->text_size) {
      s->text_size = (size_t)sprintf(s->text, "%llu\n", (unsigned long long)++s->number);
      s->text_at = 0;
    }
    uint64_t part = s->text_size - s->text_at;
    if (part > n - done) part = n - done;
    memcpy(out + done, s->text + s->text_at, part);
    s->text_at += part;
    done += part;
  }
  return done;
}

static int64_t give(void *ctx, void *buffer, uint64_t capacity) {
  struct source *s = ctx;
  s->calls++;
  if (s->agains++ < s->again) return CAISSON_INPUT_AGAIN;
  s->agains = 0;
  uint64_t n = s->size - s->given;
  if (n > capacity) n = capacity;
  if (s->piece && n > s->piece) n = s->piece;
  s->given += fill(s, buffer, n);
  if (n == 0 && s->cancels) {
    if (atomic_load(&s->cancels->seen) == s->size) call_cancel(s->cancels);
    return CAISSON_INPUT_AGAIN;
  }
  return n ? (int64_t)n : s->last;
}

static struct call *fed_shell(const char *command, struct source *s) {
  struct call *c = call_new_shell(box, "i", command);
  c->input = give;
  c->input_ctx = s;
  return c;
}

/* ---- all of it ------------------------------------------------------------------------------- */

#define COMPARE(n) "seq 1 99999999 | head -c " #n " | sha256sum; sha256sum"

static bool has_twins(const char *text) {
  size_t n = strcspn(text, "\n") + 1;
  return n > 1 && strlen(text) == 2 * n && memcmp(text, text + n, n) == 0;
}

static void test_large(void) {
  struct source s = {.size = 100000000};
  CALL c = call_run(fed_shell(COMPARE(100000000), &s));
  exited(c, 0, "100 MB of stdin");
  is_int(s.given, 100000000, "all of it is taken");
  call_ok(c, has_twins(call_string(c, "stdout")), "and reaches the command as it was");
  diag("100 MB in %.1f s", (double)c->took_ns / 1e9);
}

static void test_through(void) {
  struct source s = {.size = 20000000};
  CALL c = fed_shell("cat", &s);
  c->output_limit = 1000;
  call_run(c);
  exited(c, 0, "20 MB in and out again at the same time");
  is_int(c->out.size, 20000000, "all of it comes back");
  ok(c->out.size > 20 && memcmp(c->out.data, "1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n", 21) == 0,
     "from its start");
}

static void test_pieces(void) {
  struct source one = {.size = 500, .piece = 1};
  CALL c = call_run(fed_shell(COMPARE(500), &one));
  call_ok(c, has_twins(call_string(c, "stdout")), "a byte at a time");
  struct source slow = {.size = 60000, .piece = 6000, .again = 3};
  CALL d = call_run(fed_shell(COMPARE(60000), &slow));
  call_ok(d, has_twins(call_string(d, "stdout")), "CAISSON_INPUT_AGAIN before each piece");
  ok(slow.calls >= 44, "it is asked again each time (%d)", slow.calls);
  call_ok(d, d->took_ns < 10000000000LL, "soon");
  ok(slow.calls < 1000, "and not all the time");
  struct source none = {.size = 0};
  CALL e = call_run(fed_shell("wc -c", &none));
  is_str(call_string(e, "stdout"), "0\n", "nothing at all");
}

/* ---- ends ------------------------------------------------------------------------------------ */

static void test_error(void) {
  struct source s = {.size = 1000, .last = CAISSON_INPUT_ERROR};
  CALL c = call_run(fed_shell("cat; sleep 600", &s));
  was_cancelled(c, "CAISSON_INPUT_ERROR");
  is_str(call_reason(c), CAISSON_REASON_INPUT, "has a reason of its own");
  is_int(call_number(c, "survivors"), 0, "and ends the command");
  struct source liar = {.size = 1000, .last = INT64_MAX};
  CALL d = call_run(fed_shell("cat; sleep 600", &liar));
  was_cancelled(d, "a callback that claims more than it was asked for");
  is_str(call_reason(d), CAISSON_REASON_INPUT, "is an error too");
}

static void test_ignored(void) {
  struct source s = {.size = UINT64_C(1) << 40};
  CALL c = call_run(fed_shell("sleep 0.2; echo out", &s));
  exited(c, 0, "a command that ignores endless stdin");
  is_str(call_string(c, "stdout"), "out\n", "ends as if there was none");
  ok(s.given < 4000000, "and little of it is taken (%llu bytes)", (unsigned long long)s.given);
}

static void test_closed(void) {
  struct source s = {.size = UINT64_C(1) << 40};
  CALL c = call_run(fed_shell("head -n 2; exec <&-; sleep 0.5; exit 4", &s));
  exited(c, 4, "a command that closes its stdin early");
  is_str(call_string(c, "stdout"), "1\n2\n", "had what it read");
  call_ok(c, call_number(c, "duration_ms") >= 500, "and goes on");
  CALL next = shell(box, "i", "cat");
  exited(next, 0, "what was left over");
  is_str(call_string(next, "stdout"), "", "does not reach the next command");
}

static void test_cancel(void) {
  struct source s = {.size = UINT64_C(1) << 40};
  CALL c = call_start(fed_shell("echo ready; sleep 600", &s));
  ok(call_wait_output(c, "ready", 20000), "a command that does not read");
  call_cancel(c);
  call_join(c);
  was_cancelled(c, "is cancelled while stdin is full");
  struct source t = {.size = 100};
  CALL d = fed_shell("cat", &t);
  t.cancels = d;
  call_run(d);
  was_cancelled(d, "a cancel from the callback itself, while the command waits for more");
  is_int(d->out.size, 100, "has its output so far");
  struct source u = {.size = 0, .again = 1000000};
  CALL e = fed_shell("cat", &u);
  e->deadline_ms = 300;
  call_run(e);
  was_late(e, "a deadline while nothing comes");
}

/* ---- the argument ---------------------------------------------------------------------------- */

static void test_argument(void) {
  CALL c = call_run(
      call_arg(call_new_shell(box, "i", "cat; echo .; cat"), "stdin", "l\xc3\xa4uft\nein"));
  is_str(call_string(c, "stdout"), "l\xc3\xa4uft\nein.\n",
         "stdin as an argument, and then its end");
  CALL none = shell(box, "i", "cat; [ -t 0 ] || echo no terminal");
  is_str(call_string(none, "stdout"), "no terminal\n", "without any there is end-of-file");
  struct source s = {.size = 6};
  CALL both = call_run(call_arg(fed_shell("cat", &s), "stdin", "argument"));
  is_str(call_string(both, "stdout"), "1\n2\n3\n", "the host's input comes before the argument");
  size_t n = 3000000;
  char *text = malloc(n + 1);
  memset(text, 'x', n);
  text[n] = '\0';
  CALL large = call_run(call_arg(call_new_shell(box, "i", "wc -c"), "stdin", text));
  is_str(call_string(large, "stdout"), "3000000\n", "an argument of 3 MB");
  free(text);
}

int main(void) {
  box = box_open(NULL);
  test_large();
  test_through();
  test_pieces();
  test_error();
  test_ignored();
  test_closed();
  test_cancel();
  test_argument();
  box_close(box);
  return done_testing();
}
