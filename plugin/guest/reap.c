/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Removing old helpers: see reap.h. Names and the folder are frozen, as the sandboxes of every version
 * mount it: guest-<16 hex>, or guest-<16 hex>-readable; a delivery under way is .<name>.<random>.
 */
#include "guest/reap.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define FOLDER "/.caisson"
#define PREFIX "guest-"
#define SUFFIX "-readable"
#define DIGITS 16

static bool is_helper(const char *name) {
  if (strncmp(name, PREFIX, sizeof PREFIX - 1) != 0) return false;
  name += sizeof PREFIX - 1;
  if (strspn(name, "0123456789abcdef") != DIGITS) return false;
  return name[DIGITS] == '\0' || strcmp(name + DIGITS, SUFFIX) == 0;
}

static bool is_delivery(const char *name) {
  return name[0] == '.' && strncmp(name + 1, PREFIX, sizeof PREFIX - 1) == 0;
}

static bool is_kept(const char *name, char *const *keep) {
  while (*keep != NULL && strcmp(*keep, name) != 0) keep++;
  return *keep != NULL;
}

/* By the time of its last change of any kind: an archive says itself when its files were
 * written. */
static bool is_old(int folder, const char *name, uint64_t min_age_s) {
  struct stat entry;
  if (fstatat(folder, name, &entry, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(entry.st_mode))
    return false;
  time_t now = time(NULL);
  return now >= entry.st_ctime && (uint64_t)(now - entry.st_ctime) >= min_age_s;
}

_Noreturn void csn_reap_main(bool removes, uint64_t min_age_s, char *const *keep) {
  int code = 0;
  DIR *folder = opendir(FOLDER);
  if (folder == NULL) {
    fprintf(stderr, "%s: %s\n", FOLDER, strerror(errno));
    exit(1);
  }
  for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
    const char *name = entry->d_name;
    if (!(is_helper(name) || is_delivery(name)) || is_kept(name, keep)) continue;
    if (!is_old(dirfd(folder), name, min_age_s)) continue;
    if (!removes || unlinkat(dirfd(folder), name, 0) == 0) {
      printf("%s\n", name);
    } else if (errno != ENOENT) {
      fprintf(stderr, "%s: %s\n", name, strerror(errno));
      code = 1;
    }
  }
  fflush(stdout);
  exit(code);
}
