/* SPDX-License-Identifier: Apache-2.0 */
/* What a service runs: of the image, of the settings, of the container. */
#include "session/service_run.h"

#include <string.h>

#include "session/service.h"
#include "tap.h"
#include "util/buffer.h"
#include "util/json.h"

static struct csn_buffer text = CSN_BUFFER(65536);

static void add_all(const char *name, const char *const *list) {
  for (; *list; list++) csn_buffer_addf(&text, "%s %s\n", name, *list);
}

/* All that comes of it, a line each; the words of its error if it fails. */
static const char *run_of(const char *service_json, const char *image_json) {
  cJSON *service = cJSON_Parse(service_json), *image = cJSON_Parse(image_json);
  cJSON *env = cJSON_Parse("[\"PATH=/p\",\"A=1\",\"A=2\",\"B=1\",\"bad\",7]");
  cJSON *secrets = cJSON_Parse("{\"B\":\"secret\"}");
  struct csn_service_run run;
  struct csn_error err;
  csn_buffer_reset(&text);
  if (csn_service_run_from(service, image, env, "/work", secrets, &run, &err) == 0) {
    add_all("arg", run.argv);
    add_all("env", run.env);
    csn_buffer_addf(&text, "cwd %s", run.cwd);
    csn_service_run_free(&run);
  } else {
    csn_buffer_addf(&text, "%s: %s", err.reason, err.message);
  }
  cJSON_Delete(service);
  cJSON_Delete(image);
  cJSON_Delete(env);
  cJSON_Delete(secrets);
  return csn_buffer_text(&text);
}

#define ENV "env PATH=/p\nenv A=2\nenv B=secret\nenv HOME=/workspace\nenv USER=sandbox\nenv LANG=C.UTF-8\n"

static void test_run(void) {
  static const char image[] =
      "{\"Entrypoint\":[\"/entry\",\"a b\"],\"Cmd\":[\"c\"],\"WorkingDir\":\"/srv\"}";
  is_str(run_of("\"image\"", image), "arg /entry\narg a b\narg c\n" ENV "cwd /srv", "the image's own");
  is_str(run_of("\"image\"", "{\"Entrypoint\":null,\"Cmd\":[\"c\"],\"WorkingDir\":\"\"}"),
         "arg c\n" ENV "cwd /", "a command alone, and no directory");
  is_str(run_of("[\"x\",\"y z\",\"\"]", image), "arg x\narg y z\narg \n" ENV "cwd /work",
         "a program of the settings, in the session's directory");
  is_str(run_of("{\"command\":\"image\",\"cwd\":\"/c\",\"env\":{\"A\":\"3\",\"HOME\":\"/h\"}}", image),
         "arg /entry\narg a b\narg c\nenv PATH=/p\nenv A=3\nenv HOME=/h\nenv B=secret\n"
         "env USER=sandbox\nenv LANG=C.UTF-8\ncwd /c",
         "what the object says goes before all but secrets");
  ok(strstr(run_of("\"image\"", "{\"Entrypoint\":[],\"Cmd\":null}"), "service.failed: "),
     "an image without a program");
  ok(strstr(run_of("\"image\"", "{\"Entrypoint\":\"sh\",\"Cmd\":[{}]}"), "service.failed: "),
     "and one whose configuration is no list of strings");
}

static void test_check(void) {
  static const struct {
    const char *service, *words; /* NULL: it is fine */
  } cases[] = {
      {"null", NULL},
      {"\"image\"", NULL},
      {"[\"x\"]", NULL},
      {"{\"command\":\"image\",\"ready\":{\"tcp\":1}}", NULL},
      {"{\"command\":\"image\",\"ready\":null}", NULL},
      {"{\"command\":\"image\",\"ready\":{\"tcp\":1,\"http\":null}}", NULL},
      {"{\"command\":\"image\",\"ready\":{\"http\":{\"port\":1,\"path\":\"/a?b\"}}}", NULL},
      {"{\"command\":\"image\",\"ready\":{\"timeout_ms\":1}}", "here.ready: "},
      {"{\"command\":\"image\",\"ready\":{\"http\":{\"port\":1,\"path\":\"a\"}}}", "here.ready.http.path: "},
      {"{\"command\":\"image\",\"ready\":{\"http\":{\"port\":1,\"path\":\"/a\\r\\nX: y\"}}}",
       "here.ready.http.path: "},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct csn_error err = {0};
    cJSON *service = cJSON_Parse(cases[i].service);
    int rc = csn_service_check(service, "here", CAISSON_REASON_CONFIG, &err);
    ok(cases[i].words ? rc == CAISSON_E_CONFIG && strncmp(err.message, cases[i].words,
                                                          strlen(cases[i].words)) == 0
                      : rc == 0,
       "%s is %s", cases[i].service, cases[i].words ? "refused" : "fine");
    cJSON_Delete(service);
  }
}

int main(void) {
  test_run();
  test_check();
  csn_buffer_free(&text);
  return done_testing();
}
