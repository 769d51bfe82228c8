/* SPDX-License-Identifier: Apache-2.0 */
/* See credentials.h. */
#include "engine/credentials.h"

#include <errno.h>
#include <string.h>

#include "engine/docker_auth.h"
#include "engine/docker_config.h"
#include "util/alloc.h"
#include "util/ascii.h"
#include "util/buffer.h"
#include "util/child.h"
#include "util/json.h"
#include "util/utf8.h"

/* Long enough for one that asks its user to unlock a key. */
#define HELPER_SECONDS 60
#define ANSWER_MAX ((size_t)64 << 10)
#define WORDS_MAX 200

/* What helpers say where they have nothing, by their protocol. */
#define NOT_FOUND "credentials not found"

static int fail(const char *program, const char *words, struct csn_error *err) {
  return csn_fail(err, CAISSON_E_CONFIG, CAISSON_REASON_IMAGE_CREDENTIALS,
                  "the credential helper %.100s, which the docker client's configuration names, %s",
                  program, words);
}

/* A name may not become a path or an option. */
static int is_name(const char *text) {
  size_t n = strlen(text);
  return n > 0 && n <= 64 && text[0] != '-' &&
         strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") == n;
}

/* It ran and has no credentials for us: why? Its words are quoted unless they may hold a secret. */
static int explain(const char *program, int status, const struct csn_buffer *answer,
                   struct csn_error *err) {
  const char *text = csn_buffer_text(answer);
  if (csn_ascii_holds(text, NOT_FOUND)) return 0;
  if (strchr(text, '{') || !*text)
    return fail(program, status == 0 ? "gave an answer that makes no sense" : "failed", err);
  CSN_CLEANUP_FREE char *clean = csn_utf8_repaired(text, answer->size);
  CSN_CLEANUP_FREE char *words = clean ? csn_asprintf("failed: %.*s", WORDS_MAX, clean) : NULL;
  return words ? fail(program, words, err) : csn_fail_nomem(err);
}

static int read_answer(const char *program, const char *registry, int status,
                       const struct csn_buffer *answer, cJSON **out, struct csn_error *err) {
  struct csn_error ignored;
  cJSON *json = NULL;
  int ended_well = status == 0 || status == CSN_CHILD_STATUS_UNKNOWN;
  if (ended_well && csn_json_parse(csn_buffer_text(answer), answer->size, ANSWER_MAX, program,
                                   CAISSON_E_CONFIG, CAISSON_REASON_CONFIG, &json, &ignored) == 0)
    *out = csn_docker_auth_of_helper(json, registry);
  csn_docker_auth_delete(json);
  return *out ? 0 : explain(program, status, answer, err);
}

/* Our own patience is not the caller's deadline. */
static int late(int rc, const char *program, const struct csn_control *control,
                struct csn_error *err) {
  int stopped = csn_control_check(control, err);
  if (stopped || rc == CAISSON_E_NOMEM) return stopped ? stopped : rc;
  if (rc == CAISSON_E_DEADLINE) return fail(program, "gave no answer within a minute", err);
  if (rc == CAISSON_E_LIMIT) return fail(program, "says more than an answer can be", err);
  if (rc == CAISSON_E_INTERNAL && err->sys_errno == ENOENT)
    return fail(program, "is not installed, or not in this process's PATH", err);
  return rc;
}

static int ask_helper(const char *name, const char *registry, const struct csn_control *control,
                      cJSON **out, struct csn_error *err) {
  struct csn_control own = csn_control_within(control, HELPER_SECONDS * CSN_SECOND);
  struct csn_buffer answer = CSN_BUFFER(ANSWER_MAX);
  int status;
  if (!is_name(name)) return fail("docker-credential-?", "has a name that none can have", err);
  CSN_CLEANUP_FREE char *program = csn_asprintf("docker-credential-%s", name);
  CSN_CLEANUP_FREE char *input = csn_asprintf("%s\n", csn_docker_auth_key(registry));
  if (!program || !input) return csn_fail_nomem(err);
  const char *const argv[] = {program, "get", NULL};
  int rc = csn_child_ask(argv, input, &own, &answer, &status, err);
  if (rc)
    rc = late(rc, program, control, err);
  else
    rc = read_answer(program, registry, status, &answer, out, err);
  if (answer.data) explicit_bzero(answer.data, answer.size);
  csn_buffer_free(&answer);
  return rc;
}

int csn_credentials_find(const char *registry, const struct csn_control *control, cJSON **out,
                         struct csn_error *err) {
  cJSON *config CSN_CLEANUP_JSON = NULL;
  *out = NULL;
  int rc = csn_docker_config_load(&config, err);
  if (rc) return rc;
  const char *helper = csn_docker_auth_helper(config, registry);
  if (helper) return ask_helper(helper, registry, control, out, err);
  return csn_docker_auth_inline(config, registry, out, err);
}
