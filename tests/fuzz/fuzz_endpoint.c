/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes what people write in one line: an engine's address, an image's name, a list of ranges, a size,
 * a name's template. The first byte says which. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "engine/image_name.h"
#include "session/names.h"
#include "session/path_rules.h"
#include "transport/endpoint.h"
#include "util/alloc.h"
#include "util/cidr.h"
#include "util/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_endpoint(const char *text) {
  struct csn_endpoint endpoint;
  struct csn_error err = {0};
  if (csn_endpoint_parse(text, NULL, &endpoint, &err)) {
    if (!err.code || !*err.message) abort();
  } else {
    char url[CSN_SSH_URL_MAX];
    const char *argv[CSN_SSH_ARGUMENTS_MAX];
    if (endpoint.ssh.host && (*endpoint.ssh.host == '-' || strpbrk(endpoint.ssh.host, " '\"$;`|&")))
      abort();
    if (endpoint.ssh.host) csn_ssh_arguments(&endpoint.ssh, url, argv);
    if (!endpoint.host || !endpoint.base_url || strpbrk(endpoint.host, "\r\n")) abort();
    csn_endpoint_is_exposed(&endpoint);
  }
  csn_endpoint_free(&endpoint);
}

static void check_image(const char *text) {
  struct csn_image_name name;
  if (csn_image_name_parse(text, &name, NULL) || !name.registry || !name.repository || !name.tag)
    abort();
  if (strlen(name.repository) > strlen(text)) abort();
  csn_image_name_free(&name);
}

static void check_ranges(const char *text) {
  struct csn_cidr list[8];
  int count = csn_cidr_list(text, list, 8);
  for (int i = 0; i < count; i++) {
    char one[CSN_CIDR_TEXT];
    struct csn_cidr again, sample = csn_cidr_sample(&list[i]);
    csn_cidr_print(&list[i], one);
    if (csn_cidr_parse(one, &again) || memcmp(&again, &list[i], sizeof again) != 0) abort();
    if (!csn_cidr_contains(&list[i], &sample)) abort();
  }
}

static void check_template(const char *text) {
  char name[CSN_NAME_SIZE], key[CSN_COMPONENT_SIZE];
  if (csn_name_template_problem(text, "{key}")) return;
  csn_name_of_key(text, "i", "work", name);
  if (!csn_name_is_engine_name(name)) abort();
  if (!csn_name_key(text, "i", name, key) || strcmp(key, "work") != 0) abort();
}

static void check_words(const char *text) {
  uint64_t bytes = 1;
  if (csn_size_parse(text, &bytes) == 0 && bytes > UINT64_C(1) << 53) abort();
  if (csn_path_is_plain(text) && (*text != '/' || strstr(text, "/../"))) abort();
  csn_path_target_problem(text);
  csn_path_below_problem(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static void (*const checks[])(const char *text) = {check_endpoint, check_image, check_ranges,
                                                     check_template, check_words};
  if (size < 1 || size > 8192) return 0;
  char *text = csn_strndup((const char *)data + 1, size - 1);
  if (text) checks[data[0] % (sizeof checks / sizeof *checks)](text);
  csn_free(text);
  return 0;
}
