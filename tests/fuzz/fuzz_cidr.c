/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes ranges of addresses: what is read and written again is the same range, which holds itself
 * and its sample. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "util/cidr.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_one(const char *text) {
  struct csn_cidr range, again;
  char printed[CSN_CIDR_TEXT];
  if (csn_cidr_parse(text, &range)) return;
  csn_cidr_print(&range, printed);
  if (csn_cidr_parse(printed, &again) || memcmp(&range, &again, sizeof range) != 0) abort();
  struct csn_cidr sample = csn_cidr_sample(&range);
  if (!csn_cidr_contains(&range, &range) || !csn_cidr_contains(&range, &sample)) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  char text[512];
  struct csn_cidr list[4];
  if (size >= sizeof text) return 0;
  if (size) memcpy(text, data, size);
  text[size] = '\0';
  check_one(text);
  int count = csn_cidr_list(text, list, 4);
  if (count < -1 || count > 4) abort();
  return 0;
}
