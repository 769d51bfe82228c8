/* SPDX-License-Identifier: Apache-2.0 */
/* Two sessions that need the same image at once: it is pulled once. On a registry of our own. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/engine.h"
#include "support/host.h"
#include "tap.h"
#include "transport/http.h"

/* It dies with this program. */
struct registry {
  pid_t pid;
  char host[40];
};

static void start_registry(struct registry *r) {
  int out[2];
  char line[32] = "";
  if (pipe2(out, O_CLOEXEC) != 0) BAIL_OUT("no pipe");
  (void)fflush(stdout);
  r->pid = fork();
  if (r->pid == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    dup2(out[1], 1);
    if (chdir("tests/integration") == 0) execlp("python3", "python3", "-m", "registry_server", NULL);
    _exit(127);
  }
  close(out[1]);
  for (size_t n = 0; !strchr(line, '\n'); n = strlen(line))
    if (read(out[0], line + n, sizeof line - 1 - n) <= 0) BAIL_OUT("the registry does not start");
  close(out[0]);
  snprintf(r->host, sizeof r->host, "127.0.0.1:%d", atoi(line));
}

static void stop_registry(struct registry *r) {
  kill(r->pid, SIGKILL);
  waitpid(r->pid, NULL, 0);
}

/* How often a path that holds this text was asked for. */
static int count_requests(const struct registry *r, const char *text) {
  struct csn_transport *transport;
  struct csn_http_response response;
  const struct csn_http_request request = {.method = "GET", .path = "/requests"};
  const struct csn_control control = CSN_CONTROL_NONE;
  char endpoint[64];
  int n = 0;
  snprintf(endpoint, sizeof endpoint, "tcp://%s", r->host);
  if (csn_transport_new(endpoint, NULL, &transport, NULL)) BAIL_OUT("no transport");
  if (csn_http_do(transport, &request, &control, &response, NULL)) BAIL_OUT("no answer");
  for (const char *at = csn_buffer_text(&response.body); (at = strstr(at, text)) != NULL; at++) n++;
  csn_http_response_free(&response);
  csn_transport_free(transport);
  return n;
}

int main(void) {
  struct registry registry;
  char settings[200], image[100];
  start_registry(&registry);
  snprintf(image, sizeof image, "%s/t/box:1", registry.host);
  snprintf(settings, sizeof settings, "{\"sandbox\":{\"image\":\"%s\"}}", image);
  struct box *one = box_open_as(".once", settings), *two = box_open_as(".twice", settings);
  struct call *calls[] = {call_new_shell(one, "a", "echo here"), call_new_shell(one, "b", "echo here"),
                          call_new_shell(two, "c", "echo here"),
                          call_new(two, "", "image.ensure")};
  calls[3]->flags = CAISSON_REQUEST_HOST;
  for (size_t i = 0; i < 4; i++) call_start(calls[i]);
  for (size_t i = 0; i < 4; i++) exited(call_join(calls[i]), 0, "call %zu", i);
  is_int(count_requests(&registry, "/blobs/"), 2, "the layer and the configuration are asked for once");
  for (size_t i = 0; i < 4; i++) call_free(calls[i]);
  static const char pulled[] = "\"event\":\"image.pulled\"";
  ok(box_logged(one, pulled) || box_logged(two, pulled), "the audit says that it was pulled");
  box_close(one);
  box_close(two);
  char path[200];
  snprintf(path, sizeof path, "/images/%s?force=1", image);
  is_int(engine_ask("DELETE", path, NULL, NULL), 200, "the image is removed");
  stop_registry(&registry);
  return done_testing();
}
