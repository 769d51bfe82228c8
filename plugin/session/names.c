/* SPDX-License-Identifier: Apache-2.0 */
#include "session/names.h"

#include <stdio.h>
#include <string.h>

#include "util/sha256.h"

#define READABLE_MAX 48
#define HASH_DIGITS 32

/* "x" or "e" and 32 hex digits: a key that looks like a name we make ourselves. */
static int looks_made(const char *key) {
  return (key[0] == 'x' || key[0] == 'e') && strlen(key) == 1 + HASH_DIGITS &&
         strspn(key + 1, "0123456789abcdef") == HASH_DIGITS;
}

static int is_readable(const char *key) {
  static const char allowed[] =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-";
  size_t n = strlen(key);
  return n >= 1 && n <= READABLE_MAX && strspn(key, allowed) == n && !looks_made(key);
}

void csn_name_of_key(const char *instance, const char *key, char name[CSN_NAME_SIZE]) {
  if (is_readable(key)) {
    snprintf(name, CSN_NAME_SIZE, "caisson-%.*s-%s", CSN_INSTANCE_MAX, instance, key);
    return;
  }
  char hex[CSN_SHA256_HEX];
  csn_sha256_hex(key, strlen(key), hex);
  snprintf(name, CSN_NAME_SIZE, "caisson-%.*s-x%.*s", CSN_INSTANCE_MAX, instance, HASH_DIGITS, hex);
}

void csn_name_ephemeral(const char *instance, const char hex[CSN_EPHEMERAL_HEX + 1],
                        char name[CSN_NAME_SIZE]) {
  snprintf(name, CSN_NAME_SIZE, "caisson-%.*s-e%.*s", CSN_INSTANCE_MAX, instance,
           CSN_EPHEMERAL_HEX, hex);
}
