/* SPDX-License-Identifier: Apache-2.0 */
/* caisson.async/1 on a real engine: one thread with an event loop runs many calls at once, streams
 * them, feeds them, cancels them, and is slow. */
#include "support/loop.h"
#include "support/process.h"
#include "tap.h"
#include "util/sha256.h"

#include <stdlib.h>
#include <string.h>

static struct box *box;
static struct loop *loop;

/* ---- many at once ---------------------------------------------------------------------------- */

#define MANY 50
#define CANCELLED 7
#define LATE 8

static void test_many(void) {
  struct started *calls[MANY];
  char command[128], session[8], want[64];
  int right = 0, streamed = 0, orderly = 0;
  for (int i = 0; i < MANY; i++) {
    snprintf(session, sizeof session, "s%d", i % 3);
    snprintf(command, sizeof command, "echo %d; sleep 0.3; echo %d >&2; exit %d", i, i + 1000, i);
    if (i == CANCELLED || i == LATE) snprintf(command, sizeof command, "echo %d; sleep 600", i);
    calls[i] = loop_shell(loop, session, command);
    if (i == LATE) calls[i]->call->deadline_ms = 3000;
    is_int(loop_start(calls[i]), CAISSON_OK, "call %d starts", i);
  }
  ok(loop_until_output(calls[CANCELLED], "7\n", 60000), "one of them has said something");
  call_cancel(calls[CANCELLED]->call);
  ok(loop_run(loop, 60000), "all end");
  was_cancelled(calls[CANCELLED]->call, "the one that was cancelled");
  was_late(calls[LATE]->call, "the one with a deadline");
  for (int i = 0; i < MANY; i++) {
    struct started *s = calls[i];
    orderly += s->dones == 1 && s->out_of_order == 0;
    snprintf(want, sizeof want, "%d\n", i);
    streamed += i == LATE || (s->call->out.data && strcmp(s->call->out.data, want) == 0);
    if (i != CANCELLED && i != LATE)
      right += call_has_ended(s->call, CAISSON_OK, CAISSON_OUTCOME_EXITED, i);
    loop_free_call(s);
  }
  is_int(right, MANY - 2, "each of the others exited as it should");
  is_int(streamed, MANY, "each one's output came to it");
  is_int(orderly, MANY, "each one's DONE came once, and last");
  is_int(loop->spurious, 0, "the descriptor was readable only when there was something");
}

static void test_failures(void) {
  struct started *s = loop_call(loop, call_new(box, "s0", "shell"));
  is_int(loop_start(s), CAISSON_OK, "a call with wrong arguments starts");
  ok(loop_run(loop, 20000), "and ends");
  did_not_start(s->call, CAISSON_E_ARGUMENTS, "with the status that call_run would have returned");
  is_str(s->call->err.reason, CAISSON_REASON_ARGUMENTS, "and its error");
  loop_free_call(s);
}

/* ---- output ---------------------------------------------------------------------------------- */

#define LARGE (64u << 20)
#define PRINT "python3 -c 'import sys\nb = bytes(range(251)) * 4096\nn = 0\n" \
  "while n < 67108864: n += sys.stdout.buffer.write(b[:67108864 - n])'"

static size_t checked, wrong;

static void check_bytes(struct loop *l, struct started *s, const caisson_event *e) {
  (void)l, (void)s;
  if (e->kind != CAISSON_EVENT_OUTPUT) return;
  for (size_t i = 0; i < e->bytes.size; i++)
    wrong += (unsigned char)e->bytes.data[i] != (checked + i) % 251;
  checked += e->bytes.size;
}

static void test_large(void) {
  struct started *s = loop_shell(loop, "s0", PRINT);
  s->keep = 0;
  s->on_event = check_bytes;
  loop_start(s);
  int64_t begun = host_now_ns();
  ok(loop_run(loop, 120000), "64 MiB of output");
  exited(s->call, 0, "from a command that ends well");
  is_int(checked, LARGE, "arrive whole");
  is_int(wrong, 0, "and in order");
  ok(s->outputs < 64 * 256, "in pieces worth a call (%d)", s->outputs);
  diag("64 MiB in %.1f s, %d events", (double)(host_now_ns() - begun) / 1e9, s->outputs);
  loop_free_call(s);
}

/* Both have filled whatever takes their output when the file that each touches has not changed. */
static void test_slow_host(void) {
  struct started *s = loop_shell(loop, "s0", "echo ready; yes & sleep 0.5; echo there > late; wait");
  struct started *t = loop_shell(loop, "s0", "echo ready; yes");
  t->call->deadline_ms = 6000;
  s->keep = t->keep = 64;
  loop_start(s);
  ok(loop_until_output(s, "ready", 20000), "a host that collects no more");
  process_reset_peak();
  long before = process_kb("VmHWM");
  loop_start(t);
  CALL other = shell(box, "s0", "until [ -e late ]; do sleep 0.05; done; sleep 1");
  exited(other, 0, "lets other calls of the session go on");
  long grown = process_kb("VmHWM") - before;
  ok(process_is_sanitized() || grown < 16384, "its memory stays as it is (%ld kB more)", grown);
  call_cancel(s->call);
  int64_t begun = host_now_ns();
  while (!s->dones && host_now_ns() - begun < 20000000000LL) loop_turn(loop, 1000);
  was_cancelled(s->call, "a cancel ends what waits for its host");
  call_ok(s->call, host_now_ns() - begun < 5000000000LL, "soon");
  is_int(call_number(s->call, "survivors"), 0, "and all of it");
  ok(loop_run(loop, 30000), "so does a deadline");
  was_late(t->call, "in its own way");
  loop_free_call(s);
  loop_free_call(t);
}

/* The host never collects, and still the command is gone: the DONE lies behind what there is. */
static void test_deaf_host(void) {
  struct started *s = loop_shell(loop, "s1", "echo ready; exec yes deaf-host");
  s->keep = 64;
  loop_start(s);
  ok(loop_until_output(s, "ready", 20000), "a host that does nothing at all");
  CALL other = shell(box, "s1", "sleep 0.5; grep -l deaf-host /proc/[0-9]*/cmdline | wc -l");
  ok(atoi(call_string(other, "stdout")) >= 1, "has a command that waits");
  call_cancel(s->call);
  CALL look = shell(box, "s1", "for i in $(seq 200); do pgrep -f '^yes deaf' || exit 0; sleep 0.05; done; "
                               "exit 1");
  exited(look, 0, "until it is cancelled");
  ok(loop_run(loop, 20000), "which is told when the host comes back");
  was_cancelled(s->call, "as it was");
  ok(s->out_seen <= 512 << 10, "behind no more than there was room for (%zu bytes)", s->out_seen);
  loop_free_call(s);
}

/* ---- input ----------------------------------------------------------------------------------- */

struct feed {
  size_t size, given;
  size_t piece;  /* one for each INPUT; 0: as much as is taken */
  int64_t last;  /* what feed returned for the end */
  bool has_ended;
  struct csn_sha256 sha;
};

static void fill(char *buffer, size_t at, size_t n) {
  for (size_t i = 0; i < n; i++) buffer[i] = (char)((at + i) * 2654435761u >> 13);
}

static void answer_input(struct loop *l, struct started *s, const caisson_event *e) {
  static char buffer[1 << 20];
  struct feed *f = s->user;
  if (e->kind != CAISSON_EVENT_INPUT || f->has_ended) return;
  size_t most = f->piece ? f->piece : sizeof buffer;
  size_t n = f->size - f->given < most ? f->size - f->given : most;
  fill(buffer, f->given, n);
  int64_t taken = n ? l->async->feed(l->queue, e->call, buffer, n) : 0;
  if (taken < 0 || taken > (int64_t)n) BAIL_OUT("feed: %lld", (long long)taken);
  csn_sha256_update(&f->sha, buffer, (size_t)taken);
  f->given += (size_t)taken;
  f->has_ended = f->given == f->size;
  if (f->has_ended) f->last = l->async->feed(l->queue, e->call, NULL, 0);
}

static void hex_of(struct feed *f, char out[CSN_SHA256_HEX]) {
  unsigned char digest[CSN_SHA256_SIZE];
  csn_sha256_final(&f->sha, digest);
  for (size_t i = 0; i < sizeof digest; i++) sprintf(out + 2 * i, "%02x", digest[i]);
}

static struct started *fed(struct call *call, struct feed *f) {
  struct started *s = loop_call(loop, call);
  csn_sha256_init(&f->sha);
  s->flags |= CAISSON_START_INPUT;
  s->user = f;
  s->on_event = answer_input;
  f->last = 99;
  return s;
}

static void test_stdin(void) {
  struct feed all = {.size = 20000000}, none = {.size = 0}, endless = {.size = SIZE_MAX};
  struct started *a = fed(call_new_shell(box, "s0", "sha256sum"), &all);
  struct started *b = fed(call_new_shell(box, "s1", "wc -c"), &none);
  struct started *c = fed(call_new_shell(box, "s2", "exit 3"), &endless);
  char hex[CSN_SHA256_HEX];
  loop_start(a), loop_start(b), loop_start(c);
  ok(loop_run(loop, 60000), "stdin by feed");
  hex_of(&all, hex);
  call_ok(a->call, strncmp(call_string(a->call, "stdout"), hex, 64) == 0, "20 MB in large pieces");
  is_int(all.last, 0, "and its end");
  is_str(call_string(b->call, "stdout"), "0\n", "an end without anything before it");
  exited(c->call, 3, "a command that reads nothing ends all the same");
  is_int(loop->async->feed(loop->queue, c->call->id, "x", 1), 0, "then nothing more is taken");
  loop_free_call(a), loop_free_call(b), loop_free_call(c);
}

/* A thousand ticks of 25 ms would take longer than the bound. */
static void test_pieces(void) {
  struct feed f = {.size = 300000, .piece = 300};
  struct started *s = fed(call_new_shell(box, "s0", "sha256sum"), &f);
  char hex[CSN_SHA256_HEX];
  int64_t begun = host_now_ns();
  loop_start(s);
  ok(loop_run(loop, 60000), "a thousand pieces");
  int64_t took = host_now_ns() - begun;
  diag("1000 pieces in %.1f s, %d INPUT events", (double)took / 1e9, s->inputs);
  hex_of(&f, hex);
  call_ok(s->call, strncmp(call_string(s->call, "stdout"), hex, 64) == 0, "one for each INPUT");
  ok(s->inputs <= 1001, "one INPUT for each feed");
  ok(took < host_patience(20000) * INT64_C(1000000), "none waits for the tick of 25 ms");
  loop_free_call(s);
}

static void test_upload(void) {
  struct feed f = {.size = 5000001, .piece = 70000};
  struct call *call = call_arg(call_new(box, "s0", "file.upload"), "name", "up.bin");
  call->flags = CAISSON_REQUEST_HOST;
  struct started *s = fed(call, &f);
  char hex[CSN_SHA256_HEX];
  loop_start(s);
  ok(loop_run(loop, 60000), "an upload by feed");
  exited(s->call, 0, "is taken");
  CALL sum = shell(box, "s0", "sha256sum < uploads/up.bin");
  hex_of(&f, hex);
  call_ok(sum, strncmp(call_string(sum, "stdout"), hex, 64) == 0, "and is what was sent");
  loop_free_call(s);
}

static void test_input_cancelled(void) {
  struct feed f = {.size = SIZE_MAX};
  struct started *s = fed(call_new_shell(box, "s0", "echo ready; sleep 600"), &f);
  loop_start(s);
  ok(loop_until_output(s, "ready", 20000), "a command that does not read");
  while (loop_turn(loop, 300) > 0) continue;
  ok(f.given < 4000000, "is fed no more than there is room for (%zu bytes)", f.given);
  call_cancel(s->call);
  ok(loop_run(loop, 20000), "and is cancelled");
  was_cancelled(s->call, "as any other");
  loop_free_call(s);
}

int main(void) {
  free(host_instance_name(NULL)); /* the janitor has a descriptor of its own */
  int threads = process_threads(), fds = process_fds();
  box = box_open(NULL);
  loop = loop_open(box);
  test_many();
  test_failures();
  test_large();
  test_slow_host();
  test_deaf_host();
  test_stdin();
  test_pieces();
  test_upload();
  test_input_cancelled();
  is_int(loop->spurious, 0, "the descriptor never cried wolf");
  loop_close(loop);
  box_close(box);
  is_int(process_threads(), threads, "no thread is left at the end");
  is_int(process_fds(), fds, "and no descriptor");
  return done_testing();
}
