/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `unpack`: a tree from the host. It grows in a staging folder on the same file system and is moved
 * when the stream has come to its end; before that nothing of it is anywhere else. `unpack_clean`
 * removes what such an operation, or an upload, left when it was killed.
 */
#include "guest/files/intake.h"
#include "guest/files/quota.h"
#include "guest/files/staging.h"
#include "guest/files/tree.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DIR_FLAGS (O_RDONLY | O_DIRECTORY | O_CLOEXEC)

/* The directory itself, or the nearest one above that is there. */
static int open_nearest(struct csn_op *op, const char *path) {
  char near[CSN_PATH_SIZE];
  snprintf(near, sizeof near, "%s", path);
  for (;;) {
    int fd = open(near[0] != '\0' ? near : "/", DIR_FLAGS);
    char *slash = strrchr(near, '/');
    if (fd >= 0 || errno != ENOENT || slash == NULL)
      return fd >= 0 ? fd : csn_op_fail_errno(op, errno, "use the directory", near);
    *slash = '\0';
  }
}

/* Each file and directory takes a block at least. */
#define ENTRY_SIZE 4096u

static int charge(struct csn_quota *quota, const struct csn_entry_event *event) {
  uint64_t size = event->entry.size;
  if (event->type == CSN_ENTRY_DATA) return csn_quota_take(quota, event->size);
  if (event->type != CSN_ENTRY_FILE && event->type != CSN_ENTRY_DIRECTORY) return 0;
  if (event->type == CSN_ENTRY_FILE && size != CSN_ENTRY_SIZE_UNKNOWN &&
      csn_quota_expect(quota, size) < 0)
    return -1;
  return csn_quota_take(quota, ENTRY_SIZE);
}

static int receive(struct csn_op *op, struct csn_tree *tree, struct csn_quota *quota) {
  struct csn_intake intake;
  struct csn_entry_event event = {.type = 0};
  int rc = csn_intake_begin(&intake, op);
  while (rc == 0 && (rc = csn_intake_next(&intake, &event)) == 0 && event.type != CSN_ENTRY_END)
    rc = charge(quota, &event) < 0 ? -1 : csn_tree_take(tree, &event);
  csn_intake_end(&intake);
  return rc < 0 ? -1 : csn_tree_close_file(tree);
}

/* All of it came: now it may be seen. */
static int settle(struct csn_op *op, struct csn_tree *tree, const char *path) {
  const char *conflict = csn_op_text(op, "on_conflict");
  bool strict = conflict != NULL && strcmp(conflict, "error") == 0;
  int rc, to = open(path, DIR_FLAGS);
  if (to >= 0 && csn_tree_check(op, tree->root, to, strict) < 0) {
    close(to);
    return -1;
  }
  if (to < 0) {
    if (csn_dir_make(op, path) < 0) return -1;
    to = open(path, DIR_FLAGS);
    if (to < 0) return csn_op_fail_errno(op, errno, "use the directory", path);
  }
  rc = csn_tree_move(op, tree->root, to);
  if (rc == 0) csn_tree_dress(tree, to);
  close(to);
  return rc;
}

static int unpack_into(struct csn_op *op, int near, const char *path, struct csn_quota *quota) {
  char name[CSN_STAGING_SIZE];
  struct csn_tree tree;
  int staging = csn_staging_make(near, name);
  if (staging < 0) return csn_op_fail_errno(op, errno, "write in", path);
  csn_tree_begin(&tree, op, staging, csn_op_number(op, "max_entries", 100000));
  int rc = receive(op, &tree, quota);
  if (rc == 0) rc = settle(op, &tree, path);
  csn_tree_end(&tree);
  csn_tree_remove(near, name);
  close(staging);
  return rc;
}

int csn_op_unpack(struct csn_op *op) {
  char path[CSN_PATH_SIZE];
  struct csn_quota quota;
  if (csn_op_path(op, "path", path) < 0) return -1;
  csn_staging_clean(path);
  csn_quota_begin(&quota, op, path, 0);
  int near = open_nearest(op, path);
  if (near < 0) return -1;
  int rc = unpack_into(op, near, path, &quota);
  close(near);
  if (rc == 0) csn_answer_string(&op->answer, "path", path);
  return rc;
}

int csn_op_unpack_clean(struct csn_op *op) {
  char path[CSN_PATH_SIZE];
  if (csn_op_path(op, "path", path) < 0) return -1;
  csn_staging_clean(path);
  return 0;
}
