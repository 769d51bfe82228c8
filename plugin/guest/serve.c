/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The loop of a serve: wait for the host, process 1, the command or a time, and let the parts deal
 * with it. It never blocks anywhere but in its ppoll.
 */
#include "guest/serve.h"

#include "guest/basics.h"
#include "guest/brood.h"
#include "guest/files/quota.h"
#include "guest/oom.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#ifndef CSN_GUEST_BUILD
#define CSN_GUEST_BUILD ""
#endif

#define SETTLE_NS (20 * CSN_MS_IN_NS)     /* a call this short is not worth telling process 1 */
#define FRESH_NS (1000 * CSN_MS_IN_NS)    /* so is one this soon after another */
#define MOVED_MUCH 32768u                 /* bytes after which buffers are worth giving back */
#define FAREWELL_NS (2000 * CSN_MS_IN_NS) /* for the last frames to be read */

enum { HOST_IN, HOST_OUT, HUB, CONTROL, CHILDREN, STDOUT, STDERR, STDIN, LEFT_OUT, LEFT_ERR, FDS };

static struct csn_serve serve;
static uint8_t reader_buffer[CSN_FRAME_MAX];

/* ---- setting up ---------------------------------------------------------------------------- */

/* Take the descriptors that the supervisor uses, so that nothing of a call ever gets them. */
static int open_devnull(void) {
  int fd;
  do
    fd = open("/dev/null", O_RDWR | O_CLOEXEC);
  while (fd >= 0 && fd <= CSN_SPAWN_LOW);
  return fd;
}

static void set_nonblocking(int fd) {
  int flags = fcntl(fd, F_GETFL);
  if (flags >= 0) fcntl(fd, F_SETFL, flags | O_NONBLOCK);
}

static void put_status(const struct csn_hub_answer *answer, bool hello) {
  const struct csn_wire_status status = {
    .build = csn_call_text(CSN_GUEST_BUILD),
    .pid = (uint64_t)getpid(),
    .uid = getuid(),
    .gid = getgid(),
    .busy_others = answer->busy_others,
    .channels_others = answer->channels_others,
    .age_ms = answer->age_ms,
    .idle_ms = answer->idle_ms,
    .key = {answer->text, answer->text_size},
  };
  struct csn_wire_out out = csn_outbox_control(&serve.outbox);
  csn_wire_put_status(&out, hello, &status);
  csn_outbox_commit(&serve.outbox, &out);
}

static void set_up(uint64_t silence_ms) {
  struct csn_hub_answer status = {0};
  prctl(PR_SET_NAME, "caisson-serve");
  csn_guest_block_signals();
  prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
  set_nonblocking(STDIN_FILENO);
  set_nonblocking(STDOUT_FILENO);
  csn_call_reset(&serve.call);
  serve.leftovers = CSN_SPAWNED_NONE;
  serve.silence_ns = silence_ms * CSN_MS_IN_NS;
  serve.devnull = open_devnull();
  serve.signals = csn_guest_child_signals();
  serve.oom_fd = csn_oom_open();
  serve.oom_score = csn_oom_command_score();
  serve.oom_seen = csn_oom_count(serve.oom_fd);
  csn_outbox_drop(&serve.outbox);
  csn_frame_reader_init(&serve.reader, CSN_FROM_HOST, reader_buffer);
  csn_squeeze_remember(&serve.squeeze);
  csn_quota_share();
  int registered = csn_registry_open(&serve.registry, &status);
  serve.now = csn_guest_now();
  put_status(&status, true);
  if (registered < 0 || serve.devnull < 0 || serve.signals < 0)
    csn_call_end_lost(&serve, CSN_REASON_INIT, "process 1 of the sandbox cannot be reached");
}

/* ---- process 1 ----------------------------------------------------------------------------- */

static void be_purged(const struct csn_hub_answer *answer) {
  struct csn_call *call = &serve.call;
  char text[CSN_HUB_TEXT_MAX + 64] = "everything that ran in the sandbox was killed: ";
  strncat(text, answer->text, answer->text_size);
  switch (call->state) {
  case CSN_CALL_PURGING:
    csn_call_end_lost(&serve, call->fault.reason.bytes, call->fault.text.bytes);
    break;
  case CSN_CALL_RUNNING:
  case CSN_CALL_KILLING: csn_call_end_lost(&serve, CSN_REASON_PURGED, text); break;
  case CSN_CALL_CLEARING: csn_call_cleared(&serve); break;
  case CSN_CALL_NONE:
  case CSN_CALL_GATHERING:
  case CSN_CALL_SCRIPT:
  case CSN_CALL_DRAINING: break;
  }
}

static void hear_hub(void) {
  struct csn_hub_answer answer;
  int got;
  while ((got = csn_registry_hear(&serve.registry, &answer)) > 0) {
    if (answer.kind == CSN_HUB_STATUS && answer.number == serve.status_number) {
      serve.status_number = 0;
      put_status(&answer, false);
    } else if (answer.kind == CSN_HUB_STATUS) {
      csn_call_clear_status(&serve, &answer);
    } else if (answer.kind == CSN_HUB_KILLED) {
      csn_call_killed(&serve, &answer);
    } else if (answer.kind == CSN_HUB_PURGED) {
      be_purged(&answer);
    }
  }
  if (got < 0) csn_call_end_lost(&serve, CSN_REASON_INIT, "process 1 of the sandbox hung up");
}

/* Process 1 counts calls as signs of life. Most calls are over before it would pay to tell it. */
static uint64_t next_beat(void) {
  const struct csn_registry *registry = &serve.registry;
  uint64_t every = CSN_HUB_BEAT_MS * CSN_MS_IN_NS;
  if (serve.call.state == CSN_CALL_NONE || serve.call.started == 0 || serve.call.is_look)
    return UINT64_MAX;
  if (registry->told_busy) return registry->told_ns + every;
  return registry->told_ns + FRESH_NS <= serve.call.started ? serve.call.started
                                                            : serve.call.started + SETTLE_NS;
}

static void keep_registered(void) {
  if (serve.call.state == CSN_CALL_NONE) {
    if (serve.registry.told_busy) csn_registry_tell(&serve.registry, false, serve.now);
  } else if (serve.now >= next_beat()) {
    csn_registry_tell(&serve.registry, true, serve.now);
  }
}

/* ---- the loop ------------------------------------------------------------------------------ */

static uint64_t earlier(uint64_t a, uint64_t b) { return a < b ? a : b; }

/* Of a command without supervisor: when to look after its children, or its OOM score. */
static uint64_t next_of_direct(const struct csn_call *call) {
  if (!call->direct || call->state != CSN_CALL_RUNNING) return UINT64_MAX;
  if (call->has_status) return call->ended + CSN_CALL_DYING_NS;
  if (serve.oom_score == 0 || call->oom_score_raised) return UINT64_MAX;
  return call->started + CSN_BROOD_SETTLED_NS;
}

static void look_after_direct(struct csn_call *call) {
  if (serve.now < next_of_direct(call)) return;
  if (call->has_status) {
    csn_call_weigh(&serve);
  } else {
    csn_brood_raise_oom_score(serve.oom_score);
    call->oom_score_raised = true;
  }
}

/* When something is due even if nothing happens. */
static uint64_t next_time(void) {
  const struct csn_call *call = &serve.call;
  uint64_t next = next_beat();
  if (call->state == CSN_CALL_DRAINING && csn_outbox_has_room(&serve.outbox)) return serve.now;
  if (csn_outbox_pending(&serve.outbox) > 0 && serve.outbox.held_until != 0)
    next = earlier(next, serve.outbox.held_until);
  if (call->state != CSN_CALL_NONE) next = earlier(next, serve.heard + serve.silence_ns);
  if (call->state == CSN_CALL_RUNNING && call->deadline != 0) next = earlier(next, call->deadline);
  if (call->kill.reap > serve.now) next = earlier(next, call->kill.reap);
  next = earlier(next, next_of_direct(call));
  if (call->state == CSN_CALL_KILLING || call->state == CSN_CALL_PURGING ||
      call->state == CSN_CALL_CLEARING)
    next = earlier(next, call->kill.next);
  return next;
}

static void check_times(void) {
  struct csn_call *call = &serve.call;
  look_after_direct(call);
  if (call->state == CSN_CALL_RUNNING && call->deadline != 0 && serve.now >= call->deadline)
    csn_call_kill(&serve, CSN_OUTCOME_DEADLINE);
  if (call->state == CSN_CALL_KILLING || call->state == CSN_CALL_PURGING) csn_call_kill_on(&serve);
  if (call->state == CSN_CALL_CLEARING) csn_call_clear_late(&serve);
  if (call->state != CSN_CALL_NONE && !serve.leaving && serve.now >= serve.heard + serve.silence_ns)
    csn_serve_leave(&serve);
}

/* ppoll failed: it has no memory, or takes no such number of descriptors, because somebody inside
 * lowered our limit on them. Until it works again everything is tried every now and then. */
static void wait_blindly(struct pollfd *fds, bool interrupted) {
  const struct timespec pause = {0, 1000000};
  for (int i = 0; i < FDS; i++) fds[i].revents = !interrupted && fds[i].fd >= 0 ? fds[i].events : 0;
  if (!interrupted) nanosleep(&pause, NULL);
}

static void wait_for(struct pollfd *fds) {
  const struct csn_call *call = &serve.call;
  bool listens = call->state == CSN_CALL_RUNNING || call->state == CSN_CALL_KILLING;
  bool reads = listens && csn_outbox_has_room(&serve.outbox);
  bool writes = csn_outbox_pending(&serve.outbox) > 0 && serve.outbox.held_until == 0;
  bool feeds = call->feed.fd >= 0;
  fds[HOST_IN] = (struct pollfd){.fd = serve.host_gone ? -1 : STDIN_FILENO, .events = POLLIN};
  fds[HOST_OUT] = (struct pollfd){.fd = writes ? STDOUT_FILENO : -1, .events = POLLOUT};
  fds[HUB] = (struct pollfd){.fd = serve.registry.fd, .events = POLLIN};
  int control = listens && !call->empty ? call->process.control : -1;
  fds[CONTROL] = (struct pollfd){.fd = control, .events = POLLIN};
  bool reaps = serve.now >= call->kill.reap;
  fds[CHILDREN] = (struct pollfd){.fd = reaps ? serve.signals : -1, .events = POLLIN};
  fds[STDOUT] = (struct pollfd){.fd = reads ? call->process.out : -1, .events = POLLIN};
  fds[STDERR] = (struct pollfd){.fd = reads ? call->process.err : -1, .events = POLLIN};
  fds[STDIN] = (struct pollfd){.fd = feeds ? call->feed.fd : -1,
                               .events = call->feed.size > 0 ? POLLOUT : 0};
  fds[LEFT_OUT] = (struct pollfd){.fd = serve.leftovers.out, .events = POLLIN};
  fds[LEFT_ERR] = (struct pollfd){.fd = serve.leftovers.err, .events = POLLIN};
  uint64_t next = next_time(), now = csn_guest_now();
  uint64_t span = next > now ? next - now : 0;
  const struct timespec timeout = {(time_t)(span / 1000000000u), (long)(span % 1000000000u)};
  if (ppoll(fds, FDS, next == UINT64_MAX ? NULL : &timeout, NULL) < 0)
    wait_blindly(fds, errno == EINTR);
}

static void hear_children(void) {
  struct signalfd_siginfo ignored;
  if (read(serve.signals, &ignored, sizeof ignored) < 0) return;
  csn_serve_reap(&serve);
  csn_call_weigh(&serve);
  if (serve.call.state == CSN_CALL_KILLING) serve.call.kill.reap = serve.now + CSN_GUEST_REAP_NS;
}

/* Process 1 is heard before anybody's death is taken for anything: if it killed everything, that is
 * why. It tells us before we can see it, but perhaps not before ppoll saw it. */
static void turn(const struct pollfd *fds) {
  serve.now = csn_guest_now();
  if (fds[HOST_IN].revents != 0) csn_serve_hear_host(&serve);
  if (fds[HUB].revents != 0 || fds[CHILDREN].revents != 0 || fds[CONTROL].revents != 0) hear_hub();
  csn_call_take_output(&serve, fds[STDOUT].revents != 0, fds[STDERR].revents != 0);
  if ((fds[STDIN].revents & POLLERR) != 0) csn_feed_break(&serve.call.feed);
  if ((fds[STDIN].revents & POLLOUT) != 0) csn_feed_push(&serve.call.feed);
  if (fds[CHILDREN].revents != 0) hear_children();
  if (fds[LEFT_OUT].revents != 0 || fds[LEFT_ERR].revents != 0)
    csn_leftovers_discard(&serve.leftovers);
  if (fds[CONTROL].revents != 0 && serve.call.process.control >= 0)
    csn_call_hear_supervisor(&serve);
  check_times();
  if (serve.call.state == CSN_CALL_DRAINING) csn_call_drain(&serve);
}

static void flush(void) {
  if (csn_outbox_flush(&serve.outbox, STDOUT_FILENO, serve.now) == 0) return;
  csn_outbox_drop(&serve.outbox);
  serve.host_gone = true;
  csn_serve_leave(&serve);
}

/* After a call, when its result is on the way: what would have held it up. */
static void settle(void) {
  const char *what;
  serve.oom_seen = csn_oom_count(serve.oom_fd);
  if (serve.leaving || !csn_squeeze_happened(&serve.squeeze, &what)) return;
  csn_call_purge(&serve, CSN_REASON_SQUEEZED, CSN_CALL_SQUEEZED_TEXT);
}

/* Between calls, when the last one's output has left: give back the memory that it touched. */
static void shrink(void) {
  if (serve.moved <= MOVED_MUCH || csn_outbox_pending(&serve.outbox) > 0) return;
  serve.moved = 0;
  csn_outbox_release(&serve.outbox);
  csn_serve_release_input(&serve);
  malloc_trim(0);
}

/* Write what is left, as long as somebody reads it, and go without raising an alarm. */
static _Noreturn void go(void) {
  uint64_t end = csn_guest_now() + FAREWELL_NS;
  struct pollfd out = {.fd = STDOUT_FILENO, .events = POLLOUT};
  if (serve.refusal[0] != '\0') csn_call_end_lost(&serve, CSN_REASON_WIRE, serve.refusal);
  serve.outbox.held_until = 0;
  while (csn_outbox_pending(&serve.outbox) > 0 && csn_guest_now() < end) {
    if (poll(&out, 1, 100) != 0 && csn_outbox_flush(&serve.outbox, STDOUT_FILENO, UINT64_MAX) < 0)
      break;
  }
  csn_leftovers_hand_over(&serve.leftovers, serve.devnull);
  csn_registry_close(&serve.registry);
  exit(serve.exit_code);
}

_Noreturn void csn_serve_main(uint64_t silence_ms) {
  struct pollfd fds[FDS];
  set_up(silence_ms);
  flush();
  for (;;) {
    bool had_call = serve.call.state != CSN_CALL_NONE;
    if (serve.leaving && !had_call) go();
    wait_for(fds);
    turn(fds);
    csn_serve_send_due(&serve);
    flush();
    if (had_call && serve.call.state == CSN_CALL_NONE) settle();
    if (serve.call.state == CSN_CALL_NONE) shrink();
    keep_registered();
  }
}
