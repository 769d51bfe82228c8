/* SPDX-License-Identifier: Apache-2.0 */
/* The demultiplexer gives back what was mixed, however it is cut, and refuses what no engine
 * sends. */
#include <stdlib.h>
#include <string.h>

#include "engine/demux.h"
#include "tap.h"

/* Everything that comes out, each stream by itself; returns what the last call did. */
static int run(struct csn_demux *d, const uint8_t *bytes, size_t n, size_t piece, char out[4][64],
               struct csn_error *err) {
  size_t size[4] = {strlen(out[0]), strlen(out[1]), strlen(out[2]), strlen(out[3])};
  for (size_t at = 0; at < n; at += piece) {
    size_t left = piece < n - at ? piece : n - at;
    uint8_t *copy = malloc(left);
    memcpy(copy, bytes + at, left);
    const void *in = copy;
    struct csn_demux_slice slice;
    int rc;
    while ((rc = csn_demux_next(d, &in, &left, &slice, err)) == 1) {
      if (slice.n == 0) BAIL_OUT("an empty slice");
      memcpy(out[slice.stream] + size[slice.stream], slice.bytes, slice.n);
      size[slice.stream] += slice.n;
    }
    free(copy);
    if (rc) return rc;
    if (left) BAIL_OUT("it left something");
  }
  return 0;
}

static void test_good(void) {
  static const uint8_t bytes[] = "\1\0\0\0\0\0\0\5hello"
                                 "\2\0\0\0\0\0\0\3err"
                                 "\1\0\0\0\0\0\0\0"
                                 "\1\0\0\0\0\0\0\6 world"
                                 "\3\0\0\0\0\0\0\4oops";
  for (size_t piece = 1; piece <= sizeof bytes; piece++) {
    struct csn_demux d;
    char out[4][64] = {"", "", "", ""};
    csn_demux_init(&d);
    is_int(run(&d, bytes, sizeof bytes - 1, piece, out, NULL), 0, "%zu at a time", piece);
    is_str(out[1], "hello world", "stdout");
    is_str(out[2], "err", "stderr");
    is_str(out[3], "oops", "the engine's own words");
    ok(csn_demux_idle(&d), "it may end here");
  }
}

static void test_idle(void) {
  struct csn_demux d;
  char out[4][64] = {"", "", "", ""};
  csn_demux_init(&d);
  ok(csn_demux_idle(&d), "it may end before it begins");
  run(&d, (const uint8_t *)"\1\0\0", 3, 3, out, NULL);
  ok(!csn_demux_idle(&d), "not within a header");
  run(&d, (const uint8_t *)"\0\0\0\0\2x", 6, 6, out, NULL);
  ok(!csn_demux_idle(&d), "not within a payload");
  run(&d, (const uint8_t *)"y", 1, 1, out, NULL);
  ok(csn_demux_idle(&d), "but behind it");
  is_str(out[1], "xy", "which came whole");
}

static void test_bad(void) {
  static const struct {
    uint8_t header[8];
    const char *why;
  } cases[] = {
      {{0, 0, 0, 0, 0, 0, 0, 1}, "stream 0"},
      {{4, 0, 0, 0, 0, 0, 0, 1}, "stream 4"},
      {{255, 0, 0, 0, 0, 0, 0, 1}, "stream 255"},
      {{1, 1, 0, 0, 0, 0, 0, 1}, "no zero"},
      {{1, 0, 1, 0, 0, 0, 0, 1}, "no zero"},
      {{1, 0, 0, 1, 0, 0, 0, 1}, "no zero"},
      {{1, 0, 0, 0, 255, 255, 255, 255}, "4 GiB"},
      {{1, 0, 0, 0, 1, 0, 0, 1}, "16 MiB and a byte"},
      {{'H', 'T', 'T', 'P', '/', '1', '.', '1'}, "text"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct csn_demux d;
    struct csn_error err = {0};
    char out[4][64] = {"", "", "", ""};
    csn_demux_init(&d);
    is_int(run(&d, cases[i].header, 8, 8, out, &err), CAISSON_E_ENGINE, "%s is refused",
           cases[i].why);
    is_str(err.reason, CAISSON_REASON_ENGINE_PROTOCOL, "with its reason");
    is_int(run(&d, (const uint8_t *)"\1\0\0\0\0\0\0\1x", 9, 9, out, &err), CAISSON_E_ENGINE,
           "and what follows is not believed");
    is_str(out[1], "", "nor given out");
  }
  struct csn_demux d;
  char out[4][64] = {"", "", "", ""};
  csn_demux_init(&d);
  is_int(run(&d, (const uint8_t *)"\1\0\0\0\1\0\0\0", 8, 8, out, NULL), 0, "16 MiB are taken");
  is_int(d.left, CSN_DEMUX_LENGTH_MAX, "as such");
}

int main(void) {
  test_good();
  test_idle();
  test_bad();
  return done_testing();
}
