/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes what a readiness probe makes of an HTTP answer: the same however it comes in pieces. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "guest/files/service_probe.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  char *bytes = malloc(size ? size : 1); /* exactly as long as it is, so that reading on is seen */
  if (!bytes) return 0;
  if (size > 0) memcpy(bytes, data, size);
  int said = 0;
  for (size_t n = 0; n <= size; n++) {
    int status = csn_service_probe_status(bytes, n);
    if (status != 0 && status != -1 && (status < 100 || status > 999)) abort();
    if (said != 0 && status != said) abort();
    said = status;
  }
  if (size >= 12 && said == 0) abort();
  free(bytes);
  return 0;
}
