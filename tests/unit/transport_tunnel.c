/* SPDX-License-Identifier: Apache-2.0 */
/* Connections that are children: what ssh is given, what becomes of it, and what it had to say. In
 * its place is a script that does what a test asks of it. */
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "tap.h"
#include "transport/stream.h"
#include "transport_client.h"
#include "util/alloc.h"

static char folder[] = "/tmp/caisson-tunnel-XXXXXX";

static const char script[] =
    "#!/bin/sh\n"
    "answer() {\n"
    "  while IFS= read -r l && [ \"$l\" != \"$(printf '\\r')\" ]; do :; done\n"
    "  b=\"$* fds $(cd /proc/$$/fd && echo *) pid $$ $(grep -E 'SigIgn|SigBlk' /proc/$$/status)\"\n"
    "  printf 'HTTP/1.1 200 OK\\r\\nContent-Length: %d\\r\\n\\r\\n%s' ${#b} \"$b\"\n"
    "}\n"
    "case $FAKE in\n"
    "words) echo 'a banner' >&2; echo 'no way in' >&2; exit 255;;\n"
    "chatty) seq 1 100000 >&2; echo 'the last' >&2; exit 255;;\n"
    "nothing) exit 0;;\n"
    "silent) exec sleep 600;;\n"
    "stubborn) trap '' TERM; answer; while :; do sleep 1; done;;\n"
    "stream) while IFS= read -r l && [ \"$l\" != \"$(printf '\\r')\" ]; do :; done\n"
    "  printf 'HTTP/1.1 101 UPGRADED\\r\\n\\r\\n'; exec cat;;\n"
    "*) while :; do answer \"$@\"; done;;\n"
    "esac\n";

static void make_script(void) {
  char path[64], *search;
  if (!mkdtemp(folder)) BAIL_OUT("mkdtemp");
  snprintf(path, sizeof path, "%s/ssh", folder);
  FILE *f = fopen(path, "w");
  if (!f || fputs(script, f) < 0 || fclose(f) || chmod(path, 0755)) BAIL_OUT("%s", path);
  search = csn_asprintf("%s:%s", folder, getenv("PATH"));
  setenv("PATH", search, 1);
  csn_free(search);
}

static struct csn_transport *by_ssh(const char *fake) {
  struct csn_transport *t;
  struct csn_error err = {0};
  setenv("FAKE", fake, 1);
  if (csn_transport_new("ssh://me@there:22", NULL, &t, &err)) BAIL_OUT("%s", err.message);
  return t;
}

static int no_child_is_left(void) {
  return waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD;
}

static pid_t pid_in(const struct csn_http_response *r) {
  const char *at = strstr(csn_buffer_text(&r->body), "pid ");
  return at ? (pid_t)strtol(at + 4, NULL, 10) : 0;
}

/* The C library keeps signals 32 and 33 to itself. */
static int is_free(const char *status, const char *name) {
  const char *at = strstr(status, name);
  return at && (strtoull(at + strlen(name), NULL, 16) & 0x7fffffff) == 0;
}

static void test_requests(void) {
  struct csn_transport *t = by_ssh("");
  struct csn_http_response r;
  struct csn_error err;
  int leak = dup2(open("/dev/null", O_RDONLY), 77);
  signal(SIGTERM, SIG_IGN);
  is_int(get(t, &r, &err), 0, "a request: %s", err.message);
  const char *body = csn_buffer_text(&r.body);
  ok(strstr(body, "-l me -p 22 -- there docker system dial-stdio"), "by the command: %s", body);
  ok(!strstr(body, " 77 "), "which inherits nothing that the host forgot");
  ok(is_free(body, "SigIgn:") && is_free(body, "SigBlk:"),
     "and finds signals as a program expects them");
  pid_t first = pid_in(&r);
  csn_http_response_free(&r);
  is_int(get(t, &r, &err), 0, "another");
  is_int(pid_in(&r), first, "goes over the same connection");
  csn_http_response_free(&r);
  ok(kill(first, 0) == 0, "which lives");
  csn_transport_free(t);
  ok(no_child_is_left(), "until the transport goes");
  signal(SIGTERM, SIG_DFL);
  close(leak);
}

static void test_failures(void) {
  static const struct {
    const char *fake, *words;
  } cases[] = {
      {"words", "ssh says: a banner no way in; try by hand: ssh -p 22 -l me there docker version"},
      {"nothing", "ssh ended without a word"},
      {"chatty", "ssh says: "},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct csn_transport *t = by_ssh(cases[i].fake);
    struct csn_http_response r;
    struct csn_error err;
    is_int(get(t, &r, &err), CAISSON_E_ENGINE, "%s", cases[i].fake);
    is_str(err.reason, CAISSON_REASON_ENGINE_UNREACHABLE, "its reason");
    ok(strstr(err.message, cases[i].words), "in ssh's words: %s", err.message);
    struct csn_http_request request = {.method = "POST", .path = "/x"};
    struct csn_stream *stream;
    is_int(csn_stream_open(t, &request, &no_control, &stream, &r, &err), CAISSON_E_ENGINE,
           "a stream too");
    ok(strstr(err.message, cases[i].words), "likewise: %s", err.message);
    csn_http_response_free(&r);
    csn_transport_free(t);
    ok(no_child_is_left(), "nothing is left of it");
  }
}

static void test_stops(void) {
  struct csn_http_request request = {.method = "GET", .path = "/x"};
  struct csn_http_response r;
  struct csn_error err;
  struct csn_transport *t = by_ssh("silent");
  const struct csn_control soon = {csn_clock_after(300 * CSN_MS), -1, NULL, NULL};
  is_int(csn_http_do(t, &request, &soon, &r, &err), CAISSON_E_DEADLINE, "ssh that hangs");
  csn_transport_free(t);
  ok(no_child_is_left(), "is ended");
  t = by_ssh("stubborn");
  is_int(get(t, &r, &err), 0, "ssh that ignores SIGTERM");
  csn_http_response_free(&r);
  csn_transport_free(t);
  ok(no_child_is_left(), "is killed");
}

/* Whatever the host does with SIGCHLD is its own affair. */
static void test_sigchld(void) {
  struct csn_http_response r;
  struct csn_error err;
  signal(SIGCHLD, SIG_IGN);
  struct csn_transport *t = by_ssh("");
  is_int(get(t, &r, &err), 0, "a host that ignores SIGCHLD");
  pid_t pid = pid_in(&r);
  csn_http_response_free(&r);
  csn_transport_free(t);
  ok(kill(pid, 0) < 0 && errno == ESRCH, "the child is gone all the same");
  signal(SIGCHLD, SIG_DFL);
}

static void test_stream(void) {
  struct csn_transport *t = by_ssh("stream");
  struct csn_http_request request = {.method = "POST", .path = "/x"};
  struct csn_http_response r;
  struct csn_stream *stream;
  struct csn_error err = {0};
  char got[16] = "";
  is_int(csn_stream_open(t, &request, &no_control, &stream, &r, &err), 0, "a stream: %s",
         err.message);
  csn_http_response_free(&r);
  csn_transport_free(t);
  if (!stream) return;
  is_int(csn_stream_write(stream, "hello", 5, &err), 5, "outlives its transport");
  struct pollfd p = {.fd = csn_stream_fd(stream), .events = POLLIN};
  is_int(csn_control_poll(&no_control, &p, 1, csn_clock_after(60 * CSN_SECOND), &err), 1, "can be "
                                                                                         "polled");
  is_int(csn_stream_read(stream, got, sizeof got, &err), 5, "and read");
  is_str(got, "hello", "both ways");
  csn_stream_free(stream);
  ok(no_child_is_left(), "its child goes with it");
}

static void test_no_ssh(void) {
  struct csn_http_response r;
  struct csn_error err;
  struct csn_transport *t = by_ssh("");
  setenv("PATH", "/nowhere", 1);
  is_int(get(t, &r, &err), CAISSON_E_ENGINE, "no ssh");
  ok(strstr(err.message, "install it"), "says so: %s", err.message);
  csn_transport_free(t);
}

int main(void) {
  make_script();
  test_requests();
  test_failures();
  test_stops();
  test_sigchld();
  test_stream();
  char path[64];
  snprintf(path, sizeof path, "%s/ssh", folder);
  unlink(path);
  rmdir(folder);
  test_no_ssh();
  return done_testing();
}
