/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes what the helper's report makes of /proc: any text gives JSON that the host takes, within
 * its room. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "guest/report_parts.h"
#include "util/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must_be_json(const struct csn_report_json *json) {
  struct csn_json_flaw flaw;
  if (json->full || csn_json_scan(json->bytes, json->size, &flaw) != 0) abort();
}

static void check_status(struct csn_report_slice text) {
  struct csn_report_status status;
  csn_report_read_status(text, &status);
  if (status.group_count > CSN_REPORT_GROUPS_MAX) abort();
  for (int i = 0; i < CSN_CAP_SETS; i++)
    if (strlen(status.caps[i]) != 0 && strlen(status.caps[i]) != CSN_REPORT_CAPS_SIZE - 1) abort();
}

static void check_mounts(struct csn_report_slice text, size_t limit) {
  static char bytes[8192];
  struct csn_report_json json = {.bytes = bytes, .capacity = sizeof bytes};
  csn_report_object(&json, NULL);
  csn_report_add_mounts(&json, text, limit);
  csn_report_end_object(&json);
  must_be_json(&json);
  if (json.size > limit + 16) abort();
}

static void check_groups(struct csn_report_slice text) {
  static const char *const controllers[] = {NULL, "memory", "cpu"};
  struct csn_report_slice path;
  for (size_t i = 0; i < 3; i++) {
    if (!csn_report_cgroup_path(text, controllers[i], &path)) continue;
    if (path.bytes < text.bytes || path.bytes + path.size > text.bytes + text.size) abort();
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  char *bytes = malloc(size ? size : 1); /* exactly as long as it is, so that reading on is seen */
  if (!bytes) return 0;
  if (size > 0) memcpy(bytes, data, size);
  struct csn_report_slice text = {bytes, size};
  int64_t number;
  check_status(text);
  check_mounts(text, size > 0 ? 16 + (size_t)data[0] * 16 : 64);
  check_groups(text);
  if (csn_report_to_number(text, &number) && size == 0) abort();
  free(bytes);
  return 0;
}
