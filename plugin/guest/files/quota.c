/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The workspace's quota: see quota.h. What counts is what files take of the disk, holes not, and
 * each file once whatever its links.
 */
#include "guest/files/quota.h"

#include "guest/files/walk.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#define REMEMBERED_MS 1000
#define WALK_MS 10000           /* what was counted by then counts as all of it */
#define BLOCK 4096u             /* the least that a file takes */
#define LINKED_MAX (1u << 20)   /* files with several links that are told apart */

const char *csn_quota_root = "/workspace";

/* Shared by a serve with its operations, which are processes of their own. */
static struct shared {
  uint64_t used;
  int64_t at;   /* 0: nothing is known */
} *shared;

void csn_quota_share(void) {
  const int access = PROT_READ | PROT_WRITE;
  void *page = mmap(NULL, sizeof *shared, access, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  shared = page == MAP_FAILED ? NULL : page;
}

void csn_quota_forget(void) {
  if (shared != NULL) shared->at = 0;
}

/* ---- measuring ------------------------------------------------------------------------------- */

struct measure {
  dev_t dev;
  uint64_t used;
  ino_t *linked;   /* those with several links that were seen: open addressing, 0 is free */
  size_t count, room;
};

static bool put(ino_t *table, size_t room, ino_t ino) {
  size_t at = (size_t)(ino * UINT64_C(0x9e3779b97f4a7c15)) & (room - 1);
  while (table[at] != 0 && table[at] != ino) at = (at + 1) & (room - 1);
  if (table[at] == ino) return false;
  table[at] = ino;
  return true;
}

static int grow(struct measure *m) {
  size_t room = m->room > 0 ? 2 * m->room : 256;
  ino_t *table = room <= 2 * LINKED_MAX ? calloc(room, sizeof *table) : NULL;
  if (table == NULL) return -1;
  for (size_t i = 0; i < m->room; i++)
    if (m->linked[i] != 0) put(table, room, m->linked[i]);
  free(m->linked);
  m->linked = table;
  m->room = room;
  return 0;
}

/* Where there is no room to remember it, it counts once more: the safe side. */
static bool is_new(struct measure *m, const struct stat *st) {
  if (S_ISDIR(st->st_mode) || st->st_nlink < 2) return true;
  if (2 * m->count >= m->room && grow(m) < 0) return true;
  if (!put(m->linked, m->room, st->st_ino)) return false;
  m->count++;
  return true;
}

static int visit(void *ctx, const struct csn_walk_entry *entry) {
  struct measure *m = ctx;
  struct stat st;
  if (fstatat(entry->dir, entry->name, &st, AT_SYMLINK_NOFOLLOW) == 0 && st.st_dev == m->dev &&
      is_new(m, &st))
    m->used += (uint64_t)st.st_blocks * 512;
  return 0;
}

static uint64_t measure(void) {
  struct stat root;
  struct measure m = {0};
  struct csn_walk walk = {.visit = visit, .ctx = &m, .ends_at = csn_walk_clock() + WALK_MS};
  if (stat(csn_quota_root, &root) < 0) return 0;
  m.dev = root.st_dev;
  m.used = (uint64_t)root.st_blocks * 512;
  csn_walk_run(&walk, csn_quota_root);
  free(m.linked);
  if (shared != NULL) *shared = (struct shared){m.used, csn_walk_clock()};
  return m.used;
}

static bool is_remembered(void) {
  return shared != NULL && shared->at != 0 && csn_walk_clock() - shared->at < REMEMBERED_MS;
}

/* ---- what is asked --------------------------------------------------------------------------- */

/* The nearest directory above that is there says where a path leads. */
static bool is_in_workspace(const char *path) {
  char near[CSN_PATH_SIZE], real[PATH_MAX], root[PATH_MAX];
  snprintf(near, sizeof near, "%s", path);
  while (realpath(*near != '\0' ? near : "/", real) == NULL) {
    char *slash = strrchr(near, '/');
    if (slash == NULL) return false;
    *slash = '\0';
  }
  if (realpath(csn_quota_root, root) == NULL) return false;
  size_t n = strlen(root);
  return strncmp(real, root, n) == 0 && (real[n] == '/' || real[n] == '\0');
}

static uint64_t on_disk(uint64_t size) {
  return size > UINT64_MAX - BLOCK ? size : (size + BLOCK - 1) / BLOCK * BLOCK;
}

static int refuse(struct csn_op *op, const char *path, uint64_t quota, uint64_t used,
                  const char *asked, uint64_t size) {
  return csn_op_fail(op, CSN_OP_QUOTA, "Remove files that are not needed and try again.",
                     "cannot write %s: the workspace may hold %llu bytes, %llu are used, and this "
                     "needs %s%llu; nothing was written", path, (unsigned long long)quota,
                     (unsigned long long)used, asked, (unsigned long long)size);
}

static uint64_t left(uint64_t quota, uint64_t used, uint64_t freed) {
  used -= freed < used ? freed : used;
  return used < quota ? quota - used : 0;
}

int csn_quota_check(struct csn_op *op, const char *path, uint64_t freed, uint64_t size) {
  uint64_t quota = csn_op_number(op, "quota", 0), need = on_disk(size);
  if (quota == 0 || !is_in_workspace(path)) return 0;
  /* What is remembered may let something pass; refusing takes a count. */
  bool remembered = is_remembered();
  uint64_t used = remembered ? shared->used : measure();
  if (remembered && need > left(quota, used, freed)) used = measure();
  if (need > left(quota, used, freed)) return refuse(op, path, quota, used, "", size);
  if (shared != NULL) shared->used += need;
  return 0;
}

void csn_quota_begin(struct csn_quota *quota, struct csn_op *op, const char *path, uint64_t freed) {
  uint64_t limit = csn_op_number(op, "quota", 0);
  *quota = (struct csn_quota){.op = op, .path = path, .room = UINT64_MAX};
  if (limit == 0 || !is_in_workspace(path)) return;
  quota->used = measure();
  quota->room = left(limit, quota->used, freed);
  csn_quota_forget();
}

int csn_quota_expect(struct csn_quota *quota, uint64_t size) {
  if (size <= quota->room && quota->taken <= quota->room - size) return 0;
  return refuse(quota->op, quota->path, csn_op_number(quota->op, "quota", 0), quota->used, "",
                size + quota->taken);
}

int csn_quota_take(struct csn_quota *quota, uint64_t size) {
  quota->taken += size;
  if (quota->taken <= quota->room) return 0;
  return refuse(quota->op, quota->path, csn_op_number(quota->op, "quota", 0), quota->used,
                "at least ", quota->taken);
}
