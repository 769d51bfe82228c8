/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes the reading of certificates: as PEM, and as DER that is made PEM first, since no fuzzer
 * finds its way through base64. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "transport/certificate.h"
#include "util/alloc.h"
#include "util/base64.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const char *pem, size_t n) {
  int64_t end = INT64_MIN;
  int rc = csn_certificate_end(pem, n, &end);
  if (rc != 0 && rc != -1) abort();
  /* Years 0 to 9999, and what ninety-nines in every place add to them. */
  if (rc == 0 && (end < INT64_C(-70000000000) || end > INT64_C(260000000000))) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  char *copy = malloc(size + 1), *text = csn_base64(data, size);
  char *pem = csn_asprintf("-----BEGIN CERTIFICATE-----\n%s\n-----END CERTIFICATE-----\n", text);
  if (!copy || !text || !pem) abort();
  memcpy(copy, data, size);
  check(copy, size);
  check(pem, strlen(pem));
  free(copy);
  csn_free(text);
  csn_free(pem);
  return 0;
}
