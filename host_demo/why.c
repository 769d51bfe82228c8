/* SPDX-License-Identifier: Apache-2.0 */
/* why.c: the words of a refusal. What does not fit is cut off. */
#include "why.h"

#include <stdarg.h>
#include <stdio.h>

int csn_why(char why[CSN_LOADER_MESSAGE], const char *fmt, ...) {
  va_list args;
  va_start(args, fmt);
  (void)vsnprintf(why, CSN_LOADER_MESSAGE, fmt, args);
  va_end(args);
  return -1;
}
