/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Texts of which each match of a regular expression must hold one. Looking for these first spares
 * the expression most of what is searched. Pure.
 */
#ifndef CSN_GUEST_FILES_LITERALS_H
#define CSN_GUEST_FILES_LITERALS_H

#include <stdbool.h>
#include <stddef.h>

#define CSN_LITERALS_MAX 16u
#define CSN_LITERAL_SIZE 32u

struct csn_literal {
  unsigned char bytes[CSN_LITERAL_SIZE];
  size_t size;
};

struct csn_literals {
  struct csn_literal items[CSN_LITERALS_MAX];
  size_t count;     /* 0: none are known */
  bool is_whole;    /* wherever one of them is, there is a match */
};

/* `fold`: letters match in both cases; the literals are then in lower case, ASCII, and to be looked
 * for regardless of case. `utf`: folding knows more than ASCII. The expression need not be valid.
 */
void csn_literals_find(const char *pattern, size_t n, bool fold, bool utf,
                       struct csn_literals *out);

#endif
