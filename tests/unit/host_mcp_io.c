/* SPDX-License-Identifier: Apache-2.0 */
/* Lines in, however they arrive; lines out, to a reader who is slow or gone; progress between. */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "host_demo/mcp_in.h"
#include "host_demo/mcp_out.h"
#include "host_demo/mcp_progress.h"
#include "tap.h"

/* ---- in -------------------------------------------------------------------------------------- */

static int line_is(struct csn_in *in, const char *wanted) {
  const char *line = NULL;
  size_t n = 0;
  return csn_in_read(in, &line, &n) == CSN_IN_LINE && n == strlen(wanted) &&
         memcmp(line, wanted, n) == 0;
}

static void test_pieces(void) {
  static const char text[] = "one\n\n \t\r\ntwo\r\nthree";
  int ends[2], never[2];
  const char *line = NULL;
  size_t n = 0;
  struct csn_in in = {0};
  if (pipe(ends) != 0 || pipe(never) != 0) return;
  in.fd = ends[0];
  in.ending = never[0];
  ok(write(ends[1], text, sizeof text - 1) == sizeof text - 1, "several lines at once");
  (void)close(ends[1]);
  ok(line_is(&in, "one") && line_is(&in, "two\r") && line_is(&in, "three"),
     "come one by one, without blank ones, and the last without its newline");
  is_int(csn_in_read(&in, &line, &n), CSN_IN_END, "then comes the end");
  csn_in_free(&in);
  (void)close(ends[0]);
  (void)close(never[0]);
  (void)close(never[1]);
}

static void write_all(int fd, const char *bytes, size_t n) {
  while (n > 0) {
    ssize_t done = write(fd, bytes, n);
    if (done <= 0) exit(1);
    bytes += done;
    n -= (size_t)done;
  }
}

/* A writer of its own, since a pipe does not hold it. */
static void test_too_long(void) {
  int ends[2], never[2];
  const char *line = NULL;
  size_t n = 0;
  struct csn_in in = {0};
  if (pipe(ends) != 0 || pipe(never) != 0) return;
  pid_t child = fork();
  if (child == 0) {
    static char block[1 << 20];
    memset(block, 'x', sizeof block);
    for (size_t i = 0; i < 40; i++) write_all(ends[1], block, sizeof block);
    write_all(ends[1], "\nshort\n", 7);
    _exit(0);
  }
  (void)close(ends[1]);
  in.fd = ends[0];
  in.ending = never[0];
  is_int(csn_in_read(&in, &line, &n), CSN_IN_TOO_LONG, "a line that is too long is said once");
  ok(line_is(&in, "short"), "and the next one is whole");
  ok(in.room < CSN_IN_MAX / 4, "what it took is given back");
  csn_in_free(&in);
  (void)close(ends[0]);
}

/* Of a file, one read brings the end of a long line and whatever stands behind it. */
static void test_longest(void) {
  int never[2], file = memfd_create("lines", MFD_CLOEXEC);
  const char *line = NULL;
  size_t n = 0;
  struct csn_in in = {.fd = file};
  char *longest = malloc(CSN_IN_MAX);
  if (pipe(never) != 0 || file < 0 || !longest) exit(1);
  in.ending = never[0];
  memset(longest, 'x', CSN_IN_MAX);
  write_all(file, longest, CSN_IN_MAX);
  write_all(file, "\nnext\n", 6);
  write_all(file, longest, CSN_IN_MAX);
  write_all(file, "x\nlast\n", 7);
  (void)lseek(file, 0, SEEK_SET);
  is_int(csn_in_read(&in, &line, &n), CSN_IN_LINE, "the longest line that may be is read");
  ok(n == CSN_IN_MAX, "all of it");
  ok(line_is(&in, "next"), "and what stands behind it is not lost");
  is_int(csn_in_read(&in, &line, &n), CSN_IN_TOO_LONG, "one byte more is too long");
  ok(line_is(&in, "last"), "and nothing else is lost with it");
  is_int(csn_in_read(&in, &line, &n), CSN_IN_END, "then comes the end");
  csn_in_free(&in);
  free(longest);
  (void)close(file);
  (void)close(never[0]);
  (void)close(never[1]);
}

static void test_useless(void) {
  int ends[2], over[2];
  const char *line = NULL;
  size_t n = 0;
  struct csn_in in = {0};
  if (pipe(ends) != 0 || pipe(over) != 0) return;
  in.fd = ends[0];
  in.ending = over[0];
  ok(write(over[1], "", 1) == 1, "nobody reads the answers any more");
  is_int(csn_in_read(&in, &line, &n), CSN_IN_END, "so nothing more is read");
  csn_in_free(&in);
}

/* ---- out ------------------------------------------------------------------------------------- */

static char *text_of(size_t n) {
  char *text = malloc(n + 1);
  if (!text) exit(1);
  memset(text, 'x', n);
  memcpy(text + n - 1, "\n", 2);
  return text;
}

static void test_bound(void) {
  int ends[2], input[2];
  static struct csn_out out;
  size_t taken = 0;
  if (pipe(ends) != 0 || pipe(input) != 0) return;
  csn_out_open(&out, ends[1], input[0]);
  while (csn_out_offer(&out, text_of(65536), 65536)) taken += 65536;
  ok(taken >= CSN_OUT_MAX / 4 && taken <= CSN_OUT_MAX, "who does not wait fills half of the room");
  size_t put = 0;
  while (taken + put + 65536 <= CSN_OUT_MAX / 2 + CSN_OUT_MAX / 4) {
    csn_out_put(&out, text_of(65536), 65536);
    put += 65536;
  }
  ok(put > 0, "others have the rest");
  (void)close(input[1]); /* the input hangs up: nobody waits any more */
  for (int i = 0; i < 100; i++) csn_out_put(&out, text_of(65536), 65536);
  ok(out.bytes <= CSN_OUT_MAX, "there is never more than that");
  ok(!csn_out_close(&out, 10), "what nobody reads is not written");
  (void)close(ends[0]); /* and the thread that was stuck in that ends */
}

static void test_hurry(void) {
  int ends[2], input[2];
  static struct csn_out out;
  if (pipe(ends) != 0 || pipe(input) != 0) return;
  csn_out_open(&out, ends[1], input[0]);
  csn_out_hurry(&out);
  for (int i = 0; i < 100; i++) csn_out_put(&out, text_of(65536), 65536);
  ok(out.bytes <= CSN_OUT_MAX, "told to end, nobody waits for a client that does not read");
  ok(!csn_out_close(&out, 10), "nor for what it was sent");
  (void)close(ends[0]);
}

/* Clients start servers with sockets too, and may shut one down without closing it. */
static void test_shut_down(void) {
  int ends[2], input[2];
  static struct csn_out out;
  if (pipe(ends) != 0 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, input) != 0) return;
  csn_out_open(&out, ends[1], input[0]);
  (void)shutdown(input[1], SHUT_WR);
  for (int i = 0; i < 100; i++) csn_out_put(&out, text_of(65536), 65536);
  ok(out.bytes <= CSN_OUT_MAX, "an input that was shut down has hung up");
  ok(!csn_out_close(&out, 10), "and what nobody reads is not written");
  (void)close(ends[0]);
}

static void test_broken(void) {
  int ends[2], input[2];
  static struct csn_out out;
  if (pipe(ends) != 0 || pipe(input) != 0) return;
  csn_out_open(&out, ends[1], input[0]);
  (void)close(ends[0]);
  csn_out_put(&out, text_of(10), 10);
  struct pollfd broken = {.fd = csn_out_broken(&out), .events = POLLIN};
  is_int(poll(&broken, 1, 60000), 1, "that nobody reads is told");
  csn_out_put(&out, text_of(10), 10);
  ok(!csn_out_offer(&out, text_of(10), 10), "and nothing more is kept");
  ok(!csn_out_close(&out, 60000), "its end is no good end");
}

/* ---- progress -------------------------------------------------------------------------------- */

static void test_progress(void) {
  int ends[2], input[2];
  static struct csn_out out;
  static struct csn_progress p;
  static char flood[3 * CSN_PROGRESS_TEXT];
  static char got[1 << 20];
  if (pipe(ends) != 0 || pipe(input) != 0) return;
  csn_out_open(&out, ends[1], input[0]);
  p.out = &out;
  csn_progress_output(&p, "nobody asked", 12);
  p.token = "\"t\"";
  csn_progress_output(&p, "caf\xc3", 4);
  csn_progress_output(&p, "\xa9", 1);
  csn_progress_note(&p, 425, "pulling", 7);
  memset(flood, 'y', sizeof flood);
  csn_progress_output(&p, flood, sizeof flood);
  csn_progress_output(&p, "z", 1);
  csn_progress_end(&p);
  csn_progress_end(&p);
  ok(csn_out_close(&out, 60000), "all is out");
  (void)close(ends[1]);
  ssize_t n = 0;
  for (ssize_t more; (more = read(ends[0], got + n, sizeof got - 1 - (size_t)n)) > 0;) n += more;
  ok(!strstr(got, "nobody"), "without a token nothing is said");
  ok(strstr(got, "\"progress\":1,\"message\":\"caf\"") && strstr(got, "\xc3\xa9"),
     "a character in two pieces comes whole");
  ok(strstr(got, "pulling 42%"), "a note has how far it is");
  ok(strstr(got, "bytes of output not shown here"), "what is too much is left out, and that is said");
  ok((size_t)n < 2 * sizeof p.text + 2000, "and really left out (%zd bytes)", n);
}

int main(void) {
  (void)signal(SIGPIPE, SIG_IGN);
  test_pieces();
  test_too_long();
  test_longest();
  test_useless();
  test_broken();
  test_progress();
  test_bound();
  test_hurry();
  test_shut_down();
  return done_testing();
}
