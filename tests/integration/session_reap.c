/* SPDX-License-Identifier: Apache-2.0 */
/* session.reap removes what no process 1 could take away, and nothing else; what a sandbox uses
 * is in list and inspect; shutdown waits for calls. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support/engine.h"
#include "support/host.h"
#include "tap.h"

static const char until_stop[] = "echo begun; while ! [ -e stop ]; do sleep 0.05; done";

/* ---- leftovers ------------------------------------------------------------------------------ */

/* A container with the labels of this instance, never started. */
static void make_container(const char *name, const char *instance, const char *command) {
  char path[300], *body = NULL;
  snprintf(path, sizeof path, "/containers/create?name=%s", name);
  if (asprintf(&body,
               "{\"Image\": \"%s\", \"Entrypoint\": [\"%s\"], \"Labels\": {\"caisson.instance\": "
               "\"%s\", \"caisson.session\": \"left\"}, \"HostConfig\": {\"NetworkMode\": \"none\"}}",
               host_env("CAISSON_IMAGE"), command, instance) < 0)
    BAIL_OUT("no memory");
  int status = engine_ask("POST", path, body, NULL);
  free(body);
  if (status != 201) BAIL_OUT("create %s: %d", name, status);
}

static const cJSON *entry_of(const struct call *c, const char *name) {
  const cJSON *entry;
  cJSON_ArrayForEach(entry, call_get(c, "removed")) {
    const char *n = cJSON_GetStringValue(cJSON_GetObjectItem(entry, "name"));
    if (n && strcmp(n, name) == 0) return entry;
  }
  return NULL;
}

static const char *reason_of(const struct call *c, const char *name) {
  const char *reason = cJSON_GetStringValue(cJSON_GetObjectItem(entry_of(c, name), "reason"));
  return reason ? reason : "not there";
}

struct aged {
  struct box *box;
  const char *name;
};

static bool is_old(void *arg) {
  struct aged *a = arg;
  CALL look = operation(a->box, "session.reap", NULL, "{\"older_than_s\": 2, \"dry_run\": true}");
  return entry_of(look, a->name) != NULL;
}

static void test_leftovers(void) {
  struct box *box = box_open_as(".reap", NULL), *other = box_open_as(".reap.other", NULL);
  char never[200], ended[200], others[200];
  snprintf(never, sizeof never, "caisson-%s-never", box->name);
  snprintf(ended, sizeof ended, "caisson-%s-ended", box->name);
  snprintf(others, sizeof others, "caisson-%s-never", other->name);
  CALL live = shell(box, "live", "echo kept > file");
  exited(live, 0, "a sandbox that lives");
  make_container(never, box->name, "true");
  make_container(ended, box->name, "/nowhere/at/all");
  char start[300];
  snprintf(start, sizeof start, "/containers/%s/start", ended);
  ok(engine_ask("POST", start, NULL, NULL) >= 400, "one that could not start");
  make_container(others, other->name, "true");
  CALL young = operation(box, "session.reap", NULL, "{\"older_than_s\": 3600}");
  exited(young, 0, "session.reap");
  ok(!entry_of(young, never) && !entry_of(young, ended), "leaves alone what may be under way");
  struct aged aged = {box, never};
  ok(host_wait(is_old, &aged, 30000), "after a while they are leftovers");
  is_str(engine_state(never), "created", "of which a dry run removes none");
  CALL reaped = operation(box, "session.reap", NULL, "{\"older_than_s\": 2}");
  exited(reaped, 0, "session.reap");
  is_str(reason_of(reaped, never), "never_started", "it names the one that never started");
  ok(entry_of(reaped, ended), "and the other");
  is_str(engine_state(never), "", "which are gone");
  is_str(engine_state(ended), "", "both");
  ok(box_logged(box, "\"event\":\"sandbox.removed\"") &&
         box_logged(box, "\"reason\":\"never_started\"}"),
     "which the audit says, and why");
  is_str(engine_state(others), "created", "another instance's is not touched");
  is_str(reason_of(reaped, others), "not there", "nor named");
  CALL after = shell(box, "live", "cat file");
  is_str(after->out.data ? after->out.data : "", "kept\n", "what runs goes on");
  engine_remove(others);
  box_close(other);
  box_close(box);
}

/* ---- helpers -------------------------------------------------------------------------------- */

#define OLD_HELPER "guest-00000000deadbeef"
#define USED_HELPER "guest-00000000feedbeef"

static bool has_ended(void *name) {
  return strcmp(engine_state(name), "exited") == 0;
}

/* What is in a volume can only be changed from a container that runs. */
static void put_files(const char *name, const char *instance) {
  char path[300], *body = NULL;
  snprintf(path, sizeof path, "/containers/create?name=%s", name);
  if (asprintf(&body,
               "{\"Image\": \"%s\", \"Entrypoint\": [\"sh\", \"-c\", \"cd /.caisson && echo old > "
               OLD_HELPER " && echo old > " USED_HELPER "\"], \"User\": \"0:0\", \"Labels\": "
               "{\"caisson.instance\": \"%s\"}, \"HostConfig\": {\"NetworkMode\": \"none\", "
               "\"Mounts\": [{\"Type\": \"volume\", \"Source\": \"caisson-guest\", \"Target\": "
               "\"/.caisson\"}]}}",
               host_env("CAISSON_IMAGE"), instance) < 0)
    BAIL_OUT("no memory");
  if (engine_ask("POST", path, body, NULL) != 201) BAIL_OUT("create %s", name);
  free(body);
  engine_do(name, "start");
  if (!host_wait(has_ended, (void *)(uintptr_t)name, 30000)) BAIL_OUT("%s does not end", name);
  engine_remove(name);
}

static void mount_volume(const char *name, const char *instance, const char *helper) {
  char path[300], *body = NULL;
  snprintf(path, sizeof path, "/containers/create?name=%s", name);
  if (asprintf(&body,
               "{\"Image\": \"%s\", \"Entrypoint\": [\"/.caisson/%s\"], \"Labels\": "
               "{\"caisson.instance\": \"%s\"}, \"HostConfig\": {\"NetworkMode\": \"none\", "
               "\"Mounts\": [{\"Type\": \"volume\", \"Source\": \"caisson-guest\", \"Target\": "
               "\"/.caisson\"}]}}",
               host_env("CAISSON_IMAGE"), helper, instance) < 0)
    BAIL_OUT("no memory");
  if (engine_ask("POST", path, body, NULL) != 201) BAIL_OUT("create %s", name);
  free(body);
}

static void test_helpers(void) {
  struct box *box = box_open_as(".helper", NULL), *other = box_open_as(".helper.other", NULL);
  char carrier[200];
  snprintf(carrier, sizeof carrier, "caisson-%s-carrier", other->name);
  CALL live = shell(box, "live", "true");
  exited(live, 0, "a sandbox with this version's helper");
  put_files(carrier, other->name);
  mount_volume(carrier, other->name, USED_HELPER);
  struct aged aged = {box, OLD_HELPER};
  ok(host_wait(is_old, &aged, 30000), "an old helper is found by a dry run");
  CALL reaped = operation(box, "session.reap", NULL, "{\"older_than_s\": 10}");
  exited(reaped, 0, "one that is younger than asked for");
  ok(!entry_of(reaped, OLD_HELPER), "stays");
  CALL gone = NULL;
  for (int i = 0; i < 100 && !(gone && entry_of(gone, OLD_HELPER)); i++) {
    call_free(gone);
    usleep(200000);
    gone = operation(box, "session.reap", NULL, "{\"older_than_s\": 10}");
  }
  is_str(reason_of(gone, OLD_HELPER), "old_version", "later it goes");
  ok(!entry_of(gone, USED_HELPER), "not the one that another instance's container starts with");
  CALL again = operation(box, "session.reap", NULL, "{\"older_than_s\": 2, \"dry_run\": true}");
  ok(!entry_of(again, OLD_HELPER), "it is gone");
  CALL after = shell(box, "new", "echo works");
  exited(after, 0, "this version's own is there for the next sandbox");
  engine_remove(carrier);
  CALL last = operation(box, "session.reap", NULL, "{\"older_than_s\": 10}");
  is_str(reason_of(last, USED_HELPER), "old_version", "without its container the other goes too");
  box_close(other);
  box_close(box);
}

/* ---- stats and the grace -------------------------------------------------------------------- */

static void test_stats(void) {
  struct box *box = box_open_as(".stats", NULL);
  CALL work = shell(box, "s", "head -c 20000000 /dev/zero > big; i=0; while [ $i -lt 20000 ]; do "
                              "i=$((i+1)); done");
  exited(work, 0, "a sandbox that uses something");
  CALL look = operation(box, "session.inspect", "s", NULL);
  ok(call_number(look, "memory_bytes") > 20e6, "inspect: its memory, with files: %.0f",
     call_number(look, "memory_bytes"));
  is_int((int64_t)call_number(look, "memory_limit_bytes"), 1 << 30, "its limit");
  ok(call_number(look, "cpu_ms") > 0, "its CPU time: %.0f", call_number(look, "cpu_ms"));
  ok(call_number(look, "processes") >= 1, "its processes");
  CALL plain = operation(box, "session.list", NULL, NULL);
  ok(call_get(plain, "sessions") && !strstr(plain->text, "memory_bytes"), "a list has none of that");
  CALL list = operation(box, "session.list", NULL, "{\"stats\": true}");
  const cJSON *row = cJSON_GetArrayItem(call_get(list, "sessions"), 0);
  ok(cJSON_GetNumberValue(cJSON_GetObjectItem(row, "memory_bytes")) > 20e6 &&
         cJSON_GetNumberValue(cJSON_GetObjectItem(row, "cpu_ms")) > 0 &&
         cJSON_IsNumber(cJSON_GetObjectItem(row, "idle_ms")),
     "but with stats");
  double idle = call_number(look, "idle_ms");
  CALL later = operation(box, "session.inspect", "s", NULL);
  ok(call_number(later, "idle_ms") >= idle, "and no look is a sign of life");
  box_close(box);
}

static void test_grace(void) {
  struct box *one = box_open_as(".grace", NULL), *two = box_open_as(".grace", NULL);
  struct call *call = call_start(call_new_shell(two, "g", until_stop));
  ok(call_wait_output(call, "begun", 30000), "a call of another process");
  CALL idle = shell(one, "idle", "true");
  exited(idle, 0, "and an idle sandbox");
  CALL ends = call_new(one, NULL, "session.shutdown");
  ends->flags = CAISSON_REQUEST_HOST;
  call_arg_number(call_arg(ends, "scope", "instance"), "grace_ms", 60000);
  call_start(ends);
  CALL stop = shell(two, "g", "sleep 0.5; touch stop");
  exited(stop, 0, "a shutdown with a grace waits");
  call_join(call);
  exited(call, 0, "so the call ends by itself");
  call_free(call);
  call_join(ends);
  exited(ends, 0, "then the shutdown goes on");
  is_int(cJSON_GetArraySize(call_get(ends, "removed")), 2, "and removes both");
  is_int(engine_count(one->name), 0, "nothing is left");
  struct call *stays = call_start(call_new_shell(one, "h", until_stop));
  ok(call_wait_output(stays, "begun", 30000), "a call that goes on");
  CALL now = operation(one, "session.shutdown", NULL, "{\"scope\": \"instance\", \"grace_ms\": 500}");
  exited(now, 0, "is waited for no longer than the grace");
  call_join(stays);
  was_lost(stays, "and then lost with its sandbox");
  call_free(stays);
  box_close(one);
  box_close(two);
}

/* A call's own sandbox has no name that could be asked for, but a call. */
static void test_grace_of_own(void) {
  struct box *box = box_open_as(".own", NULL);
  struct call *call = call_start(call_new_shell(box, "", "echo begun; sleep 2; echo ended"));
  ok(call_wait_output(call, "begun", 30000), "a call in a sandbox of its own");
  CALL down =
      operation(box, "session.shutdown", NULL, "{\"scope\": \"instance\", \"grace_ms\": 60000}");
  exited(down, 0, "a shutdown with a grace");
  call_join(call);
  exited(call, 0, "waits for that too");
  call_free(call);
  box_close(box);
}

/* Others may remove it while no sandbox runs it, more than once in the life of a session. */
static void test_helper_gone_twice(void) {
  struct box *asked = box_open_as(".asked", NULL);
  CALL info = operation(asked, "engine.info", NULL, NULL);
  box_close(asked);
  char scenario[1500], rule[600];
  snprintf(rule, sizeof rule,
           "\"method\":\"POST\",\"path\":\"/start$\",\"respond\":{\"status\":400,\"json\":{\"message\":"
           "\"exec: %s: no such file or directory\"}}", call_string(info, "helper"));
  snprintf(scenario, sizeof scenario, "{\"rules\":[{\"nth\":1,%s},{\"nth\":2,%s}]}", rule, rule);
  struct proxy *proxy = proxy_start(scenario);
  struct box *box = box_open_as(".twice", proxy->settings);
  CALL first = shell(box, "s", "true");
  exited(first, 0, "a session whose helper has to be delivered");
  engine_remove(engine_container(box, "s"));
  CALL again = shell(box, "s", "true");
  exited(again, 0, "its next sandbox has it delivered again");
  is_int(proxy_count(proxy, "POST", "name=caisson-delivery."), 2, "each time once");
  box_close(box);
  proxy_stop(proxy);
}

int main(void) {
  test_leftovers();
  test_helpers();
  test_stats();
  test_grace();
  test_grace_of_own();
  test_helper_gone_twice();
  return done_testing();
}
