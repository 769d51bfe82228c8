/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes the lines that name plugins. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "host_demo/plugins.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_line(const struct csn_plugin_line *line) {
  if (line->path[0] != '/' || line->line == 0) abort();
  if (line->config[0] && line->config[0] != '/') abort();
  if (line->sha256[0] && !csn_digest_valid(line->sha256)) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct csn_plugins list = {.count = 0};
  char why[CSN_LOADER_MESSAGE] = "";
  int rc = csn_plugins_parse(&list, "fuzz.conf", (const char *)data, size, why);
  if (rc < 0 && strncmp(why, "fuzz.conf:", 10) != 0) abort();
  if (list.count > CSN_PLUGINS_MAX) abort();
  for (size_t i = 0; rc == 0 && i < list.count; i++) check_line(&list.lines[i]);
  csn_plugins_free(&list);
  return 0;
}
