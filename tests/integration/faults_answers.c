/* SPDX-License-Identifier: Apache-2.0 */
/* An engine whose answers end after any byte: the connection is closed there, or goes on with
 * rubbish. The answers are the real engine's, taken once and given again by a process of this
 * program's, so that thousands are quick. The call is done right (by asking again) or ends with an
 * error that says the engine is to blame; the next one works. Without CAISSON_FAULTS_ALL=1 every
 * 23rd byte, the same in each run unless CAISSON_FAULTS_SEED says from where on. */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/host.h"
#include "support/process.h"
#include "tap.h"

#define ANSWERS_MAX 32
#define ANSWER_MAX 65536

/* ---- the engine that replays ----------------------------------------------------------------- */

enum fault { CLOSES, RUBBISH };

/* Shared with that process. */
struct shared {
  atomic_int asked;           /* requests since it was armed */
  atomic_int nth;             /* whose answer fails; 0: none */
  atomic_int offset, fault;
  atomic_int size[ANSWERS_MAX]; /* of the n-th answer */
};
static struct shared *shared;

struct answer {
  char request[512]; /* its first line */
  char *bytes;
  size_t size;
};
static struct answer answers[ANSWERS_MAX];
static size_t answer_count;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char dir[] = "/tmp/caisson-answers-XXXXXX", path[64];

static int open_socket(const char *where, bool listens) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  snprintf(address.sun_path, sizeof address.sun_path, "%s", where);
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const struct sockaddr *at = (struct sockaddr *)&address;
  int rc = listens ? bind(fd, at, sizeof address) : connect(fd, at, sizeof address);
  if (fd < 0 || rc != 0 || (listens && listen(fd, 64) != 0))
    BAIL_OUT("%s: %s", where, strerror(errno));
  return fd;
}

/* HTTP/1.1 in, with the end of the connection asked for, so that its end is the answer's. */
static void take_from_engine(struct answer *a, const char *head) {
  static const char close_it[] = "\r\nConnection: close\r\n\r\n";
  const char *host = getenv("DOCKER_HOST");
  int fd = open_socket(host && *host ? host + strlen("unix://") : "/var/run/docker.sock", false);
  size_t n = strlen(head) - 4;
  if (write(fd, head, n) != (ssize_t)n || write(fd, close_it, sizeof close_it - 1) < 0) _exit(3);
  a->bytes = malloc(ANSWER_MAX);
  for (ssize_t got = 1; a->bytes && got > 0 && a->size < ANSWER_MAX; a->size += (size_t)got)
    if ((got = read(fd, a->bytes + a->size, ANSWER_MAX - a->size)) < 0) got = 0;
  close(fd);
}

static const struct answer *find_answer(const char *head) {
  struct answer *a = answers;
  size_t n = strcspn(head, "\r");
  pthread_mutex_lock(&lock);
  while (a < answers + answer_count && (strncmp(a->request, head, n) != 0 || a->request[n])) a++;
  if (a == answers + answer_count) {
    if (++answer_count == ANSWERS_MAX || n >= sizeof a->request) _exit(4);
    memcpy(a->request, head, n);
    take_from_engine(a, head);
  }
  pthread_mutex_unlock(&lock);
  return a;
}

static void give(int fd, const struct answer *a) {
  static const char rubbish[] = "\xff\x00{]\r\n\r\nHTTP/9 0\r\n\x01\x02";
  int nth = atomic_fetch_add(&shared->asked, 1) + 1;
  if (nth < ANSWERS_MAX) atomic_store(&shared->size[nth], (int)a->size);
  size_t n = nth == atomic_load(&shared->nth) ? (size_t)atomic_load(&shared->offset) : a->size;
  ssize_t sent = send(fd, a->bytes, n, MSG_NOSIGNAL);
  if (n < a->size && sent >= 0 && atomic_load(&shared->fault) == RUBBISH)
    (void)send(fd, rubbish, sizeof rubbish - 1, MSG_NOSIGNAL);
}

/* One request, without a body. */
static void *serve(void *arg) {
  int fd = (int)(intptr_t)arg;
  char head[4096] = "";
  size_t n = 0;
  for (ssize_t got; !strstr(head, "\r\n\r\n") && n < sizeof head - 1; head[n += (size_t)got] = '\0')
    if ((got = read(fd, head + n, sizeof head - 1 - n)) <= 0) break;
  if (strstr(head, "\r\n\r\n")) give(fd, find_answer(head));
  close(fd);
  return NULL;
}

static pid_t start_engine(void) {
  shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (shared == MAP_FAILED || !mkdtemp(dir)) BAIL_OUT("no memory or no folder in /tmp");
  snprintf(path, sizeof path, "%s/s", dir);
  int listener = open_socket(path, true);
  (void)fflush(stdout);
  pid_t parent = getpid(), pid = fork();
  if (pid != 0) {
    close(listener);
    return pid;
  }
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  for (pthread_t thread; getppid() == parent;) {
    int fd = accept(listener, NULL, NULL);
    if (fd >= 0 && pthread_create(&thread, NULL, serve, (void *)(intptr_t)fd) == 0)
      pthread_detach(thread);
  }
  _exit(0);
}

static void arm(int nth, int offset, enum fault fault) {
  atomic_store(&shared->asked, 0);
  atomic_store(&shared->offset, offset);
  atomic_store(&shared->fault, (int)fault);
  atomic_store(&shared->nth, nth);
}

/* ---- calls ----------------------------------------------------------------------------------- */

static struct box *box;
static int step = 23;

/* 0, or what went wrong. */
static const char *judge(int32_t status, const caisson_error *err) {
  if (status == CAISSON_OK) return NULL;
  if (status != CAISSON_E_ENGINE) return "it is not said to be the engine's";
  if (strncmp(err->reason, "engine.", 7) != 0 && strncmp(err->reason, "image.", 6) != 0)
    return "its reason is another's";
  return strlen(err->message) < 20 ? "there are no words" : NULL;
}

static int32_t run_once(const char *what, caisson_error *err) {
  if (strcmp(what, "create") == 0) {
    char settings[160];
    uint64_t mine = box->id;
    *err = (caisson_error){.struct_size = sizeof *err};
    snprintf(settings, sizeof settings, "{\"engine\":{\"endpoint\":\"unix://%s\"}}", path);
    int32_t rc = box_create(box, settings, err);
    if (rc == CAISSON_OK) plugin()->destroy(box->id);
    box->id = mine;
    return rc;
  }
  CALL c = operation(box, what, "s", NULL);
  *err = c->err;
  return c->status;
}

static void test_answer(const char *what, int nth, int size, unsigned seed) {
  int tries = 0, bad = 0, right = 0;
  for (int fault = CLOSES; fault <= RUBBISH; fault++)
    for (int k = (int)(seed % (unsigned)step); k < size && bad < 3; k += step, tries++) {
      caisson_error err, next;
      arm(nth, k, (enum fault)fault);
      int64_t begun = host_now_ns();
      int32_t status = run_once(what, &err);
      int ms = (int)((host_now_ns() - begun) / 1000000);
      arm(0, 0, CLOSES);
      const char *wrong = judge(status, &err);
      int32_t again = run_once(what, &next);
      right += status == CAISSON_OK;
      if (!wrong && again == CAISSON_OK && ms < host_patience(20000)) continue;
      bad++;
      diag("%s, answer %d, %s after byte %d: %s; %d %s: %s (%d ms); the next: %d %s", what, nth,
           fault == CLOSES ? "closed" : "rubbish", k, wrong ? wrong : "", status, err.reason,
           err.message, ms, again, next.message);
    }
  ok(bad == 0 && tries > 0,
     "%s: answer %d of %d bytes ended at %d places (%d times it asked again)", what, nth, size,
     tries, right);
}

static void test_call(const char *what, unsigned seed) {
  caisson_error err;
  int sizes[ANSWERS_MAX];
  (void)run_once(what, &err); /* what is asked once only */
  arm(0, 0, CLOSES);
  is_int(run_once(what, &err), CAISSON_OK, "%s", what);
  int asked = atomic_load(&shared->asked);
  for (int i = 1; i <= asked && i < ANSWERS_MAX; i++) sizes[i] = atomic_load(&shared->size[i]);
  ok(asked > 0 && asked < ANSWERS_MAX, "takes %d answers", asked);
  for (int i = 1; i <= asked && i < ANSWERS_MAX; i++) test_answer(what, i, sizes[i], seed);
}

int main(void) {
  static const char *const calls[] = {"create", "session.list", "image.ensure", "engine.info"};
  const char *given = getenv("CAISSON_FAULTS_SEED");
  unsigned seed = given ? (unsigned)strtoul(given, NULL, 10) : 0;
  if (getenv("CAISSON_FAULTS_ALL")) step = 1;
  printf("# CAISSON_FAULTS_SEED=%u\n", seed);
  pid_t engine = start_engine();
  char settings[160];
  snprintf(settings, sizeof settings, "{\"engine\":{\"endpoint\":\"unix://%s\"}}", path);
  box = box_open(settings);
  int fds = process_fds(), threads = process_threads();
  for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) test_call(calls[i], seed);
  ok(process_fds() <= fds + 8, "no descriptor is left (%d, then %d)", fds, process_fds());
  is_int(process_threads(), threads, "no thread is left");
  box_close(box);
  kill(engine, SIGKILL);
  waitpid(engine, NULL, 0);
  unlink(path);
  rmdir(dir);
  return done_testing();
}
