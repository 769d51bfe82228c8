/* SPDX-License-Identifier: Apache-2.0 */
#include "transport/url.h"

#include <string.h>

static int is_unreserved(unsigned char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '.' || c == '_' || c == '~';
}

int csn_url_add_escaped(struct csn_buffer *b, const char *text) {
  static const char hex[] = "0123456789ABCDEF";
  for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
    char out[3] = {'%', hex[*p >> 4], hex[*p & 15]};
    int rc = is_unreserved(*p) ? csn_buffer_add(b, p, 1) : csn_buffer_add(b, out, sizeof out);
    if (rc) return rc;
  }
  return 0;
}
