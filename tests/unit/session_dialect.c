/* SPDX-License-Identifier: Apache-2.0 */
/* What an engine's refusal teaches, and what the next create body is then like. */
#include "session/dialect.h"

#include "engine_fixture.h"
#include "session/internal.h"
#include "session/policy_mounts.h"
#include "session/policy.h"

#define VOLUME_AND_ID "{\"Id\":\"" ID "\",\"Name\":\"caisson-guest\",\"Mountpoint\":\"/far/_data\"}"

struct bench {
  struct fixture f;
  struct csn_log log;
  struct csn_sandbox_settings settings;
  struct csn_sessions *all;
  struct csn_session *s;
};

static void set_bench(struct bench *b, int code, const char *text) {
  *b = (struct bench){.settings = {.image = "img:1", .user = "auto", .name_template = CSN_NAME_TEMPLATE,
                                   .workdir = "/workspace", .hostname = "h", .memory = 1u << 30,
                                   .cpus = 1, .pids = 256, .nofile = 4096, .workspace_size = 1 << 20,
                                   .tmp_size = 1 << 20, .shm_size = 1 << 20}};
  set_up(&b->f, "1.41", code, text);
  if (csn_sessions_new("i", &b->settings, b->f.engine, &b->log, &b->all, &b->f.err) ||
      csn_session_get(b->all, "k", &b->s, &b->f.err))
    BAIL_OUT("%s", b->f.err.message);
}

static void clear_bench(struct bench *b) {
  csn_session_put(b->all, b->s);
  csn_sessions_free(b->all);
  tear_down(&b->f);
}

static int learn(struct bench *b, const char *words) {
  csn_fail(&b->f.err, CAISSON_E_ENGINE, CAISSON_REASON_ENGINE_REFUSED, "500: %s", words);
  return csn_dialect_learn(b->all, &b->s->learned, "img:1", &no_control, &b->f.err);
}

static char *body_text(struct bench *b) {
  struct csn_mount_list mounts CSN_CLEANUP_MOUNTS = {0};
  if (csn_mounts_read(&b->settings, "i", "k", &mounts, &b->f.err)) BAIL_OUT("%s", b->f.err.message);
  const struct csn_policy_facts facts = {.mounts = &mounts, .instance = "i", .key = "k", .version = "1", .created = "now",
                                         .guest_path = "/g", .uid = 7, .gid = 8,
                                         .seccomp_path = csn_dialect_seccomp(b->all, b->settings.seccomp),
                                         .needs_nproc = b->all->dialect.needs_nproc,
                                         .tmpfs_by_flag = b->all->dialect.tmpfs_by_flag};
  cJSON *made CSN_CLEANUP_JSON = NULL;
  if (csn_policy_body(&b->settings, NULL, &facts, &made, &b->f.err)) BAIL_OUT("%s", b->f.err.message);
  return cJSON_PrintUnformatted(made);
}

static void check(struct bench *b, const char *words, const char *before, const char *after) {
  char *text = body_text(b);
  ok(strstr(text, before) && !strstr(text, after), "before: %s", before);
  cJSON_free(text);
  is_int(learn(b, words), 1, "%s: try again", words);
  text = body_text(b);
  if (!ok(strstr(text, after) != NULL, "after: %s", after)) diag("%s", text);
  cJSON_free(text);
  is_int(learn(b, words), 0, "said again, nothing helps");
  b->s->learned = 0; /* as a start that went well leaves it */
  is_int(learn(b, words), 1, "said to a later start, it is tried again");
}

static void test_learning(void) {
  static const struct { const char *words, *before, *after; } cases[] = {
      {"container create: opening seccomp profile failed: open { \"defaultAction\": ...",
       "\"seccomp={", "\"seccomp=/far/_data/seccomp-"},
      {"container create: unknown mount option \"uid=7\": invalid mount option", ",uid=7,gid=8,",
       "size=1048576,U,mode=0755"},
      {"error setting rlimit type 6: operation not permitted", "\"nofile\"",
       "{\"Name\":\"nproc\",\"Soft\":32768,\"Hard\":32768}"},
      {"setrlimit `RLIMIT_NPROC`: Operation not permitted", "\"nofile\"", "\"nproc\""},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct bench b;
    set_bench(&b, 200, VOLUME_AND_ID);
    check(&b, cases[i].words, cases[i].before, cases[i].after);
    clear_bench(&b);
  }
}

/* What is learnt for one sandbox holds for those with another profile too. */
static void test_profiles(void) {
  struct bench b;
  set_bench(&b, 200, VOLUME_AND_ID);
  learn(&b, "opening seccomp profile failed");
  const char *loose = csn_dialect_seccomp(b.all, CSN_SECCOMP_DEFAULT);
  const char *strict = csn_dialect_seccomp(b.all, CSN_SECCOMP_STRICT);
  ok(loose && strict && strcmp(loose, strict) != 0, "each profile has a file of its own");
  b.settings.seccomp = CSN_SECCOMP_STRICT;
  char *text = body_text(&b);
  ok(strict && strstr(text, strict), "and a sandbox is given its own");
  cJSON_free(text);
  clear_bench(&b);
}

static void test_nproc_above_pids(void) {
  struct bench b;
  set_bench(&b, 200, VOLUME_AND_ID);
  b.settings.pids = 50000;
  learn(&b, "rlimit type 6: operation not permitted");
  char *text = body_text(&b);
  ok(strstr(text, "{\"Name\":\"nproc\",\"Soft\":50000,\"Hard\":50000}"), "it never limits below pids");
  cJSON_free(text);
  clear_bench(&b);
}

/* Never without a profile: what cannot be mended is an error. */
static void test_failing(void) {
  static const struct { int status; const char *answer, *words; } cases[] = {
      {200, "{\"Id\":\"" ID "\",\"Name\":\"caisson-guest\"}", "does not say where the volume"},
      {200, "{\"Id\":\"" ID "\",\"Mountpoint\":\"relative\"}", "does not say where the volume"},
      {500, "{\"message\":\"no\"}", "give the engine the seccomp profile"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct bench b;
    set_bench(&b, cases[i].status, cases[i].answer);
    is_int(learn(&b, "opening seccomp profile failed"), CAISSON_E_ENGINE, "%s", cases[i].answer);
    ok(strstr(b.f.err.message, cases[i].words), "%s", b.f.err.message);
    ok(csn_dialect_seccomp(b.all, CSN_SECCOMP_DEFAULT) == NULL, "and nothing is learnt");
    clear_bench(&b);
  }
}

static void test_others(void) {
  struct bench b;
  set_bench(&b, 200, VOLUME_AND_ID);
  is_int(learn(&b, "no space left on device"), 0, "any other refusal is none of these");
  is_int(learn(&b, "error setting rlimit type 7: operation not permitted"), 0, "nor another limit's");
  clear_bench(&b);
}

int main(void) {
  test_learning();
  test_profiles();
  test_nproc_above_pids();
  test_failing();
  test_others();
  return done_testing();
}
