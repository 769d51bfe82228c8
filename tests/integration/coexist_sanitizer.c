/* SPDX-License-Identifier: Apache-2.0 */
/* A host that is built with AddressSanitizer loads the plugin that is not, as whoever tests a host
 * of theirs does. It uses nothing of tests/support. In the plain build it is a plain host more. */
#include "integration/coexist_raw.h"

/* The sanitized build is below the plain one. */
static void find_plain(char *path, size_t size) {
  snprintf(path, size, "%s", env("CAISSON_PLUGIN"));
  char *at = strstr(path, "/asan/");
  if (at) memmove(at, at + strlen("/asan"), strlen(at + strlen("/asan")) + 1);
}

int main(void) {
  char path[4096];
  find_plain(path, sizeof path);
  test_plugin(path, "tsanit");
  return done_testing();
}
