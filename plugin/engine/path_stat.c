/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/path_stat.h"

#include <string.h>

#include "engine/ask.h"
#include "util/alloc.h"
#include "util/json.h"

/* Of Go's os.FileMode, which is what "mode" is. */
#define GO_MODE_DIRECTORY (UINT32_C(1) << 31)
#define GO_MODE_LINK (UINT32_C(1) << 27)

static int digit(char c) {
  static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  const char *at = c ? strchr(digits, c) : NULL;
  return at ? (int)(at - digits) : -1;
}

/* In place of n base64 digits: how many bytes, or -1. */
static long decode(char *text) {
  size_t n = strlen(text), out = 0;
  if (n % 4) return -1;
  while (n > 0 && text[n - 1] == '=') n--;
  uint32_t bits = 0;
  for (size_t i = 0; i < n; i++) {
    int value = digit(text[i]);
    if (value < 0) return -1;
    bits = bits << 6 | (uint32_t)value;
    /* After each digit but the first of four, another whole byte is there. */
    if (i % 4) text[out++] = (char)(bits >> (6 - 2 * (i % 4)) & 0xff);
  }
  return (long)out;
}

int csn_path_stat_parse(const char *value, struct csn_path_stat *out, struct csn_error *err) {
  if (!value) return csn_ask_malformed(err, "it does not say what the path is");
  char *text CSN_CLEANUP_FREE = csn_strdup(value);
  if (!text) return csn_fail_nomem(err);
  long n = decode(text);
  cJSON *json CSN_CLEANUP_JSON = n < 0 ? NULL : cJSON_ParseWithLength(text, (size_t)n);
  int64_t mode = csn_json_int(json, "mode", -1);
  if (mode < 0 || mode > UINT32_MAX) return csn_ask_malformed(err, "the path's mode is missing");
  out->size = csn_json_int(json, "size", 0);
  out->mode = (uint32_t)mode & 0777;
  out->is_directory = ((uint32_t)mode & GO_MODE_DIRECTORY) != 0;
  out->is_link = ((uint32_t)mode & GO_MODE_LINK) != 0;
  return 0;
}
