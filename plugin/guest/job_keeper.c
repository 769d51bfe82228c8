/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The keeper's loop: see job_keeper.h. Its waitpid saying "no children" is the proof that nothing
 * of the job is left; killing is process 1's, which is asked again, freezing, until that comes.
 */
#include "guest/job_keeper.h"

#include "guest/basics.h"
#include "guest/brood.h"
#include "guest/job_dir.h"
#include "guest/oom.h"
#include "guest/request.h"
#include "guest/ring.h"
#include "guest/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* Where the descriptors are, once arranged. */
enum { CONTROL = 3, REQUEST = 4, INPUT = 5, SCRIPT = 6, RING = 7, FIRST_FREE = 8 };

#define ROUND_NS (25 * CSN_MS_IN_NS)        /* for dying; then another sweep, and a longer wait */
#define GIVE_UP_NS (2000 * CSN_MS_IN_NS)
#define LAST_WORDS (4u << 20)               /* what is read at the end, whoever may still write */

struct stream {
  int pipe, file;
  uint64_t size;     /* of the file */
};

static struct {
  struct csn_hub_job about;
  struct csn_request request;
  struct csn_spawned process;
  struct stream out, err;
  bool is_service;
  struct csn_ring ring;                /* of a service */
  bool has_children;
  bool full;                           /* nothing more is kept: what is kept has no gaps */
  bool oom_score_raised;
  uint64_t now, started, deadline;     /* deadline 0: none */
  uint64_t oom_seen;
  int signals, oom_fd, oom_score;
  struct {
    bool running, awaited;
    uint64_t started, next, rounds;
    uint32_t found;
    char text[CSN_HUB_TEXT_MAX];
  } kill;
} job;

/* ---- process 1 ----------------------------------------------------------------------------- */

static void tell(uint32_t kind, uint32_t flags) {
  struct csn_job_note note = {.kind = kind, .flags = flags, .about = job.about};
  memcpy(note.text, job.kill.text, sizeof note.text);
  while (send(CONTROL, &note, sizeof note, MSG_NOSIGNAL) < 0 && errno == EINTR) continue;
}

static _Noreturn void fail(int stage, int number) {
  job.about.stage = (uint8_t)stage;
  job.about.status = number;
  tell(CSN_JOB_FAILED, 0);
  if (!job.is_service) csn_job_dir_remove(job.about.number);
  _exit(0);
}

static void ask_for_round(void) {
  job.kill.rounds++;
  job.kill.awaited = true;
  tell(CSN_JOB_SWEEP, job.kill.rounds > 1 ? CSN_HUB_FREEZE : 0);
}

static void begin_to_kill(uint8_t outcome) {
  if (job.kill.running) return;
  job.kill.running = true;
  job.about.outcome = outcome;
  job.kill.started = job.now;
  ask_for_round();
}

static void hear_control(void) {
  struct csn_job_order order;
  while (recv(CONTROL, &order, sizeof order, MSG_DONTWAIT) == (ssize_t)sizeof order) {
    if (order.kind == CSN_JOB_END) begin_to_kill(CSN_HUB_JOB_KILLED);
    if (order.kind != CSN_JOB_SWEPT) continue;
    job.kill.awaited = false;
    job.kill.found = order.found;
    memcpy(job.kill.text, order.text, sizeof job.kill.text);
    job.kill.next = job.now + ROUND_NS * job.kill.rounds;
  }
}

/* It is time for the next step of a kill. True: nothing more can be done. */
static bool kill_on(void) {
  if (!job.kill.running || job.kill.awaited || job.now < job.kill.next) return false;
  if (job.now - job.kill.started < GIVE_UP_NS) {
    ask_for_round();
    return false;
  }
  if (job.kill.found > 0) return true;
  job.kill.awaited = true;
  tell(CSN_JOB_PURGE, 0);
  return false;
}

/* ---- output -------------------------------------------------------------------------------- */

static void keep(struct stream *stream, const char *bytes, size_t size) {
  uint64_t used = job.out.size + job.err.size;
  uint64_t room = job.about.output_max > used ? job.about.output_max - used : 0;
  size_t take = job.full ? 0 : size < room ? size : (size_t)room;
  /* At our own offset: whatever is done to the file from outside, a byte keeps its place. */
  while (take > 0) {
    ssize_t wrote = pwrite(stream->file, bytes, take, (off_t)stream->size);
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote <= 0) {
      job.about.write_error = errno;
      tell(CSN_JOB_WRITE_FAILED, 0);
      break;
    }
    stream->size += (uint64_t)wrote;
    bytes += wrote;
    size -= (size_t)wrote;
    take -= (size_t)wrote;
  }
  if (size == 0) return;
  job.full = true;
  job.about.dropped += size;
}

static size_t take_output(struct stream *stream) {
  static char bytes[65536];
  ssize_t got = read(stream->pipe, bytes, sizeof bytes);
  if (got <= 0) return 0;
  if (job.is_service)
    csn_ring_add(&job.ring, bytes, (size_t)got);
  else
    keep(stream, bytes, (size_t)got);
  return (size_t)got;
}

static void take_last(struct stream *stream) {
  size_t total = 0, got;
  while (total < LAST_WORDS && (got = take_output(stream)) > 0) total += got;
}

/* ---- its processes ------------------------------------------------------------------------- */

static void command_ended(int status) {
  bool signalled = WIFSIGNALED(status);
  job.about.how = signalled ? CSN_HOW_SIGNALLED : CSN_HOW_EXITED;
  job.about.status = signalled ? WTERMSIG(status) : WEXITSTATUS(status);
}

static void reap(void) {
  struct signalfd_siginfo ignored;
  bool ended = false;
  int status;
  pid_t pid;
  if (read(job.signals, &ignored, sizeof ignored) < 0 && errno != EAGAIN) job.has_children = true;
  while ((pid = waitpid(-1, &status, WNOHANG | __WALL)) > 0) {
    if (pid != job.process.pid) continue;
    command_ended(status);
    ended = true;
  }
  job.has_children = pid == 0;
  if (!ended || !job.has_children) return;
  tell(CSN_JOB_COMMAND_ENDED, 0);
  /* A service that goes into the background ends well; what others leave holds its ports. */
  if (job.is_service && job.about.status != 0) begin_to_kill(CSN_HUB_JOB_EXITED);
}

/* 137 is how a shell passes on that its own child was killed. */
static bool was_killed_for_memory(void) {
  int killed = job.about.how == CSN_HOW_SIGNALLED ? SIGKILL : 137;
  return job.about.status == killed && csn_oom_count(job.oom_fd) > job.oom_seen;
}

static _Noreturn void end(void) {
  take_last(&job.out);
  take_last(&job.err);
  job.about.out_bytes = job.out.size;
  job.about.err_bytes = job.err.size;
  job.about.duration_ms = (csn_guest_now() - job.started) / CSN_MS_IN_NS;
  if (job.has_children) job.about.survivors = job.kill.found > 0 ? job.kill.found : 1;
  else job.kill.text[0] = '\0';
  if (!job.kill.running || job.about.outcome == CSN_HUB_JOB_EXITED)
    job.about.outcome = was_killed_for_memory() ? CSN_HUB_JOB_OOM : CSN_HUB_JOB_EXITED;
  tell(CSN_JOB_ENDED, 0);
  _exit(0);
}

/* ---- starting ------------------------------------------------------------------------------ */

static void arrange(const struct csn_job_start *start) {
  int devnull = open("/dev/null", O_RDWR | O_CLOEXEC), high[CSN_JOB_INPUTS + 2];
  /* Out of the way of each other first. */
  high[0] = fcntl(start->control, F_DUPFD_CLOEXEC, FIRST_FREE);
  for (int i = 0; i < CSN_JOB_INPUTS; i++)
    high[1 + i] = fcntl(start->inputs[i], F_DUPFD_CLOEXEC, FIRST_FREE);
  int ring = job.is_service ? start->ring : devnull;
  high[1 + CSN_JOB_INPUTS] = fcntl(ring, F_DUPFD_CLOEXEC, FIRST_FREE);
  for (int fd = 0; fd <= 2; fd++) dup2(devnull, fd);
  for (int i = 0; i < CSN_JOB_INPUTS + 2; i++) dup3(high[i], CONTROL + i, O_CLOEXEC);
  csn_guest_close_from(FIRST_FREE);
}

static void read_request(void) {
  static uint8_t bytes[65536];
  char error[CSN_FRAME_ERROR_MAX];
  ssize_t got;
  for (off_t at = 0; (got = pread(REQUEST, bytes, sizeof bytes, at)) > 0; at += got) {
    if (csn_request_add(&job.request, bytes, (size_t)got) < 0) fail(0, errno);
  }
  if (csn_request_finish(&job.request, error) < 0) fail(0, EINVAL);
}

static int copy_script(int dir, const char *name) {
  static char bytes[65536];
  ssize_t got;
  int file = csn_job_file_make(dir, name);
  if (file < 0) return -1;
  for (off_t at = 0; (got = pread(SCRIPT, bytes, sizeof bytes, at)) > 0; at += got) {
    if (write(file, bytes, (size_t)got) != got) got = -1;
    if (got < 0) break;
  }
  close(file);
  return got < 0 ? -1 : 0;
}

static void open_files(char *script, size_t size) {
  char name[CSN_JOB_NAME_SIZE];
  const char *script_name = job.request.run.script_name;
  int dir = csn_job_dir_make(job.about.number);
  if (dir < 0) fail(0, errno);
  job.out.file = csn_job_file_make(dir, CSN_JOB_OUT);
  job.err.file = csn_job_file_make(dir, CSN_JOB_ERR);
  if (job.out.file < 0 || job.err.file < 0) fail(0, errno);
  if (script_name != NULL && copy_script(dir, script_name) < 0) fail(0, errno);
  close(dir);
  csn_job_name(job.about.number, name);
  snprintf(script, size, CSN_JOB_DIR "/%s/%s", name, script_name != NULL ? script_name : "");
}

/* One pipe for both streams, so that the ring has what was printed in its order. The write end
 * stays open: no end-of-file before the last of the processes is gone. */
static int spawn_service(const struct csn_launch *launch, struct csn_launch_failure *failure) {
  int ends[2];
  *failure = (struct csn_launch_failure){CSN_LAUNCH_FORK, 0};
  if (pipe2(ends, O_CLOEXEC) < 0 || fcntl(ends[0], F_SETFL, O_RDONLY | O_NONBLOCK) < 0) {
    failure->number = errno;
    return -1;
  }
  const int streams[3] = {INPUT, ends[1], ends[1]};
  job.process = CSN_SPAWNED_NONE;
  job.process.out = ends[0];
  job.process.pid = csn_launch(launch, streams, failure);
  return job.process.pid < 0 ? -1 : 0;
}

static void launch(void) {
  const struct csn_wire_run *run = &job.request.run;
  struct csn_launch_failure failure;
  char script[160], room[256];
  if (!job.is_service) {
    open_files(script, sizeof script);
    csn_request_set_script(&job.request, script, room, sizeof room);
  }
  const struct csn_launch launch = {
    .programs = run->programs,
    .program_count = run->program_count,
    .argv = job.request.argv,
    .envp = job.request.envp,
    .path = csn_request_getenv(&job.request, "PATH"),
    .cwd = run->cwd,
  };
  int rc = job.is_service ? spawn_service(&launch, &failure)
                          : csn_spawn_direct(&launch, false, INPUT, &job.process, &failure);
  if (rc < 0) fail(failure.stage, failure.number);
  job.out.pipe = job.process.out;
  job.err.pipe = job.process.err;
  job.about.pid = job.process.pid;
  job.has_children = true;
}

static void set_up(const struct csn_job_start *start) {
  prctl(PR_SET_NAME, "caisson-job");
  prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
  job.is_service = start->ring >= 0;
  arrange(start);
  if (job.is_service && csn_ring_map(&job.ring, RING, true) < 0) fail(0, errno);
  job.about = (struct csn_hub_job){.number = start->number, .output_max = start->output_max};
  for (size_t i = 0; i < start->forgotten_count && !job.is_service; i++)
    csn_job_dir_remove(start->forgotten[i]);
  job.signals = csn_guest_child_signals();
  job.oom_fd = csn_oom_open();
  job.oom_score = csn_oom_command_score();
  job.oom_seen = csn_oom_count(job.oom_fd);
  if (job.signals < 0) fail(0, errno);
  read_request();
  job.started = csn_guest_now();
  if (start->timeout_ms > 0 && start->timeout_ms < UINT64_MAX / CSN_MS_IN_NS - job.started)
    job.deadline = job.started + start->timeout_ms * CSN_MS_IN_NS;
}

/* ---- the loop ------------------------------------------------------------------------------ */

static uint64_t earlier(uint64_t a, uint64_t b) { return a < b ? a : b; }

static void look_after_score(void) {
  if (job.oom_score_raised || job.now < job.started + CSN_BROOD_SETTLED_NS) return;
  job.oom_score_raised = true;
  if (job.oom_score != 0) csn_brood_raise_oom_score(job.oom_score);
}

static uint64_t next_time(void) {
  uint64_t next = UINT64_MAX;
  if (!job.oom_score_raised) next = job.started + CSN_BROOD_SETTLED_NS;
  if (job.kill.running && !job.kill.awaited) return earlier(next, job.kill.next);
  return !job.kill.running && job.deadline != 0 ? earlier(next, job.deadline) : next;
}

/* False: what is readable is not known. Somebody may have lowered our limit on descriptors, which
 * makes poll fail; then everything is tried every now and then. */
static bool wait_for(struct pollfd fds[4]) {
  const struct timespec pause = {0, 5000000};
  uint64_t next = next_time(), now = csn_guest_now();
  uint64_t span = next > now ? next - now : 0;
  const struct timespec timeout = {(time_t)(span / 1000000000u), (long)(span % 1000000000u)};
  fds[0] = (struct pollfd){.fd = job.signals, .events = POLLIN};
  fds[1] = (struct pollfd){.fd = CONTROL, .events = POLLIN};
  fds[2] = (struct pollfd){.fd = job.out.pipe, .events = POLLIN};
  fds[3] = (struct pollfd){.fd = job.err.pipe, .events = POLLIN};
  if (ppoll(fds, 4, next == UINT64_MAX ? NULL : &timeout, NULL) >= 0) return true;
  nanosleep(&pause, NULL);
  return false;
}

_Noreturn void csn_job_keeper_main(const struct csn_job_start *start) {
  struct pollfd fds[4];
  set_up(start);
  launch();
  tell(CSN_JOB_STARTED, 0);
  for (;;) {
    bool knows = wait_for(fds);
    job.now = csn_guest_now();
    if (!knows || fds[2].revents != 0) take_output(&job.out);
    if (!knows || fds[3].revents != 0) take_output(&job.err);
    /* In this order: an order to end precedes the deaths that it brings about. */
    if (!knows || fds[0].revents != 0) reap();
    hear_control();
    look_after_score();
    if (!job.has_children && !job.kill.awaited) end();
    if (job.deadline != 0 && job.now >= job.deadline) begin_to_kill(CSN_HUB_JOB_DEADLINE);
    if (kill_on()) end();
  }
}
