/* SPDX-License-Identifier: Apache-2.0 */
/* The host's end of the wire, against good helpers, hostile ones, and ones that die at every byte. */
#include "channel_bench.h"

/* ---- as it should be ------------------------------------------------------------------------ */

static void test_good(void) {
  struct bench b;
  bench_begin(&b, good);
  const struct csn_channel_hello *h = csn_channel_hello(b.channel);
  ok(h->uid == 30123 && h->gid == 30124 && h->age_ms == 5 && strcmp(h->key, "key") == 0,
     "a hello is understood");
  for (int i = 0; i < 3; i++) {
    is_int(run(&b), 0, "call %d runs", i + 1);
    ok(b.result.outcome == CAISSON_OUTCOME_EXITED && b.result.exit_code == 3, "and has its end");
    is_str(b.output, "hi\n", "and its output");
    ok(csn_channel_is_usable(b.channel), "the channel can take another");
  }
  bench_stop(&b);
}

static void good_in_bytes(struct bench *b, int fd) {
  struct words w;
  put_hello(words(&w));
  for (size_t i = 0; i < w.out.size; i++) say_on(fd, 1, w.bytes + i, 1);
  if (!await(b, fd, CSN_FRAME_RUN)) return;
  csn_frame_put(words(&w), CSN_FRAME_OUT, "hi\n", 3);
  put_exit(&w.out, 3);
  uint8_t raw[sizeof w.bytes + 8] = {1, 0, 0, 0, 0, 0, (uint8_t)(w.out.size >> 8),
                                     (uint8_t)w.out.size};
  memcpy(raw + 8, w.bytes, w.out.size);
  for (size_t i = 0; i < w.out.size + 8; i++) {
    server_send(fd, (const char *)raw + i, 1);
    sched_yield();
  }
  await(b, fd, CSN_FRAME_BYE);
}

static void test_in_bytes(void) {
  struct bench b;
  bench_begin(&b, good_in_bytes);
  is_int(run(&b), 0, "byte by byte, in payloads of one and in one payload");
  ok(b.result.exit_code == 3 && b.output_size == 3, "everything arrives");
  bench_stop(&b);
}

#define LONG ((size_t)8 << 20)

static void talkative(struct bench *b, int fd) {
  static uint8_t block[CSN_FRAME_HEAD + 65536];
  say_hello(fd);
  if (!await(b, fd, CSN_FRAME_RUN)) return;
  memset(block, 'x', sizeof block);
  csn_frame_head(block, CSN_FRAME_OUT, 65536);
  for (size_t i = 0; i < LONG / 65536; i++) say_on(fd, 1, block, sizeof block);
  say_exit(fd, 0);
  await(b, fd, CSN_FRAME_BYE);
}

static void test_long_output(void) {
  struct bench b;
  bench_begin(&b, talkative);
  is_int(run(&b), 0, "a long output");
  is_int(b.output_size, LONG, "comes whole");
  bench_stop(&b);
}

/* ---- a helper that dies --------------------------------------------------------------------- */

/* Plays b->bytes up to b->cut; what follows the hello waits for the request. */
static void play(struct bench *b, int fd) {
  size_t first = b->cut < b->hello_size ? b->cut : b->hello_size;
  server_send(fd, (const char *)b->bytes, first);
  if (b->cut <= b->hello_size || !await(b, fd, CSN_FRAME_RUN)) return;
  server_send(fd, (const char *)b->bytes + first, b->cut - first);
}

static size_t wrap(uint8_t *raw, const struct csn_wire_out *out) {
  uint8_t head[8] = {1, 0, 0, 0, 0, 0, (uint8_t)(out->size >> 8), (uint8_t)out->size};
  memcpy(raw, head, 8);
  memcpy(raw + 8, out->bytes, out->size);
  return out->size + 8;
}

/* A whole conversation of the helper's: the hello, some output, the end. */
static size_t conversation(uint8_t *raw, size_t *hello_size) {
  struct words w;
  put_hello(words(&w));
  *hello_size = wrap(raw, &w.out);
  csn_frame_put(words(&w), CSN_FRAME_OUT, "hi\n", 3);
  csn_wire_put_u64(&w.out, CSN_FRAME_STDIN_WANT, 10);
  put_exit(&w.out, 3);
  return *hello_size + wrap(raw + *hello_size, &w.out);
}

static int is_clean_text(const char *text) {
  for (; *text; text++)
    if ((unsigned char)*text < ' ' || (unsigned char)*text > 0x7e) return 0;
  return 1;
}

static void test_every_cut(void) {
  static uint8_t raw[32768];
  size_t hello, size = conversation(raw, &hello);
  int wrong = 0;
  for (size_t cut = 0; cut < size; cut++) {
    struct bench b;
    bench_start(&b, play);
    b.bytes = raw;
    b.size = size;
    b.hello_size = hello;
    b.cut = cut;
    int rc = bench_open(&b);
    if (cut < hello)
      wrong += rc != CAISSON_E_LOST || strcmp(b.err.reason, CAISSON_REASON_HELPER_LOST) != 0;
    else
      wrong += rc != 0 || !is_lost(&b, run(&b), CAISSON_REASON_HELPER_LOST) ||
               !is_clean_text(b.result.message);
    if (wrong == 1) diag("first at byte %zu of %zu: %d %s", cut, size, rc, b.err.message);
    wrong += csn_channel_is_usable(b.channel);
    bench_stop(&b);
  }
  is_int(wrong, 0, "an end at each of %zu bytes: lost, at once, and never used again", size);
}

/* Whatever one wrong byte does: an answer, an error or a loss, and nothing worse. */
static void test_every_flip(void) {
  static const uint8_t flips[] = {0x01, 0x80, 0xff};
  static uint8_t raw[32768];
  size_t hello, size = conversation(raw, &hello);
  int wrong = 0, lost = 0;
  for (size_t at = 0; at < size * sizeof flips; at++) {
    struct bench b;
    uint8_t *byte = &raw[at / sizeof flips], before = *byte;
    *byte ^= flips[at % sizeof flips];
    bench_start(&b, play);
    b.bytes = raw;
    b.size = size;
    b.cut = at / sizeof flips < hello ? hello : size; /* a longer hello would wait for ever */
    b.hello_size = hello;
    int rc = bench_open(&b);
    if (rc) {
      wrong += rc != CAISSON_E_LOST || !is_clean_text(b.err.message);
      lost++;
    } else {
      rc = run(&b);
      wrong += rc != 0 || b.result.outcome == CAISSON_OUTCOME_NONE ||
               !is_clean_text(b.result.message);
      lost += b.result.outcome == CAISSON_OUTCOME_LOST;
    }
    bench_stop(&b);
    *byte = before;
  }
  is_int(wrong, 0, "one bit or byte wrong, %zu times: never more than a loss", size * sizeof flips);
  ok(lost > (int)size / 2, "most of which are seen (%d)", lost);
}

/* ---- malformed and hostile ------------------------------------------------------------------ */

static void put_frame(struct csn_wire_out *out, uint8_t type, size_t n) {
  static const uint8_t zeros[CSN_FRAME_MAX];
  csn_frame_put(out, type, zeros, n);
}

static void bad_type(struct csn_wire_out *out) { put_frame(out, 0x77, 4); }
static void bad_sender(struct csn_wire_out *out) { put_frame(out, CSN_FRAME_PING, 8); }
static void bad_hello(struct csn_wire_out *out) { put_hello(out); }
static void bad_pong(struct csn_wire_out *out) { put_frame(out, CSN_FRAME_PONG, 7); }
static void bad_empty(struct csn_wire_out *out) { put_frame(out, CSN_FRAME_OUT, 0); }
static void bad_closed(struct csn_wire_out *out) { put_frame(out, CSN_FRAME_STDIN_CLOSED, 1); }
static void bad_exit(struct csn_wire_out *out) { put_frame(out, CSN_FRAME_EXIT, 0); }

static void bad_length(struct csn_wire_out *out) {
  static const uint8_t head[] = {0xff, 0xff, 0xff, 0xff, CSN_FRAME_OUT};
  csn_wire_put(out, head, sizeof head);
}

static void bad_outcome(struct csn_wire_out *out) {
  struct csn_wire_exit e = exit_of(0);
  e.outcome = 99;
  csn_wire_put_exit(out, &e);
}

static void bad_number(struct csn_wire_out *out) {
  size_t mark = csn_frame_begin(out, CSN_FRAME_EXIT);
  csn_field_put_bytes(out, CSN_FIELD_OUTCOME, "\1", 1);
  csn_frame_end(out, mark);
}

static void bad_twice(struct csn_wire_out *out) {
  size_t mark = csn_frame_begin(out, CSN_FRAME_EXIT);
  csn_field_put_number(out, CSN_FIELD_OUTCOME, 1);
  csn_field_put_number(out, CSN_FIELD_OUTCOME, 1);
  csn_frame_end(out, mark);
}

static void bad_field(struct csn_wire_out *out) {
  size_t mark = csn_frame_begin(out, CSN_FRAME_EXIT);
  csn_field_put_number(out, CSN_FIELD_PID, 1);
  csn_frame_end(out, mark);
}

static void bad_end(struct csn_wire_out *out) {
  static const uint8_t field[] = {0x20, 0, 8, 0, 0};
  size_t mark = csn_frame_begin(out, CSN_FRAME_EXIT);
  csn_wire_put(out, field, sizeof field);
  csn_frame_end(out, mark);
}

static void (*bad_frame)(struct csn_wire_out *out);

static void malformed(struct bench *b, int fd) {
  struct words w;
  say_hello(fd);
  if (!await(b, fd, CSN_FRAME_RUN)) return;
  bad_frame(words(&w));
  say(fd, &w.out);
  await(b, fd, CSN_FRAME_BYE); /* the host must not wait for us */
}

static void test_malformed(void) {
  static const struct {
    const char *what;
    void (*put)(struct csn_wire_out *out);
  } cases[] = {
      {"a type that does not exist", bad_type},   {"a frame of the host's", bad_sender},
      {"a second hello", bad_hello},              {"a pong of 7 bytes", bad_pong},
      {"output of no bytes", bad_empty},          {"a frame that must be empty", bad_closed},
      {"a length of 4 GiB", bad_length},          {"an outcome that does not exist", bad_outcome},
      {"an end without fields", bad_exit},        {"a number of one byte", bad_number},
      {"a field twice", bad_twice},               {"a field that stands elsewhere", bad_field},
      {"a field that ends too soon", bad_end},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct bench b;
    bad_frame = cases[i].put;
    bench_begin(&b, malformed);
    ok(is_lost(&b, run(&b), CAISSON_REASON_HELPER_PROTOCOL), "%s: lost as malformed", cases[i].what);
    ok(b.result.exit_code == CAISSON_EXIT_UNKNOWN && is_clean_text(b.result.message) &&
           strstr(b.result.message, "malformed"),
       "%s: in words", cases[i].what);
    ok(!csn_channel_is_usable(b.channel), "%s: and the channel is over", cases[i].what);
    bench_stop(&b);
  }
}

static void bad_version(struct bench *b, int fd) {
  struct words w;
  put_hello(words(&w));
  w.bytes[CSN_FRAME_HEAD]++;
  say(fd, &w.out);
  await(b, fd, CSN_FRAME_BYE);
}

static void no_hello(struct bench *b, int fd) {
  say_exit(fd, 0);
  await(b, fd, CSN_FRAME_BYE);
}

static void engine_words(struct bench *b, int fd) {
  server_say(fd, "OCI runtime exec failed: exec failed: no such file or directory: unknown\r\n");
  await(b, fd, CSN_FRAME_BYE);
}

static void escape_words(struct bench *b, int fd) {
  static const char words[] = "caisson: init: \033[2J\007 gone \xff\xfe\n";
  say_on(fd, CSN_DEMUX_STDERR, words, sizeof words - 1);
  (void)b;
}

static void test_bad_hello(void) {
  static const struct {
    const char *what;
    void (*guest)(struct bench *b, int fd);
    const char *words;
  } cases[] = {
      {"a hello of another version", bad_version, ""},
      {"an end in place of a hello", no_hello, ""},
      {"an engine's plain words", engine_words, "no such file or directory"},
      {"last words with escapes", escape_words, "caisson: init: ?[2J? gone"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct bench b;
    bench_start(&b, cases[i].guest);
    int rc = bench_open(&b);
    if (!ok(rc == CAISSON_E_LOST && strstr(b.err.message, cases[i].words), "%s", cases[i].what))
      diag("%d %s: %s", rc, b.err.reason, b.err.message);
    ok(is_clean_text(b.err.message), "%s: told in plain text", cases[i].what);
    bench_stop(&b);
  }
}

static void huge(struct bench *b, int fd) {
  struct words w;
  struct csn_wire_exit e = {.outcome = CSN_OUTCOME_EXITED,
                            .how = CSN_HOW_SIGNALLED,
                            .status = UINT64_MAX,
                            .duration_ns = UINT64_MAX,
                            .out_bytes = UINT64_MAX,
                            .err_bytes = UINT64_MAX,
                            .spill_whole = UINT64_MAX,
                            .still_running = UINT64_MAX,
                            .survivors = UINT64_MAX};
  e.spill_path.bytes = "/etc/passwd";
  e.spill_path.size = 11;
  e.survivor_text.bytes = "pid 1 (\033]0;x\007) \xff\n";
  e.survivor_text.size = 17;
  say_hello(fd);
  if (!await(b, fd, CSN_FRAME_RUN)) return;
  words(&w);
  for (int i = 0; i < 4; i++) csn_wire_put_u64(&w.out, CSN_FRAME_STDIN_WANT, UINT64_MAX);
  csn_wire_put_exit(&w.out, &e);
  say(fd, &w.out);
  await(b, fd, CSN_FRAME_BYE);
}

static void test_huge(void) {
  struct bench b;
  bench_begin(&b, huge);
  is_int(run(&b), 0, "numbers of 64 ones");
  is_int(b.result.outcome, CAISSON_OUTCOME_EXITED, "are an end all the same");
  ok(b.result.exit_code >= 0 && b.result.exit_code <= 255 + 128, "with an exit code");
  ok(b.result.survivors == UINT32_MAX && b.result.still_running == UINT32_MAX, "and counts");
  is_str(b.result.spill_path, "", "a path outside the helper's folder is not repeated");
  ok(is_clean_text(b.result.survivors_text), "text is made plain");
  bench_stop(&b);
}

/* ---- process 1's own words ------------------------------------------------------------------ */

static void serve_ended(struct bench *b, int fd) {
  static const char noise[] = "caisson: init: something that fills the room for words, again\n";
  static const char a[] = "caisson: init: words\ncaisson: serve en", c[] = "ded: signal 9\n";
  say_hello(fd);
  if (!await(b, fd, CSN_FRAME_RUN)) return;
  if (b->piece) /* as much as a long life may bring */
    for (int i = 0; i < 20; i++) say_on(fd, CSN_DEMUX_STDERR, noise, sizeof noise - 1);
  say_on(fd, CSN_DEMUX_STDERR, a, sizeof a - 1);
  say_on(fd, CSN_DEMUX_STDERR, c, sizeof c - 1);
  await(b, fd, CSN_FRAME_BYE); /* no end of the stream: process 1 lives */
}

/* The same in one write with the end of the call. */
static void ended_with_exit(struct bench *b, int fd) {
  static const char line[] = "caisson: serve ended: exit 0\n";
  struct words w;
  uint8_t raw[512];
  say_hello(fd);
  if (!await(b, fd, CSN_FRAME_RUN)) return;
  put_exit(words(&w), 5);
  size_t n = wrap(raw, &w.out);
  memcpy(raw + n, (const uint8_t[]){2, 0, 0, 0, 0, 0, 0, sizeof line - 1}, 8);
  memcpy(raw + n + 8, line, sizeof line - 1);
  server_send(fd, (const char *)raw, n + 8 + sizeof line - 1);
  await(b, fd, CSN_FRAME_BYE);
}

static void test_ended_with_exit(void) {
  struct bench b;
  bench_begin(&b, ended_with_exit);
  ok(run(&b) == 0 && b.result.exit_code == 5, "a helper that ends right after a call");
  ok(!csn_channel_is_usable(b.channel), "is not asked again");
  bench_stop(&b);
}

static void test_serve_ended(void) {
  for (size_t noisy = 0; noisy < 2; noisy++) {
    struct bench b;
    bench_begin(&b, serve_ended);
    b.piece = noisy;
    int64_t begin = csn_clock_now();
    ok(is_lost(&b, run(&b), CAISSON_REASON_HELPER_LOST), "process 1 says that the helper ended%s",
       noisy ? ", after many other words" : "");
    ok(ms_since(begin) < 4000, "which is heard at once");
    bench_stop(&b);
  }
}

static void forged(struct bench *b, int fd) {
  say_hello(fd);
  if (!await(b, fd, CSN_FRAME_RUN)) return;
  say_out(fd, "caisson: serve ended: exit 0\n");
  say_exit(fd, 0);
  await(b, fd, CSN_FRAME_BYE);
}

static void test_forged(void) {
  struct bench b;
  bench_begin(&b, forged);
  is_int(run(&b), 0, "a command that prints such a line");
  is_int(b.result.outcome, CAISSON_OUTCOME_EXITED, "ends nothing by it");
  bench_stop(&b);
}

int main(void) {
  test_good();
  test_in_bytes();
  test_long_output();
  test_every_cut();
  test_every_flip();
  test_malformed();
  test_bad_hello();
  test_huge();
  test_ended_with_exit();
  test_serve_ended();
  test_forged();
  return done_testing();
}
