/* SPDX-License-Identifier: Apache-2.0 */
/* The least HTTP that can measure an engine: a kept connection on its unix socket, and hijacked
 * streams. It shares no code with the plugin, since the plugin is measured against it. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "bench.h"

#define HEAD_MAX 8192
#define BODY_MAX ((size_t)4 << 20)
#define STREAM_READ ((size_t)128 << 10)
#define DEMUX_HEAD 8

void bench_engine_open(struct bench_engine *engine) {
  const char *host = getenv("DOCKER_HOST");
  if (!host || !*host) host = "unix:///var/run/docker.sock";
  if (strncmp(host, "unix://", 7) != 0 || strlen(host + 7) >= sizeof engine->socket)
    bench_die("DOCKER_HOST is %s: the bench needs an engine on a unix socket here", host);
  strcpy(engine->socket, host + 7);
  engine->fd = -1;
}

void bench_engine_close(struct bench_engine *engine) {
  if (engine->fd >= 0) close(engine->fd);
  engine->fd = -1;
}

static int dial(const struct bench_engine *engine) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  memcpy(address.sun_path, engine->socket, sizeof address.sun_path);
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) < 0)
    bench_die("cannot reach the engine at %s: %s", engine->socket, strerror(errno));
  return fd;
}

static void send_all(int fd, const char *bytes, size_t n) {
  while (n > 0) {
    ssize_t sent = send(fd, bytes, n, MSG_NOSIGNAL);
    if (sent < 0) bench_die("the engine closed its connection: %s", strerror(errno));
    bytes += sent;
    n -= (size_t)sent;
  }
}

static void send_request(int fd, const char *method, const char *path, const cJSON *body,
                         const char *more) {
  char head[HEAD_MAX];
  char *text = body ? cJSON_PrintUnformatted(body) : NULL;
  size_t n = text ? strlen(text) : 0;
  int used = snprintf(head, sizeof head,
                      "%s %s HTTP/1.1\r\nHost: engine\r\nContent-Type: application/json\r\n"
                      "%sContent-Length: %zu\r\n\r\n",
                      method, path, more, n);
  if (used < 0 || (size_t)used >= sizeof head) bench_die("too long a path");
  char *whole = malloc((size_t)used + n + 1);
  if (!whole) bench_die("out of memory");
  memcpy(whole, head, (size_t)used);
  if (text) memcpy(whole + used, text, n);
  send_all(fd, whole, (size_t)used + n);
  free(whole);
  cJSON_free(text);
}

/* Reads the answer's head and not one byte more; its status. */
static int read_head(int fd, char head[HEAD_MAX]) {
  size_t have = 0;
  for (;;) {
    ssize_t n = recv(fd, head + have, HEAD_MAX - 1 - have, MSG_PEEK);
    if (n <= 0) bench_die("the engine closed its connection");
    head[have + (size_t)n] = '\0';
    const char *end = strstr(head, "\r\n\r\n");
    size_t want = end ? (size_t)(end + 4 - head) - have : (size_t)n;
    if (recv(fd, head + have, want, MSG_WAITALL) != (ssize_t)want) bench_die("short read");
    have += want;
    head[have] = '\0';
    if (end) return (int)strtol(head + strlen("HTTP/1.1 "), NULL, 10);
    if (have >= HEAD_MAX - 1) bench_die("too long a head");
  }
}

static void read_exactly(int fd, char *out, size_t n) {
  if (n && recv(fd, out, n, MSG_WAITALL) != (ssize_t)n) bench_die("the engine's answer was cut");
}

/* Reads one chunk's size line. */
static size_t read_chunk_size(int fd) {
  char line[32];
  size_t n = 0;
  do {
    read_exactly(fd, &line[n], 1);
  } while (line[n++] != '\n' && n < sizeof line - 1);
  line[n] = '\0';
  return strtoul(line, NULL, 16);
}

static char *read_body(int fd, const char *head) {
  char *body = calloc(1, BODY_MAX + 1);
  size_t have = 0, n;
  const char *length = strcasestr(head, "\r\nContent-Length:");
  if (!body) bench_die("out of memory");
  if (length) {
    n = strtoul(length + strlen("\r\nContent-Length:"), NULL, 10);
    if (n > BODY_MAX) bench_die("too long an answer");
    read_exactly(fd, body, n);
  } else if (strcasestr(head, "\r\nTransfer-Encoding: chunked")) {
    char newline[2];
    do {
      n = read_chunk_size(fd);
      if (n > BODY_MAX - have) bench_die("too long an answer");
      read_exactly(fd, body + have, n);
      read_exactly(fd, newline, 2);
      have += n;
    } while (n > 0);
  }
  return body;
}

cJSON *bench_request(struct bench_engine *engine, const char *method, const char *path,
                     const cJSON *body) {
  char head[HEAD_MAX], probe;
  /* One that the engine has closed meanwhile is replaced. */
  if (engine->fd >= 0 && recv(engine->fd, &probe, 1, MSG_PEEK | MSG_DONTWAIT) == 0) {
    close(engine->fd);
    engine->fd = -1;
  }
  if (engine->fd < 0) engine->fd = dial(engine);
  send_request(engine->fd, method, path, body, "");
  int status = read_head(engine->fd, head);
  char *text = read_body(engine->fd, head);
  if (status / 100 != 2) bench_die("%s %s: %d %s", method, path, status, text);
  cJSON *answer = cJSON_Parse(text);
  free(text);
  return answer;
}

/* ---- streams --------------------------------------------------------------------------------- */

/* Reads to the end and counts the payload between the multiplexing's heads. */
static uint64_t drain(int fd) {
  unsigned char head[DEMUX_HEAD];
  size_t head_size = 0, left = 0;
  uint64_t total = 0;
  char *buffer = malloc(STREAM_READ);
  ssize_t n;
  if (!buffer) bench_die("out of memory");
  while ((n = recv(fd, buffer, STREAM_READ, 0)) > 0) {
    for (size_t at = 0; at < (size_t)n;) {
      if (left > 0) {
        size_t piece = left < (size_t)n - at ? left : (size_t)n - at;
        at += piece;
        left -= piece;
        total += piece;
      } else {
        head[head_size++] = (unsigned char)buffer[at++];
        if (head_size < DEMUX_HEAD) continue;
        left = (size_t)head[4] << 24 | (size_t)head[5] << 16 | (size_t)head[6] << 8 | head[7];
        head_size = 0;
      }
    }
  }
  free(buffer);
  return total;
}

static cJSON *exec_body(const char *const argv[]) {
  cJSON *body = cJSON_CreateObject();
  cJSON_AddBoolToObject(body, "AttachStdout", 1);
  cJSON_AddBoolToObject(body, "AttachStderr", 1);
  cJSON *list = cJSON_AddArrayToObject(body, "Cmd");
  for (; *argv; argv++) cJSON_AddItemToArray(list, cJSON_CreateString(*argv));
  return body;
}

/* Makes the exec and hijacks its stream; *made is to be deleted. */
static int begin_exec(struct bench_engine *engine, const char *container, cJSON *body,
                      cJSON **made) {
  char path[512], head[HEAD_MAX];
  cJSON *start = cJSON_Parse("{\"Detach\": false, \"Tty\": false}");
  (void)snprintf(path, sizeof path, "/containers/%s/exec", container);
  *made = bench_request(engine, "POST", path, body);
  const char *id = cJSON_GetStringValue(cJSON_GetObjectItem(*made, "Id"));
  if (!id) bench_die("exec: no id");
  (void)snprintf(path, sizeof path, "/exec/%s/start", id);
  int fd = dial(engine);
  send_request(fd, "POST", path, start, "Connection: Upgrade\r\nUpgrade: tcp\r\n");
  if (read_head(fd, head) != 101) bench_die("exec: not hijacked: %s", head);
  cJSON_Delete(start);
  cJSON_Delete(body);
  return fd;
}

/* Deletes `made`. */
static void end_exec(struct bench_engine *engine, cJSON *made) {
  char path[512];
  (void)snprintf(path, sizeof path, "/exec/%s/json",
                 cJSON_GetStringValue(cJSON_GetObjectItem(made, "Id")));
  cJSON *ended = bench_request(engine, "GET", path, NULL);
  const cJSON *code = cJSON_GetObjectItem(ended, "ExitCode");
  if (!cJSON_IsNumber(code) || code->valueint != 0) bench_die("exec: it did not exit 0");
  cJSON_Delete(ended);
  cJSON_Delete(made);
}

void bench_exec(struct bench_engine *engine, const char *container, const char *const argv[],
                uint64_t *bytes) {
  cJSON *made;
  int fd = begin_exec(engine, container, exec_body(argv), &made);
  uint64_t n = drain(fd);
  close(fd);
  end_exec(engine, made);
  if (bytes) *bytes = n;
}

void bench_exec_send(struct bench_engine *engine, const char *container, const char *const argv[],
                     uint64_t bytes) {
  cJSON *made, *body = exec_body(argv);
  char *piece = calloc(1, STREAM_READ);
  if (!piece) bench_die("out of memory");
  cJSON_AddBoolToObject(body, "AttachStdin", 1);
  int fd = begin_exec(engine, container, body, &made);
  for (uint64_t left = bytes; left > 0;) {
    size_t n = left < STREAM_READ ? (size_t)left : STREAM_READ;
    send_all(fd, piece, n);
    left -= n;
  }
  if (drain(fd) == 0) bench_die("exec: nothing came back");
  close(fd);
  end_exec(engine, made);
  free(piece);
}
