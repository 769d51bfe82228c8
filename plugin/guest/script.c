/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Script files: see script.h. Names that are taken (a command may make any) are passed over.
 */
#include "guest/script.h"

#include "guest/basics.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAME_TRIES 1000

static int make_dir(struct csn_script *script) {
  static unsigned number;
  for (int i = 0; i < NAME_TRIES; i++) {
    snprintf(script->dir, sizeof script->dir, CSN_GUEST_DIR "/run-%d-%u", (int)getpid(), ++number);
    if (mkdir(script->dir, 0700) == 0) return 0;
    if (errno == ENOENT && i == 0) csn_guest_make_dir();
    else if (errno != EEXIST) break;
  }
  script->dir[0] = '\0';
  return -1;
}

static void close_file(struct csn_script *script) {
  if (script->fd >= 0) close(script->fd);
  script->fd = -1;
}

int csn_script_open(struct csn_script *script, const char *name, uint64_t size) {
  script->fd = -1;
  script->left = size;
  if (make_dir(script) < 0) return -1;
  snprintf(script->path, sizeof script->path, "%s/%s", script->dir, name);
  script->fd = open(script->path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (script->fd < 0) {
    int why = errno;
    csn_script_remove(script);
    errno = why;
    return -1;
  }
  if (size == 0) close_file(script);
  return 0;
}

int csn_script_add(struct csn_script *script, const uint8_t *bytes, size_t size) {
  script->left -= size;
  if (csn_guest_write_all(script->fd, bytes, size) < 0) return -1;
  if (script->left == 0) close_file(script);
  return 0;
}

void csn_script_remove(struct csn_script *script) {
  if (script->dir[0] == '\0') return;
  close_file(script);
  unlink(script->path);
  rmdir(script->dir);
  script->dir[0] = '\0';
}
