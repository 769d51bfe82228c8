/* SPDX-License-Identifier: Apache-2.0 */
/* The operations: which of the session layer's they ask, and how their answers read. */
#include "tools/operations.h"

#include <string.h>

#include "channel/delivery.h"
#include "engine/images.h"
#include "tap.h"
#include "tools/manifest.h"
#include "tools_definition.h"
#include "util/alloc.h"
#include "util/json.h"
#include "util/schema.h"

/* ---- in place of sessions and the engine ----------------------------------------------------- */

static struct {
  int rc, image_rc, info_rc;
  const char *document;
  char asked[100];
} fake;

static int answer(const char *what, const char *detail, cJSON **out, struct csn_error *err) {
  snprintf(fake.asked, sizeof fake.asked, "%s %s", what, detail);
  if (fake.rc) return csn_fail(err, fake.rc, CAISSON_REASON_ENGINE_REFUSED, "no");
  *out = cJSON_Parse(fake.document);
  return 0;
}

int csn_session_op_ensure(struct csn_sessions *all, const struct csn_session_want *want,
                          const struct csn_control *control, cJSON **out, struct csn_error *err) {
  (void)all, (void)control;
  return answer("ensure", want->key, out, err);
}

int csn_session_op_list(struct csn_sessions *all, int stats, const struct csn_control *control,
                        cJSON **out, struct csn_error *err) {
  (void)all, (void)control;
  return answer("list", stats ? "with stats" : "", out, err);
}

int csn_session_op_inspect(struct csn_sessions *all, const char *key,
                           const struct csn_control *control, cJSON **out, struct csn_error *err) {
  (void)all, (void)control;
  return answer("inspect", key, out, err);
}

int csn_session_op_port(struct csn_sessions *all, const char *key, const char *port,
                        const struct csn_control *control, cJSON **out, struct csn_error *err) {
  (void)all, (void)control, (void)port;
  return answer("port", key, out, err);
}

int csn_session_op_remove(struct csn_sessions *all, const char *key,
                          const struct csn_control *control, cJSON **out, struct csn_error *err) {
  (void)all, (void)control;
  return answer("remove", key, out, err);
}

int csn_session_op_image(struct csn_sessions *all, const struct csn_image_order *order,
                         const struct csn_session_want *want, const struct csn_control *control,
                         cJSON **out, struct csn_error *err) {
  (void)all, (void)want, (void)control;
  char order_text[80];
  snprintf(order_text, sizeof order_text, "%s %s%s", order->image ? order->image : "-",
           order->pull ? order->pull : "-", order->log ? " with a log" : "");
  return answer("image", order_text, out, err);
}

int csn_session_op_shutdown(struct csn_sessions *all, enum csn_shutdown_scope scope,
                            uint64_t grace_ms, const struct csn_control *control, cJSON **out,
                            struct csn_error *err) {
  (void)all, (void)control;
  char detail[60];
  snprintf(detail, sizeof detail, "%s", scope == CSN_SHUTDOWN_MINE ? "mine" : "instance");
  if (grace_ms)
    snprintf(detail + strlen(detail), sizeof detail - strlen(detail), " after %d ms", (int)grace_ms);
  return answer("shutdown", detail, out, err);
}

int csn_session_op_reap(struct csn_sessions *all, int64_t older_than_s, int dry_run,
                        const struct csn_control *control, cJSON **out, struct csn_error *err) {
  (void)all, (void)control;
  char detail[60];
  snprintf(detail, sizeof detail, "%d s%s", (int)older_than_s, dry_run ? " dry" : "");
  return answer("reap", detail, out, err);
}

int csn_engine_info(struct csn_engine *engine, const struct csn_control *control,
                    struct csn_engine_info *info, struct csn_error *err) {
  (void)engine, (void)control;
  if (fake.info_rc)
    return csn_fail(err, fake.info_rc, CAISSON_REASON_ENGINE_UNREACHABLE, "cannot be reached");
  *info = (struct csn_engine_info){.api_minor = 41,
                                   .name = "Docker",
                                   .version = "20.10.24",
                                   .os = "linux",
                                   .arch = "amd64",
                                   .kernel = "5.10",
                                   .storage_driver = "overlay2",
                                   .cgroup_version = "1",
                                   .default_runtime = "runc",
                                   .info = cJSON_Parse(
                                       "{\"Runtimes\": {\"runc\": {}, \"runsc\": {}}, "
                                       "\"SecurityOptions\": [\"name=seccomp\"]}")};
  return 0;
}

void csn_engine_info_free(struct csn_engine_info *info) {
  cJSON_Delete(info->info);
}

const char *csn_engine_endpoint(const struct csn_engine *engine) {
  (void)engine;
  return "unix:///run/x.sock";
}

const struct csn_engine_found *csn_engine_found(const struct csn_engine *engine) {
  static char endpoint[] = "unix:///run/x.sock";
  static const struct csn_engine_found found = {
      .endpoint = endpoint, .source = "DOCKER_HOST", .why = "so it was told"};
  (void)engine;
  return &found;
}

int csn_discovery_others(const char *chosen, cJSON *array) {
  cJSON *other = cJSON_CreateObject();
  csn_json_add_string(other, "endpoint", "unix:///run/y.sock");
  csn_json_add_string(other, "state", strcmp(chosen, "unix:///run/x.sock") ? "wrong" : "not tried");
  return csn_json_append(array, other);
}

int csn_image_inspect(struct csn_engine *engine, const char *name,
                      const struct csn_control *control, struct csn_image *out,
                      struct csn_error *err) {
  (void)engine, (void)control, (void)name;
  if (fake.image_rc == 1)
    return csn_fail(err, CAISSON_E_ENGINE, CAISSON_REASON_IMAGE_MISSING, "no such image");
  if (fake.image_rc) return csn_fail(err, fake.image_rc, CAISSON_REASON_ENGINE_REFUSED, "500");
  *out = (struct csn_image){.id = "sha256:abc"};
  return 0;
}

void csn_image_free(struct csn_image *image) {
  (void)image;
}

const char *csn_sessions_helper(struct csn_sessions *all, const struct csn_control *control) {
  (void)all;
  (void)control;
  return "/.caisson/guest-0123456789abcdef";
}

/* ---- tests ----------------------------------------------------------------------------------- */

static cJSON *manifest;
static struct csn_tool_result result;
static struct csn_error err;

static int run(const char *name, csn_tool_fn *operation, const char *args_text,
               const char *document) {
  CSN_CLEANUP_JSON cJSON *args = cJSON_Parse(args_text);
  const struct csn_session_want want = {.key = "alice"};
  const struct csn_tool_call call = {.args = args, .want = &want, .sandbox_image = "img:1"};
  cJSON_Delete(result.json);
  memset(&result, 0, sizeof result);
  csn_error_clear(&err);
  fake.document = document;
  int rc = operation(&call, &result, &err);
  if (rc || result.outcome != CAISSON_OUTCOME_EXITED) return rc;
  /* Whatever an operation answers is in its output schema. */
  const cJSON *schema = csn_json_get(definition_of(manifest, "operations", name), "outputSchema"),
              *m;
  const cJSON *structured = csn_json_get(result.json, "structuredContent");
  is_int(csn_schema_check(schema, structured, name, CAISSON_E_INTERNAL, "x", &err), 0, "%s: %s",
         name, err.message);
  cJSON_ArrayForEach(m, structured) {
    ok(csn_json_get(csn_json_get(schema, "properties"), m->string), "%s promises %s", name,
       m->string);
  }
  return 0;
}

static const char *text(void) {
  return csn_json_string(cJSON_GetArrayItem(csn_json_get(result.json, "content"), 0), "text", NULL);
}

static void test_sessions(void) {
  is_int(run("session.ensure", csn_op_session_ensure, "{}",
             "{\"key\":\"alice\",\"name\":\"caisson-default-alice\",\"created\":true}"),
         0, "ensure");
  is_str(fake.asked, "ensure alice", "the session of the request");
  is_str(text(), "key: alice\nname: caisson-default-alice\ncreated: yes", "a line for each member");
  is_int(result.exit_code, 0, "it succeeded");
  is_int(csn_json_bool(result.json, "isError", -1), 0, "no error");

  is_int(run("session.inspect", csn_op_session_inspect, "{}",
             "{\"found\":false,\"ready\":false,\"key\":\"alice\",\"name\":\"n\",\"age_ms\":12}"),
         0, "inspect");
  is_str(fake.asked, "inspect alice", "the session of the request");
  is_str(text(), "found: no\nready: no\nkey: alice\nname: n\nage_ms: 12", "in words");

  is_int(run("session.port", csn_op_session_port, "{\"port\":\"8080\"}",
             "{\"host\":\"127.0.0.1\",\"port\":4000,\"url\":\"http://127.0.0.1:4000\"}"),
         0, "port");
  is_str(fake.asked, "port alice", "the session of the request");
  is_str(text(), "host: 127.0.0.1\nport: 4000\nurl: http://127.0.0.1:4000", "in words");

  is_int(run("session.remove", csn_op_session_remove, "{}", "{\"key\":\"alice\",\"removed\":true}"),
         0, "remove");
  is_str(fake.asked, "remove alice", "the session of the request");
  is_str(text(), "key: alice\nremoved: yes", "in words");
}

static void test_image(void) {
  is_int(run("image.ensure", csn_op_image_ensure, "{}",
             "{\"image\":\"img:1\",\"id\":\"sha256:1\",\"action\":\"present\"}"),
         0, "an image");
  is_str(fake.asked, "image - -", "the configured one");
  is_str(text(), "image: img:1\nid: sha256:1\naction: present", "in words");
  run("image.ensure", csn_op_image_ensure, "{\"image\":\"b:2\",\"pull\":\"always\"}", "{}");
  is_str(fake.asked, "image b:2 always", "or another, another way");
}

static void test_list(void) {
  is_int(run("session.list", csn_op_session_list, "{}", "{\"sessions\":[]}"), 0, "an empty list");
  is_str(text(), "no sessions", "in words");
  is_int(run("session.list", csn_op_session_list, "{}",
             "{\"sessions\":[{\"key\":\"a\",\"name\":\"n1\",\"state\":\"running\",\"image\":\"i\","
             "\"created\":\"2026-01-31T12:00:00Z\"},{\"key\":\"\",\"name\":\"n2\",\"state\":"
             "\"exited\"}]}"),
         0, "a list");
  is_str(text(), "a  running  2026-01-31T12:00:00Z  i  n1\n-  exited  -  -  n2", "a line for each");
  run("session.list", csn_op_session_list, "{\"stats\":true}", "{\"sessions\":[]}");
  is_str(fake.asked, "list with stats", "with stats where they are asked for");
}

static void test_shutdown(void) {
  run("session.shutdown", csn_op_session_shutdown, "{}", "{\"removed\":[]}");
  is_str(fake.asked, "shutdown mine", "by default one's own");
  is_str(text(), "removed: none", "none");
  run("session.shutdown", csn_op_session_shutdown, "{\"scope\":\"instance\"}",
      "{\"removed\":[\"a\",\"b\"]}");
  is_str(fake.asked, "shutdown instance", "or all of the instance");
  is_str(text(), "removed: a, b", "by their keys");
  run("session.shutdown", csn_op_session_shutdown, "{\"scope\":\"mine\"}", "{\"removed\":[]}");
  is_str(fake.asked, "shutdown mine", "or by name");
  run("session.shutdown", csn_op_session_shutdown, "{\"grace_ms\":1500}", "{\"removed\":[]}");
  is_str(fake.asked, "shutdown mine after 1500 ms", "with a grace");
}

static void test_reap(void) {
  is_int(run("session.reap", csn_op_session_reap, "{}", "{\"dry_run\":false,\"removed\":[]}"), 0,
         "nothing to reap");
  is_str(fake.asked, "reap 300 s", "by default what is five minutes old");
  is_str(text(), "nothing to remove", "in words");
  run("session.reap", csn_op_session_reap, "{\"dry_run\":true,\"older_than_s\":7}",
      "{\"dry_run\":true,\"removed\":[{\"kind\":\"helper\",\"name\":\"guest-1\",\"reason\":"
      "\"old_version\"}]}");
  is_str(fake.asked, "reap 7 s dry", "as asked");
  is_str(text(), "would remove helper guest-1: old_version", "what would go");
  run("session.reap", csn_op_session_reap, "{}",
      "{\"dry_run\":false,\"removed\":[{\"kind\":\"container\",\"name\":\"c\",\"reason\":"
      "\"ended\"},{\"kind\":\"container\",\"name\":\"d\",\"reason\":\"ended\",\"error\":"
      "\"no\"}]}");
  is_str(text(), "removed container c: ended\ncould not remove container d: ended: no",
         "what went, and what would not");
}

static void test_engine(void) {
  fake.image_rc = 0;
  is_int(run("engine.info", csn_op_engine_info, "{}", NULL), 0, "the engine");
  is_str(text(),
         "endpoint: unix:///run/x.sock\nname: Docker\nversion: 20.10.24\napi_version: 1.41\n"
         "os: linux\narch: amd64\nkernel: 5.10\nstorage_driver: overlay2\ncgroup_version: 1\n"
         "default_runtime: runc\nrootless: no\nhelper: /.caisson/guest-0123456789abcdef\n"
         "source: DOCKER_HOST\nwhy: so it was told\ncgroup_driver: -\nruntimes: runc, runsc\n"
         "others: unix:///run/y.sock not tried\n"
         "warnings: it uses cgroup v1, which new kernels and engines give up; boot with the unified hierarchy (systemd.unified_cgroup_hierarchy=1)\n"
         "image: name img:1, present yes, id sha256:abc",
         "in words");
  fake.image_rc = 1;
  is_int(run("engine.info", csn_op_engine_info, "{}", NULL), 0, "without the image");
  ok(strstr(text(), "\nimage: name img:1, present no"), "says so");
  fake.image_rc = CAISSON_E_ENGINE;
  is_int(run("engine.info", csn_op_engine_info, "{}", NULL), CAISSON_E_ENGINE,
         "the image cannot be asked for");
  is_str(err.message, "500", "the engine's words");
  fake.image_rc = CAISSON_E_CANCELLED;
  is_int(run("engine.info", csn_op_engine_info, "{}", NULL), 0, "cancelled half-way");
  is_int(result.outcome, CAISSON_OUTCOME_CANCELLED, "is an outcome");
  fake.info_rc = CAISSON_E_ENGINE;
  is_int(run("engine.info", csn_op_engine_info, "{}", NULL), CAISSON_E_ENGINE, "no engine");
  ok(!result.json, "no document");
}

static void test_failing(void) {
  static csn_tool_fn *const operations[] = {csn_op_session_ensure, csn_op_session_list,
                                            csn_op_session_inspect, csn_op_session_remove,
                                            csn_op_session_port,
                                            csn_op_session_shutdown, csn_op_session_reap};
  for (size_t i = 0; i < sizeof operations / sizeof *operations; i++) {
    fake.rc = CAISSON_E_ENGINE;
    is_int(run("x", operations[i], "{}", "{}"), CAISSON_E_ENGINE, "a failure is passed on");
    ok(!result.json, "without a document");
    fake.rc = CAISSON_E_DEADLINE;
    is_int(run("x", operations[i], "{}", "{}"), 0, "a deadline");
    is_int(result.outcome, CAISSON_OUTCOME_DEADLINE, "is an outcome");
  }
  fake.rc = 0;
  csn_alloc_fail_after(1);
  is_int(run("x", csn_op_session_remove, "{}", "{\"key\":\"a\"}"), CAISSON_E_NOMEM,
         "no memory for words");
  csn_alloc_fail_after(0);
}

int main(void) {
  if (csn_manifest_parse(&manifest, &err)) BAIL_OUT("%s", err.message);
  test_sessions();
  test_image();
  test_list();
  test_shutdown();
  test_reap();
  test_engine();
  test_failing();
  cJSON_Delete(result.json);
  cJSON_Delete(manifest);
  return done_testing();
}
