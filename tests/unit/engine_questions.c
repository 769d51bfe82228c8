/* SPDX-License-Identifier: Apache-2.0 */
/* What an engine is asked, in which version of the API, and how long it may take. */
#include "engine/ask.h"
#include "engine_fixture.h"
#include "util/alloc.h"

/* ---- versions -------------------------------------------------------------------------------- */

static void test_versions(void) {
  static const struct {
    const char *says, *path, *reason;
  } cases[] = {
      {"1.41", "POST /v1.41/containers/x/start ", NULL},
      {"1.40", "POST /v1.40/containers/x/start ", NULL},
      {"1.47", "POST /v1.47/containers/x/start ", NULL},
      {"1.99", "POST /v1.47/containers/x/start ", NULL},
      {"1.39", NULL, CAISSON_REASON_ENGINE_VERSION},
      {NULL, NULL, CAISSON_REASON_ENGINE_PROTOCOL},
      {"", NULL, CAISSON_REASON_ENGINE_PROTOCOL},
      {"2.0", NULL, CAISSON_REASON_ENGINE_PROTOCOL},
      {"1.4x", NULL, CAISSON_REASON_ENGINE_PROTOCOL},
      {"1.99999", NULL, CAISSON_REASON_ENGINE_PROTOCOL},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct fixture f;
    set_up(&f, cases[i].says, 204, "");
    int rc = csn_container_start(f.engine, "x", &no_control, &f.err);
    is_int(rc, cases[i].reason ? CAISSON_E_ENGINE : 0, "an engine of version %s: %s",
           cases[i].says ? cases[i].says : "none", f.err.message);
    if (cases[i].path)
      ok(asked(&f, cases[i].path), "is asked in one that both speak");
    else
      is_str(f.err.reason, cases[i].reason, "its reason");
    tear_down(&f);
  }
}

static void test_negotiated_once(void) {
  struct fixture f;
  int minor = 0;
  set_up(&f, "1.45", 204, "");
  for (int i = 0; i < 5; i++) csn_container_start(f.engine, "x", &no_control, &f.err);
  is_int(atomic_load(&pings), 1, "the version is asked for once");
  is_int(csn_engine_api(f.engine, &no_control, &minor, &f.err), 0, "and known");
  is_int(minor, 45, "as it was said");
  too_new = "/v1.45/";
  is_int(csn_container_start(f.engine, "x", &no_control, &f.err), 0,
         "an engine that became older is asked again");
  ok(asked(&f, "POST /v1.40/"), "in its new version");
  is_int(atomic_load(&pings), 2, "which it was asked for");
  too_new = "/v1.";
  is_int(csn_container_start(f.engine, "x", &no_control, &f.err), CAISSON_E_ENGINE,
         "one that refuses every version is refused");
  is_str(f.err.reason, CAISSON_REASON_ENGINE_VERSION, "its reason");
  tear_down(&f);
}

static void test_restarted(void) {
  struct fixture f;
  struct csn_error err = {0};
  set_up(&f, "1.45", 204, "");
  is_int(csn_container_start(f.engine, "x", &no_control, &f.err), 0, "an engine");
  char path[96];
  snprintf(path, sizeof path, "%s", f.server.path);
  server_stop(&f.server);
  is_int(csn_container_start(f.engine, "x", &no_control, &err), CAISSON_E_ENGINE,
         "that is stopped");
  is_str(err.reason, CAISSON_REASON_ENGINE_UNREACHABLE, "cannot be reached");
  ok(strstr(err.message, "start container \"x\": ") == err.message, "says what was asked: %s",
     err.message);
  api = "1.43";
  server_start_at(&f.server, serve, path);
  is_int(csn_container_start(f.engine, "x", &no_control, &err), 0, "and once it is back");
  ok(asked(&f, "POST /v1.43/"), "is asked for its version anew");
  tear_down(&f);
}

/* ---- what is asked --------------------------------------------------------------------------- */

static void test_questions(void) {
  struct fixture f;
  struct csn_container c;
  struct csn_container_list list;
  static const char *const labels[] = {"a", "b=c d"};
  set_up(&f, "1.41", 404, "{\"message\":\"none\"}");
  csn_container_inspect(f.engine, "a b?c", &no_control, &c, NULL);
  ok(asked(&f, "GET /v1.41/containers/a%20b%3Fc/json HTTP"), "names are escaped");
  csn_container_list(f.engine, labels, 2, &no_control, &list, NULL);
  ok(asked(&f, "GET /v1.41/containers/json?all=1&filters="
               "%7B%22label%22%3A%5B%22a%22%2C%22b%3Dc%20d%22%5D%7D HTTP"),
     "so are filters");
  csn_container_rename(f.engine, "x", "y&z", &no_control, NULL);
  ok(asked(&f, "POST /v1.41/containers/x/rename?name=y%26z HTTP"), "rename");
  csn_container_remove(f.engine, "x", CSN_REMOVE_FORCE | CSN_REMOVE_VOLUMES, &no_control, NULL);
  ok(asked(&f, "DELETE /v1.41/containers/x?force=1&v=1 HTTP"), "remove");
  csn_container_remove(f.engine, "x", 0, &no_control, NULL);
  ok(asked(&f, "DELETE /v1.41/containers/x?force=0&v=0 HTTP"), "remove without force");
  csn_container_kill(f.engine, "x", "KILL", &no_control, NULL);
  ok(asked(&f, "POST /v1.41/containers/x/kill?signal=KILL HTTP"), "kill");
  csn_container_wait(f.engine, "x", CSN_WAIT_REMOVED, &no_control, NULL, NULL);
  ok(asked(&f, "POST /v1.41/containers/x/wait?condition=removed HTTP"), "wait");
  csn_archive_put(f.engine, "x", "/a b", "tar", 3, &no_control, NULL);
  ok(asked(&f, "PUT /v1.41/containers/x/archive?noOverwriteDirNonDir=1&path=%2Fa%20b HTTP"), "put");
  ok(strstr(f.server.last, "Content-Type: application/x-tar\r\n"), "as a tar");
  static const char *const bad[] = {"", ".", "..", "a/b", "../images/x"};
  int before = atomic_load(&f.server.requests);
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
    is_int(csn_container_remove(f.engine, bad[i], 0, &no_control, &f.err), CAISSON_E_INTERNAL,
           "\"%s\" is no name", bad[i]);
  is_int(atomic_load(&f.server.requests), before, "and nothing is asked for it");
  tear_down(&f);
}

static void test_bodies(void) {
  struct fixture f;
  char id[CSN_CONTAINER_ID_SIZE];
  cJSON *spec CSN_CLEANUP_JSON = cJSON_Parse("{\"Image\":\"i\"}");
  cJSON *labels CSN_CLEANUP_JSON = cJSON_Parse("{\"k\":\"v\"}");
  static const char *const argv[] = {"/.caisson/guest", "serve", NULL};
  static const char *const env[] = {"A=b", NULL};
  struct csn_exec_spec exec = {.argv = argv, .env = env, .user = "0:0", .workdir = "/w"};
  struct csn_stream *stream;
  set_up(&f, "1.41", 500, "{}");
  csn_container_create(f.engine, "n", spec, &no_control, id, NULL);
  ok(asked(&f, "POST /v1.41/containers/create?name=n HTTP"), "create");
  ok(strstr(f.server.last, "\r\n\r\n{\"Image\":\"i\"}"), "with its body");
  ok(strstr(f.server.last, "Content-Type: application/json\r\n"), "as JSON");
  csn_exec_open(f.engine, "n", &exec, &no_control, &stream, NULL, NULL);
  ok(asked(&f, "POST /v1.41/containers/n/exec HTTP"), "exec");
  ok(strstr(f.server.last,
            "\r\n\r\n{\"AttachStdin\":true,\"AttachStdout\":true,\"AttachStderr\":true,"
            "\"Cmd\":[\"/.caisson/guest\",\"serve\"],\"Env\":[\"A=b\"],\"User\":\"0:0\","
            "\"WorkingDir\":\"/w\"}"),
     "with its body");
  csn_volume_create(f.engine, "v", labels, &no_control, NULL);
  ok(asked(&f, "GET /v1.41/volumes/v HTTP"), "a volume that cannot be created is looked for");
  tear_down(&f);
}

/* ---- deadlines and memory -------------------------------------------------------------------- */

static void serve_stall(struct server *server, int fd, int number) {
  char text[4096];
  (void)number;
  if (server_read(server, fd, text, sizeof text) && strstr(text, "_ping"))
    reply(fd, 200, "Api-Version: 1.41\r\n", "OK");
  server_stall(fd);
}

static void test_deadlines(void) {
  struct server server;
  struct csn_engine *engine;
  struct csn_error err = {0};
  struct csn_ask ask = {.method = "GET", .path = "/x", .seconds = 1};
  server_start(&server, serve_stall);
  if (csn_engine_new(server.endpoint, &engine, &err)) BAIL_OUT("%s", err.message);
  struct csn_control control = csn_control_within(&no_control, 100 * CSN_MS);
  is_int(csn_ask_simple(engine, &ask, &control, &err), CAISSON_E_DEADLINE,
         "the caller's deadline is the caller's");
  int64_t begin = csn_clock_now();
  control = csn_control_within(&no_control, 20 * CSN_SECOND);
  is_int(csn_ask_simple(engine, &ask, &control, &err), CAISSON_E_ENGINE,
         "the operation's own is the engine's failure");
  ok(ms_since(begin) >= 1000 && ms_since(begin) < 4000, "in its time");
  is_str(err.reason, CAISSON_REASON_ENGINE_UNREACHABLE, "its reason");
  ok(strstr(err.message, "did not answer within 1 s") && (err.flags & CAISSON_ERROR_RETRYABLE),
     "its words: %s", err.message);
  control = csn_control_within(&no_control, 50 * CSN_MS);
  is_int(csn_container_start(engine, "x", &control, &err), CAISSON_E_DEADLINE, "of an operation");
  ok(!strstr(err.message, "start container"), "which is not wrapped: %s", err.message);
  csn_engine_free(engine);
  server_stop(&server);
}

static void test_no_memory(void) {
  static int (*const runs[])(struct fixture *f) = {create, inspect_image, attach, create_volume,
                                                   look};
  for (size_t i = 0; i < sizeof runs / sizeof *runs; i++) {
    struct fixture f;
    int rc = CAISSON_E_NOMEM;
    long n = 0;
    set_up(&f, "1.41", 200, "{\"Id\":\"" ID "\"}");
    while (rc == CAISSON_E_NOMEM && n < 200) {
      csn_alloc_fail_after(++n);
      rc = runs[i](&f);
      csn_alloc_fail_after(0);
    }
    ok(n > 6 && n < 200 && (rc == 0 || rc == CAISSON_E_ENGINE), "%ld failed allocations in run %zu",
       n - 1, i);
    tear_down(&f);
  }
}

int main(void) {
  test_versions();
  test_negotiated_once();
  test_restarted();
  test_questions();
  test_bodies();
  test_deadlines();
  test_no_memory();
  return done_testing();
}
