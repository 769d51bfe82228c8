/* SPDX-License-Identifier: Apache-2.0 */
#include "session/names.h"

#include <stdio.h>
#include <string.h>

#include "util/sha256.h"

#define READABLE_MAX 48
#define HASH_DIGITS 32
#define POOLED "pool."

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

static void describe_key(const char *key, char part[CSN_COMPONENT_SIZE]) {
  if (is_readable(key)) {
    snprintf(part, CSN_COMPONENT_SIZE, "%s", key);
    return;
  }
  char hex[CSN_SHA256_HEX];
  csn_sha256_hex(key, strlen(key), hex);
  snprintf(part, CSN_COMPONENT_SIZE, "x%.*s", HASH_DIGITS, hex);
}

void csn_name_component(const char *key, char part[CSN_COMPONENT_SIZE]) {
  describe_key(key, part);
  if (part[strspn(part, ".")]) return;
  char hex[CSN_SHA256_HEX];
  csn_sha256_hex(key, strlen(key), hex);
  snprintf(part, CSN_COMPONENT_SIZE, "x%.*s", HASH_DIGITS, hex);
}

/* ---- templates ------------------------------------------------------------------------------- */

static const char *value_of(const char *word, size_t n, const char *instance, const char *part) {
  if (n == 10 && memcmp(word, "{instance}", n) == 0) return instance;
  if (n == 5 && memcmp(word, "{key}", n) == 0) return part;
  if (n == 9 && memcmp(word, "{session}", n) == 0) return part;
  return NULL;
}

int csn_name_expand(const char *template, const char *instance, const char *part, char *out,
                    size_t size) {
  size_t used = 0;
  while (*template) {
    const char *close = *template == '{' ? strchr(template, '}') : NULL;
    size_t n = close ? (size_t)(close - template) + 1 : 1;
    const char *value = template;
    size_t length = 1;
    if (strchr("{}", *template)) {
      value = value_of(template, n, instance, part);
      if (!value) return -1;
      length = strlen(value);
    }
    if (length >= size - used) return -1;
    memcpy(out + used, value, length);
    used += length;
    template += n;
  }
  out[used] = '\0';
  return 0;
}

void csn_name_of_key(const char *template, const char *instance, const char *key,
                     char name[CSN_NAME_SIZE]) {
  char part[CSN_COMPONENT_SIZE];
  describe_key(key, part);
  csn_name_expand(template, instance, part, name, CSN_NAME_SIZE);
}

void csn_name_ephemeral(const char *template, const char *instance,
                        const char hex[CSN_EPHEMERAL_HEX + 1], char name[CSN_NAME_SIZE]) {
  char part[CSN_COMPONENT_SIZE];
  snprintf(part, sizeof part, "e%.*s", CSN_EPHEMERAL_HEX, hex);
  csn_name_expand(template, instance, part, name, CSN_NAME_SIZE);
}

/* ---- and back -------------------------------------------------------------------------------- */

/* What stands for {key} in a name; -1 where the name is none of the template's. */
static int find_part(const char *template, const char *instance, const char *name,
                     char part[CSN_COMPONENT_SIZE]) {
  char empty[CSN_NAME_SIZE], one[CSN_NAME_SIZE], again[CSN_NAME_SIZE];
  if (csn_name_expand(template, instance, "", empty, sizeof empty) < 0 ||
      csn_name_expand(template, instance, "\n", one, sizeof one) < 0)
    return -1;
  size_t fixed = strlen(empty), times = strlen(one) - fixed, n = strlen(name);
  if (times == 0 || n <= fixed || (n - fixed) % times != 0) return -1;
  size_t size = (n - fixed) / times;
  if (size >= CSN_COMPONENT_SIZE) return -1;
  snprintf(part, CSN_COMPONENT_SIZE, "%.*s", (int)size, name + strcspn(one, "\n"));
  return csn_name_expand(template, instance, part, again, sizeof again) == 0 &&
                 strcmp(again, name) == 0
             ? 0
             : -1;
}

void csn_name_pooled(const char *template, const char *instance, const char hex[CSN_POOL_HEX + 1],
                     char name[CSN_NAME_SIZE]) {
  char part[CSN_COMPONENT_SIZE];
  snprintf(part, sizeof part, POOLED "%.*s", CSN_POOL_HEX, hex);
  csn_name_expand(template, instance, part, name, CSN_NAME_SIZE);
}

int csn_name_is_pooled(const char *template, const char *instance, const char *name) {
  char part[CSN_COMPONENT_SIZE];
  return find_part(template, instance, name, part) == 0 &&
         strncmp(part, POOLED, sizeof POOLED - 1) == 0 &&
         strlen(part) == sizeof POOLED - 1 + CSN_POOL_HEX;
}

int csn_name_key(const char *template, const char *instance, const char *name,
                 char key[CSN_COMPONENT_SIZE]) {
  return find_part(template, instance, name, key) == 0 && is_readable(key);
}

int csn_name_is_ephemeral(const char *template, const char *instance, const char *name) {
  char part[CSN_COMPONENT_SIZE];
  return find_part(template, instance, name, part) == 0 && part[0] == 'e' && looks_made(part);
}

/* ---- what may be configured ------------------------------------------------------------------ */

static const char name_characters[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-";

int csn_name_is_engine_name(const char *name) {
  return strlen(name) >= 2 && !strchr("_.-", name[0]) && !name[strspn(name, name_characters)];
}

const char *csn_name_template_problem(const char *template, const char *word) {
  static const char longest_instance[] = "i2345678901234567890123456789012";
  static const char longest_part[] = "pool.678901234567890123456789012345678901234567890123";
  char name[CSN_NAME_SIZE];
  if (!strstr(template, word)) return "must hold the session's key";
  if (csn_name_expand(template, longest_instance, longest_part, name, sizeof name) < 0)
    return "is too long, or holds a brace that is none of {instance}, {key} and {session}";
  return csn_name_is_engine_name(name)
             ? NULL
             : "must be of letters, digits, '_', '.' and '-', with a letter or digit first";
}
