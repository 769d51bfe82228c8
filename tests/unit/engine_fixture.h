/* SPDX-License-Identifier: Apache-2.0 */
/* An engine as the tests of the operations need it: a tiny server that says which version it
 * speaks, and to all other questions what a test says. */
#ifndef ENGINE_FIXTURE_H
#define ENGINE_FIXTURE_H

#include <stdio.h>

#include "engine/archive.h"
#include "engine/containers.h"
#include "engine/exec.h"
#include "engine/images.h"
#include "engine/volumes.h"
#include "transport_server.h"
#include "util/json.h"

#define ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static const struct csn_control no_control TAP_UNUSED = CSN_CONTROL_NONE;

static const char *api;     /* what /_ping says; NULL: nothing */
static int status;          /* of all other answers */
static const char *body;    /* likewise */
static const char *too_new; /* a version that is refused; NULL: none */
static atomic_int pings;

TAP_UNUSED static void reply(int fd, int code, const char *headers, const char *text) {
  char head[512];
  snprintf(head, sizeof head, "HTTP/1.1 %d X\r\n%sContent-Length: %zu\r\n\r\n", code, headers,
           strlen(text));
  server_say(fd, head);
  server_say(fd, text);
}

TAP_UNUSED static void serve(struct server *server, int fd, int number) {
  char text[65536], version[64];
  (void)number;
  while (server_read(server, fd, text, sizeof text)) {
    if (strncmp(text, "GET /_ping ", 11) == 0) {
      atomic_fetch_add(&pings, 1);
      snprintf(version, sizeof version, "Api-Version: %s\r\n", api ? api : "");
      reply(fd, 200, api ? version : "", "OK");
    } else if (too_new && strstr(text, too_new)) {
      api = "1.40";
      reply(fd, 400, "", "{\"message\":\"client version 1.45 is too new\"}");
    } else {
      reply(fd, status, "", body);
    }
  }
}

struct fixture {
  struct server server;
  struct csn_engine *engine;
  struct csn_error err;
};

TAP_UNUSED static void set_up(struct fixture *f, const char *version, int code, const char *text) {
  api = version;
  status = code;
  body = text;
  too_new = NULL;
  atomic_store(&pings, 0);
  memset(&f->err, 0, sizeof f->err);
  server_start(&f->server, serve);
  if (csn_engine_new(f->server.endpoint, &f->engine, &f->err)) BAIL_OUT("%s", f->err.message);
}

TAP_UNUSED static void tear_down(struct fixture *f) {
  csn_engine_free(f->engine);
  server_stop(&f->server);
}

TAP_UNUSED static int asked(struct fixture *f, const char *line) {
  int same = strncmp(f->server.last, line, strlen(line)) == 0;
  if (!same) diag("asked: %.200s", f->server.last);
  return same;
}

/* ---- one of each operation ------------------------------------------------------------------ */

TAP_UNUSED static int create(struct fixture *f) {
  char id[CSN_CONTAINER_ID_SIZE];
  cJSON *spec CSN_CLEANUP_JSON = cJSON_Parse("{\"Image\":\"img:1\"}");
  return csn_container_create(f->engine, "n", spec, &no_control, id, &f->err);
}

TAP_UNUSED static int start(struct fixture *f) {
  return csn_container_start(f->engine, "n", &no_control, &f->err);
}

TAP_UNUSED static int remove_it(struct fixture *f) {
  return csn_container_remove(f->engine, "n", CSN_REMOVE_FORCE, &no_control, &f->err);
}

TAP_UNUSED static int attach(struct fixture *f) {
  struct csn_stream *stream;
  int rc = csn_container_attach(f->engine, "n", &no_control, &stream, &f->err);
  csn_stream_free(stream);
  return rc;
}

TAP_UNUSED static int open_exec(struct fixture *f) {
  static const char *const argv[] = {"x", NULL};
  struct csn_exec_spec spec = {.argv = argv};
  struct csn_stream *stream;
  int rc = csn_exec_open(f->engine, "n", &spec, &no_control, &stream, NULL, &f->err);
  csn_stream_free(stream);
  return rc;
}

TAP_UNUSED static int inspect_exec(struct fixture *f) {
  struct csn_exec_state state;
  return csn_exec_inspect(f->engine, "00", &no_control, &state, &f->err);
}

TAP_UNUSED static int inspect_image(struct fixture *f) {
  struct csn_image image CSN_CLEANUP_IMAGE = {0};
  return csn_image_inspect(f->engine, "reg.example/img:1", &no_control, &image, &f->err);
}

TAP_UNUSED static int remove_volume(struct fixture *f) {
  return csn_volume_remove(f->engine, "v1", &no_control, &f->err);
}

TAP_UNUSED static int create_volume(struct fixture *f) {
  return csn_volume_create(f->engine, "v1", NULL, &no_control, &f->err);
}

TAP_UNUSED static int look(struct fixture *f) {
  struct csn_path_stat st;
  return csn_archive_stat(f->engine, "n", "/p", &no_control, &st, &f->err);
}

TAP_UNUSED static int wait_for_it(struct fixture *f) {
  return csn_container_wait(f->engine, "n", CSN_WAIT_REMOVED, &no_control, NULL, &f->err);
}

TAP_UNUSED static int info(struct fixture *f) {
  struct csn_engine_info got CSN_CLEANUP_ENGINE_INFO = {0};
  return csn_engine_info(f->engine, &no_control, &got, &f->err);
}

#endif
