/* SPDX-License-Identifier: Apache-2.0 */
#include "util/path.h"

#include <string.h>

/* Adds the steps of `path` to the absolute path in out, which has no slash at its end ("" is /). */
static int add_steps(char out[CSN_PATH_SIZE], const char *path) {
  size_t used = strlen(out);
  while (*path) {
    path += strspn(path, "/");
    size_t n = strcspn(path, "/");
    if (n == 2 && memcmp(path, "..", 2) == 0) {
      while (used > 0 && out[--used] != '/') continue;
    } else if (n > 0 && !(n == 1 && *path == '.')) {
      if (n + 2 > CSN_PATH_SIZE - used) return -1;
      out[used++] = '/';
      memcpy(out + used, path, n);
      used += n;
    }
    out[used] = '\0';
    path += n;
  }
  return 0;
}

int csn_path_resolve(const char *base, const char *path, char out[CSN_PATH_SIZE]) {
  out[0] = '\0';
  int rc = *path == '/' ? 0 : add_steps(out, base);
  if (!rc) rc = add_steps(out, path);
  if (!rc && !out[0]) strcpy(out, "/");
  return rc;
}
