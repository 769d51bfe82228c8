/* SPDX-License-Identifier: Apache-2.0 */
/* Text into paths and queries. Pure. */
#ifndef CSN_TRANSPORT_URL_H
#define CSN_TRANSPORT_URL_H

#include "util/buffer.h"

/* Adds text with all but RFC 3986's unreserved characters as %XX, so also '/', '?', '&' and bytes
 * that are no UTF-8. As csn_buffer_add(). */
int csn_url_add_escaped(struct csn_buffer *b, const char *text);

#endif
