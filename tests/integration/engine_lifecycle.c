/* SPDX-License-Identifier: Apache-2.0 */
/* On a real engine: a container's life from create to remove, its stream, its further processes,
 * and why it ended. */
#include "engine/events.h"
#include "engine/exec.h"
#include "engine/images.h"
#include "engine_support.h"

static struct csn_engine *engine;
static struct csn_error err;
static bool is_podman;

static bool works(int rc, const char *what) {
  bool good = is_int(rc, 0, "%s", what);
  if (!good) diag("%s: %s", err.reason, err.message);
  return good;
}

static void test_engine(void) {
  int minor = 0;
  struct csn_engine_info info CSN_CLEANUP_ENGINE_INFO = {0};
  works(csn_engine_ping(engine, &no_control, &err), "the engine answers");
  works(csn_engine_api(engine, &no_control, &minor, &err), "in a version");
  ok(minor >= CSN_ENGINE_API_MIN && minor <= CSN_ENGINE_API_MAX, "that we speak: 1.%d", minor);
  works(csn_engine_info(engine, &no_control, &info, &err), "it says what it is");
  is_podman = strcmp(info.name, "Podman") == 0;
  is_int(info.api_minor, minor, "its version");
  is_str(info.os, "linux", "its system");
  ok(info.version[0] && info.arch[0] && info.kernel[0] && info.storage_driver[0], "%s %s, %s, %s",
     info.name, info.version, info.arch, info.storage_driver);
}

static void test_image(void) {
  struct csn_image image CSN_CLEANUP_IMAGE = {0}, none;
  works(csn_image_inspect(engine, image_name(), &no_control, &image, &err), "an image");
  is_str(image.os, "linux", "its system");
  ok(image.id && strstr(image.id, "sha256:") == image.id, "its id");
  is_int(csn_image_inspect(engine, "caisson.invalid/none:1", &no_control, &none, &err),
         CAISSON_E_ENGINE, "one that is not there");
  is_str(err.reason, CAISSON_REASON_IMAGE_MISSING, "its reason");
  ok(strstr(err.message, "docker pull caisson.invalid/none:1"), "%s", err.message);
}

static void check_list(const char *id) {
  char label[160];
  const char *labels[] = {label, "odd=a b&c=d"};
  struct csn_container_list list CSN_CLEANUP_CONTAINER_LIST = {0};
  snprintf(label, sizeof label, SUPPORT_LABEL "=%s", support_prefix);
  works(csn_container_list(engine, labels, 2, &no_control, &list, &err), "a list");
  if (is_int(list.count, 1, "has the one container")) {
    is_str(list.items[0].id, id, "by its id");
    is_int(list.items[0].state, CSN_CONTAINER_RUNNING, "its state");
    is_str(csn_container_label(&list.items[0], "odd"), "a b&c=d", "and its label");
  }
}

static void check_inspect(const char *id) {
  struct csn_container c CSN_CLEANUP_CONTAINER = {0};
  works(csn_container_inspect(engine, named("a"), &no_control, &c, &err), "inspect");
  is_str(c.id, id, "its id");
  is_str(c.name, named("a"), "its name");
  is_int(c.state, CSN_CONTAINER_RUNNING, "its state");
  ok(strstr(c.image, image_name()), "its image: %s", c.image);
  is_str(csn_container_label(&c, SUPPORT_LABEL), support_prefix, "its label");
  ok(c.pid > 0 && strncmp(c.started_at, "20", 2) == 0, "its start: %s", c.started_at);
}

static void check_names(const char *id) {
  char other[CSN_CONTAINER_ID_SIZE];
  is_int(create(engine, named("a"), "[\"true\"]", "", other, &err), CAISSON_E_ENGINE,
         "a name that is taken");
  ok(strstr(err.message, named("a")), "%s", err.message);
  works(create(engine, named("b"), "[\"true\"]", "", other, &err), "another name");
  is_int(csn_container_rename(engine, id, named("b"), &no_control, &err), CAISSON_E_ENGINE,
         "cannot be taken over");
  ok(csn_engine_is_conflict(&err) || strstr(err.message, "in use"), "%s", err.message);
  works(csn_container_remove(engine, other, 0, &no_control, &err), "until it is free");
  works(csn_container_rename(engine, named("a"), named("b"), &no_control, &err), "rename");
  struct csn_container c CSN_CLEANUP_CONTAINER = {0};
  is_int(csn_container_inspect(engine, named("a"), &no_control, &c, &err), CAISSON_E_ENGINE,
         "its old name is gone");
  ok(csn_engine_is_missing(&err), "%s", err.message);
}

static void test_life(void) {
  char id[CSN_CONTAINER_ID_SIZE], text[64];
  struct csn_stream *stream;
  struct csn_container c;
  int exit_code = -1;
  works(create(engine, named("a"), "[\"cat\"]", "", id, &err), "create");
  works(csn_container_inspect(engine, id, &no_control, &c, &err), "inspect");
  is_int(c.state, CSN_CONTAINER_CREATED, "it is created");
  csn_container_free(&c);
  works(csn_container_attach(engine, id, &no_control, &stream, &err), "attach before start");
  works(csn_container_start(engine, id, &no_control, &err), "start");
  works(csn_container_start(engine, id, &no_control, &err), "starting it again is none");
  is_int(write_all(stream, "through cat\n", 12), 0, "its stdin");
  is_int(read_stdout(stream, text, 12), 12, "and its stdout");
  is_mem(text, "through cat\n", 12, "are connected");
  check_inspect(id);
  check_list(id);
  check_names(id);
  works(csn_container_kill(engine, id, "KILL", &no_control, &err), "kill");
  works(csn_container_wait(engine, id, CSN_WAIT_NOT_RUNNING, &no_control, &exit_code, &err),
        "wait");
  is_int(exit_code, 137, "its exit code");
  is_int(read_stdout(stream, text, 1), 0, "the stream has ended");
  csn_stream_free(stream);
  is_int(csn_container_kill(engine, id, "KILL", &no_control, &err), CAISSON_E_ENGINE,
         "it cannot be killed twice: %s", err.message);
  works(csn_container_remove(engine, id, CSN_REMOVE_FORCE, &no_control, &err), "remove");
  works(csn_container_remove(engine, id, CSN_REMOVE_FORCE, &no_control, &err), "and again");
  is_int(csn_container_attach(engine, id, &no_control, &stream, &err), CAISSON_E_ENGINE, "attach");
  ok(csn_engine_is_missing(&err), "to what is gone: %s", err.message);
}

/* ---- further processes ----------------------------------------------------------------------- */

static void check_exec(const char *container, const char *script, const char *in, size_t in_size,
                       const char *want, int exit_code) {
  const char *const argv[] = {"sh", "-c", script, NULL};
  static const char *const env[] = {"GIVEN=from the spec", NULL};
  struct csn_exec_spec spec = {.argv = argv, .env = env, .workdir = "/tmp"};
  struct csn_stream *stream;
  struct csn_exec_state state = {1, -1};
  char id[CSN_CONTAINER_ID_SIZE], text[256];
  if (!works(csn_exec_open(engine, container, &spec, &no_control, &stream, id, &err), script))
    return;
  is_int(write_all(stream, in, in_size), 0, "takes its stdin");
  size_t n = read_stdout(stream, text, sizeof text - 1);
  text[n] = '\0';
  is_str(text, want, "and answers until its end");
  csn_stream_free(stream);
  for (int i = 0; state.running && i < 100; i++) {
    if (csn_exec_inspect(engine, id, &no_control, &state, &err)) break;
    if (state.running) usleep(10000);
  }
  is_int(state.exit_code, exit_code, "its exit code");
}

static void test_exec(void) {
  char id[CSN_CONTAINER_ID_SIZE];
  static char megabyte[1000000];
  memset(megabyte, 'x', sizeof megabyte);
  works(create(engine, named("exec"), "[\"sleep\",\"600\"]", "", id, &err), "create");
  const char *const argv[] = {"true", NULL};
  struct csn_exec_spec spec = {.argv = argv};
  struct csn_stream *stream;
  is_int(csn_exec_open(engine, id, &spec, &no_control, &stream, NULL, &err), CAISSON_E_ENGINE,
         "no process in what does not run: %s", err.message);
  works(csn_container_start(engine, id, &no_control, &err), "start");
  check_exec(id, "read line; echo got $line in $PWD; exit 7", "abc\n", 4, "got abc in /tmp\n", 7);
  check_exec(id, "echo $GIVEN; echo aside >&2", "", 0, "from the spec\n", 0);
  check_exec(id, "head -c 1000000 | wc -c", megabyte, sizeof megabyte, "1000000\n", 0);
  works(csn_container_remove(engine, id, CSN_REMOVE_FORCE, &no_control, &err), "remove");
}

/* Both directions at once, more than any buffer between holds. */
static void test_duplex(void) {
  char id[CSN_CONTAINER_ID_SIZE];
  static char out[4 << 20], back[1 << 19];
  struct csn_stream *stream;
  struct csn_demux demux;
  size_t sent = 0, got = 0;
  int same = 1;
  for (size_t i = 0; i < sizeof out; i++) out[i] = (char)(i * 31 + i / 4093);
  works(create(engine, named("duplex"), "[\"cat\"]", "", id, &err), "create");
  works(csn_container_attach(engine, id, &no_control, &stream, &err), "attach");
  works(csn_container_start(engine, id, &no_control, &err), "start");
  csn_demux_init(&demux);
  struct csn_control control = csn_control_within(&no_control, 30 * CSN_SECOND);
  while (same && got < sizeof out) {
    struct pollfd p = {.fd = csn_stream_fd(stream),
                       .events = sent < sizeof out ? POLLIN | POLLOUT : POLLIN};
    if (csn_control_poll(&control, &p, 1, CSN_NEVER, &err) < 0) break;
    ssize_t n = csn_stream_write(stream, out + sent, sizeof out - sent, &err);
    if (n > 0) sent += (size_t)n;
    n = csn_stream_read(stream, back, sizeof back, &err);
    if (n == CSN_STREAM_AGAIN) continue;
    if (n <= 0) break;
    const void *in = back;
    size_t left = (size_t)n;
    struct csn_demux_slice slice;
    while (csn_demux_next(&demux, &in, &left, &slice, &err) == 1) {
      same = same && slice.n <= sizeof out - got && memcmp(out + got, slice.bytes, slice.n) == 0;
      got += slice.n;
    }
  }
  is_int(sent, sizeof out, "4 MiB go in while");
  is_int(got, sizeof out, "4 MiB come out");
  ok(same, "as they were");
  csn_stream_free(stream);
  works(csn_container_remove(engine, id, CSN_REMOVE_FORCE, &no_control, &err), "remove");
}

/* ---- the end --------------------------------------------------------------------------------- */

static void check_death(const char *command, const char *more, int exit_code, int oom) {
  char id[CSN_CONTAINER_ID_SIZE];
  struct csn_death death = {0};
  works(create(engine, named("death"), command, more, id, &err), command);
  works(csn_container_start(engine, id, &no_control, &err), "start");
  struct csn_control control = csn_control_within(&no_control, 20 * CSN_SECOND);
  int rc = csn_container_wait(engine, id, CSN_WAIT_REMOVED, &control, NULL, &err);
  ok(rc == 0 || csn_engine_is_missing(&err), "it goes by itself");
  works(csn_events_death(engine, id, 0, &no_control, &death, &err), "why");
  ok(death.seen, "is still known");
  is_int(death.exit_code, exit_code, "its exit code");
  is_int(death.oom, oom, "whether memory was the cause");
}

static void test_death(void) {
  check_death("[\"sh\",\"-c\",\"exit 7\"]", "\"AutoRemove\":true", 7, 0);
  check_death("[\"sh\",\"-c\",\"kill -9 $$; sleep 0.1; exit 3\"]", "\"AutoRemove\":true", 3, 0);
  check_death("[\"python3\",\"-c\",\"bytearray(1 << 30)\"]",
              "\"AutoRemove\":true,\"Memory\":67108864,\"MemorySwap\":67108864", 137, !is_podman);
}

int main(void) {
  support_start();
  engine = open_engine();
  test_engine();
  test_image();
  test_life();
  test_exec();
  test_duplex();
  test_death();
  csn_engine_free(engine);
  return support_end();
}
