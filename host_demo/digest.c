/* SPDX-License-Identifier: Apache-2.0 */
/* digest.c: the SHA-256 of an open file, by OpenSSL's libcrypto. */
#include "digest.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define STEP ((size_t)64 * 1024)

static int add_all(EVP_MD_CTX *context, int fd) {
  unsigned char bytes[STEP];
  for (off_t at = 0;;) {
    ssize_t n = pread(fd, bytes, sizeof bytes, at);
    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0)
      return (int)n;
    if (EVP_DigestUpdate(context, bytes, (size_t)n) != 1) {
      errno = ENOMEM;
      return -1;
    }
    at += n;
  }
}

int csn_digest_file(int fd, char hex[CSN_DIGEST_SIZE]) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  EVP_MD_CTX *context = EVP_MD_CTX_new();
  int rc = -1;
  errno = ENOMEM;
  if (context && EVP_DigestInit_ex(context, EVP_sha256(), NULL) == 1 && add_all(context, fd) == 0 &&
      EVP_DigestFinal_ex(context, digest, &size) == 1 && size * 2 + 1 == CSN_DIGEST_SIZE)
    rc = 0;
  EVP_MD_CTX_free(context);
  for (unsigned i = 0; rc == 0 && i < size; i++)
    (void)snprintf(hex + (size_t)i * 2, 3, "%02x", digest[i]);
  return rc;
}

bool csn_digest_valid(const char *text) {
  return strlen(text) == CSN_DIGEST_SIZE - 1 &&
         strspn(text, "0123456789abcdefABCDEF") == CSN_DIGEST_SIZE - 1;
}
