/* SPDX-License-Identifier: Apache-2.0 */
/* See archive_path.h. */
#include "tools/archive_path.h"

#include <stddef.h>
#include <string.h>

#define COMPONENT_MAX ((size_t)255)

static int refuse(const char **why, const char *words) {
  *why = words;
  return -1;
}

/* The next component, its slashes passed over; its length, 0 at the end. */
static size_t next(const char **at) {
  *at += strspn(*at, "/");
  return strcspn(*at, "/");
}

static int is_dots(const char *part, size_t n, size_t dots) {
  return n == dots && memcmp(part, "..", n) == 0;
}

int csn_archive_path(const char *name, unsigned strip, char out[CSN_ARCHIVE_PATH_SIZE],
                     const char **why) {
  size_t used = 0, depth = 0, n;
  out[0] = '\0';
  if (*name == '\0') return refuse(why, "it has no name");
  if (*name == '/') return refuse(why, "its path is absolute");
  for (const char *at = name; (n = next(&at)) > 0; at += n) {
    if (is_dots(at, n, 1)) continue;
    if (is_dots(at, n, 2)) return refuse(why, "its path has \"..\" in it");
    if (n > COMPONENT_MAX) return refuse(why, "a name in its path is longer than 255 bytes");
    if (++depth > CSN_ARCHIVE_DEPTH_MAX) return refuse(why, "its path is too deep");
    if (depth <= strip) continue;
    if (used + n + 2 > CSN_ARCHIVE_PATH_SIZE) return refuse(why, "its path is too long");
    if (used > 0) out[used++] = '/';
    memcpy(out + used, at, n);
    used += n;
    out[used] = '\0';
  }
  return used > 0;
}

/* From its own directory, which is a real one, ".." leads up one level each. Behind a name they
 * might lead up from wherever a link of that name points to. */
int csn_archive_symlink(const char *path, const char *target, const char **why) {
  size_t depth = 0, n, names = 0;
  if (*target == '\0') return refuse(why, "it is a link to nothing");
  if (*target == '/') return refuse(why, "it is a link to an absolute path");
  if (strlen(target) >= CSN_ARCHIVE_PATH_SIZE) return refuse(why, "its target is too long");
  for (const char *p = path; *p; p++) depth += *p == '/';
  for (const char *at = target; (n = next(&at)) > 0; at += n) {
    if (is_dots(at, n, 1)) continue;
    if (!is_dots(at, n, 2)) {
      names++;
      continue;
    }
    if (names > 0) return refuse(why, "it is a link with \"..\" behind a name");
    if (depth-- == 0) return refuse(why, "it is a link that leaves the directory");
  }
  return 0;
}
