/* SPDX-License-Identifier: Apache-2.0 */
/* Code inside that turns on the helper: it can end calls, its own sandbox at worst, but never
 * hang the host, never pose as a helper, and never leave something running unnoticed. */
#include "driver.h"

#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "guest/hub_message.h"

static struct result result;

/* A fresh channel works, and nothing but helpers runs. */
static void recovers(struct sandbox *sandbox, const char *after) {
  struct channel *channel = open_channel(sandbox);
  struct result next = {0};
  ok(greet(channel), "after %s a new channel opens", after);
  is_str(shell(channel, "cat /tmp/file; echo fine", &next), "kept\nfine\n",
         "and works; files are there");
  ok(count_inside(channel) <= 2 + (int)channel->hello.channels_others, "only helpers run");
  close_channel(channel);
  free_result(&next);
}

static struct sandbox sandbox_with_file(void) {
  struct sandbox sandbox = new_sandbox();
  shell(sandbox.first, "echo kept > /tmp/file", &result);
  free_result(&result);
  return sandbox;
}

static void test_kill_all(void) {
  struct sandbox sandbox = sandbox_with_file();
  double start = now_ms();
  send_shell(sandbox.first, "setsid sleep 600 & kill -9 -1; sleep 600");
  finish(sandbox.first, &result);
  ok(result.type == 0 || result.type == CSN_FRAME_LOST, "kill -9 -1 loses the call");
  ok(says(&sandbox, CSN_SERVE_ENDED_PREFIX "signal 9\n", 2000), "process 1 says so");
  ok(now_ms() - start < 2000, "within 2 s (%.0f ms)", now_ms() - start);
  recovers(&sandbox, "kill -9 -1");
  end_sandbox(&sandbox);
  free_result(&result);
}

/* The command's parent is its subreaper: the serve, or a supervisor when something was left
 * before. */
static void test_kill_parent(void) {
  struct sandbox sandbox = sandbox_with_file();
  struct channel *channel = open_channel(&sandbox);
  greet(channel);
  send_shell(channel, "(setsid sleep 600 &); sleep 0.1; kill -9 $PPID; sleep 600");
  finish(channel, &result);
  is_int(result.type, 0, "killing the serve ends the channel");
  close_channel(channel);
  recovers(&sandbox, "that");
  shell(sandbox.first, "sleep 600 &", &result);
  free_result(&result);
  send_shell(sandbox.first, "(setsid sleep 600 &); sleep 0.1; kill -9 $PPID; sleep 600");
  finish(sandbox.first, &result);
  ok(result.type == CSN_FRAME_LOST && strcmp(result.reason, CSN_REASON_SUPERVISOR) == 0,
     "killing the supervisor loses the call");
  recovers(&sandbox, "that");
  end_sandbox(&sandbox);
  free_result(&result);
}

/* Losing one serve loses the other channels' calls, with the reason, since everything is killed. */
static void test_bystander(void) {
  struct sandbox sandbox = sandbox_with_file();
  struct channel *channel = open_channel(&sandbox);
  greet(channel);
  send_shell(sandbox.first, "echo on; sleep 600");
  prints(sandbox.first, &result, "on");
  send_shell(channel, "kill -9 $PPID; sleep 600");
  finish(sandbox.first, &result);
  ok(result.type == CSN_FRAME_LOST && strcmp(result.reason, CSN_REASON_PURGED) == 0,
     "another channel's call is lost too");
  ok(strstr(result.text, "was killed") != NULL, "and told why: %s", result.text);
  close_channel(channel);
  recovers(&sandbox, "that");
  end_sandbox(&sandbox);
  free_result(&result);
}

static void test_stop(void) {
  struct sandbox sandbox = sandbox_with_file();
  send_shell(sandbox.first, "echo on; kill -STOP $PPID; sleep 600");
  prints(sandbox.first, &result, "on");
  pause_ms(100);
  double start = now_ms();
  send_cancel(sandbox.first);
  finish(sandbox.first, &result);
  ok(was_cancelled(&result), "a serve that is stopped is continued and hears the cancel");
  ok(now_ms() - start < 3000, "soon (%.0f ms)", now_ms() - start);
  free_result(&result);
  shell(sandbox.first, "sleep 600 & echo on", &result);
  free_result(&result);
  send_shell(sandbox.first, "echo on; kill -STOP $PPID; sleep 600");
  prints(sandbox.first, &result, "on");
  send_cancel(sandbox.first);
  finish(sandbox.first, &result);
  ok(was_cancelled(&result) || result.type == CSN_FRAME_LOST,
     "a stopped supervisor does not keep its call from being cancelled");
  end_sandbox(&sandbox);
  free_result(&result);
}

/* Signals other than SIGKILL and SIGSTOP do nothing to the helper; to process 1 not even those. */
static void test_signals(void) {
  struct sandbox sandbox = sandbox_with_file();
  shell(sandbox.first,
        "for s in 1 2 3 6 10 11 13 14 15 17 20 24 25 28 31 34 64; do "
        "kill -$s 1; kill -$s $PPID; done; kill -9 1; kill -STOP 1; echo on",
        &result);
  is_str(result.out, "on\n", "no signal ends or stops the helper");
  recovers(&sandbox, "all signals");
  end_sandbox(&sandbox);
  free_result(&result);
}

static void squeeze(const char *command, const char *what) {
  struct sandbox sandbox = sandbox_with_file();
  char words[64];
  (void)snprintf(words, sizeof words, "squeezed: %s of process 1", what);
  double start = now_ms();
  send_shell(sandbox.first, command);
  int status = await_init(&sandbox, 10000);
  ok(WIFEXITED(status) && WEXITSTATUS(status) == CSN_INIT_EXIT_SQUEEZED,
     "changing %s of process 1 ends the sandbox", what);
  ok(now_ms() - start < 4000, "soon (%.0f ms)", now_ms() - start);
  ok(says(&sandbox, words, 1000), "with the reason");
  end_sandbox(&sandbox);
}

static void test_squeezes(void) {
  squeeze("prlimit --pid 1 --nofile=3; sleep 600", "RLIMIT_NOFILE");
  squeeze("prlimit --pid 1 --cpu=1; sleep 600", "RLIMIT_CPU");
  squeeze("renice -n 19 -p 1; sleep 600", "nice");
  squeeze("chrt --idle -p 0 1; sleep 600", "scheduling policy");
}

static void test_squeezed_serve(void) {
  struct sandbox sandbox = sandbox_with_file();
  shell(sandbox.first, "(setsid sleep 600 &); prlimit --pid $PPID --nofile=3; echo on", &result);
  is_str(result.out, "on\n", "a call may lower its serve's limit");
  struct result lost = {0};
  finish(sandbox.first, &lost);
  ok(lost.type == CSN_FRAME_LOST && strcmp(lost.reason, CSN_REASON_SQUEEZED) == 0,
     "then the channel is lost, with the reason");
  recovers(&sandbox, "that");
  end_sandbox(&sandbox);
  free_result(&result);
}

/* ---- the hub ------------------------------------------------------------------------------- */

static int connect_to_hub(void) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  memcpy(address.sun_path + 1, CSN_HUB_NAME, sizeof CSN_HUB_NAME - 1);
  int fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);
  socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + sizeof CSN_HUB_NAME);
  return connect(fd, (struct sockaddr *)&address, size) == 0 ? fd : -1;
}

/* From outside, but open to tracing: exit 0 if process 1 hung up without an answer. */
static void pose_as_serve(void *ctx) {
  (void)ctx;
  prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
  const struct csn_hub_request request = {.version = CSN_HUB_VERSION, .kind = CSN_HUB_PURGE};
  struct csn_hub_answer answer;
  int fd = connect_to_hub();
  if (fd < 0) _exit(3);
  (void)!send(fd, &request, sizeof request, MSG_NOSIGNAL);
  _exit(recv(fd, &answer, sizeof answer, 0) <= 0 ? 0 : 4);
}

/* As a command would: its parent is inside. */
static void flood_hub(void *ctx) {
  (void)ctx;
  int status = 0;
  pid_t pid = fork();
  if (pid > 0) {
    waitpid(pid, &status, 0);
    _exit(WEXITSTATUS(status));
  }
  double end = now_ms() + 1000;
  int opened = 0;
  while (now_ms() < end) {
    int fd = connect_to_hub();
    opened += fd >= 0;
    if (fd >= 0) close(fd);
  }
  _exit(opened > 100 ? 0 : 1);
}

static int run_inside(struct sandbox *sandbox, void (*inside)(void *)) {
  int status = 0;
  waitpid(enter_sandbox(sandbox, inside, NULL), &status, 0);
  return WEXITSTATUS(status);
}

static void test_hub(void) {
  struct sandbox sandbox = sandbox_with_file();
  shell(sandbox.first, "sleep 600 & echo on", &result);
  is_int(run_inside(&sandbox, pose_as_serve), 0, "process 1 does not listen to what can be traced");
  is_int(count_inside(sandbox.first), 4, "and kills nobody for it");
  shell(sandbox.first, HELPER " serve < /dev/null | od -c | grep -c 'l   o   s   t'", &result);
  is_str(result.out, "1\n", "nor to a helper that was started inside");
  free_result(&result);
  pid_t flood = enter_sandbox(&sandbox, flood_hub, NULL);
  int fine = 0;
  for (int i = 0; i < 20; i++) {
    shell(sandbox.first, "true", &result);
    fine += exited(&result, 0);
  }
  struct channel *channel = open_channel(&sandbox);
  ok(greet(channel), "a flood of connections does not keep a serve out");
  ok(fine == 20, "nor calls from running");
  int status;
  waitpid(flood, &status, 0);
  is_int(WEXITSTATUS(status), 0, "there was a flood");
  close_channel(channel);
  end_sandbox(&sandbox);
  free_result(&result);
}

/* ---- limits -------------------------------------------------------------------------------- */

/* Everything that a command may change of its surroundings, changed: the next call is as usual. */
static void test_leftover_limits(void) {
  struct sandbox sandbox = sandbox_with_file();
  shell(sandbox.first, "ulimit -n 10; ulimit -f 0; umask 777; cd /tmp; trap '' TERM; "
                       "rm -rf /tmp/.caisson; ln -s /nowhere /tmp/.caisson", &result);
  is_str(shell(sandbox.first, "pwd; umask; ulimit -f", &result), "/\n0022\nunlimited\n",
         "a command's own limits end with it");
  run(sandbox.first, &(struct run){.programs = {"sh"}, .args = {"-c", "seq 1 100000"},
                                   .spill_max = 1 << 20},
      &result);
  ok(exited(&result, 0) && result.spill_path[0] == '\0' && result.out_size == 588895,
     "a spoilt /tmp/.caisson costs the spill, not the output");
  end_sandbox(&sandbox);
  free_result(&result);
}

int main(void) {
  test_kill_all();
  test_kill_parent();
  test_bystander();
  test_stop();
  test_signals();
  test_squeezes();
  test_squeezed_serve();
  test_hub();
  test_leftover_limits();
  return done_testing();
}
