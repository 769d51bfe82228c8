/* SPDX-License-Identifier: Apache-2.0 */
#include "util/cidr.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

/* Decimal without signs, blanks or leading zeros; -1 where it is none or above max. */
static int read_bits(const char *text, int max) {
  size_t n = strspn(text, "0123456789");
  if (n == 0 || n > 3 || text[n] || (n > 1 && *text == '0')) return -1;
  int bits = 0;
  for (size_t i = 0; i < n; i++) bits = bits * 10 + (text[i] - '0');
  return bits <= max ? bits : -1;
}

static int host_bits_are_zero(const struct csn_cidr *range) {
  for (unsigned i = range->bits; i < range->size * 8U; i++)
    if (range->bytes[i / 8] & (0x80 >> i % 8)) return 0;
  return 1;
}

static void unmap(struct csn_cidr *range) {
  if (range->size != 16 || range->bits < 96 || memcmp(range->bytes, mapped, sizeof mapped) != 0)
    return;
  memmove(range->bytes, range->bytes + sizeof mapped, 4);
  memset(range->bytes + 4, 0, sizeof range->bytes - 4);
  range->size = 4;
  range->bits = (uint8_t)(range->bits - 96);
}

const char *csn_cidr_parse(const char *text, struct csn_cidr *out) {
  char address[INET6_ADDRSTRLEN];
  size_t n = strcspn(text, "/");
  memset(out, 0, sizeof *out);
  if (n == 0 || n >= sizeof address) return "is not an address or a range such as \"10.0.0.0/8\"";
  memcpy(address, text, n);
  address[n] = '\0';
  if (inet_pton(AF_INET, address, out->bytes) == 1)
    out->size = 4;
  else if (inet_pton(AF_INET6, address, out->bytes) == 1)
    out->size = 16;
  else
    return "is not an address or a range such as \"10.0.0.0/8\"";
  int bits = text[n] ? read_bits(text + n + 1, out->size * 8) : out->size * 8;
  if (bits < 0) return "has no length of 0 to 32 (IPv4) or 0 to 128 (IPv6) behind its slash";
  out->bits = (uint8_t)bits;
  if (!host_bits_are_zero(out))
    return "has bits behind its length: write the range's first address";
  unmap(out);
  return NULL;
}

void csn_cidr_print(const struct csn_cidr *range, char text[CSN_CIDR_TEXT]) {
  char address[INET6_ADDRSTRLEN];
  inet_ntop(range->size == 4 ? AF_INET : AF_INET6, range->bytes, address, sizeof address);
  if (range->bits == range->size * 8)
    snprintf(text, CSN_CIDR_TEXT, "%s", address);
  else
    snprintf(text, CSN_CIDR_TEXT, "%s/%u", address, (unsigned)range->bits);
}

int csn_cidr_contains(const struct csn_cidr *outer, const struct csn_cidr *inner) {
  if (outer->size != inner->size || outer->bits > inner->bits) return 0;
  unsigned whole = outer->bits / 8U, rest = outer->bits % 8U;
  if (memcmp(outer->bytes, inner->bytes, whole) != 0) return 0;
  return rest == 0 || (outer->bytes[whole] ^ inner->bytes[whole]) >> (8 - rest) == 0;
}

struct csn_cidr csn_cidr_sample(const struct csn_cidr *range) {
  struct csn_cidr sample = *range;
  static const uint8_t none[16] = {0};
  /* ::1 is the loopback, whatever routes say. */
  if (range->size == 16 && memcmp(range->bytes, none, sizeof none) == 0) {
    if (range->bits < 112) sample.bytes[13] = 1;
    else if (range->bits < 127) sample.bytes[15] = 2;
  }
  if (range->bits < range->size * 8) sample.bytes[sample.size - 1] |= 1;
  sample.bits = (uint8_t)(sample.size * 8);
  return sample;
}

int csn_cidr_list(const char *text, struct csn_cidr *out, size_t max) {
  size_t count = 0;
  while (*text) {
    char one[CSN_CIDR_TEXT];
    size_t n = strcspn(text, ",");
    if (n >= sizeof one || count == max) return -1;
    memcpy(one, text, n);
    one[n] = '\0';
    if (csn_cidr_parse(one, &out[count++])) return -1;
    text += n;
    if (*text == ',' && !*++text) return -1;
  }
  return (int)count;
}
