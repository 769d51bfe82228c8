/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Spill files: see spill.h. They stay for the model to look into, in a tmpfs that also counts as
 * memory, so making a new one removes the oldest ones beyond KEEP_BYTES.
 */
#include "guest/spill.h"

#include "guest/basics.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define KEEP_BYTES (32ull << 20)   /* older files that may stay beside a new one */
#define PREFIX "output-"
#define NAME_TRIES 1000

void csn_spill_begin(struct csn_spill *spill, uint64_t after, uint64_t max) {
  memset(spill, 0, sizeof *spill);
  spill->after = after;
  spill->max = max;
  spill->fd = -1;
}

/* Find the oldest file and add up all sizes. False when there is none. */
static bool find_oldest(DIR *dir, char *name, size_t capacity, uint64_t *total) {
  struct timespec oldest = {0, 0};
  struct stat file;
  bool found = false;
  *total = 0;
  rewinddir(dir);
  for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
    if (strncmp(entry->d_name, PREFIX, sizeof PREFIX - 1) != 0) continue;
    if (fstatat(dirfd(dir), entry->d_name, &file, AT_SYMLINK_NOFOLLOW) < 0) continue;
    if (!S_ISREG(file.st_mode)) continue;
    *total += (uint64_t)file.st_size;
    bool older = file.st_mtim.tv_sec < oldest.tv_sec || (file.st_mtim.tv_sec == oldest.tv_sec &&
                                                         file.st_mtim.tv_nsec < oldest.tv_nsec);
    if (found && !older) continue;
    found = true;
    oldest = file.st_mtim;
    snprintf(name, capacity, "%s", entry->d_name);
  }
  return found;
}

static void remove_old(void) {
  char name[256];
  uint64_t total;
  DIR *dir = opendir(CSN_GUEST_DIR);
  if (dir == NULL) return;
  for (int i = 0; i < 64 && find_oldest(dir, name, sizeof name, &total) && total > KEEP_BYTES;
       i++) {
    if (unlinkat(dirfd(dir), name, 0) < 0) break;
  }
  closedir(dir);
}

static void make_file(struct csn_spill *spill) {
  static unsigned number;
  remove_old();
  csn_guest_make_dir();
  for (int i = 0; i < NAME_TRIES; i++) {
    snprintf(spill->path, sizeof spill->path, CSN_GUEST_DIR "/" PREFIX "%d-%u.txt", (int)getpid(),
             ++number);
    spill->fd = open(spill->path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (spill->fd >= 0) return;
    if (errno != EEXIST) break;
  }
  spill->path[0] = '\0';
  spill->given_up = true;
}

static void write_file(struct csn_spill *spill, const uint8_t *bytes, size_t size) {
  uint64_t room = spill->max - spill->size;
  if (size > room) {
    size = (size_t)room;
    spill->given_up = true;
  }
  while (size > 0) {
    ssize_t wrote = write(spill->fd, bytes, size);
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote <= 0) {
      spill->given_up = true;
      return;
    }
    bytes += wrote;
    size -= (size_t)wrote;
    spill->size += (uint64_t)wrote;
  }
}

static bool keep(struct csn_spill *spill, const uint8_t *bytes, size_t size) {
  if (spill->kept_size + size > spill->kept_capacity) {
    size_t capacity = 2 * (spill->kept_size + size);
    if (capacity > spill->after) capacity = (size_t)spill->after;
    uint8_t *grown = realloc(spill->kept, capacity);
    if (grown == NULL) return false;
    spill->kept = grown;
    spill->kept_capacity = capacity;
  }
  memcpy(spill->kept + spill->kept_size, bytes, size);
  spill->kept_size += size;
  return true;
}

void csn_spill_add(struct csn_spill *spill, const uint8_t *bytes, size_t size) {
  if (spill->max == 0 || spill->given_up || size == 0) return;
  if (spill->fd < 0) {
    if (size <= spill->after - spill->kept_size) {
      spill->given_up = !keep(spill, bytes, size);
      return;
    }
    make_file(spill);
    if (spill->given_up) return;
    write_file(spill, spill->kept, spill->kept_size);
  }
  if (!spill->given_up) write_file(spill, bytes, size);
}

void csn_spill_end(struct csn_spill *spill) {
  if (spill->fd >= 0) close(spill->fd);
  free(spill->kept);
  csn_spill_begin(spill, 0, 0);
}
