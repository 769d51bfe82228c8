/* SPDX-License-Identifier: Apache-2.0 */
/* Ranges of IPv4 and IPv6 addresses in CIDR notation: read, compared, written. Pure; shared with
 * the helper. */
#ifndef CSN_UTIL_CIDR_H
#define CSN_UTIL_CIDR_H

#include <stddef.h>
#include <stdint.h>

#define CSN_CIDR_TEXT 50 /* the longest IPv6 address, a slash, three digits, a NUL */

struct csn_cidr {
  uint8_t bytes[16]; /* of the first address; an IPv4 one is the first four */
  uint8_t size;      /* 4 or 16 */
  uint8_t bits;      /* how many of its leading bits are fixed */
};

/* "10.0.0.0/8", "fc00::/7", or an address, which is a range of one. An IPv4 range that is written
 * as a mapped IPv6 one becomes the IPv4 one that it means. NULL, or what is wrong with the text, to
 * complete "it ..." (static). */
const char *csn_cidr_parse(const char *text, struct csn_cidr *out);
/* "10.0.0.0/8"; a range of one without its length. */
void csn_cidr_print(const struct csn_cidr *range, char text[CSN_CIDR_TEXT]);
/* Does `outer` have every address of `inner`? */
int csn_cidr_contains(const struct csn_cidr *outer, const struct csn_cidr *inner);
/* An address of the range to try it with: the second, since the first is often a network's name; of
 * a range of one, that one. */
struct csn_cidr csn_cidr_sample(const struct csn_cidr *range);

/* Reads "range,range,..."; "" is none. How many, or -1: one is not a range, or there are more than
 * max. */
int csn_cidr_list(const char *text, struct csn_cidr *out, size_t max);

#endif
