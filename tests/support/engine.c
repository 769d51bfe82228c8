/* See engine.h. */
#include "support/engine.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "tap.h"

#define ANSWER_MAX ((size_t)8 << 20)

static const char *socket_path(void) {
  const char *host = getenv("DOCKER_HOST");
  if (!host || !*host) return "/var/run/docker.sock";
  if (strncmp(host, "unix://", 7) != 0) BAIL_OUT("DOCKER_HOST must name a unix socket: %s", host);
  return host + 7;
}

static int dial(void) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  snprintf(address.sun_path, sizeof address.sun_path, "%s", socket_path());
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) != 0)
    BAIL_OUT("no engine at %s: %s", address.sun_path, strerror(errno));
  return fd;
}

/* The whole answer: HTTP/1.0 has no chunks and ends with the connection. */
static char *read_all(int fd) {
  size_t size = 0, room = 65536;
  char *text = malloc(room);
  for (;;) {
    if (!text || room > ANSWER_MAX) BAIL_OUT("too long an answer of the engine");
    ssize_t n = recv(fd, text + size, room - size - 1, 0);
    if (n <= 0) break;
    size += (size_t)n;
    if (room - size < 4096) text = realloc(text, room *= 2);
  }
  text[size] = '\0';
  return text;
}

int engine_ask(const char *method, const char *path, const char *body, cJSON **answer) {
  char head[1024];
  int fd = dial(), status = 0;
  size_t length = body ? strlen(body) : 0;
  int n = snprintf(head, sizeof head,
                   "%s %s HTTP/1.0\r\nHost: engine\r\nContent-Type: application/json\r\n"
                   "Content-Length: %zu\r\n\r\n",
                   method, path, length);
  if (send(fd, head, (size_t)n, MSG_NOSIGNAL) != n) BAIL_OUT("the engine took no request");
  if (length && send(fd, body, length, MSG_NOSIGNAL) != (ssize_t)length)
    BAIL_OUT("the engine took no body");
  char *text = read_all(fd), *end = strstr(text, "\r\n\r\n");
  close(fd);
  if (!end || sscanf(text, "HTTP/%*s %d", &status) != 1) BAIL_OUT("%s %s: no answer", method, path);
  if (answer) *answer = cJSON_Parse(end + 4);
  free(text);
  return status;
}

/* ---- containers ----------------------------------------------------------------------------- */

const char *engine_container(const struct box *box, const char *key) {
  static _Thread_local char names[8][160];
  static _Thread_local unsigned next;
  char *name = names[next++ % 8];
  snprintf(name, sizeof names[0], "caisson-%s-%s", box->name, key);
  return name;
}

static int ask_about(const char *method, const char *container, const char *rest, cJSON **answer) {
  char path[512];
  snprintf(path, sizeof path, "/containers/%s%s", container, rest);
  return engine_ask(method, path, NULL, answer);
}

void engine_do(const char *container, const char *action) {
  char rest[64];
  snprintf(rest, sizeof rest, "/%s", action);
  int status = ask_about("POST", container, rest, NULL);
  if (status >= 400) BAIL_OUT("%s %s: %d", action, container, status);
}

static bool is_gone(void *container) {
  return ask_about("GET", container, "/json", NULL) == 404;
}

bool engine_wait_gone(const char *container, int ms) {
  return host_wait(is_gone, (void *)(uintptr_t)container, ms);
}

void engine_remove(const char *container) {
  ask_about("DELETE", container, "?force=1&v=1", NULL);
  if (!engine_wait_gone(container, 30000)) BAIL_OUT("%s does not go", container);
}

const char *engine_state(const char *container) {
  static _Thread_local char state[32];
  cJSON *answer = NULL;
  state[0] = '\0';
  if (ask_about("GET", container, "/json", &answer) == 200) {
    const cJSON *at = cJSON_GetObjectItem(cJSON_GetObjectItem(answer, "State"), "Status");
    snprintf(state, sizeof state, "%s", cJSON_IsString(at) ? at->valuestring : "?");
  }
  cJSON_Delete(answer);
  return state;
}

char *engine_inspect(const char *container) {
  cJSON *answer = NULL;
  char *text = NULL;
  if (ask_about("GET", container, "/json", &answer) == 200) text = cJSON_PrintUnformatted(answer);
  cJSON_Delete(answer);
  return text;
}

int engine_count(const char *instance) {
  char path[256];
  cJSON *answer = NULL;
  snprintf(path, sizeof path,
           "/containers/json?all=1&filters=%%7B%%22label%%22%%3A%%5B%%22caisson.instance%%3D%s%%22%%5D"
           "%%7D",
           instance);
  if (engine_ask("GET", path, NULL, &answer) != 200) BAIL_OUT("the engine lists nothing");
  int n = cJSON_GetArraySize(answer);
  cJSON_Delete(answer);
  return n;
}
