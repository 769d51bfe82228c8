/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `list`: what is in a directory.
 */
#include "guest/files/op.h"

#include <dirent.h>
#include <errno.h>

int csn_op_list(struct csn_op *op) {
  char path[CSN_PATH_SIZE];
  if (csn_op_path(op, "path", path) < 0) return -1;
  DIR *dir = opendir(path);
  if (dir == NULL) return csn_op_fail_errno(op, errno, "list", path);
  struct dirent *entry;
  csn_answer_array(&op->answer, "entries");
  while ((entry = readdir(dir)) != NULL) {
    csn_answer_string(&op->answer, NULL, entry->d_name);
    csn_op_putf(op, "%s\n", entry->d_name);
  }
  csn_answer_end_array(&op->answer);
  closedir(dir);
  return 0;
}
