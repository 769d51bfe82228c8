/* SPDX-License-Identifier: Apache-2.0 */
/* System calls and allocations of the helper that fail: the n-th of a kind, once or from then on,
 * for each of its calls in turn. A filter of seccomp hands them to this program, which lets them
 * go on or answers them with an errno; what commands do is left alone. However it fails, the call
 * is done right or ends with a clear error, in time; a file is the old or the new one, whole;
 * nothing runs on after a cancel; and the next call, on a new channel if need be, works. A failure
 * names call, system call, n and errno. Some are tried, all with CAISSON_FAULTS_ALL=1. */
#include "driver.h"

#include <dirent.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "guest/inside/malloc.h"

#define LISTENER_FD 200 /* that the listener is sent by: the filter lets that pass */
#define COUNT(a) (sizeof(a) / sizeof *(a))

/* ---- which, and how -------------------------------------------------------------------------- */

struct kind {
  const char *name;
  int number;
  int errnos[4];   /* ends with 0 */
  bool is_file;    /* anything but EINTR happens to files alone; once, since it is needed else */
};

static const struct kind kinds[] = {
    {"read", SYS_read, {EINTR}, true},
    {"write", SYS_write, {EINTR, ENOSPC, EIO}, true},
    {"open", SYS_open, {EMFILE, ENOMEM}, false},
    {"openat", SYS_openat, {EMFILE, ENOMEM, EPERM}, false},
    {"pipe2", SYS_pipe2, {EMFILE}, false},
    {"socketpair", SYS_socketpair, {EMFILE}, false},
    {"poll", SYS_poll, {EINTR}, true},
    {"ppoll", SYS_ppoll, {EINTR}, true},
    {"clone", SYS_clone, {EAGAIN, ENOMEM}, false},
    {"vfork", SYS_vfork, {EAGAIN, ENOMEM}, false},
    {"mmap", SYS_mmap, {ENOMEM}, false},
    {"mremap", SYS_mremap, {ENOMEM}, false},
    {"fsync", SYS_fsync, {EIO, ENOSPC}, false},
    {"rename", SYS_rename, {EIO, ENOSPC}, false},
    {"renameat", SYS_renameat, {EIO, ENOSPC}, false},
    {"linkat", SYS_linkat, {ENOSPC, EPERM}, false},
    {"mkdir", SYS_mkdir, {ENOSPC}, false},
    {"mkdirat", SYS_mkdirat, {ENOSPC}, false},
    {"unlinkat", SYS_unlinkat, {EIO}, false},
    {"fchmod", SYS_fchmod, {EPERM}, false},
    {"fcntl", SYS_fcntl, {EPERM}, false},
    {"newfstatat", SYS_newfstatat, {ENOMEM}, false},
    {"fstat", SYS_fstat, {ENOMEM}, false},
    {"getdents64", SYS_getdents64, {EIO}, false},
    {"sendmsg", SYS_sendmsg, {EINTR}, false},
    {"recvmsg", SYS_recvmsg, {EINTR}, false},
    {"sendto", SYS_sendto, {EINTR, ENOBUFS}, false},
    {"recvfrom", SYS_recvfrom, {EINTR}, false},
    {"memfd_create", SYS_memfd_create, {EMFILE}, false},
    {"getrandom", SYS_getrandom, {EINTR}, false},
    {"allocation", INSIDE_ASKS, {ENOMEM}, false},
};

/* What is armed. Counted are the helper's own, of all its processes. */
static struct {
  atomic_int number, errno_; /* number -1: none */
  atomic_int nth;
  atomic_bool on; /* and all behind it */
  atomic_int count[COUNT(kinds)];
} plan = {.number = -1};
#define NONE_FAILS (-2) /* only count */

/* ---- the filter ------------------------------------------------------------------------------ */

static int handed_over[2]; /* a socket pair for the listener */

static int install_filter(void) {
  struct sock_filter code[COUNT(kinds) + 8];
  unsigned short n = 0;
  const unsigned number = offsetof(struct seccomp_data, nr);
  const unsigned first = offsetof(struct seccomp_data, args);
  code[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, number);
  code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_sendmsg, 0, 3);
  code[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, first);
  code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, LISTENER_FD,
                                           COUNT(kinds) + 1, 0);
  code[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, number);
  for (size_t i = 0; i < COUNT(kinds); i++)
    code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)kinds[i].number,
                                             (unsigned char)(COUNT(kinds) - i), 0);
  code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
  code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF);
  const struct sock_fprog program = {n, code};
  return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER,
                      &program);
}

static void send_fd(int socket, int fd) {
  char room[CMSG_SPACE(sizeof fd)] = {0}, byte = 0;
  struct iovec io = {&byte, 1};
  struct msghdr message = {
      .msg_iov = &io, .msg_iovlen = 1, .msg_control = room, .msg_controllen = sizeof room};
  struct cmsghdr *head = CMSG_FIRSTHDR(&message);
  *head = (struct cmsghdr){CMSG_LEN(sizeof fd), SOL_SOCKET, SCM_RIGHTS};
  memcpy(CMSG_DATA(head), &fd, sizeof fd);
  if (sendmsg(socket, &message, 0) != 1) _exit(124);
}

static int receive_fd(int socket) {
  int fd = -1;
  char room[CMSG_SPACE(sizeof fd)] = {0}, byte;
  struct iovec io = {&byte, 1};
  struct msghdr message = {
      .msg_iov = &io, .msg_iovlen = 1, .msg_control = room, .msg_controllen = sizeof room};
  must(recvmsg(socket, &message, MSG_CMSG_CLOEXEC) == 1 && CMSG_FIRSTHDR(&message) != NULL,
       "the listener");
  memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof fd);
  return fd;
}

/* In what becomes process 1. */
static void filter_self(void) {
  prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0); /* nobody answers its system calls any more */
  dup2(handed_over[1], LISTENER_FD);
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  int listener = install_filter();
  if (listener < 0) _exit(123);
  send_fd(LISTENER_FD, listener);
}

/* ---- the listener ---------------------------------------------------------------------------- */

static bool is_helper(pid_t pid) {
  char path[64], exe[256];
  (void)snprintf(path, sizeof path, "/proc/%d/exe", (int)pid);
  ssize_t n = readlink(path, exe, sizeof exe - 1);
  exe[n > 0 ? n : 0] = '\0';
  return strstr(exe, HELPER) != NULL;
}

/* Reports go through pipes, which are never full for good and never break. */
static bool is_pipe(const struct seccomp_notif *asked) {
  char path[64], what[32] = "";
  (void)snprintf(path, sizeof path, "/proc/%u/fd/%d", asked->pid, (int)asked->data.args[0]);
  return readlink(path, what, sizeof what - 1) > 0 && strncmp(what, "pipe:", 5) == 0;
}

static bool must_fail(const struct seccomp_notif *asked) {
  int armed = atomic_load(&plan.number);
  if (armed == -1 || !is_helper((pid_t)asked->pid)) return false;
  for (size_t i = 0; i < COUNT(kinds); i++) {
    if (kinds[i].number != asked->data.nr) continue;
    if (asked->data.nr == SYS_write && atomic_load(&plan.errno_) != EINTR && is_pipe(asked))
      return false;
    int nth = atomic_fetch_add(&plan.count[i], 1) + 1, wanted = atomic_load(&plan.nth);
    return armed == asked->data.nr && (nth == wanted || (nth > wanted && atomic_load(&plan.on)));
  }
  return false;
}

static void *listen_on(void *arg) {
  int listener = (int)(intptr_t)arg;
  for (;;) {
    struct seccomp_notif asked = {0};
    struct pollfd readable = {.fd = listener, .events = POLLIN};
    if (poll(&readable, 1, -1) < 0 && errno == EINTR) continue;
    if ((readable.revents & POLLIN) == 0) break; /* nobody with the filter is left */
    if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &asked) < 0) continue;
    struct seccomp_notif_resp answer = {.id = asked.id};
    if (must_fail(&asked))
      answer.error = -atomic_load(&plan.errno_);
    else
      answer.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
    (void)ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &answer);
  }
  close(listener);
  return NULL;
}

static void arm(int number, int nth, int error, bool on) {
  atomic_store(&plan.number, -1);
  for (size_t i = 0; i < COUNT(kinds); i++) atomic_store(&plan.count[i], 0);
  atomic_store(&plan.nth, nth);
  atomic_store(&plan.errno_, error);
  atomic_store(&plan.on, on);
  atomic_store(&plan.number, number);
}

static void disarm(void) { atomic_store(&plan.number, -1); }

/* ---- a sandbox that is filtered -------------------------------------------------------------- */

static struct sandbox sandbox;
static pthread_t listening;

static void start(void) {
  static const char *const arguments[] = {"init", "--key", "test", NULL};
  must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, handed_over) == 0, "a socket pair");
  before_init = filter_self;
  sandbox = start_sandbox(arguments);
  close(handed_over[1]);
  int listener = receive_fd(handed_over[0]);
  close(handed_over[0]);
  must(pthread_create(&listening, NULL, listen_on, (void *)(intptr_t)listener) == 0, "a thread");
  if (!greet(sandbox.first)) BAIL_OUT("the helper does not greet");
}

static void stop(void) {
  end_sandbox(&sandbox);
  pthread_join(listening, NULL);
}

static bool has_ended(void) {
  int status;
  if (waitpid(sandbox.init, &status, WNOHANG) != sandbox.init) return false;
  sandbox.init = 0;
  return true;
}

/* ---- calls ----------------------------------------------------------------------------------- */

#define OLD "old\nold\nold\n"
#define NEW "new\nnew\n"
#define SLEEP "sleep 43217"

static struct result result;

struct call {
  const char *what;
  struct run run;      /* without "path" */
  const char *input;   /* NULL: no stdin */
  const char *printed; /* NULL: not looked at */
  bool is_cancelled, writes;
};

static const struct call calls[] = {
    {"a command", {.programs = {"sh"}, .args = {"-c", "echo out; echo err >&2"}},
     .printed = "out\n"},
    {"a command with stdin", {.programs = {"cat"}}, .input = "fed\n", .printed = "fed\n"},
    {"a cancel",
     {.programs = {"sh"}, .args = {"-c", "setsid " SLEEP " & echo on; exec " SLEEP}},
     .is_cancelled = true},
    {"write", {.operation = "write", .operands = {"size=8"}}, .input = NEW, .writes = true},
    {"edit", {.operation = "edit", .operands = {"old_string=" OLD, "size=8"}}, .input = NEW,
     .writes = true},
    {"read", {.operation = "read"}, .input = NULL},
    {"list", {.operation = "list", .operands = {"path=."}}, .input = NULL},
    {"glob", {.operation = "glob", .operands = {"pattern=**/*.txt"}}, .input = NULL},
    {"grep", {.operation = "grep", .operands = {"pattern=o(l|x)d", "output_mode=content"}},
     .input = NULL},
    {"job_list", {.operation = "job_list"}, .input = NULL},
};

/* Each try has a file of its own, since a session remembers what it has seen of one. */
static char file_name[32], path_operand[48];

static void path_of(char *path, size_t size) {
  (void)snprintf(path, size, "/proc/%d/root/tmp/%s", (int)sandbox.init, file_name);
}

/* From outside, past the helper. */
static void put_old(void) {
  static unsigned number;
  char path[96];
  (void)snprintf(file_name, sizeof file_name, "f%u.txt", ++number);
  (void)snprintf(path_operand, sizeof path_operand, "path=%s", file_name);
  path_of(path, sizeof path);
  int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
  must(fd >= 0 && write(fd, OLD, strlen(OLD)) == (ssize_t)strlen(OLD), path);
  must(fchown(fd, SANDBOX_USER, SANDBOX_USER) == 0, path);
  close(fd);
}

static void remove_file(void) {
  char path[96];
  path_of(path, sizeof path);
  (void)unlink(path);
}

static bool file_is(const char *text) {
  char path[96], bytes[256];
  path_of(path, sizeof path);
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  ssize_t n = fd >= 0 ? read(fd, bytes, sizeof bytes - 1) : 0;
  if (fd >= 0) close(fd);
  bytes[n > 0 ? n : 0] = '\0';
  return fd >= 0 && strcmp(bytes, text) == 0;
}

static bool begin(const struct call *call) {
  struct run run = call->run;
  run.cwd = "/tmp";
  run.with_stdin = call->input != NULL;
  for (size_t i = 0; run.operation != NULL && i < 7; i++) {
    if (run.operands[i] != NULL && strncmp(run.operands[i], "path=", 5) == 0) break;
    if (run.operands[i] != NULL) continue;
    bool has_path = call->writes || strcmp(run.operation, "read") == 0;
    run.operands[i] = has_path ? path_operand : NULL;
    break;
  }
  free_result(&result);
  if (!send_run(sandbox.first, &run)) return false;
  if (call->input == NULL) return true;
  return send_frame(sandbox.first, CSN_FRAME_STDIN, call->input, strlen(call->input)) &&
         send_frame(sandbox.first, CSN_FRAME_STDIN_END, NULL, 0);
}

static void carry_out(const struct call *call) {
  if (!begin(call)) {
    result.type = 0;
    return;
  }
  if (call->is_cancelled && prints(sandbox.first, &result, "on\n")) send_cancel(sandbox.first);
  if (result.type == 0) finish(sandbox.first, &result);
}

/* ---- what is a good end ---------------------------------------------------------------------- */

static bool is_right(const struct call *call) {
  if (call->is_cancelled) return was_cancelled(&result);
  if (!exited(&result, 0)) return false;
  if (call->printed != NULL && (result.out == NULL || strcmp(result.out, call->printed) != 0))
    return false;
  return !call->writes || file_is(NEW);
}

/* Somebody says why: an error, an operation's refusal, or the helper's farewell. */
static bool is_clear(const struct call *call) {
  if (result.type == CSN_FRAME_ERROR || result.type == CSN_FRAME_LOST)
    return result.reason[0] != '\0' && strlen(result.text) > 5;
  if (call->run.operation == NULL) return false;
  return exited(&result, 1) && result.err != NULL && strstr(result.err, "\"message\"") != NULL;
}

/* In this sandbox. */
static bool is_inside(const char *pid) {
  char path[300], theirs[64] = "", ours[64] = "-";
  (void)snprintf(path, sizeof path, "/proc/%s/ns/pid", pid);
  if (readlink(path, theirs, sizeof theirs - 1) < 0) return false;
  (void)snprintf(path, sizeof path, "/proc/%d/ns/pid", (int)sandbox.init);
  return readlink(path, ours, sizeof ours - 1) > 0 && strcmp(theirs, ours) == 0;
}

static int count_sleeps(void) {
  int found = 0;
  DIR *proc = opendir("/proc");
  for (struct dirent *entry; (entry = readdir(proc)) != NULL;) {
    char path[300], line[64] = "";
    (void)snprintf(path, sizeof path, "/proc/%s/cmdline", entry->d_name);
    bool is_process = entry->d_name[0] >= '0' && entry->d_name[0] <= '9';
    int fd = is_process ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    ssize_t n = fd >= 0 ? read(fd, line, sizeof line - 1) : 0;
    if (fd >= 0) close(fd);
    found += n > 10 && memcmp(line, "sleep\0" "43217", 11) == 0 &&
             is_inside(entry->d_name);
  }
  closedir(proc);
  return found;
}

static bool nothing_runs(void) {
  double end = now_ms() + PATIENCE_MS;
  while (count_sleeps() > 0 && now_ms() < end) pause_ms(5);
  return count_sleeps() == 0;
}

static bool works(struct channel *on) {
  return strcmp(shell(on, "echo fine", &result), "fine\n") == 0 && exited(&result, 0);
}

/* On a channel of its own where the first one ended; the next try is then made in another sandbox,
 * since that one is not filtered. */
static bool next_works(void) {
  bool has_channel = result.type == CSN_FRAME_EXIT || result.type == CSN_FRAME_ERROR;
  if (has_channel) return works(sandbox.first);
  bool good = has_ended();
  /* Twice: the first may come while all that runs is still being ended. */
  for (int i = 0; i < 2 && !good; i++) {
    struct channel *later = open_channel(&sandbox);
    good = greet(later) && works(later);
    close_channel(later);
  }
  stop();
  start();
  return good;
}

static bool try_one(const struct call *call, const struct kind *kind, int nth, int error, bool on) {
  put_old();
  arm(kind->number, nth, error, on);
  double begun = now_ms();
  carry_out(call);
  disarm();
  double took = now_ms() - begun;
  bool transparent = error == EINTR, right = is_right(call);
  bool whole = !call->writes || file_is(NEW) || file_is(OLD);
  bool good = right || (!transparent && (is_clear(call) || result.type == 0));
  bool still = nothing_runs();
  if (!good || !whole || !still || took > PATIENCE_MS / 2) {
    diag("%s: %s number %d%s failed with %s: right %d clear %d whole %d nothing runs %d, %d ms",
         call->what, kind->name, nth, on ? " and all after it" : "", strerrorname_np(error), right,
         is_clear(call), whole, still, (int)took);
    explain(&result);
    good = false;
  }
  remove_file();
  if (next_works()) return good;
  diag("%s: after %s number %d%s failed with %s the next call does not work", call->what,
       kind->name, nth, on ? " and all after it" : "", strerrorname_np(error));
  explain(&result);
  return false;
}

/* Pipes and sockets know of no such errors, and commands and reports are written to those. */
static bool may_happen(const struct call *call, const struct kind *kind) {
  if (kind->number == SYS_sendto) return call->is_cancelled; /* process 1's answer takes its time */
  if (!kind->is_file) return true;
  if (kind->number == SYS_write) return call->writes;
  return call->run.operation != NULL && strcmp(call->run.operation, "job_list") != 0;
}

/* Once; and for good, where the helper could not wait for ever until it works. */
static int ways(const struct kind *kind, int error) {
  return error == EINTR || error == ENOBUFS || kind->is_file ? 1 : 2;
}

static void test_call(const struct call *call, bool wants_all) {
  int counts[COUNT(kinds)], tries = 0, bad = 0;
  put_old();
  arm(NONE_FAILS, 0, 0, false);
  carry_out(call);
  disarm();
  if (!ok(is_right(call), "%s", call->what)) explain(&result);
  remove_file();
  for (size_t k = 0; k < COUNT(kinds); k++) counts[k] = atomic_load(&plan.count[k]);
  for (size_t k = 0; k < COUNT(kinds); k++)
    for (int nth = 1; nth <= counts[k]; nth++) {
      if (!wants_all && nth > 3 && nth % 3 != 0) continue;
      for (const int *error = kinds[k].errnos; *error != 0; error++) {
        if (*error != EINTR && !may_happen(call, &kinds[k])) continue;
        for (int on = 0; on < ways(&kinds[k], *error) && bad < 10; on++, tries++)
          bad += !try_one(call, &kinds[k], nth, *error, on);
      }
    }
  ok(tries > 5 && bad == 0, "%s: %d failures of its system calls", call->what, tries);
}

/* One whose allocations are system calls too, beside the one that is tested elsewhere. */
static void choose_helper(void) {
  static char path[4096];
  (void)snprintf(path, sizeof path, "%s-asking", getenv("CAISSON_GUEST"));
  must(setenv("CAISSON_GUEST", path, 1) == 0, path);
}

int main(void) {
  const char *only = getenv("CAISSON_FAULTS_ONLY");
  choose_helper();
  start();
  for (size_t i = 0; i < COUNT(calls); i++)
    if (only == NULL || strcmp(only, calls[i].what) == 0)
      test_call(&calls[i], getenv("CAISSON_FAULTS_ALL") != NULL);
  stop();
  free_result(&result);
  return done_testing();
}
