/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of engine/ on a real engine share: the engine, names that nobody else uses, and a
 * process of its own that removes what a test leaves, however the test ends. */
#ifndef ENGINE_SUPPORT_H
#define ENGINE_SUPPORT_H

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/containers.h"
#include "engine/demux.h"
#include "engine/volumes.h"
#include "support/ulimits.h"
#include "tap.h"
#include "util/json.h"

#define SUPPORT_LABEL "caisson.engine-test"

static const struct csn_control no_control TAP_UNUSED = CSN_CONTROL_NONE;
static char support_prefix[64] TAP_UNUSED; /* of this run */
static int support_watch = -1;
static pid_t support_watcher TAP_UNUSED;

TAP_UNUSED static const char *image_name(void) {
  const char *name = getenv("CAISSON_IMAGE");
  return name && *name ? name : "caisson-python:local";
}

TAP_UNUSED static struct csn_engine *open_engine(void) {
  const char *endpoint = getenv("DOCKER_HOST");
  struct csn_engine *engine;
  struct csn_error err = {0};
  if (!endpoint || !*endpoint) endpoint = "unix:///var/run/docker.sock";
  if (csn_engine_new(endpoint, &engine, &err))
    BAIL_OUT("%s", err.message);
  return engine;
}

/* "csn-engine-test-1234-name"; in a buffer that four calls share. */
TAP_UNUSED static const char *named(const char *name) {
  static _Thread_local char names[4][128];
  static _Thread_local unsigned next;
  char *out = names[next++ % 4];
  snprintf(out, sizeof names[0], "%s-%s", support_prefix, name);
  return out;
}

TAP_UNUSED static void support_sweep(void) {
  char label[160];
  const char *labels[] = {label};
  struct csn_container_list list;
  struct csn_engine *engine = open_engine();
  snprintf(label, sizeof label, SUPPORT_LABEL "=%s", support_prefix);
  if (csn_container_list(engine, labels, 1, &no_control, &list, NULL) == 0) {
    for (size_t i = 0; i < list.count; i++)
      csn_container_remove(engine, list.items[i].id, CSN_REMOVE_FORCE | CSN_REMOVE_VOLUMES,
                           &no_control, NULL);
    csn_container_list_free(&list);
  }
  csn_volume_remove(engine, named("volume"), &no_control, NULL);
  csn_engine_free(engine);
}

/* At the start of main, before there are threads. */
TAP_UNUSED static void support_start(void) {
  int ends[2];
  char byte;
  snprintf(support_prefix, sizeof support_prefix, "csn-engine-test-%d", (int)getpid());
  if (pipe2(ends, O_CLOEXEC) != 0) BAIL_OUT("no pipe");
  (void)fflush(stdout);
  support_watcher = fork();
  if (support_watcher < 0) BAIL_OUT("no process");
  if (support_watcher == 0) {
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    setsid();
    for (int fd = 0; fd < 3; fd++) dup2(null, fd);
    close(ends[1]);
    while (read(ends[0], &byte, 1) > 0) {
    }
    support_sweep();
    _exit(0);
  }
  close(ends[0]);
  support_watch = ends[1];
}

/* Waits until all is removed: what main returns. */
TAP_UNUSED static int support_end(void) {
  close(support_watch);
  waitpid(support_watcher, NULL, 0);
  return done_testing();
}

/* A create body: the command is a JSON array, more is further members of HostConfig. */
TAP_UNUSED static cJSON *make_body(const char *command, const char *more) {
  char text[4096];
  snprintf(text, sizeof text,
           "{\"Image\":\"%s\",\"Cmd\":%s,\"OpenStdin\":true,\"StdinOnce\":true,"
           "\"AttachStdin\":true,\"StopSignal\":\"SIGKILL\","
           "\"Labels\":{\"" SUPPORT_LABEL "\":\"%s\",\"odd\":\"a b&c=d\"},"
           "\"HostConfig\":{\"NetworkMode\":\"none\"," HOST_ULIMITS ","
           "\"LogConfig\":{\"Type\":\"none\"}%s%s}}",
           image_name(), command, support_prefix, *more ? "," : "", more);
  cJSON *body = cJSON_Parse(text);
  if (!body) BAIL_OUT("bad test: %s", text);
  return body;
}

TAP_UNUSED static int create(struct csn_engine *engine, const char *name, const char *command,
                             const char *more, char id[CSN_CONTAINER_ID_SIZE],
                             struct csn_error *err) {
  cJSON *body CSN_CLEANUP_JSON = make_body(command, more);
  return csn_container_create(engine, name, body, &no_control, id, err);
}

/* Reads stdout into text until it holds n bytes or the stream ends; other streams are dropped. */
TAP_UNUSED static size_t read_stdout(struct csn_stream *stream, char *text, size_t n) {
  static char bytes[1 << 19];
  struct csn_demux demux;
  size_t have = 0;
  struct csn_control control = csn_control_within(&no_control, 20 * CSN_SECOND);
  csn_demux_init(&demux);
  while (have < n) {
    struct pollfd p = {.fd = csn_stream_fd(stream), .events = POLLIN};
    if (!csn_stream_pending(stream) && csn_control_poll(&control, &p, 1, CSN_NEVER, NULL) < 0)
      break;
    ssize_t got = csn_stream_read(stream, bytes, sizeof bytes, NULL);
    if (got == CSN_STREAM_AGAIN) continue;
    if (got <= 0) break;
    const void *in = bytes;
    size_t left = (size_t)got;
    struct csn_demux_slice slice;
    while (csn_demux_next(&demux, &in, &left, &slice, NULL) == 1) {
      if (slice.stream != CSN_DEMUX_STDOUT) continue;
      size_t take = slice.n < n - have ? slice.n : n - have;
      memcpy(text + have, slice.bytes, take);
      have += take;
    }
  }
  return have;
}

TAP_UNUSED static int write_all(struct csn_stream *stream, const char *bytes, size_t n) {
  struct csn_control control = csn_control_within(&no_control, 20 * CSN_SECOND);
  while (n > 0) {
    ssize_t wrote = csn_stream_write(stream, bytes, n, NULL);
    struct pollfd p = {.fd = csn_stream_fd(stream), .events = POLLOUT};
    if (wrote == CSN_STREAM_AGAIN && csn_control_poll(&control, &p, 1, CSN_NEVER, NULL) > 0)
      continue;
    if (wrote <= 0) return -1;
    bytes += wrote;
    n -= (size_t)wrote;
  }
  return 0;
}

#endif
