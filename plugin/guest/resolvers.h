/* SPDX-License-Identifier: Apache-2.0 */
/* The name servers of /etc/resolv.conf, but those on the loopback, which are never asked over a
 * network. */
#ifndef CSN_GUEST_RESOLVERS_H
#define CSN_GUEST_RESOLVERS_H

#include "util/cidr.h"

#define CSN_RESOLVERS_MAX 16

/* How many; none where there is no such file. */
size_t csn_resolvers_read(struct csn_cidr list[CSN_RESOLVERS_MAX]);
/* The same of the text of such a file. */
size_t csn_resolvers_parse(const char *text, struct csn_cidr list[CSN_RESOLVERS_MAX]);

/* Is it in 127.0.0.0/8, or ::1? */
int csn_resolvers_is_loopback(const struct csn_cidr *address);

#endif
