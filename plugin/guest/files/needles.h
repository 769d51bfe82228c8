/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Looking for several short texts at once, sixteen bytes at a time. Pure.
 */
#ifndef CSN_GUEST_FILES_NEEDLES_H
#define CSN_GUEST_FILES_NEEDLES_H

#include "guest/files/literals.h"

/* Two bytes of a text, the rarest that it has; folded ones have `fold` set in what is compared. */
struct csn_needle {
  unsigned char bytes[2], fold[2];
  size_t offsets[2];
};

struct csn_needles {
  const struct csn_literals *literals;   /* which must outlive it */
  struct csn_needle items[CSN_LITERALS_MAX];
  bool fold;
  size_t longest;
};

void csn_needles_begin(struct csn_needles *needles, const struct csn_literals *literals, bool fold);
/* Where the first of them begins, or NULL; `found` is its size. */
const char *csn_needles_find(const struct csn_needles *needles, const char *at, const char *end,
                             size_t *found);
/* How often a byte is there. */
size_t csn_needles_count(const char *at, const char *end, unsigned char byte);

#endif
