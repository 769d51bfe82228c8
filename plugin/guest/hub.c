/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The hub: see hub.h. Only serves, and operations that they attach, are listened to: their
 * parent is outside the sandbox (or they are our own first child) and they cannot be traced, so
 * no command can pose as one or take one over.
 */
#include "guest/hub.h"

#include "guest/basics.h"
#include "guest/hub_message.h"
#include "guest/scan.h"
#include "guest/sweep.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define RECENT_NS (60000 * CSN_MS_IN_NS)   /* a serve that spoke since may be in a call */
#define STUCK_TICKS 5
#define ACCEPTS_PER_TURN 16   /* a flood of strangers must not keep us from our own */

int csn_hub_open(struct csn_hub *hub) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  memcpy(address.sun_path + 1, CSN_HUB_NAME, sizeof CSN_HUB_NAME - 1);
  socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + sizeof CSN_HUB_NAME);
  hub->listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (hub->listener < 0) return -1;
  const int on = 1;
  if (setsockopt(hub->listener, SOL_SOCKET, SO_PASSCRED, &on, sizeof on) < 0) return -1;
  if (bind(hub->listener, (struct sockaddr *)&address, size) < 0) return -1;
  return listen(hub->listener, CSN_HUB_PEERS_MAX);
}

size_t csn_hub_poll(const struct csn_hub *hub, struct pollfd *fds) {
  fds[0] = (struct pollfd){.fd = hub->listener, .events = POLLIN};
  for (size_t i = 0; i < hub->count; i++)
    fds[1 + i] = (struct pollfd){.fd = hub->peers[i].fd, .events = POLLIN};
  size_t count = 1 + hub->count;
  count += csn_jobs_poll(&hub->jobs, fds + count);
  return count + csn_jobs_poll(&hub->service.runs, fds + count);
}

bool csn_hub_knows(const struct csn_hub *hub, pid_t pid) {
  for (size_t i = 0; i < hub->count; i++) {
    if (hub->peers[i].pid == pid) return true;
  }
  return false;
}

bool csn_hub_is_busy(const struct csn_hub *hub) {
  for (size_t i = 0; i < hub->count; i++) {
    if (hub->peers[i].busy) return true;
  }
  return csn_jobs_running(&hub->jobs) > 0;
}

static void send_answer(const struct csn_hub_peer *peer, const struct csn_hub_answer *answer) {
  csn_hub_put(peer->fd, answer, sizeof *answer, MSG_DONTWAIT);
}

static struct csn_hub_answer make_answer(uint8_t kind, uint32_t number, const char *text) {
  struct csn_hub_answer answer = {.version = CSN_HUB_VERSION, .kind = kind, .number = number};
  size_t size = strlen(text);
  if (size > sizeof answer.text) size = sizeof answer.text;
  memcpy(answer.text, text, size);
  answer.text_size = (uint16_t)size;
  return answer;
}

static void answer_status(const struct csn_hub *hub, const struct csn_hub_peer *peer,
                          uint32_t number) {
  uint64_t now = csn_guest_now();
  struct csn_hub_answer answer = make_answer(CSN_HUB_STATUS, number, hub->key);
  answer.busy_others = csn_jobs_running(&hub->jobs);
  for (size_t i = 0; i < hub->count; i++) {
    if (&hub->peers[i] == peer || hub->peers[i].is_operation) continue;
    answer.channels_others++;
    if (hub->peers[i].busy) answer.busy_others++;
  }
  answer.age_ms = (now - hub->born) / CSN_MS_IN_NS;
  answer.idle_ms = csn_hub_is_busy(hub) ? 0 : (now - hub->active) / CSN_MS_IN_NS;
  send_answer(peer, &answer);
}

/* All but the serves, and operations on jobs if these are spared; what is left is frozen. */
static void kill_all(struct csn_hub *hub, const char *why, bool spare_operations,
                     struct csn_sweep_result *result) {
  pid_t spared[CSN_HUB_PEERS_MAX];
  csn_jobs_lose(&hub->jobs, why);
  csn_jobs_lose(&hub->service.runs, why);
  for (size_t i = 0; i < hub->count; i++) {
    const struct csn_hub_peer *peer = &hub->peers[i];
    spared[i] = spare_operations && peer->speaker > 0 ? peer->speaker : peer->pid;
  }
  csn_sweep_all(spared, hub->count, hub->reaped, result);
}

void csn_hub_purge(struct csn_hub *hub, const char *why) {
  struct csn_sweep_result result;
  char text[CSN_HUB_TEXT_MAX];
  hub->before_kill();
  kill_all(hub, why, false, &result);

  snprintf(text, sizeof text, "%s%s%.120s", why, result.found > 0 ? "; not dead yet: " : "",
           result.text);
  struct csn_hub_answer answer = make_answer(CSN_HUB_PURGED, 0, text);
  for (size_t i = 0; i < hub->count; i++) send_answer(&hub->peers[i], &answer);
  csn_sweep_thaw();
}

static void answer_kill(struct csn_hub *hub, const struct csn_hub_peer *peer,
                        const struct csn_hub_request *request) {
  struct csn_sweep_result result;
  bool freeze = (request->flags & CSN_HUB_FREEZE) != 0;
  hub->before_kill();
  if (!hub->has_subreapers) {
    /* Orphans are nobody's descendants then, so whose they were cannot be told. */
    kill_all(hub, "a call was ended, and this runtime cannot tell whose a process is", false,
             &result);
    csn_sweep_thaw();
  } else if (csn_sweep_tree(request->pid, peer->pid, freeze, &result) < 0) {
    csn_hub_purge(hub, "the processes could not be listed");
    return;
  }
  struct csn_hub_answer answer = make_answer(CSN_HUB_KILLED, request->number, result.text);
  answer.found = result.found;
  send_answer(peer, &answer);
}

static void drop_peer(struct csn_hub *hub, size_t index) {
  csn_jobs_disown(&hub->jobs, hub->peers[index].fd);
  close(hub->peers[index].fd);
  hub->peers[index] = hub->peers[--hub->count];
}

/* A serve that closes without a word was killed. What it ran has no keeper any more. */
static void lose_peer(struct csn_hub *hub, size_t index) {
  char why[64];
  if (hub->peers[index].is_operation) {
    drop_peer(hub, index);
    return;
  }
  snprintf(why, sizeof why, "the helper with pid %d was killed", (int)hub->peers[index].pid);
  drop_peer(hub, index);
  csn_hub_purge(hub, why);
}

/* ---- operations and jobs ------------------------------------------------------------------- */

/* The far end of `fd`, which is taken over, is a process that this serve has just forked. */
static void attach(struct csn_hub *hub, const struct csn_hub_peer *serve, int fd) {
  if (fd < 0) return;
  if (hub->count == CSN_HUB_PEERS_MAX || serve->is_operation) {
    close(fd);
    return;
  }
  const int on = 1;
  setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof on);
  hub->peers[hub->count++] = (struct csn_hub_peer){
      .fd = fd, .pid = serve->pid, .is_operation = true, .heard = csn_guest_now()};
}

static void answer_job(struct csn_hub *hub, const struct csn_hub_peer *peer,
                       const struct csn_hub_request *request, const int *fds) {
  struct csn_hub_answer answer = make_answer(CSN_HUB_JOB, request->number, "");
  if (request->kind == CSN_HUB_JOB_LOOK)
    csn_jobs_look(&hub->jobs, request, &answer);
  else if (fds[CSN_JOB_INPUTS - 1] >= 0)
    csn_jobs_start(&hub->jobs, request, fds, peer->fd, &answer);
  send_answer(peer, &answer);
}

/* Without subreapers a keeper hears of no orphans, so its proof is none. Before anybody is told
 * that a killed job has ended, all that could be its goes; who asked for that is to hear of it. */
static void kill_orphans(struct csn_hub *hub, uint32_t number) {
  struct csn_sweep_result result;
  hub->before_kill();
  kill_all(hub, "a job was killed, and this runtime cannot tell whose a process is", true, &result);
  csn_sweep_thaw();
  csn_jobs_survived(&hub->jobs, number, result.found, result.text);
}

void csn_hub_check_jobs(struct csn_hub *hub) {
  char why[64];
  uint32_t running = csn_jobs_running(&hub->jobs);
  if (running != hub->jobs_ran) hub->active = csn_guest_now();
  hub->jobs_ran = running;
  csn_service_tend(&hub->service, csn_guest_now());
  if (hub->jobs.lost == 0 && hub->service.runs.lost == 0) return;
  if (hub->jobs.lost != 0)
    snprintf(why, sizeof why, "the keeper of job-%u was killed", hub->jobs.lost);
  else
    snprintf(why, sizeof why, "the keeper of the service was killed");
  hub->jobs.lost = hub->service.runs.lost = 0;
  csn_hub_purge(hub, why);
}

static void answer_service(struct csn_hub *hub, const struct csn_hub_peer *peer,
                           const struct csn_hub_request *request, const int *fds) {
  struct csn_hub_answer answer = make_answer(CSN_HUB_SERVICE, request->number, "");
  bool wants_log = request->kind == CSN_HUB_SERVICE_LOOK && (request->flags & CSN_HUB_LOG) != 0;
  int log = csn_service_log(&hub->service);
  if (request->kind == CSN_HUB_SERVICE_LOOK)
    csn_service_look(&hub->service, &answer);
  else if (fds[CSN_JOB_INPUTS - 1] >= 0)
    csn_service_start(&hub->service, request, fds, &answer);
  if (wants_log && log >= 0)
    csn_hub_send_answer(peer->fd, &answer, log);
  else
    send_answer(peer, &answer);
}

/* ---- what is kept for the session ----------------------------------------------------------- */

/* It is in memory of ours: no command can read it there, or change what the next host is told. */
static void answer_kept(struct csn_hub *hub, const struct csn_hub_peer *peer,
                        const struct csn_hub_request *request, int *fds) {
  struct csn_hub_answer answer = make_answer(CSN_HUB_KEPT, request->number, "");
  bool is_new = request->kind == CSN_HUB_KEEP && !hub->has_kept && fds[0] >= 0;
  if (is_new) {
    hub->has_kept = true;
    hub->kept = fds[0];
    fds[0] = -1;
  }
  answer.found = request->kind == CSN_HUB_KEEP ? is_new : hub->has_kept;
  if (request->kind == CSN_HUB_RECALL && hub->has_kept)
    csn_hub_send_answer(peer->fd, &answer, hub->kept);
  else
    send_answer(peer, &answer);
}

/* ---- started ahead, and ended ahead --------------------------------------------------------- */

/* From now on it is somebody's, and as old as that. */
static void become_taken(struct csn_hub *hub) {
  hub->is_pooled = false;
  hub->born = hub->active = csn_guest_now();
}

static void take(struct csn_hub *hub, const struct csn_hub_peer *peer,
                 const struct csn_hub_request *request) {
  size_t size = request->key_size;
  if (!hub->takes_key || peer->pid != hub->first || size > sizeof request->key) return;
  memcpy(hub->taken_key, request->key, size);
  hub->taken_key[size] = '\0';
  hub->key = hub->taken_key;
  hub->takes_key = false;
  become_taken(hub);
}

static bool may_retire(const struct csn_hub *hub, const struct csn_hub_request *request) {
  return !csn_hub_is_busy(hub) &&
         (csn_guest_now() - hub->active) / CSN_MS_IN_NS >= request->timeout_ms;
}

/* ---- peers --------------------------------------------------------------------------------- */

/* Of what came with the request, the descriptors that are kept are made -1. */
static void obey_about_jobs(struct csn_hub *hub, const struct csn_hub_peer *peer,
                            const struct csn_hub_request *request, int *fds) {
  switch (request->kind) {
  case CSN_HUB_ATTACH:
    attach(hub, peer, fds[0]);
    fds[0] = -1;
    break;
  case CSN_HUB_JOB_START:
  case CSN_HUB_JOB_LOOK: answer_job(hub, peer, request, fds); break;
  case CSN_HUB_JOB_KILL:
    hub->before_kill();
    csn_jobs_kill(&hub->jobs, (uint32_t)request->pid);
    break;
  case CSN_HUB_JOB_SEEN: csn_jobs_seen(&hub->jobs, request, peer->fd); break;
  case CSN_HUB_JOB_COMMIT: csn_jobs_commit(&hub->jobs, peer->fd); break;
  case CSN_HUB_SERVICE_START:
  case CSN_HUB_SERVICE_LOOK: answer_service(hub, peer, request, fds); break;
  case CSN_HUB_KEEP:
  case CSN_HUB_RECALL: answer_kept(hub, peer, request, fds); break;
  case CSN_HUB_SERVICE_READY: csn_service_ready(&hub->service, (uint32_t)request->pid); break;
  default: break;
  }
}

/* Returns false when the peer said goodbye. */
static bool obey(struct csn_hub *hub, struct csn_hub_peer *peer,
                 const struct csn_hub_request *request) {
  switch (request->kind) {
  case CSN_HUB_STAT:
    if (hub->is_pooled) hub->active = peer->heard;
    answer_status(hub, peer, request->number);
    break;
  case CSN_HUB_TAKE:
    take(hub, peer, request);
    answer_status(hub, peer, request->number);
    break;
  case CSN_HUB_RETIRE:
    hub->is_retired = may_retire(hub, request);
    if (!hub->is_retired) answer_status(hub, peer, request->number);
    break;
  case CSN_HUB_BUSY:
  case CSN_HUB_IDLE:
    peer->busy = request->kind == CSN_HUB_BUSY;
    hub->active = peer->heard;
    break;
  case CSN_HUB_KILL: answer_kill(hub, peer, request); break;
  case CSN_HUB_PURGE: csn_hub_purge(hub, "a call could not be started or ended otherwise"); break;
  case CSN_HUB_BYE: return false;
  default: break;
  }
  return true;
}

static void take_descriptors(struct msghdr *message, int fds[CSN_JOB_INPUTS], struct ucred *who) {
  for (struct cmsghdr *part = CMSG_FIRSTHDR(message); part != NULL;
       part = CMSG_NXTHDR(message, part)) {
    if (part->cmsg_level != SOL_SOCKET) continue;
    if (part->cmsg_type == SCM_CREDENTIALS) memcpy(who, CMSG_DATA(part), sizeof *who);
    if (part->cmsg_type != SCM_RIGHTS) continue;
    size_t size = part->cmsg_len - CMSG_LEN(0);
    if (size > CSN_JOB_INPUTS * sizeof *fds) size = CSN_JOB_INPUTS * sizeof *fds;
    memcpy(fds, CMSG_DATA(part), size);
  }
}

/* A message, who sent it, and the descriptors that come with it; the kernel closes what is more
 * than we take. */
static ssize_t receive(int fd, struct csn_hub_request *request, int fds[CSN_JOB_INPUTS],
                       struct ucred *who) {
  _Alignas(struct cmsghdr) char control[CMSG_SPACE(CSN_JOB_INPUTS * sizeof(int)) +
                                        CMSG_SPACE(sizeof(struct ucred))];
  struct iovec part = {request, sizeof *request};
  struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control,
                           .msg_controllen = sizeof control};
  ssize_t size = recvmsg(fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  if (size > 0) take_descriptors(&message, fds, who);
  request->command[sizeof request->command - 1] = '\0';
  return size;
}

/* What /proc says about one process; a parent of -1 when it says nothing. */
static struct csn_scan_process look_up(pid_t pid) {
  char path[32], line[512];
  struct csn_scan_process row = {.parent = -1};
  snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return row;
  ssize_t size = read(fd, line, sizeof line);
  close(fd);
  if (size <= 0 || !csn_scan_parse(line, (size_t)size, &row)) row.parent = -1;
  return row;
}

static bool is_ours(const struct csn_hub *hub, const struct ucred *who) {
  if (who->pid <= 1 || who->uid != getuid()) return false;
  if (csn_sweep_is_undumpable(1) && !csn_sweep_is_undumpable(who->pid)) return false;
  return who->pid == hub->first || look_up(who->pid).parent == 0;
}

/* The kernel told us of no peer but ourselves (gVisor does that), so whoever this is has to say
 * something first: what comes with a message is right there too. */
static bool get_to_know(const struct csn_hub *hub, struct csn_hub_peer *peer,
                        const struct ucred *who) {
  if (!is_ours(hub, who)) return false;
  peer->pid = who->pid;
  return true;
}

static void hear_peer(struct csn_hub *hub, size_t index) {
  struct csn_hub_request request = {0};
  struct csn_hub_peer *peer = &hub->peers[index];
  int fds[CSN_JOB_INPUTS] = {-1, -1, -1};
  struct ucred who = {0};
  ssize_t size = receive(peer->fd, &request, fds, &who);
  if (size < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (size <= 0) {
    lose_peer(hub, index);
    return;
  }
  peer->heard = csn_guest_now();
  if (peer->is_operation) peer->speaker = who.pid;
  bool stays = peer->pid > 0 || get_to_know(hub, peer, &who);
  if (!stays)
    ; /* a stranger */
  else if (request.version == CSN_HUB_VERSION && request.kind >= CSN_HUB_ATTACH &&
           (request.kind < CSN_HUB_TAKE || request.kind > CSN_HUB_RETIRE))
    obey_about_jobs(hub, peer, &request, fds);
  else if (request.version == CSN_HUB_VERSION && !peer->is_operation)
    stays = obey(hub, peer, &request);
  for (int i = 0; i < CSN_JOB_INPUTS; i++) {
    if (fds[i] >= 0) close(fds[i]);
  }
  if (!stays) drop_peer(hub, index);
}

static void accept_peer(struct csn_hub *hub, int fd) {
  struct ucred who = {0};
  socklen_t size = sizeof who;
  bool full = hub->count == CSN_HUB_PEERS_MAX;
  bool told = getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &size) == 0;
  if (told && who.pid == getpid()) who.pid = 0; /* see get_to_know */
  if (full || !told || (who.pid > 0 && !is_ours(hub, &who))) {
    close(fd);
    return;
  }
  const int on = 1;
  setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof on);
  hub->peers[hub->count++] =
      (struct csn_hub_peer){.fd = fd, .pid = who.pid, .heard = csn_guest_now()};
  /* Somebody reached it by the name that it was given before it was told its key: it is theirs
   * too. */
  if (hub->is_pooled && hub->count > 1) become_taken(hub);
}

void csn_hub_handle(struct csn_hub *hub, const struct pollfd *fds, size_t count) {
  /* From the last on, since dropping one moves the last into its place. */
  uint32_t stubborn = csn_jobs_handle(&hub->jobs);
  if (stubborn != 0) csn_hub_purge(hub, "a background job could not be ended otherwise");
  if (csn_jobs_handle(&hub->service.runs) != 0)
    csn_hub_purge(hub, "what a run of the service left could not be ended otherwise");
  if (hub->jobs.killed != 0 && !hub->has_subreapers) kill_orphans(hub, hub->jobs.killed);
  hub->jobs.killed = 0;
  for (size_t i = count; i-- > 1;) {
    if (fds[i].revents != 0 && i - 1 < hub->count && hub->peers[i - 1].fd == fds[i].fd)
      hear_peer(hub, i - 1);
  }
  if (fds[0].revents == 0) return;
  for (int turn = 0; turn < ACCEPTS_PER_TURN; turn++) {
    int fd = accept4(hub->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0) return;
    accept_peer(hub, fd);
  }
}

void csn_hub_excuse(struct csn_hub *hub, uint64_t now) {
  for (size_t i = 0; i < hub->count; i++) hub->peers[i].heard = now;
}

/* A serve sleeps uninterruptibly while a child of it is between vfork and exec. Somebody who keeps
 * stopping that child would keep the serve from hearing a cancel. */
static bool is_stuck(struct csn_hub_peer *peer, uint64_t now) {
  bool recent = peer->busy || now - peer->heard < RECENT_NS;
  bool asleep = recent && look_up(peer->pid).state == 'D';
  peer->stuck = asleep ? peer->stuck + 1 : 0;
  return peer->stuck >= STUCK_TICKS;
}

static bool is_silent(const struct csn_hub_peer *peer, uint64_t now) {
  return peer->busy && now > peer->heard &&
         (now - peer->heard) / CSN_MS_IN_NS > CSN_HUB_DEAD_MS;
}

void csn_hub_tick(struct csn_hub *hub, uint64_t now) {
  csn_jobs_continue(&hub->jobs);
  csn_jobs_continue(&hub->service.runs);
  if (csn_jobs_running(&hub->jobs) > 0) hub->active = now;
  if (hub->is_pooled) hub->born = now;
  for (size_t i = hub->count; i-- > 0;) {
    struct csn_hub_peer *peer = &hub->peers[i];
    if (peer->is_operation || peer->pid <= 0) continue;
    kill(peer->pid, SIGCONT);
    if (peer->busy) hub->active = now;
    if (is_silent(peer, now)) {
      kill(peer->pid, SIGKILL);
      lose_peer(hub, i);
    } else if (is_stuck(peer, now)) {
      peer->stuck = 0;
      csn_hub_purge(hub, "a helper was kept from starting a command");
    }
  }
}
