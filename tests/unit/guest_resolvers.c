/* SPDX-License-Identifier: Apache-2.0 */
/* Name servers out of the text of a resolv.conf. */
#include "guest/resolvers.h"

#include <string.h>

#include "tap.h"

static void check(const char *file, const char *want) {
  struct csn_cidr list[CSN_RESOLVERS_MAX];
  char got[1024] = "";
  size_t count = csn_resolvers_parse(file, list);
  for (size_t i = 0; i < count; i++) {
    char text[CSN_CIDR_TEXT];
    csn_cidr_print(&list[i], text);
    snprintf(got + strlen(got), sizeof got - strlen(got), "%s ", text);
  }
  is_str(got, want, "%s", file);
}

int main(void) {
  check("", "");
  check("nameserver 10.0.0.1", "10.0.0.1 ");
  check("# words\nsearch x\nnameserver 10.0.0.1\nnameserver\t fd00::1 # here\n", "10.0.0.1 fd00::1 ");
  check("nameserver 127.0.0.53\nnameserver ::1\nnameserver 127.0.0.11\n", "");
  check("nameserver fe80::1%eth0\n", "fe80::1 ");
  check("nameserver\n10.0.0.1\n", "");
  check("nameservers 10.0.0.1\nnameserver 10.0.0\nnameserver 10.0.0.0/8\n;nameserver 1.1.1.1", "");
  check("nameserver 0123456789012345678901234567890123456789012345678901234567890123456789\n", "");
  check("nameserver \nnameserver ::\n", ":: ");
  char many[1024] = "";
  for (int i = 0; i < 20; i++) strcat(many, "nameserver 1.1.1.1\n");
  struct csn_cidr list[CSN_RESOLVERS_MAX];
  is_int(csn_resolvers_parse(many, list), CSN_RESOLVERS_MAX, "no more than there is room for");
  return done_testing();
}
