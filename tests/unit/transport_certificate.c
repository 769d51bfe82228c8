/* SPDX-License-Identifier: Apache-2.0 */
/* When a certificate ends, and that nothing else is taken for one. */
#include "transport/certificate.h"

#include <stdlib.h>
#include <string.h>

#include "tap.h"

/* openssl x509 -noout -enddate: Dec 21 16:27:23 2026 GMT, as UTCTime. */
static const char near[] =
    "-----BEGIN CERTIFICATE-----\n"
    "MIIBbTCCAROgAwIBAgIUPaochwDiYuZWPNqCY4Kv6KRhOIswCgYIKoZIzj0EAwIw\n"
    "DDEKMAgGA1UEAwwBeDAeFw0yNjExMjExNjI3MjNaFw0yNjEyMjExNjI3MjNaMAwx\n"
    "CjAIBgNVBAMMAXgwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAAQe+M/AxfDQjQko\n"
    "Whcya1yAiF7HUtNMU+plRSKHNVOFXicLHkwCTQttrrav0c+6sDrcjWv2wR7Hu9m1\n"
    "zoWGo/rJo1MwUTAdBgNVHQ4EFgQUtXHRkFPhXH/MdL6yezYx2kKgeM4wHwYDVR0j\n"
    "BBgwFoAUtXHRkFPhXH/MdL6yezYx2kKgeM4wDwYDVR0TAQH/BAUwAwEB/zAKBggq\n"
    "hkjOPQQDAgNIADBFAiBqT4FpREfFwVletMbcC/ECwB2/FPv/lykwAr//PxZQMQIh\n"
    "AMKTHX9iIR+Kez1fM+66vHeVdzPGOKniKD9wT7vNmlrD\n"
    "-----END CERTIFICATE-----\n";

/* Jan 10 16:27:23 2109 GMT, as GeneralizedTime. */
static const char far[] =
    "-----BEGIN CERTIFICATE-----\n"
    "MIIBbjCCARWgAwIBAgIUDG+IxllAZ10I/QXl3uNlLtAZUCEwCgYIKoZIzj0EAwIw\n"
    "DDEKMAgGA1UEAwwBeDAgFw0yNjExMjExNjI3MjNaGA8yMTA5MDExMDE2MjcyM1ow\n"
    "DDEKMAgGA1UEAwwBeDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABD+7pDVeV1SI\n"
    "ykOXdEN/8wXrFzyv2r7q8j3uiwBtNHt3jF0zwOmjCoVswcuU8R6scyJ36HBEt+Ex\n"
    "WipBdQvviY6jUzBRMB0GA1UdDgQWBBSb/WxwPaf9uMY6rIL9TQG0BlWXWjAfBgNV\n"
    "HSMEGDAWgBSb/WxwPaf9uMY6rIL9TQG0BlWXWjAPBgNVHRMBAf8EBTADAQH/MAoG\n"
    "CCqGSM49BAMCA0cAMEQCIGyCh/c4hUKUOXAsPsTgizFexCSdUilyWPN/FbqzFEAM\n"
    "AiAXUv2JOPOwmJk9n9VqziUrFPet6P2AgrwwM5crYDVuYA==\n"
    "-----END CERTIFICATE-----\n";

static int64_t end_of(const char *pem, size_t n) {
  int64_t end = -1;
  return csn_certificate_end(pem, n, &end) == 0 ? end : -1;
}

/* Every cut of it, in memory of just that size. */
static void test_cut(void) {
  int wrong = 0;
  for (size_t n = 0; n < sizeof near - 1; n++) {
    char *copy = malloc(n + 1);
    if (!copy) BAIL_OUT("no memory");
    memcpy(copy, near, n);
    int64_t end = end_of(copy, n);
    wrong += end != -1 && end != 1797870443;
    free(copy);
  }
  is_int(wrong, 0, "a cut one has its end or none, never another");
}

int main(void) {
  is_int(end_of(near, strlen(near)), 1797870443, "a time of this century");
  is_int(end_of(far, strlen(far)), 4387278443, "and of the next");
  char both[sizeof near + sizeof far + 32];
  snprintf(both, sizeof both, "text before\n%s%s", near, far);
  is_int(end_of(both, strlen(both)), 1797870443, "the first of several counts");
  is_int(end_of("", 0), -1, "nothing");
  static const char *const wrong[] = {"-----BEGIN CERTIFICATE-----\n!!!!\n-----END",
                                      "-----BEGIN CERTIFICATE-----\nMIIBbTCCAROg\n-----END",
                                      "-----BEGIN PRIVATE KEY-----\nMIIB\n-----END"};
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
    is_int(end_of(wrong[i], strlen(wrong[i])), -1, "none in %s", wrong[i]);
  test_cut();
  return done_testing();
}
