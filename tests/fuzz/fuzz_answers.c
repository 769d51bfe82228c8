/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes answers: an engine's refusal and its words on images and paths, the Docker client's
 * configuration, and what the helper reports of an operation. The first byte says which. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "engine/docker_auth.h"
#include "engine/image_failure.h"
#include "engine/path_stat.h"
#include "engine/refusal.h"
#include "tools/native.h"
#include "util/alloc.h"
#include "util/json.h"
#include "util/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_error(const struct csn_error *err) {
  size_t n = strlen(err->message);
  if (!err->code || !*err->reason || n == 0 || !csn_utf8_is_valid(err->message, n)) abort();
}

static void check_refusal(const char *text, size_t n) {
  struct csn_error err = {0};
  if (csn_refusal(400 + (int)(n % 200), text, n, &err) != CAISSON_E_ENGINE) abort();
  check_error(&err);
  for (const char *p = err.message; *p; p++)
    if ((unsigned char)*p < 0x20) abort();
}

static void check_image_words(const char *text, size_t n) {
  struct csn_error err = {0};
  (void)n;
  if (csn_image_failure("r.example/i:1", "r.example", text, &err) != CAISSON_E_ENGINE) abort();
  check_error(&err);
}

static void check_path(const char *text, size_t n) {
  struct csn_path_stat stat;
  struct csn_error err = {0};
  (void)n;
  if (csn_path_stat_parse(text, &stat, &err))
    check_error(&err);
  else if (stat.mode > 0777)
    abort();
}

static void check_credentials(const char *text, size_t n) {
  static const char *const registries[] = {"docker.io", "r.example", "127.0.0.1:5000"};
  cJSON *config = NULL;
  if (csn_json_parse(text, n, SIZE_MAX, "it", -1, "x", &config, NULL)) return;
  for (size_t i = 0; i < sizeof registries / sizeof *registries; i++) {
    cJSON *document = NULL;
    struct csn_error err = {0};
    csn_docker_auth_helper(config, registries[i]);
    if (csn_docker_auth_inline(config, registries[i], &document, &err)) check_error(&err);
    char *header = document ? csn_docker_auth_encode(document) : NULL;
    if (header && strpbrk(header, "+/\r\n ")) abort();
    csn_docker_auth_wipe(header);
    csn_docker_auth_delete(document);
    csn_docker_auth_delete(csn_docker_auth_of_helper(config, registries[i]));
  }
  cJSON_Delete(config);
}

static void check_report(const char *text, size_t n) {
  struct csn_buffer report = CSN_BUFFER((size_t)65536);
  struct csn_native_end end = {.ended = {.outcome = CAISSON_OUTCOME_EXITED, .exit_code = 1}};
  struct csn_error err = {0};
  if (csn_buffer_add(&report, text, n) == 0) {
    if (csn_native_read_report(&report, &end, &err))
      check_error(&err);
    else if (!cJSON_IsObject(end.report))
      abort();
  }
  csn_native_free(&end);
  csn_buffer_free(&report);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static void (*const checks[])(const char *text, size_t n) = {
      check_refusal, check_image_words, check_path, check_credentials, check_report};
  if (size < 1 || size > 16384) return 0;
  char *text = csn_strndup((const char *)data + 1, size - 1);
  if (text) checks[data[0] % (sizeof checks / sizeof *checks)](text, strlen(text));
  csn_free(text);
  return 0;
}
