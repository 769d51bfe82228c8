/* SPDX-License-Identifier: Apache-2.0 */
/* The Docker client's configuration: who we are at which registry, and the header of it. */
#include "engine/docker_auth.h"

#include <string.h>

#include "tap.h"
#include "util/alloc.h"
#include "util/base64.h"
#include "util/json.h"

static const char config_text[] =
    "{\"auths\":{"
    "\"https://index.docker.io/v1/\":{\"auth\":\"aHViOnB3\"},"
    "\"plain.example:5000\":{\"auth\":\"YW5uOmE6Yg==\"},"
    "\"https://long.example/v2/\":{\"username\":\"bob\",\"password\":\"pw\"},"
    "\"token.example\":{\"auth\":\"YW5uOg==\",\"identitytoken\":\"tok\"},"
    "\"bare.example\":{\"identitytoken\":\"tok\"},"
    "\"empty.example\":{},"
    "\"odd.example\":[1],"
    "\"half.example\":{\"username\":\"bob\"},"
    "\"other.example\":{\"password\":\"pw\",\"identitytoken\":\"\"},"
    "\"nul.example\":{\"auth\":\"YTpiAGM=\"},"
    "\"broken.example\":{\"auth\":\"***\"},"
    "\"colon.example\":{\"auth\":\"YW5u\"}},"
    "\"credHelpers\":{\"helped.example\":\"own\",\"empty.example\":7},\"credsStore\":\"all\"}";

static char *inline_of(const cJSON *config, const char *registry, int *rc) {
  struct csn_error err = {0};
  cJSON *out = NULL;
  *rc = csn_docker_auth_inline(config, registry, &out, &err);
  if (*rc) ok(!strstr(err.message, "***") && strstr(err.message, registry), "%s", err.message);
  char *text = out ? csn_json_print(out) : csn_strdup("none");
  csn_docker_auth_delete(out);
  return text;
}

static void test_inline(const cJSON *config) {
  static const struct {
    const char *registry, *document;
  } cases[] = {
      {"docker.io", "{\"serveraddress\":\"https://index.docker.io/v1/\",\"username\":\"hub\","
                    "\"password\":\"pw\"}"},
      {"plain.example:5000", "{\"serveraddress\":\"plain.example:5000\",\"username\":\"ann\","
                             "\"password\":\"a:b\"}"},
      {"long.example", "{\"serveraddress\":\"long.example\",\"username\":\"bob\",\"password\":\"pw\"}"},
      {"token.example",
       "{\"serveraddress\":\"token.example\",\"username\":\"ann\",\"identitytoken\":\"tok\"}"},
      {"bare.example", "{\"serveraddress\":\"bare.example\",\"identitytoken\":\"tok\"}"},
      {"empty.example", "none"},
      {"odd.example", "none"},
      {"half.example", "none"},
      {"other.example", "none"},
      {"plain.example", "none"},
      {"example", "none"},
  };
  int rc;
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    char *text = inline_of(config, cases[i].registry, &rc);
    is_int(rc, 0, "%s", cases[i].registry);
    is_str(text, cases[i].document, "is known as that");
    csn_docker_auth_wipe(text);
  }
  static const char *const bad[] = {"broken.example", "colon.example", "nul.example"};
  for (size_t i = 0; i < 3; i++) {
    char *text = inline_of(config, bad[i], &rc);
    is_int(rc, CAISSON_E_CONFIG, "%s makes no sense", bad[i]);
    csn_free(text);
  }
}

static void test_helpers(const cJSON *config) {
  is_str(csn_docker_auth_helper(config, "helped.example"), "own", "a helper of its own");
  is_str(csn_docker_auth_helper(config, "empty.example"), "all", "or the one for all");
  cJSON *none CSN_CLEANUP_JSON = cJSON_Parse("{\"credsStore\":\"\"}");
  is_str(csn_docker_auth_helper(none, "x"), NULL, "an empty one is none");
  is_str(csn_docker_auth_helper(NULL, "x"), NULL, "nor is a missing one");
  cJSON *answer CSN_CLEANUP_JSON = cJSON_Parse("{\"Username\":\"<token>\",\"Secret\":\"s\"}");
  cJSON *document = csn_docker_auth_of_helper(answer, "r");
  is_str(csn_json_string(document, "identitytoken", NULL), "s", "a token");
  ok(!csn_json_get(document, "username"), "has no user");
  csn_docker_auth_delete(document);
  cJSON *list CSN_CLEANUP_JSON = cJSON_Parse("{\"auths\":[{\"auth\":\"YTpi\"}]}");
  cJSON *found = NULL;
  is_int(csn_docker_auth_inline(list, "x", &found, NULL), 0, "a list names no registry");
  ok(!found, "and has nothing of one");
  cJSON *half CSN_CLEANUP_JSON = cJSON_Parse("{\"Username\":\"u\"}");
  ok(!csn_docker_auth_of_helper(half, "r"), "an answer without a secret");
  cJSON *odd CSN_CLEANUP_JSON = cJSON_Parse("{\"Username\":1}");
  ok(!csn_docker_auth_of_helper(odd, "r"), "an answer that is none");
}

static void test_header(void) {
  cJSON *document CSN_CLEANUP_JSON = cJSON_CreateObject();
  csn_json_add_string(document, "password", "\xc3\xbf\xc3\xbe?>~~~");
  char *text = csn_docker_auth_encode(document);
  ok(text && !strpbrk(text, "+/\r\n"), "fits in a header: %s", text);
  for (char *p = text; *p; p++) *p = *p == '-' ? '+' : *p == '_' ? '/' : *p;
  size_t n;
  char *back, *want = csn_json_print(document);
  is_int(csn_base64_decode(text, &back, &n), 0, "it is base64");
  is_str(back, want, "and means the same");
  csn_free(text);
  csn_free(back);
  csn_free(want);
}

int main(void) {
  cJSON *config CSN_CLEANUP_JSON = cJSON_Parse(config_text);
  if (!config) BAIL_OUT("no JSON");
  test_inline(config);
  test_helpers(config);
  test_header();
  return done_testing();
}
