/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A tree as it is made in a staging folder, and how it gets from there to where it belongs. No step
 * ever follows a link: neither one of the tree's own nor one that somebody else laid meanwhile.
 */
#ifndef CSN_GUEST_FILES_TREE_H
#define CSN_GUEST_FILES_TREE_H

#include "guest/files/op.h"
#include "wire/entry.h"

struct csn_tree_dir;

struct csn_tree {
  struct csn_op *op;
  int root;                       /* of the staging folder; the caller's */
  uint64_t made, max;             /* files, links and directories, named ones and parents alike */
  int file;                       /* the one that data go to, or -1 */
  struct csn_entry file_entry;    /* its mode and times */
  uint64_t at;                    /* bytes of it so far */
  int parent;                     /* the directory that was used last, or -1 */
  char parent_path[CSN_PATH_SIZE], path[CSN_PATH_SIZE];
  struct csn_tree_dir *dirs;      /* named ones, whose modes and times come last */
  size_t dir_count, dir_room, dir_bytes;
};

void csn_tree_begin(struct csn_tree *tree, struct csn_op *op, int root, uint64_t max);
void csn_tree_end(struct csn_tree *tree);

/* One event of the stream. 0, or -1 after csn_op_fail. */
int csn_tree_take(struct csn_tree *tree, const struct csn_entry_event *event);

/* Finishes the last file. */
int csn_tree_close_file(struct csn_tree *tree);

/* Would the tree fit into the directory `to`? With `strict` no file may be there already. 0, or -1
 * after csn_op_fail; nothing is changed. */
int csn_tree_check(struct csn_op *op, int from, int to, bool strict);

/* Moves everything into the directory `to`; directories that are on both sides are merged. */
int csn_tree_move(struct csn_op *op, int from, int to);

/* Modes and times of the directories that the stream named, below `to`. */
void csn_tree_dress(struct csn_tree *tree, int to);

#endif
