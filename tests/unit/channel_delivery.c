/* SPDX-License-Identifier: Apache-2.0 */
/* The engine's architecture chooses the helper. */
#include "channel/delivery.h"

#include "engine_fixture.h"
#include "guest_hash.h"

#define PATH_OF(arch, name) {#arch, "/.caisson/" name},
static const struct {
  const char *arch, *path;
} built[] = {CSN_GUESTS(PATH_OF)};
#define BUILT (sizeof built / sizeof *built)

static void test_each(void) {
  const char *before = "";
  for (size_t i = 0; i < BUILT; i++) {
    struct fixture f;
    struct csn_delivery delivery = {0};
    char version[64];
    snprintf(version, sizeof version, "{\"Arch\":\"%s\"}", built[i].arch);
    set_up(&f, "1.45", 200, version);
    is_str(csn_delivery_path(&delivery), "", "no helper before one is chosen");
    is_int(csn_delivery_choose(&delivery, f.engine, &no_control, &f.err), 0, "an engine on %s: %s",
           built[i].arch, f.err.message);
    ok(asked(&f, "GET /v1.45/version "), "is asked what it is");
    is_str(csn_delivery_path(&delivery), built[i].path, "and gets its helper");
    ok(strcmp(before, built[i].path) != 0, "which is another than that of the one before");
    before = built[i].path;
    body = "{\"Arch\":\"s390x\"}";
    is_int(csn_delivery_choose(&delivery, f.engine, &no_control, &f.err), 0, "it is asked once");
    tear_down(&f);
  }
}

static void test_recognised(void) {
  struct csn_delivery delivery = {0};
  char path[128];
  csn_delivery_recognise(&delivery, "/.caisson/guest-0000000000000000");
  is_str(csn_delivery_path(&delivery), "", "another version's helper says nothing");
  csn_delivery_recognise(&delivery, built[BUILT - 1].path);
  is_str(csn_delivery_path(&delivery), built[BUILT - 1].path, "one that runs is the right one");
  snprintf(path, sizeof path, "%s-readable", built[0].path);
  csn_delivery_recognise(&delivery, path);
  is_str(csn_delivery_path(&delivery), path, "also a readable one");
}

static void test_spellings(void) {
  static const struct { const char *answer, *path; } cases[] = {
      {"{\"Arch\":\"aarch64\"}", "GET /v1.45/version "},
      {"{\"Architecture\":\"aarch64\"}", "GET /v1.45/info "},
      {"{\"Architecture\":\"arm64\"}", "GET /v1.45/info "},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct fixture f;
    char arch[CSN_ENGINE_ARCH_SIZE] = "";
    set_up(&f, "1.45", 200, cases[i].answer);
    is_int(csn_engine_arch(f.engine, &no_control, arch, &f.err), 0, "%s", cases[i].answer);
    is_str(arch, "arm64", "is arm64");
    ok(asked(&f, cases[i].path), "as asked for with %s", cases[i].path);
    tear_down(&f);
  }
}

static void test_none(void) {
  const struct { int status; const char *answer, *reason, *words; } cases[] = {
      {200, "{\"Arch\":\"s390x\"}", CAISSON_REASON_ENGINE_PLATFORM, "\"s390x\""},
      {200, "{\"Arch\":\"s390x\"}", CAISSON_REASON_ENGINE_PLATFORM, built[BUILT - 1].arch},
      {200, "{}", CAISSON_REASON_ENGINE_PROTOCOL, "architecture"},
      {200, "{\"Arch\":7}", CAISSON_REASON_ENGINE_PROTOCOL, "architecture"},
      {200, "{\"Arch\":\"a\\n; rm\"}", CAISSON_REASON_ENGINE_PROTOCOL, "architecture"},
      {200, "{\"Arch\":\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"}", CAISSON_REASON_ENGINE_PROTOCOL, ""},
      {500, "{\"message\":\"no\"}", CAISSON_REASON_ENGINE_REFUSED, "version"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct fixture f;
    struct csn_delivery delivery = {0};
    set_up(&f, "1.45", cases[i].status, cases[i].answer);
    is_int(csn_delivery_choose(&delivery, f.engine, &no_control, &f.err), CAISSON_E_ENGINE,
           "no helper for %s: %s", cases[i].answer, f.err.message);
    is_str(f.err.reason, cases[i].reason, "its reason");
    ok(strstr(f.err.message, cases[i].words), "with the words: %s", cases[i].words);
    is_str(csn_delivery_path(&delivery), "", "and none is chosen");
    tear_down(&f);
  }
}

static void test_learning(void) {
  struct fixture f;
  struct csn_delivery delivery = {0};
  struct csn_error err = {0};
  char version[64], path[128];
  snprintf(version, sizeof version, "{\"Arch\":\"%s\"}", built[0].arch);
  set_up(&f, "1.45", 200, version);
  csn_delivery_choose(&delivery, f.engine, &no_control, &f.err);
  snprintf(err.message, sizeof err.message, "exec: \"%s\": no such file or directory", built[0].path);
  ok(csn_delivery_is_missing(&delivery, &err), "a start says that the helper is missing");
  ok(!csn_delivery_learns(&delivery, &err), "which teaches nothing");
  snprintf(err.message, sizeof err.message, "exec: \"/bin/x\": permission denied");
  ok(!csn_delivery_learns(&delivery, &err), "nor what is said of another file");
  snprintf(err.message, sizeof err.message, "exec: \"%s\": permission denied", built[0].path);
  ok(csn_delivery_learns(&delivery, &err), "one that the runtime cannot read does");
  snprintf(path, sizeof path, "%s-readable", built[0].path);
  is_str(csn_delivery_path(&delivery), path, "and another is used");
  ok(csn_delivery_learns(&delivery, &err), "also by one that began before that was known");
  snprintf(err.message, sizeof err.message, "exec: \"%s\": permission denied", path);
  ok(!csn_delivery_learns(&delivery, &err), "nothing is learnt where that one is refused too");
  tear_down(&f);
}

int main(void) {
  test_each();
  test_recognised();
  test_spellings();
  test_none();
  test_learning();
  return done_testing();
}
