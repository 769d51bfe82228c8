/* SPDX-License-Identifier: Apache-2.0 */
#include "util/spawn.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <unistd.h>

extern char **environ;

static int add_descriptors(posix_spawn_file_actions_t *actions, int stream, int words) {
  int rc = posix_spawn_file_actions_adddup2(actions, stream, 0);
  if (!rc) rc = posix_spawn_file_actions_adddup2(actions, stream, 1);
  if (!rc)
    rc = words < 0 ? posix_spawn_file_actions_addopen(actions, 2, "/dev/null", O_WRONLY, 0)
                   : posix_spawn_file_actions_adddup2(actions, words, 2);
  /* Whatever the host forgot to mark as its own. */
  return rc ? rc : posix_spawn_file_actions_addclosefrom_np(actions, 3);
}

static int add_attributes(posix_spawnattr_t *attributes) {
  sigset_t none, all;
  sigemptyset(&none);
  sigfillset(&all);
  int rc = posix_spawnattr_setsigmask(attributes, &none);
  if (!rc) rc = posix_spawnattr_setsigdefault(attributes, &all);
  short flags = POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSID;
  return rc ? rc : posix_spawnattr_setflags(attributes, flags);
}

int csn_spawn(const char *const *argv, int stream, int words, pid_t *pid) {
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  int rc = posix_spawn_file_actions_init(&actions);
  if (rc) return rc;
  rc = posix_spawnattr_init(&attributes);
  if (!rc) {
    rc = add_descriptors(&actions, stream, words);
    if (!rc) rc = add_attributes(&attributes);
    /* It changes nothing in its argv. */
    if (!rc)
      rc = posix_spawnp(pid, argv[0], &actions, &attributes, (char *const *)(uintptr_t)argv,
                        environ);
    posix_spawnattr_destroy(&attributes);
  }
  posix_spawn_file_actions_destroy(&actions);
  return rc;
}
