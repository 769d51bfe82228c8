/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes .dockerignore: the text before the first NUL is the file, the rest a path. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "engine/ignore_rules.h"
#include "util/alloc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  const uint8_t *nul = memchr(data, '\0', size);
  size_t n = nul ? (size_t)(nul - data) : size;
  struct csn_ignore_rules *rules;
  if (size > 8192 || csn_ignore_rules_parse((const char *)data, n, &rules, NULL)) return 0;
  char *path = csn_strndup(nul ? (const char *)nul + 1 : "a/b", nul ? size - n - 1 : 3);
  int out = csn_ignore_rules_match(rules, path);
  if (out != csn_ignore_rules_match(rules, path)) abort();
  /* What is in a folder that is left out is left out too, unless an exception says otherwise. */
  char *below = csn_asprintf("%s/x", path);
  if (out && *path && !csn_ignore_rules_have_exceptions(rules) &&
      strlen(below) <= CSN_IGNORE_PATTERN_MAX && !csn_ignore_rules_match(rules, below))
    abort();
  csn_free(below);
  csn_free(path);
  csn_ignore_rules_free(rules);
  return 0;
}
