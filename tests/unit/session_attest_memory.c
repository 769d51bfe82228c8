/* SPDX-License-Identifier: Apache-2.0 */
/* Attestation without memory: each allocation fails in turn. A healthy sandbox never looks like
 * another, since it would be removed, and one that differs never looks healthy. */
#include "attest_fixture.h"
#include "session/attest_run.h"
#include "session/seccomp.h"
#include "util/alloc.h"

#define MOST 2000

static const char label[] = "{\"deny\":\"10.0.0.0/8\"}";
static const char prohibit[] = "{\"destination\":\"10.0.0.0/8\",\"type\":\"prohibit\"}";

static void attest(const struct csn_attest_wanted *w, const cJSON *inspect, const cJSON *report,
                   struct csn_attestation *a) {
  csn_attest_inspect(w, inspect, a);
  csn_attest_report(w, inspect, report, a);
}

/* Found, of another build, on a network of which it cannot reach a part. */
static void test_comparisons(int is_healthy) {
  struct csn_policy_facts facts = usual_facts;
  facts.routes = label;
  cJSON *body = make_body("{}", &facts), *inspect = make_inspect(body);
  cJSON *report = json_of(report_text);
  const struct csn_attest_wanted w = {body, 0};
  put(inspect, "HostConfig.SecurityOpt.1",
      "\"seccomp={\\\"defaultAction\\\": \\\"SCMP_ACT_ERRNO\\\"}\"");
  if (is_healthy) put(report, "routes.-", prohibit);
  long wrong = 0, failed = 0;
  int fired = 1;
  for (long n = 1; fired && n <= MOST; n++) {
    struct csn_attestation a = {0};
    csn_alloc_fail_after(n);
    attest(&w, inspect, report, &a);
    fired = csn_alloc_fail_after(0) == 0;
    failed += a.failed;
    int differs = csn_attest_count(&a, CSN_DIFFERS) > 0;
    if (!a.failed && differs == is_healthy) wrong++;
    csn_attestation_free(&a);
  }
  is_int(wrong, 0, "%s is never taken for the other",
         is_healthy ? "one that is as wanted" : "one that differs");
  ok(!fired && failed > 10, "after %ld were failed", failed);
  cJSON_Delete(body);
  cJSON_Delete(inspect);
  cJSON_Delete(report);
}

/* Its label asks for what the policy does not allow: that is all there is to find. */
static void test_settings(void) {
  cJSON *shape = json_of("{\"mounts\":[{\"type\":\"bind\",\"source\":\"/root\",\"target\":\"/a\"}]}");
  char *spec = csn_policy_spec(&usual, shape);
  cJSON *raw = json_of("{\"Config\":{\"Labels\":{}}}"), *labels;
  labels = cJSON_GetObjectItem(cJSON_GetObjectItem(raw, "Config"), "Labels");
  cJSON_AddStringToObject(labels, CSN_LABEL_SPEC, spec);
  struct csn_container found = {.raw = raw, .labels = labels};
  struct csn_sessions *all = csn_calloc(1, sizeof *all);
  struct csn_session *s = csn_calloc(1, sizeof *s);
  all->settings = &usual;
  all->instance = "inst";
  s->key = csn_strdup("the key");
  const struct csn_control control = CSN_CONTROL_NONE;
  long wrong = 0, said = 0;
  int fired = 1;
  for (long n = 1; fired && n <= MOST; n++) {
    struct csn_error err = {0};
    csn_alloc_fail_after(n);
    s->attested = 1;
    int rc = csn_session_attest(all, s, NULL, &found, NULL, &control, &err);
    fired = csn_alloc_fail_after(0) == 0;
    said += rc == CAISSON_E_NOMEM;
    if (s->attested || (rc != CAISSON_E_NOMEM && rc != CAISSON_E_POLICY)) wrong++;
  }
  is_int(wrong, 0, "what its label may not ask for is never passed over");
  ok(!fired && said > 10, "after %ld were failed", said);
  csn_free(s->key);
  csn_free(s);
  csn_free(all);
  csn_free(spec);
  cJSON_Delete(raw);
  cJSON_Delete(shape);
}

/* Whether process 1 keeps something is not forgotten. */
static void test_kept(void) {
  int rc = -1, has = 0, fired = 1;
  long wrong = 0;
  for (long n = 1; fired && n <= MOST; n++) {
    csn_alloc_fail_after(n);
    rc = csn_policy_label_has_kept("{\"v\":1,\"kept\":true,\"base\":{},\"options\":{}}", &has);
    fired = csn_alloc_fail_after(0) == 0;
    wrong += rc ? rc != CAISSON_E_NOMEM : !has;
  }
  is_int(wrong, 0, "nor is what process 1 keeps");
}

int main(void) {
  cJSON_Hooks hooks = {csn_alloc, csn_free};
  cJSON_InitHooks(&hooks);
  test_comparisons(1);
  test_comparisons(0);
  test_settings();
  test_kept();
  return done_testing();
}
