/* SPDX-License-Identifier: Apache-2.0 */
/* Network and ports as options of a session: in place of the operator's, refused before anything is
 * made, and gone with the sandbox. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/engine.h"
#include "support/host.h"
#include "tap.h"

static char *settings; /* with a network of this program's own */

static struct call *shell_with(struct box *box, const char *session, const char *command,
                               const char *options) {
  struct call *c = call_new_shell(box, session, command);
  c->options = options;
  return call_run(c);
}

static void make_settings(const char *instance) {
  static const char form[] = "{\"sandbox\":{\"network\":{\"name\":\"caisson-options-%s\","
                             "\"deny\":[\"10.0.0.0/8\"],\"allow\":[\"resolver\"]},"
                             "\"ports\":[\"8080\"]}}";
  if (asprintf(&settings, form, instance) < 0) BAIL_OUT("no memory");
}

static void test_none(struct box *box) {
  CALL made = shell_with(box, "none", "ls /sys/class/net",
                         "{\"network\":\"none\",\"ports\":[]}");
  exited(made, 0, "a session without a network");
  is_str(call_string(made, "stdout"), "lo\n", "has the loopback alone");
  CALL same = shell(box, "none", "ls /sys/class/net");
  is_str(call_string(same, "stdout"), "lo\n", "a call without options finds it so");
  CALL look = operation(box, "session.ensure", "none", NULL);
  is_int(cJSON_GetArraySize(call_get(look, "ports")), 0, "with no ports");
}

static void test_own(struct box *box) {
  CALL made = shell_with(box, "own", "ls /sys/class/net | grep -c eth", "{\"ports\":[\"81/udp\"]}");
  exited(made, 0, "a session with ports of its own");
  is_str(call_string(made, "stdout"), "1\n", "has the operator's network");
  CALL look = operation(box, "session.inspect", "own", NULL);
  ok(call_get(look, "ports.81/udp") && !call_get(look, "ports.8080/tcp"),
     "and its own ports in place of the operator's");
}

static void test_refused(struct box *box) {
  static const struct { const char *options, *words; } rows[] = {
      {"{\"network\":\"none\"}", "ports: with network \"none\""},
      {"{\"network\":\"host\"}", "network"},
      {"{\"network\":{\"name\":\"host\"}}", "network.name"},
      {"{\"network\":{\"name\":\"n\",\"deny\":[\"10.0.0.1/8\"]}}", "network.deny[0]"},
      {"{\"network\":{\"name\":\"n\",\"internal\":true}}", "internal"},
      {"{\"ports\":[\"http\"]}", "ports[0]"},
      {"{\"ports\":[\"80\",\"80/tcp\"]}", "given twice"},
      {"{\"ports\":[{\"container\":0}]}", "ports[0].container"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    CALL c = shell_with(box, "refused", "true", rows[i].options);
    ended(c, CAISSON_E_CONFIG, CAISSON_OUTCOME_NONE, CAISSON_EXIT_UNKNOWN, "%s", rows[i].options);
    is_str(call_reason(c), CAISSON_REASON_OPTIONS, "is options.invalid");
    ok(strstr(c->err.message, rows[i].words), "and says where: %s", c->err.message);
  }
  CALL look = operation(box, "session.inspect", "refused", NULL);
  ok(!call_is_true(look, "found"), "nothing was made");
}

/* A sandbox of a call's own goes, with all that was needed to set it up. */
static void test_ephemeral(struct box *box) {
  CALL c = shell(box, "", "python3 -c 'import socket; s = socket.socket(socket.AF_INET, "
                          "socket.SOCK_DGRAM); print(s.connect_ex((\"10.0.0.1\", 9)))'");
  exited(c, 0, "a call's own sandbox");
  is_str(call_string(c, "stdout"), "13\n", "is denied the same");
}

/* As it has been after the first attempt, whatever became of that. */
static void test_asserted(struct box *maker) {
  CALL made = shell(maker, "found", "true");
  exited(made, 0, "a sandbox with denied routes");
  struct proxy *proxy = proxy_start(
      "{\"rules\":[{\"method\":\"POST\",\"path\":\"/containers/create[?]name=caisson_\","
      "\"times\":1,\"respond\":{\"status\":500,\"json\":{\"message\":\"scripted\"}}}]}");
  struct box *box = box_new(".net");
  caisson_error err = {.struct_size = sizeof err};
  char *both = NULL;
  if (asprintf(&both, "{\"engine\":{\"endpoint\":\"%s\"},%s", proxy->endpoint, settings + 1) < 0)
    BAIL_OUT("no memory");
  if (box_create(box, both, &err) != CAISSON_OK) BAIL_OUT("%s", err.message);
  CALL first = shell(box, "found", "true");
  ended(first, CAISSON_E_ENGINE, CAISSON_OUTCOME_NONE, CAISSON_EXIT_UNKNOWN,
        "it is not adopted where its routes cannot be seen to");
  int before = proxy_count(proxy, "POST", "name=caisson_");
  CALL second = shell(box, "found", "true");
  exited(second, 0, "nor is it later");
  ok(proxy_count(proxy, "POST", "name=caisson_") > before, "before they were");
  box_close(box);
  proxy_stop(proxy);
  free(both);
}

int main(void) {
  struct box *box = box_new(".net");
  caisson_error err = {.struct_size = sizeof err};
  make_settings(box->name);
  if (box_create(box, settings, &err) != CAISSON_OK) BAIL_OUT("%s", err.message);
  test_none(box);
  test_own(box);
  test_refused(box);
  test_ephemeral(box);
  test_asserted(box);
  CALL gone = operation(box, "session.shutdown", "", "{\"scope\":\"instance\"}");
  exited(gone, 0, "a shutdown of the instance");
  box_close(box);
  free(settings);
  return done_testing();
}
