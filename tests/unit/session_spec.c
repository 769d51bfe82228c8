/* SPDX-License-Identifier: Apache-2.0 */
/* The label by which any process can compare what a sandbox was made of, and which differences count. */
#include "policy_fixture.h"

/* ---- what shapes a sandbox ------------------------------------------------------------------ */

static void test_shape(void) {
  cJSON *shape = csn_policy_shape(NULL);
  is_json(shape, "{}", "no options shape nothing");
  cJSON_Delete(shape);
  cJSON *options = json("{\"ensure\":\"create\",\"secrets\":{\"S\":\"hush\"},\"principal\":\"p\","
                        "\"trace_id\":\"t\",\"workdir\":\"/w\",\"env\":{\"A\":\"1\"}}");
  shape = csn_policy_shape(options);
  is_json(shape, "{\"env\":{\"A\":\"1\"},\"workdir\":\"/w\"}",
          "what is of the call alone is no part of the shape");
  cJSON_Delete(options);
  is_json(shape, "{\"env\":{\"A\":\"1\"},\"workdir\":\"/w\"}", "which is a copy");
  cJSON_Delete(shape);
}

static cJSON *options_of(const char *label) {
  cJSON *options = NULL;
  is_int(csn_policy_options_of(label, &options), 0, "there is memory");
  return options;
}

static int label_has_kept(const char *label) {
  int has = -1;
  is_int(csn_policy_label_has_kept(label, &has), 0, "there is memory");
  return has;
}

static void test_kept(void) {
  cJSON *shape = json("{\"env\":{\"A\":\"hush\"},\"workdir\":\"/w\","
                      "\"service\":{\"command\":[\"x\"],\"env\":{\"B\":\"hush\"}}}");
  cJSON *kept, *none, *plain = json("{\"env\":{},\"service\":[\"x\"]}");
  char *label = csn_policy_spec(&defaults, shape), *shown = csn_policy_spec(&defaults, plain);
  cJSON *options = options_of(label);
  ok(!strstr(label, "hush"), "a session's environment is not in the label");
  ok(label_has_kept(label), "which says that there is such a thing");
  ok(!label_has_kept(shown) && !label_has_kept(NULL) && !label_has_kept("[]"), "and only then");
  is_json(options, "{\"workdir\":\"/w\",\"service\":{\"command\":[\"x\"]}}", "but the rest");
  is_int(csn_policy_compare(label, &defaults, shape), CSN_SPEC_SAME, "it is that of these options");
  is_int(csn_policy_kept(shape, &kept), 0, "the other part");
  is_json(kept, "{\"env\":{\"A\":\"hush\"},\"service_env\":{\"B\":\"hush\"}}", "is the environments");
  is_int(csn_policy_add_kept(options, kept), 0, "both together");
  ok(cJSON_Compare(options, shape, 1), "are the whole again");
  ok(csn_policy_kept(plain, &none) == 0 && !none, "of none there is none");
  cJSON_Delete(kept);
  cJSON_Delete(options);
  cJSON_Delete(plain);
  cJSON_Delete(shape);
  csn_free(label);
  csn_free(shown);
}

static void test_label(void) {
  cJSON *shape = json("{\"workdir\":\"/w\"}");
  char *label = csn_policy_spec(&defaults, shape);
  cJSON *spec = json(label), *options = options_of(label);
  is_json(at(spec, "v"), "1", "the label has a version");
  is_json(at(spec, "base>image"), "\"python:3.12-slim\"", "the operator's settings");
  is_json(options, "{\"workdir\":\"/w\"}", "and the session's options");
  char *again = csn_policy_spec(&defaults, shape);
  is_str(label, again, "equal settings print alike");
  csn_free(again);
  cJSON_Delete(options);
  cJSON_Delete(spec);
  cJSON_Delete(shape);
  csn_free(label);
  label = csn_policy_spec(&defaults, NULL);
  options = options_of(label);
  is_json(options, "{}", "no options are {}");
  cJSON_Delete(options);
  csn_free(label);
  ok(!options_of(NULL) && !options_of("") && !options_of("[1]") && !options_of("{\"v\":1}"),
     "a label that cannot be read has none");
}

/* What makes no other sandbox, and settings that say what held before they could be said. */
static void test_compare_alike(const char *label, const cJSON *roots) {
  struct csn_sandbox_settings s = defaults;
  cJSON *none = json("{}"), *empty = json("[]");
  cJSON *memory = json("{\"type\":\"tmpfs\",\"size\":\"512m\",\"keep\":true}");
  s.labels = s.extra_hosts = s.tmpfs = none;
  s.cap_add = s.dns = s.mounts = empty;
  s.workspace = memory;
  s.bind_roots = roots;
  s.name_template = "{key}";
  is_int(csn_policy_compare(label, &s, NULL), CSN_SPEC_SAME, "settings that change nothing");
  cJSON *with = json("{\"type\":\"volume\",\"quota\":\"1g\",\"keep\":false}");
  cJSON *without = json("{\"type\":\"volume\"}");
  s.workspace = with;
  char *other = csn_policy_spec(&s, NULL);
  s.workspace = without;
  is_int(csn_policy_compare(other, &s, NULL), CSN_SPEC_SAME, "a quota makes no other sandbox");
  csn_free(other);
  cJSON_Delete(with);
  cJSON_Delete(without);
  cJSON_Delete(memory);
  cJSON_Delete(empty);
  cJSON_Delete(none);
}

static void test_compare_base(void) {
  char *label = csn_policy_spec(&defaults, NULL);
  static char other[] = "other", user[] = "1000:1000", runtime[] = "runsc", tmp[] = "/tmp";
  cJSON *env = json("{\"A\":\"1\"}"), *list = json("[\"A\"]");
  cJSON *volume = json("{\"type\":\"volume\"}");
  struct {
    const char *what;
    struct csn_sandbox_settings s;
  } cases[32];
  size_t n = 0;
#define CHANGED(member, value)         \
  do {                                 \
    cases[n].what = #member;           \
    cases[n].s = defaults;             \
    cases[n++].s.member = (value);     \
  } while (0)
  CHANGED(image, other);
  CHANGED(user, user);
  CHANGED(uid_first, 30001);
  CHANGED(uid_last, 59998);
  CHANGED(hostname, other);
  CHANGED(runtime, runtime);
  CHANGED(workdir, tmp);
  CHANGED(memory, (uint64_t)1 << 31);
  CHANGED(cpus, 2);
  CHANGED(pids, 255);
  CHANGED(nofile, 4095);
  CHANGED(workspace_size, 1 << 20);
  CHANGED(tmp_size, 1 << 20);
  CHANGED(shm_size, 1 << 20);
  CHANGED(idle_ttl_ms, 1000);
  CHANGED(env, env);
  CHANGED(service, env);
  CHANGED(has_writable_root, 1);
  CHANGED(seccomp, CSN_SECCOMP_STRICT);
  CHANGED(apparmor, other);
  CHANGED(labels, env);
  CHANGED(extra_hosts, env);
  CHANGED(cap_add, list);
  CHANGED(dns, list);
  CHANGED(tmpfs, env);
  CHANGED(mounts, list);
  CHANGED(workspace, volume);
  is_int(csn_policy_compare(label, &defaults, NULL), CSN_SPEC_SAME, "the same settings");
  for (size_t i = 0; i < n; i++)
    is_int(csn_policy_compare(label, &cases[i].s, NULL), CSN_SPEC_BASE_DIFFERS,
           "another %s is a difference", cases[i].what);
  struct csn_sandbox_settings s = defaults;
  s.max_lifetime_ms = 1;
  is_int(csn_policy_compare(label, &s, NULL), CSN_SPEC_BASE_DIFFERS,
         "another max_lifetime_ms is a difference");
  test_compare_alike(label, list);
  cJSON_Delete(volume);
  cJSON_Delete(list);
  cJSON_Delete(env);
  csn_free(label);
}

/* What came with a later version counts only where it is set, and arguments of a build are not
 * shown. */
static void test_compare_image(void) {
  cJSON *build = json("{\"context\":\"/c\",\"args\":{\"A\":\"h1dden\"}}");
  cJSON *other = json("{\"context\":\"/c\",\"args\":{\"A\":\"else\"}}");
  struct csn_sandbox_settings s = defaults;
  char *before = csn_policy_spec(&defaults, NULL);
  s.pull = CSN_PULL_ALWAYS;
  is_int(csn_policy_compare(before, &s, NULL), CSN_SPEC_SAME, "when images are pulled shapes nothing");
  s.platform = "linux/arm64";
  is_int(csn_policy_compare(before, &s, NULL), CSN_SPEC_BASE_DIFFERS, "another platform");
  s.platform = NULL;
  s.build = build;
  is_int(csn_policy_compare(before, &s, NULL), CSN_SPEC_BASE_DIFFERS, "an image that is built");
  char *built = csn_policy_spec(&s, NULL);
  is_int(csn_policy_compare(built, &s, NULL), CSN_SPEC_SAME, "is the same as itself");
  ok(!strstr(built, "h1dden"), "and its arguments stand in no label");
  s.build = other;
  is_int(csn_policy_compare(built, &s, NULL), CSN_SPEC_BASE_DIFFERS, "other arguments differ");
  csn_free(before);
  csn_free(built);
  cJSON_Delete(build);
  cJSON_Delete(other);
}

static void test_compare_options(void) {
  static const struct {
    const char *had, *wanted;
    int difference;
  } cases[] = {
      {"{}", NULL, CSN_SPEC_SAME},
      {"{\"workdir\":\"/w\"}", NULL, CSN_SPEC_SAME},
      {"{\"workdir\":\"/w\"}", "{\"workdir\":\"/w\"}", CSN_SPEC_SAME},
      {"{\"workdir\":\"/w\"}", "{\"workdir\":\"/v\"}", CSN_SPEC_OPTIONS_DIFFER},
      {"{\"workdir\":\"/w\"}", "{}", CSN_SPEC_OPTIONS_DIFFER},
      {"{}", "{\"workdir\":\"/w\"}", CSN_SPEC_OPTIONS_DIFFER},
      {"{\"labels\":{\"A\":\"1\",\"B\":\"2\"}}", "{\"labels\":{\"B\":\"2\",\"A\":\"1\"}}",
       CSN_SPEC_SAME},
      {"{\"labels\":{\"A\":\"1\"}}", "{\"labels\":{\"a\":\"1\"}}", CSN_SPEC_OPTIONS_DIFFER},
      {"{\"env\":{\"A\":\"1\"}}", "{\"env\":{\"A\":\"2\"}}", CSN_SPEC_SAME},
      {"{\"limits\":{\"cpus\":1}}", "{\"limits\":{\"cpus\":1.0}}", CSN_SPEC_SAME},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    cJSON *had = json(cases[i].had), *wanted = cases[i].wanted ? json(cases[i].wanted) : NULL;
    char *label = csn_policy_spec(&defaults, had);
    is_int(csn_policy_compare(label, &defaults, wanted), cases[i].difference, "had %s, wanted %s",
           cases[i].had, cases[i].wanted ? cases[i].wanted : "nothing");
    csn_free(label);
    cJSON_Delete(had);
    cJSON_Delete(wanted);
  }
}

static void test_service(void) {
  cJSON *operators = json("\"image\""), *own = json("{\"service\":[\"x\"]}");
  cJSON *none = json("{\"service\":null}"), *found;
  struct csn_sandbox_settings s = defaults;
  char *label = csn_policy_spec(&defaults, NULL);
  ok(!strstr(label, "service"), "where there is no service the label is as it always was");
  is_int(csn_policy_service_of(label, &found), 0, "of which there is none");
  ok(!found, "indeed");
  csn_free(label);
  s.service = operators;
  ok(csn_policy_service(&s, NULL) == operators, "the operator's service");
  ok(csn_policy_service(&s, own) == own->child, "the session's own goes before it");
  ok(!csn_policy_service(&s, none), "null is none");
  label = csn_policy_spec(&s, NULL);
  const char *first = strstr(label, "\"service\"");
  ok(first && !strstr(first + 1, "\"service\""), "the label has it once");
  csn_free(label);
  label = csn_policy_spec(&s, own);
  csn_policy_service_of(label, &found);
  ok(cJSON_Compare(found, own->child, 1), "the label has the one that holds");
  cJSON_Delete(found);
  csn_free(label);
  cJSON_Delete(operators);
  cJSON_Delete(own);
  cJSON_Delete(none);
}

static void test_compare_bad(void) {
  static const char *const labels[] = {NULL, "", "{", "null", "[]", "{}", "{\"v\":1}",
                                       "{\"v\":1,\"base\":7,\"options\":{}}"};
  for (size_t i = 0; i < sizeof labels / sizeof *labels; i++)
    is_int(csn_policy_compare(labels[i], &defaults, NULL), CSN_SPEC_BASE_DIFFERS,
           "the label %s differs", labels[i] ? labels[i] : "(none)");
}

int main(void) {
  test_shape();
  test_label();
  test_kept();
  test_compare_base();
  test_compare_image();
  test_compare_options();
  test_service();
  test_compare_bad();
  return done_testing();
}
