/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration: mistakes are refused by their path; names, limits and tools are what it says,
 * in what is described and in what is done. */
#include "support/host.h"
#include "tap.h"

/* ---- mistakes -------------------------------------------------------------------------------- */

static void test_mistakes(void) {
  static const struct {
    const char *what, *settings, *words[2];
  } rows[] = {
      {"another version", "{\"config_version\": 2}", {"config_version", "1"}},
      {"an unknown key", "{\"sandbx\": {}}", {"sandbx", "\"sandbox\""}},
      {"an unknown key further in", "{\"sandbox\": {\"memry\": 1}}", {"sandbox", "\"memory\""}},
      {"a wrong type", "{\"sandbox\": {\"pids\": \"256\"}}", {"sandbox.pids:", "integer"}},
      {"a value below its range", "{\"sandbox\": {\"nofile\": 3}}", {"sandbox.nofile:", "64"}},
      {"a value above its range",
       "{\"tools\": {\"output_limit\": 1e9}}",
       {"tools.output_limit:", NULL}},
      {"no size", "{\"sandbox\": {\"memory\": \"big\"}}", {"sandbox.memory:", "512m"}},
      {"too little memory", "{\"sandbox\": {\"memory\": \"1m\"}}", {"sandbox.memory:", NULL}},
      {"files that do not fit into memory",
       "{\"sandbox\": {\"memory\": \"256m\"}}",
       {"sandbox.memory:", "sandbox.workspace.size"}},
      {"a bad instance name", "{\"instance\": \"a-b\"}", {"instance:", "a-b"}},
      {"a bad user", "{\"sandbox\": {\"user\": \"0:0\"}}", {"sandbox.user:", NULL}},
      {"ids the wrong way round",
       "{\"sandbox\": {\"uid_range\": [40000, 30000]}}",
       {"sandbox.uid_range", NULL}},
      {"a tool that does not exist",
       "{\"tools\": {\"enabled\": [\"shell\", \"reed\"]}}",
       {"tools.enabled[1]:", "reed"}},
      {"a name with a dot", "{\"tool_names\": {\"shell\": \"a.b\"}}", {"tool_names.shell:", "a.b"}},
      {"two tools of one name",
       "{\"tool_names\": {\"shell\": \"run_python\"}}",
       {"run_python", NULL}},
      {"timeouts that contradict",
       "{\"tools\": {\"max_timeout_ms\": 1000, \"shell_timeout_ms\": 1001}}",
       {"tools.shell_timeout_ms:", NULL}},
      {"a job's timeouts that contradict",
       "{\"jobs\": {\"max_timeout_ms\": 1000, \"timeout_ms\": 1001}}",
       {"jobs.timeout_ms:", NULL}},
      {"an endpoint of no known kind",
       "{\"engine\": {\"endpoint\": \"ftp://x\"}}",
       {"ftp://x", NULL}},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct box *box = box_new("x");
    caisson_error err = {.struct_size = sizeof err};
    is_int(box_create(box, rows[i].settings, &err), CAISSON_E_CONFIG, "%s is refused",
           rows[i].what);
    is_str(err.reason, CAISSON_REASON_CONFIG, "%s: the reason", rows[i].what);
    for (size_t w = 0; w < 2 && rows[i].words[w]; w++)
      ok(strstr(err.message, rows[i].words[w]), "%s: \"%s\" is in \"%s\"", rows[i].what,
         rows[i].words[w], err.message);
    is_int(box->id, 0, "%s: no instance", rows[i].what);
    box_close(box);
  }
}

static void test_forms(void) {
  static const struct {
    const char *what, *config;
    int status;
  } rows[] = {
      {"no configuration", "", CAISSON_OK},
      {"an empty one", "{}", CAISSON_OK},
      {"keys that begin with x-", "{\"config_version\":1,\"x-a\":1,\"sandbox\":{\"x-b\":{}}}",
       CAISSON_OK},
      {"one without its version", "{\"instance\":\"a\"}", CAISSON_E_CONFIG},
      {"no JSON", "instance: a", CAISSON_E_CONFIG},
      {"an array", "[]", CAISSON_E_CONFIG},
      {"a key twice", "{\"config_version\":1,\"config_version\":1}", CAISSON_E_CONFIG},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    caisson_host host = {.struct_size = sizeof host, .name = "t", .version = "1"};
    caisson_error err = {.struct_size = sizeof err};
    uint64_t id = 0;
    is_int(plugin()->create(&host, rows[i].config, strlen(rows[i].config), &id, &err),
           rows[i].status, "%s", rows[i].what);
    if (id) plugin()->destroy(id);
  }
}

/* ---- what is described ----------------------------------------------------------------------- */

static cJSON *describe(const struct box *box) {
  caisson_str json = {NULL, 0};
  is_int(plugin()->describe(box->id, &json), CAISSON_OK, "describe");
  return cJSON_ParseWithLength(json.data, json.size);
}

static const char *string_of(const cJSON *object, const char *name) {
  const cJSON *s = cJSON_GetObjectItemCaseSensitive(object, name);
  return cJSON_IsString(s) ? s->valuestring : "";
}

static const cJSON *find(const cJSON *list, const char *name) {
  const cJSON *one;
  cJSON_ArrayForEach(one, list) {
    if (strcmp(string_of(one, "name"), name) == 0) return one;
  }
  return NULL;
}

static void test_factory(void) {
  struct box *box = box_open(NULL);
  cJSON *d = describe(box);
  const cJSON *tools = cJSON_GetObjectItem(d, "tools"), *one;
  is_int(cJSON_GetObjectItem(d, "describe_version")->valueint, 1, "describe_version");
  is_str(string_of(d, "instance"), box->name, "the instance");
  is_int(cJSON_GetArraySize(tools), 10, "all tools where nothing is said");
  cJSON_ArrayForEach(one, tools) {
    const char *name = string_of(one, "name");
    ok(*string_of(one, "description") && !strchr(name, '.'), "%s: name and description", name);
    is_str(string_of(cJSON_GetObjectItem(one, "inputSchema"), "type"), "object",
           "%s: an input schema", name);
    is_str(string_of(cJSON_GetObjectItem(one, "outputSchema"), "type"), "object",
           "%s: an output schema", name);
    ok(cJSON_IsObject(cJSON_GetObjectItem(one, "annotations")), "%s: annotations", name);
  }
  const cJSON *operations = cJSON_GetObjectItem(d, "operations");
  static const char *const names[] = {"session.ensure", "session.list",     "session.inspect",
                                      "session.remove", "session.shutdown", "engine.info"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    ok(find(operations, names[i]), "the operation %s", names[i]);
  cJSON_Delete(d);
  box_close(box);
}

static void test_renamed(void) {
  struct box *box = box_open(
      "{\"tool_names\": {\"shell\": \"bash\"},"
      " \"tools\": {\"enabled\": [\"shell\"], \"max_timeout_ms\": 5000,"
      " \"shell_timeout_ms\": 700, \"output_limit\": 1000},"
      " \"jobs\": {\"max_timeout_ms\": 9000}}");
  cJSON *d = describe(box);
  const cJSON *tools = cJSON_GetObjectItem(d, "tools");
  const cJSON *bash = find(tools, "bash");
  is_int(cJSON_GetArraySize(tools), 1, "only what is enabled");
  ok(bash, "under its new name");
  const cJSON *timeout = cJSON_GetObjectItem(
      cJSON_GetObjectItem(cJSON_GetObjectItem(bash, "inputSchema"), "properties"), "timeout_ms");
  is_int(cJSON_GetObjectItem(timeout, "maximum")->valueint, 9000,
         "its limits are the configured: of a command in the background, which may take longer");
  is_int(cJSON_GetObjectItem(timeout, "default")->valueint, 700, "and its defaults");
  ok(strstr(string_of(bash, "description"), "1,000 characters"), "in its description too");
  cJSON_Delete(d);

  CALL renamed = call_run(call_arg(call_new(box, "s", "bash"), "command", "echo hi"));
  exited(renamed, 0, "a renamed tool answers to its new name");
  CALL old = shell(box, "s", "true");
  did_not_start(old, CAISSON_E_NOT_FOUND, "not to its old one");
  CALL disabled = python(box, "s", "print(1)");
  did_not_start(disabled, CAISSON_E_NOT_FOUND, "a disabled tool does not exist");
  ok(!strstr(disabled->err.message, "did you mean \"run_python\""), "and is not suggested");
  CALL slow = call_run(call_arg(call_new(box, "s", "bash"), "command", "sleep 600"));
  was_late(slow, "the configured timeout counts where none is asked for");
  CALL most = call_arg(call_new(box, "s", "bash"), "command", "true");
  call_run(call_arg_number(most, "timeout_ms", 5001));
  did_not_start(most, CAISSON_E_ARGUMENTS, "no more than the configured can be");
  CALL much = call_run(call_arg(call_new(box, "s", "bash"), "command", "seq 10000"));
  exited(much, 0, "more output than the configured limit");
  ok((much->result.flags & CAISSON_RESULT_TRUNCATED) && strlen(call_string(much, "stdout")) < 1300,
     "is cut to it");
  box_close(box);
}

static void test_sandbox_settings(void) {
  struct box *box = box_open(
      "{\"sandbox\": {\"hostname\": \"whale\", \"workdir\": \"/tmp\","
      " \"env\": {\"FLAVOUR\": \"salt\"}, \"user\": \"4321:4322\","
      " \"nofile\": 123}}");
  CALL c = shell(box, "s", "echo $HOSTNAME $(pwd) $FLAVOUR $(id -u):$(id -g) $(ulimit -n)");
  exited(c, 0, "a sandbox of these settings");
  is_str(call_string(c, "stdout"), "whale /tmp salt 4321:4322 123\n", "has them all");
  CALL over =
      call_arg_json(call_new_shell(box, "s", "echo $FLAVOUR"), "env", "{\"FLAVOUR\": \"sweet\"}");
  is_str(call_string(call_run(over), "stdout"), "sweet\n", "arguments come before them");
  box_close(box);
}

int main(void) {
  test_mistakes();
  test_forms();
  test_factory();
  test_renamed();
  test_sandbox_settings();
  return done_testing();
}
