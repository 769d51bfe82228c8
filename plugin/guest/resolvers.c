/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/resolvers.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define FILE_MAX 16384

int csn_resolvers_is_loopback(const struct csn_cidr *address) {
  static const uint8_t v6[16] = {[15] = 1};
  return address->size == 4 ? address->bytes[0] == 127
                            : memcmp(address->bytes, v6, sizeof v6) == 0;
}

/* "nameserver ADDRESS", of n bytes. */
static int parse_line(const char *line, size_t n, struct csn_cidr *address) {
  static const char word[] = "nameserver";
  char text[CSN_CIDR_TEXT];
  size_t at = sizeof word - 1;
  if (n < at || strncmp(line, word, at) != 0 || (line[at] != ' ' && line[at] != '\t')) return 0;
  at += strspn(line + at, " \t");
  size_t size = strcspn(line + at, " \t\r\n#;%");
  if (at + size > n || size == 0 || size >= sizeof text) return 0;
  memcpy(text, line + at, size);
  text[size] = '\0';
  return csn_cidr_parse(text, address) == NULL && address->bits == address->size * 8 &&
         !csn_resolvers_is_loopback(address);
}

size_t csn_resolvers_parse(const char *text, struct csn_cidr list[CSN_RESOLVERS_MAX]) {
  size_t count = 0;
  while (*text != '\0' && count < CSN_RESOLVERS_MAX) {
    size_t n = strcspn(text, "\n");
    count += (size_t)parse_line(text, n, &list[count]);
    text += n + (text[n] == '\n');
  }
  return count;
}

size_t csn_resolvers_read(struct csn_cidr list[CSN_RESOLVERS_MAX]) {
  static char text[FILE_MAX + 1];
  int fd = open("/etc/resolv.conf", O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return 0;
  ssize_t size = read(fd, text, FILE_MAX);
  close(fd);
  text[size > 0 ? size : 0] = '\0';
  return csn_resolvers_parse(text, list);
}
