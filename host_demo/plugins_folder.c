/* SPDX-License-Identifier: Apache-2.0 */
/* plugins_folder.c: which files of a configuration folder are read, and in which order. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "plugins.h"
#include "trusted.h"

#define FILE_MAX ((size_t)64 * 1024)
#define SUFFIX ".conf"

/* Backups of editors, packages' leftovers and hidden files are none of ours. */
static int is_configuration(const struct dirent *entry) {
  size_t n = strlen(entry->d_name), m = strlen(SUFFIX);
  return n > m && entry->d_name[0] != '.' && strcmp(entry->d_name + n - m, SUFFIX) == 0;
}

/* By bytes, whatever the locale. */
static int by_name(const struct dirent **a, const struct dirent **b) {
  return strcmp((*a)->d_name, (*b)->d_name);
}

static int read_text(int fd, char *text, size_t *n) {
  *n = 0;
  while (*n < FILE_MAX) {
    ssize_t got = read(fd, text + *n, FILE_MAX - *n);
    if (got < 0 && errno == EINTR)
      continue;
    if (got <= 0)
      return (int)got;
    *n += (size_t)got;
  }
  errno = EFBIG;
  return -1;
}

static int read_file(struct csn_plugins *list, const char *folder, const char *name,
                     char why[CSN_LOADER_MESSAGE]) {
  static char text[FILE_MAX]; /* once, before there are threads */
  char path[2 * PATH_MAX], real[PATH_MAX];
  size_t n = 0;
  (void)snprintf(path, sizeof path, "%s/%s", folder, name);
  int fd = csn_trusted_open("configuration", path, real, why);
  if (fd < 0)
    return -1;
  int rc = read_text(fd, text, &n);
  if (rc < 0)
    (void)csn_why(why, "configuration %.1024s: %s", real, strerror(errno));
  else
    rc = csn_plugins_parse(list, name, text, n, why);
  (void)close(fd);
  return rc;
}

int csn_plugins_read(struct csn_plugins *list, const char *folder, char why[CSN_LOADER_MESSAGE]) {
  char real[PATH_MAX];
  struct dirent **entries = NULL;
  int fd = csn_trusted_open_folder("configuration folder", folder, real, why), rc = 0;
  if (fd < 0)
    return -1;
  int count = scandirat(fd, ".", &entries, is_configuration, by_name);
  if (count < 0)
    rc = csn_why(why, "configuration folder %.1024s: %s", real, strerror(errno));
  for (int i = 0; i < count; i++) {
    if (rc == 0)
      rc = read_file(list, real, entries[i]->d_name, why);
    free(entries[i]);
  }
  free(entries);
  (void)close(fd);
  if (rc == 0 && list->count == 0)
    rc = csn_why(why, "configuration folder %.1024s: no file *" SUFFIX " in it names a plugin",
                 real);
  return rc;
}
