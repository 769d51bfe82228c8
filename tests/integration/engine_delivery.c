/* SPDX-License-Identifier: Apache-2.0 */
/* On a real engine: files reach a volume through a container that never runs. Then what many
 * threads and cancels leave behind, which is nothing. */
#include <dirent.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/eventfd.h>

#include "engine/archive.h"
#include "engine_support.h"

static struct csn_engine *engine;
static struct csn_error err;

static bool works(int rc, const char *what) {
  bool good = is_int(rc, 0, "%s", what);
  if (!good) diag("%s: %s", err.reason, err.message);
  return good;
}

static void test_volume(void) {
  struct csn_volume volume;
  cJSON *labels CSN_CLEANUP_JSON = cJSON_Parse("{\"" SUPPORT_LABEL "\":\"yes\"}");
  const char *name = named("volume");
  works(csn_volume_create(engine, name, labels, &no_control, &err), "a volume");
  works(csn_volume_create(engine, name, labels, &no_control, &err), "again");
  works(csn_volume_inspect(engine, name, &no_control, &volume, &err), "inspect");
  is_str(volume.name, name, "its name");
  is_str(csn_json_string(volume.labels, SUPPORT_LABEL, ""), "yes", "its label");
  csn_volume_free(&volume);
  is_int(csn_volume_inspect(engine, named("none"), &no_control, &volume, &err), CAISSON_E_ENGINE,
         "one that is not there");
  ok(csn_engine_is_missing(&err), "%s", err.message);
}

/* What a container that mounts the volume sees of it. */
static void check_inside(const char *more) {
  char id[CSN_CONTAINER_ID_SIZE], text[256];
  struct csn_stream *stream;
  is_int(create(engine, named("look"),
                "[\"sh\",\"-c\",\"stat -c '%n %a %u:%g %s %h %F' /v/guest; /v/tool && "
                "[ \\\"$(md5sum < /v/guest)\\\" = \\\"$(md5sum < /v/again)\\\" ] && "
                "ls -A /v | wc -l\"]",
                more, id, &err),
         0, "create: %s", err.message);
  works(csn_container_attach(engine, id, &no_control, &stream, &err), "attach");
  works(csn_container_start(engine, id, &no_control, &err), "start");
  size_t n = read_stdout(stream, text, sizeof text - 1);
  text[n] = '\0';
  is_str(text, "/v/guest 111 0:0 1200000 2 regular file\ntool ran\n6\n",
         "the files are there, whole, and can be executed");
  csn_stream_free(stream);
  works(csn_container_remove(engine, id, CSN_REMOVE_FORCE, &no_control, &err), "remove");
}

static void test_delivery(void) {
  char id[CSN_CONTAINER_ID_SIZE], more[256];
  static char bytes[1200000];
  static const char tool[] = "#!/bin/sh\necho tool ran\n";
  struct csn_path_stat st;
  for (size_t i = 0; i < sizeof bytes; i++) bytes[i] = (char)(i * 7);
  snprintf(more, sizeof more, "\"ReadonlyRootfs\":true,\"Binds\":[\"%s:/v\"]", named("volume"));
  works(create(engine, named("put"), "[\"true\"]", more, id, &err), "create");
  is_int(csn_archive_stat(engine, id, "/v/guest", &no_control, &st, &err), CAISSON_E_ENGINE,
         "nothing is there");
  ok(csn_engine_is_missing(&err), "%s", err.message);
  works(csn_archive_put_file(engine, id, "/v", "guest", bytes, sizeof bytes, 0111, &no_control,
                              &err), "put");
  works(csn_archive_stat(engine, id, "/v/guest", &no_control, &st, &err), "stat");
  is_int(st.size, sizeof bytes, "its size");
  is_int(st.mode, 0111, "its mode");
  ok(!st.is_directory && !st.is_link, "a plain file");
  works(csn_archive_stat(engine, id, "/v", &no_control, &st, &err), "stat of a directory");
  ok(st.is_directory, "as such");
  works(csn_archive_put_file(engine, id, "/v", "again", bytes, sizeof bytes, 0644, &no_control,
                              &err), "another");
  works(csn_archive_put_file(engine, id, "/v", "tool", tool, sizeof tool - 1, 0755, &no_control,
                              &err), "and a program");
  check_inside(more);
  is_int(csn_volume_remove(engine, named("volume"), &no_control, &err), CAISSON_E_ENGINE,
         "a volume in use stays");
  ok(csn_engine_is_conflict(&err), "%s", err.message);
  works(csn_container_remove(engine, id, CSN_REMOVE_FORCE, &no_control, &err), "remove");
  works(csn_volume_remove(engine, named("volume"), &no_control, &err), "then it goes");
  works(csn_volume_remove(engine, named("volume"), &no_control, &err), "and is gone");
}

/* ---- many at once ---------------------------------------------------------------------------- */

static void *one_of_many(void *arg) {
  char name[16], id[CSN_CONTAINER_ID_SIZE];
  struct csn_error own = {0};
  struct csn_container c = {0};
  long good = 0;
  snprintf(name, sizeof name, "many%ld", (long)arg);
  for (int i = 0; i < 3; i++) {
    int rc = create(engine, named(name), "[\"true\"]", "", id, &own);
    if (rc == 0) rc = csn_container_inspect(engine, named(name), &no_control, &c, &own);
    good += rc == 0 && strcmp(c.id, id) == 0;
    csn_container_free(&c);
    if (csn_container_remove(engine, id, CSN_REMOVE_FORCE, &no_control, &own) != 0) good -= 100;
    if (rc) diag("thread %ld: %s", (long)arg, own.message);
  }
  return (void *)good;
}

static void test_threads(void) {
  pthread_t threads[16];
  long good = 0;
  for (long i = 0; i < 16; i++)
    if (pthread_create(&threads[i], NULL, one_of_many, (void *)i) != 0) BAIL_OUT("no thread");
  for (int i = 0; i < 16; i++) {
    void *result;
    pthread_join(threads[i], &result);
    good += (long)result;
  }
  is_int(good, 48, "16 threads that each create, inspect and remove 3 containers");
}

/* ---- cancelling ------------------------------------------------------------------------------ */

struct canceller {
  int fd;
  int64_t at;
  atomic_int cancelled;
};

static int is_cancelled(void *ctx) {
  return atomic_load(&((struct canceller *)ctx)->cancelled);
}

static void *cancel_soon(void *arg) {
  struct canceller *c = arg;
  uint64_t one = 1;
  usleep(100000);
  c->at = csn_clock_now();
  atomic_store(&c->cancelled, 1);
  if (c->fd >= 0 && write(c->fd, &one, sizeof one) < 0) BAIL_OUT("eventfd");
  return NULL;
}

static void check_cancel(const char *id, int by_fd) {
  struct canceller c = {.fd = by_fd ? eventfd(0, EFD_CLOEXEC) : -1};
  struct csn_control control = {CSN_NEVER, c.fd, by_fd ? NULL : is_cancelled, &c};
  pthread_t thread;
  if (pthread_create(&thread, NULL, cancel_soon, &c) != 0) BAIL_OUT("no thread");
  int rc = csn_container_wait(engine, id, CSN_WAIT_NOT_RUNNING, &control, NULL, &err);
  int64_t end = csn_clock_now();
  pthread_join(thread, NULL);
  is_int(rc, CAISSON_E_CANCELLED, "a wait is cancelled by %s", by_fd ? "descriptor" : "hook");
  double ms = (double)(end - c.at) / 1e6;
  ok(ms < 50, "within 50 ms: %.1f", ms);
  if (c.fd >= 0) close(c.fd);
}

static void test_cancel(void) {
  char id[CSN_CONTAINER_ID_SIZE];
  works(create(engine, named("wait"), "[\"sleep\",\"600\"]", "", id, &err), "create");
  works(csn_container_start(engine, id, &no_control, &err), "start");
  check_cancel(id, 0);
  check_cancel(id, 1);
  struct csn_control control = csn_control_within(&no_control, 50 * CSN_MS);
  is_int(csn_container_wait(engine, id, CSN_WAIT_NOT_RUNNING, &control, NULL, &err),
         CAISSON_E_DEADLINE, "and ends with a deadline");
  works(csn_container_remove(engine, id, CSN_REMOVE_FORCE, &no_control, &err),
        "and the engine goes on");
}

static int count_fds(void) {
  int n = 0;
  DIR *dir = opendir("/proc/self/fd");
  while (dir && readdir(dir)) n++;
  if (dir) closedir(dir);
  return n;
}

int main(void) {
  support_start();
  engine = open_engine();
  int fds = count_fds();
  if (csn_engine_ping(engine, &no_control, &err)) BAIL_OUT("%s", err.message);
  test_volume();
  test_delivery();
  test_threads();
  test_cancel();
  csn_engine_free(engine);
  is_int(count_fds(), fds, "no descriptor is left");
  return support_end();
}
