/* SPDX-License-Identifier: Apache-2.0 */
/* Drives the helper without an engine: a sandbox is a process 1 of ours in namespaces of its own
 * (pid, mount, network, ipc), as an ordinary user with a tmpfs on /tmp; a channel is a pair of
 * pipes to a serve in it. The helper is $CAISSON_GUEST, run from a copy that can be executed but
 * not read; one for another machine is run by the emulator $CAISSON_EMULATOR, which has to read it.
 * Header-only, for the programs in tests/guest. */
#ifndef TESTS_GUEST_DRIVER_H
#define TESTS_GUEST_DRIVER_H

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tap.h"
#include "wire/message.h"

#define SANDBOX_USER 30001
#define BASIC_PATH "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
#define HELPER "/mnt/caisson-guest"
#define PATIENCE_MS 30000

struct channel {
  int in, out;          /* we write to in, we read from out */
  pid_t pid;            /* of the serve, outside; 0 for the first one */
  struct csn_wire_status hello;
  char key[257];
  struct csn_frame_reader reader;
  uint8_t gather[CSN_FRAME_MAX];
  uint8_t bytes[1 << 17];
  const uint8_t *at;
  size_t left;
};

struct sandbox {
  pid_t init;           /* process 1, as we see it */
  int err;              /* what it says on stderr */
  char said[4096];
  struct channel *first;
};

/* What came of a call. Texts are copied, so it outlives the channel's buffer. */
struct result {
  int type;             /* CSN_FRAME_EXIT, _ERROR, _LOST, or 0: the stream ended */
  struct csn_wire_exit exit;
  char reason[80], text[1100], spill_path[300], survivors[1100];
  uint64_t number;
  char *out, *err;      /* NUL-terminated; grown as needed; free_result */
  size_t out_size, err_size;
  uint64_t discarded;   /* output not kept, see keep_max */
  bool stdin_closed;
};

struct run {
  const char *programs[4];
  const char *args[8];
  const char *env[8];
  const char *operation;   /* instead of programs, with its operands "NAME=VALUE" */
  const char *operands[8];
  const char *cwd;
  uint64_t timeout_ms, spill_after, spill_max;
  bool with_stdin;
  const char *script;      /* with script_size bytes, as script.txt, marked @SCRIPT@ */
  size_t script_size;
};

static inline double now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static inline void pause_ms(long ms) {
  const struct timespec span = {ms / 1000, ms % 1000 * 1000000};
  nanosleep(&span, NULL);
}

/* ---- sandboxes ----------------------------------------------------------------------------- */

static inline void must(bool done, const char *what) {
  if (!done) BAIL_OUT("%s: %s", what, strerror(errno));
}

/* NULL: the helper is this machine's own. */
static inline const char *emulator(void) {
  const char *path = getenv("CAISSON_EMULATOR");
  return path != NULL && *path != '\0' ? path : NULL;
}

static inline void copy_helper(void) {
  static uint8_t bytes[4 << 20];
  int from = open(getenv("CAISSON_GUEST"), O_RDONLY | O_CLOEXEC);
  must(from >= 0, "CAISSON_GUEST");
  ssize_t size = read(from, bytes, sizeof bytes);
  int to = open(HELPER, O_WRONLY | O_CREAT | O_CLOEXEC, emulator() != NULL ? 0555 : 0111);
  must(to >= 0 && size > 0 && write(to, bytes, (size_t)size) == size, HELPER);
  close(from);
  close(to);
}

static inline void enter_namespaces(void) {
  must(mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0, "private mounts");
  must(mount("tmpfs", "/mnt", "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755") == 0, "/mnt");
  copy_helper();
  must(mount("tmpfs", "/tmp", "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777,size=64m") == 0, "/tmp");
  must(mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) == 0, "/proc");
}

static inline void drop_privileges(void) {
  must(setgroups(0, NULL) == 0 && setresgid(SANDBOX_USER, SANDBOX_USER, SANDBOX_USER) == 0 &&
           setresuid(SANDBOX_USER, SANDBOX_USER, SANDBOX_USER) == 0,
       "an ordinary user");
}

/* What a program does to itself before it becomes process 1; NULL: nothing. */
static void (*before_init)(void) __attribute__((unused));

/* A process must be the child of a channel's or sandbox's forks only, with just 0, 1 and 2. */
static inline void become_helper(int in, int out, int err, const char *const *arguments) {
  const char *argv[16] = {emulator(), HELPER};
  for (size_t i = 0; i < 13 && arguments[i] != NULL; i++) argv[i + 2] = arguments[i];
  dup2(in, 0);
  dup2(out, 1);
  dup2(err, 2);
  for (int fd = 3; fd < 256; fd++) close(fd);
  char *const environment[] = {NULL};
  const char *const *from = argv + (argv[0] == NULL);
  execve(from[0], (char *const *)(uintptr_t)from, environment);
  _exit(126);
}

static inline struct channel *new_channel(int in, int out) {
  struct channel *channel = calloc(1, sizeof *channel);
  must(channel != NULL, "a channel");
  channel->in = in;
  channel->out = out;
  csn_frame_reader_init(&channel->reader, CSN_FROM_GUEST, channel->gather);
  return channel;
}

/* Start process 1 with these arguments ("init", ...). Needs root, as the tests' containers do. */
static inline struct sandbox start_sandbox(const char *const *arguments) {
  int in[2], out[2], err[2];
  must(pipe2(in, O_CLOEXEC) == 0 && pipe2(out, O_CLOEXEC) == 0 && pipe2(err, O_CLOEXEC) == 0,
       "pipes");
  (void)fflush(stdout);
  signal(SIGPIPE, SIG_IGN);
  /* Without a new pid namespace of its own a kill(-1) would reach everything here. */
  int old = open("/proc/self/ns/pid", O_RDONLY | O_CLOEXEC);
  must(unshare(CLONE_NEWPID) == 0, "a pid namespace");
  pid_t pid = fork();
  if (pid == 0) {
    must(unshare(CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC) == 0, "namespaces");
    enter_namespaces();
    drop_privileges();
    if (before_init != NULL) before_init();
    if (getpid() == 1) become_helper(in[0], out[1], err[1], arguments);
    _exit(126);
  }
  must(pid > 0 && setns(old, CLONE_NEWPID) == 0, "back to the old pid namespace");
  close(old);
  close(in[0]);
  close(out[1]);
  close(err[1]);
  fcntl(err[0], F_SETFL, O_NONBLOCK);
  return (struct sandbox){.init = pid, .err = err[0], .first = new_channel(in[1], out[0])};
}

/* Add what process 1 has said so far to sandbox->said; whether `words` are in it now. */
static inline bool has_said(struct sandbox *sandbox, const char *words) {
  size_t used = strlen(sandbox->said);
  ssize_t got = read(sandbox->err, sandbox->said + used, sizeof sandbox->said - 1 - used);
  if (got > 0) sandbox->said[used + (size_t)got] = '\0';
  return strstr(sandbox->said, words) != NULL;
}

static inline bool says(struct sandbox *sandbox, const char *words, double within_ms) {
  double end = now_ms() + within_ms;
  while (!has_said(sandbox, words) && now_ms() < end) pause_ms(5);
  return has_said(sandbox, words);
}

/* How process 1 ended, as waitpid tells it, or -1 if it did not in time. */
static inline int await_init(struct sandbox *sandbox, double within_ms) {
  int status = -1;
  for (double end = now_ms() + within_ms; now_ms() < end; pause_ms(5)) {
    if (waitpid(sandbox->init, &status, WNOHANG) == sandbox->init) {
      sandbox->init = 0;
      return status;
    }
  }
  return -1;
}

static inline void close_channel(struct channel *channel) {
  if (channel->in >= 0) close(channel->in);
  close(channel->out);
  if (channel->pid > 0) waitpid(channel->pid, NULL, 0);
  free(channel);
}

static inline void end_sandbox(struct sandbox *sandbox) {
  if (sandbox->init > 0) {
    kill(sandbox->init, SIGKILL);
    waitpid(sandbox->init, NULL, 0);
  }
  close_channel(sandbox->first);
  close(sandbox->err);
}

/* Run something inside as the engine would: its parent is outside. */
static inline pid_t enter_sandbox(const struct sandbox *sandbox, void (*inside)(void *),
                                  void *ctx) {
  static const char *const spaces[] = {"ipc", "net", "pid", "mnt"};
  (void)fflush(stdout);
  pid_t pid = fork();
  if (pid != 0) return pid;
  char path[64];
  int fds[4];
  for (int i = 0; i < 4; i++) {
    (void)snprintf(path, sizeof path, "/proc/%d/ns/%s", (int)sandbox->init, spaces[i]);
    fds[i] = open(path, O_RDONLY | O_CLOEXEC);
  }
  /* Joining a mount namespace leaves a chroot that these tests may run in: go back into it. */
  (void)snprintf(path, sizeof path, "/proc/%d/root", (int)sandbox->init);
  int root = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
  for (int i = 0; i < 4; i++) {
    if (setns(fds[i], 0) < 0) _exit(125);
  }
  if (fchdir(root) < 0 || chroot(".") < 0) _exit(125);
  /* Only a child is in the pid namespace. We end as it does, for whoever waits. */
  pid = fork();
  if (pid == 0) {
    drop_privileges();
    inside(ctx);
    _exit(0);
  }
  for (int fd = 0; fd < 256; fd++) close(fd);
  int status = 0;
  waitpid(pid, &status, 0);
  _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
}

struct serve_start {
  int in, out;
  const char *const *arguments;
};

static inline void start_serve(void *ctx) {
  const struct serve_start *start = ctx;
  become_helper(start->in, start->out, open("/dev/null", O_WRONLY), start->arguments);
}

static inline struct channel *open_channel_with(const struct sandbox *sandbox,
                                                const char *const *arguments) {
  int in[2], out[2];
  must(pipe2(in, O_CLOEXEC) == 0 && pipe2(out, O_CLOEXEC) == 0, "pipes");
  struct serve_start start = {in[0], out[1], arguments};
  pid_t pid = enter_sandbox(sandbox, start_serve, &start);
  close(in[0]);
  close(out[1]);
  struct channel *channel = new_channel(in[1], out[0]);
  channel->pid = pid;
  return channel;
}

static inline struct channel *open_channel(const struct sandbox *sandbox) {
  static const char *const arguments[] = {"serve", NULL};
  return open_channel_with(sandbox, arguments);
}

/* ---- frames -------------------------------------------------------------------------------- */

static inline bool send_bytes(struct channel *channel, const void *bytes, size_t size) {
  const char *at = bytes;
  while (size > 0) {
    ssize_t wrote = write(channel->in, at, size);
    if (wrote < 0) return false;
    at += wrote;
    size -= (size_t)wrote;
  }
  return true;
}

static inline bool send_frame(struct channel *channel, uint8_t type, const void *bytes,
                              size_t size) {
  uint8_t head[CSN_FRAME_HEAD];
  csn_frame_head(head, type, size);
  return send_bytes(channel, head, sizeof head) && send_bytes(channel, bytes, size);
}

/* The next frame within the time: its type, 0 at end-of-file, -1 malformed, -2 too late. */
static inline int next_frame(struct channel *channel, struct csn_frame *frame, int within_ms) {
  double end = now_ms() + within_ms;
  for (;;) {
    int got = csn_frame_read(&channel->reader, &channel->at, &channel->left, frame);
    if (got > 0) return frame->type;
    if (got < 0) return -1;
    struct pollfd readable = {.fd = channel->out, .events = POLLIN};
    double left = end - now_ms();
    if (poll(&readable, 1, left > 0 ? (int)left + 1 : 0) <= 0) return -2;
    ssize_t size = read(channel->out, channel->bytes, sizeof channel->bytes);
    if (size <= 0) return 0;
    channel->at = channel->bytes;
    channel->left = (size_t)size;
  }
}

/* Greet and take the helper's greeting. */
static inline bool greet(struct channel *channel) {
  struct csn_frame frame;
  char error[CSN_FRAME_ERROR_MAX];
  if (!send_frame(channel, CSN_FRAME_HELLO, &(uint8_t){CSN_WIRE_VERSION}, 1)) return false;
  if (next_frame(channel, &frame, PATIENCE_MS) != CSN_FRAME_HELLO) return false;
  if (csn_wire_get_status(frame.bytes, frame.size, true, &channel->hello, error) < 0) return false;
  (void)snprintf(channel->key, sizeof channel->key, "%.*s", (int)channel->hello.key.size,
                 channel->hello.key.bytes != NULL ? channel->hello.key.bytes : "");
  return true;
}

static inline struct sandbox new_sandbox(void) {
  static const char *const arguments[] = {"init", "--key", "test", NULL};
  struct sandbox sandbox = start_sandbox(arguments);
  if (!greet(sandbox.first)) BAIL_OUT("the helper does not greet");
  return sandbox;
}

/* ---- calls --------------------------------------------------------------------------------- */

static inline bool send_run(struct channel *channel, const struct run *run) {
  static uint8_t fields[CSN_RUN_MAX], frames[CSN_RUN_MAX + 4096];
  struct csn_wire_out body = {fields, sizeof fields, 0}, out = {frames, sizeof frames, 0};
  for (size_t i = 0; i < 4 && run->programs[i] != NULL; i++)
    csn_field_put_string(&body, CSN_FIELD_PROGRAM, run->programs[i]);
  for (size_t i = 0; i < 8 && run->args[i] != NULL; i++)
    csn_field_put_string(&body, CSN_FIELD_ARG, run->args[i]);
  if (run->operation != NULL) csn_field_put_string(&body, CSN_FIELD_OPERATION, run->operation);
  for (size_t i = 0; i < 8 && run->operands[i] != NULL; i++)
    csn_field_put_string(&body, CSN_FIELD_OPERAND, run->operands[i]);
  csn_field_put_string(&body, CSN_FIELD_ENV, BASIC_PATH);
  for (size_t i = 0; i < 8 && run->env[i] != NULL; i++)
    csn_field_put_string(&body, CSN_FIELD_ENV, run->env[i]);
  csn_field_put_string(&body, CSN_FIELD_CWD, run->cwd != NULL ? run->cwd : "/");
  csn_field_put_number(&body, CSN_FIELD_TIMEOUT_MS, run->timeout_ms);
  csn_field_put_number(&body, CSN_FIELD_SPILL_AFTER, run->spill_after);
  csn_field_put_number(&body, CSN_FIELD_SPILL_MAX, run->spill_max);
  csn_field_put_number(&body, CSN_FIELD_STDIN, run->with_stdin);
  if (run->script != NULL) {
    csn_field_put_number(&body, CSN_FIELD_SCRIPT_SIZE, run->script_size);
    csn_field_put_string(&body, CSN_FIELD_SCRIPT_NAME, "script.txt");
    csn_field_put_string(&body, CSN_FIELD_SCRIPT_MARK, "@SCRIPT@");
  }
  csn_wire_put_request(&out, fields, body.size);
  if (!csn_wire_fits(&out) || !send_bytes(channel, frames, out.size)) return false;
  for (size_t at = 0; at < run->script_size; at += CSN_FRAME_MAX) {
    size_t piece = run->script_size - at < CSN_FRAME_MAX ? run->script_size - at : CSN_FRAME_MAX;
    if (!send_frame(channel, CSN_FRAME_SCRIPT, run->script + at, piece)) return false;
  }
  return true;
}

static inline bool send_shell(struct channel *channel, const char *command) {
  return send_run(channel, &(struct run){.programs = {"bash", "sh"}, .args = {"-c", command}});
}

static inline bool send_cancel(struct channel *channel) {
  return send_frame(channel, CSN_FRAME_CANCEL, &(uint8_t){CSN_CANCEL_CANCEL}, 1);
}

static inline void keep_output(char **text, size_t *used, const struct csn_frame *frame,
                               uint64_t *discarded) {
  if (*used + frame->size > (4u << 20)) {
    *discarded += frame->size;
    return;
  }
  *text = realloc(*text, *used + frame->size + 1);
  must(*text != NULL, "output");
  memcpy(*text + *used, frame->bytes, frame->size);
  *used += frame->size;
  (*text)[*used] = '\0';
}

static inline void copy_text(char *to, size_t size, struct csn_wire_text text) {
  (void)snprintf(to, size, "%.*s", (int)text.size, text.bytes != NULL ? text.bytes : "");
}

static inline void keep_exit(struct result *result, const struct csn_frame *frame) {
  char error[CSN_FRAME_ERROR_MAX];
  if (csn_wire_get_exit(frame->bytes, frame->size, &result->exit, error) < 0) BAIL_OUT("%s", error);
  copy_text(result->spill_path, sizeof result->spill_path, result->exit.spill_path);
  copy_text(result->survivors, sizeof result->survivors, result->exit.survivor_text);
}

static inline void keep_fault(struct result *result, const struct csn_frame *frame) {
  struct csn_wire_fault fault;
  char error[CSN_FRAME_ERROR_MAX];
  if (csn_wire_get_fault(frame->bytes, frame->size, &fault, error) < 0) BAIL_OUT("%s", error);
  copy_text(result->reason, sizeof result->reason, fault.reason);
  copy_text(result->text, sizeof result->text, fault.text);
  result->number = fault.number;
}

static inline void free_result(struct result *result) {
  free(result->out);
  free(result->err);
  memset(result, 0, sizeof *result);
}

/* Keep a frame in the result. True when it ended the call, or the stream did. */
static inline bool keep_frame(struct result *result, int type, const struct csn_frame *frame) {
  switch (type) {
  case CSN_FRAME_OUT:
    keep_output(&result->out, &result->out_size, frame, &result->discarded);
    return false;
  case CSN_FRAME_ERR:
    keep_output(&result->err, &result->err_size, frame, &result->discarded);
    return false;
  case CSN_FRAME_STDIN_CLOSED: result->stdin_closed = true; return false;
  case CSN_FRAME_STDIN_WANT:
  case CSN_FRAME_PONG: return false;
  case CSN_FRAME_EXIT: keep_exit(result, frame); break;
  case CSN_FRAME_ERROR:
  case CSN_FRAME_LOST: keep_fault(result, frame); break;
  default: break;
  }
  result->type = type;
  return true;
}

/* Take one frame into the result; likewise. */
static inline bool take_frame(struct channel *channel, struct result *result, int within_ms) {
  struct csn_frame frame;
  int type = next_frame(channel, &frame, within_ms);
  return keep_frame(result, type, &frame);
}

static inline void finish_within(struct channel *channel, struct result *result, int within_ms) {
  double end = now_ms() + within_ms;
  while (!take_frame(channel, result, (int)(end - now_ms()))) continue;
}

static inline void finish(struct channel *channel, struct result *result) {
  finish_within(channel, result, PATIENCE_MS);
}

/* Wait until the running call has printed `words`. */
static inline bool prints(struct channel *channel, struct result *result, const char *words) {
  double end = now_ms() + PATIENCE_MS;
  while (result->type == 0 && (result->out == NULL || strstr(result->out, words) == NULL)) {
    if (now_ms() > end || take_frame(channel, result, PATIENCE_MS)) return false;
  }
  return true;
}

/* A whole call. The previous content of *result is freed. */
static inline const char *shell(struct channel *channel, const char *command,
                                struct result *result) {
  free_result(result);
  if (send_shell(channel, command)) finish(channel, result);
  return result->out != NULL ? result->out : "";
}

static inline void run(struct channel *channel, const struct run *what, struct result *result) {
  free_result(result);
  if (send_run(channel, what)) finish(channel, result);
}

/* A call that is expected to end as `outcome`, with nothing of it alive. */
static inline bool exited(const struct result *result, uint64_t code) {
  return result->type == CSN_FRAME_EXIT && result->exit.outcome == CSN_OUTCOME_EXITED &&
         result->exit.how == CSN_HOW_EXITED && result->exit.status == code;
}

static inline bool was_cancelled(const struct result *result) {
  return result->type == CSN_FRAME_EXIT && result->exit.outcome == CSN_OUTCOME_CANCELLED &&
         result->exit.survivors == 0;
}

static inline void explain(const struct result *result) {
  diag("frame %#x outcome %d how %d status %d still_running %d survivors %d (%s) rounds %d "
       "reason %s: %s",
       (unsigned)result->type, (int)result->exit.outcome, (int)result->exit.how,
       (int)result->exit.status, (int)result->exit.still_running, (int)result->exit.survivors,
       result->survivors, (int)result->exit.kill_rounds, result->reason, result->text);
  if (result->out != NULL) diag("stdout: %.500s", result->out);
  if (result->err != NULL) diag("stderr: %.500s", result->err);
}

/* How many processes there are inside, zombies aside, as a shell there counts them: process 1, the
 * serves and whatever else runs; the counting shell is left out. */
static inline int count_inside(struct channel *channel) {
  struct result result = {0};
  int count = atoi(shell(channel,
                         "n=0; for p in /proc/[0-9]*; do read -r l < $p/stat || continue; "
                         "s=${l##*) }; [ \"${s%% *}\" = Z ] || n=$((n+1)); done 2>/dev/null; "
                         "echo $((n-1))",
                         &result));
  free_result(&result);
  return count;
}

#endif
