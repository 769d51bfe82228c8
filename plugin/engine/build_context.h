/* SPDX-License-Identifier: Apache-2.0 */
/* The folder that an image is built from: what of it belongs to the build, and a hash of that. It
 * follows no link, neither inside nor out. */
#ifndef CSN_ENGINE_BUILD_CONTEXT_H
#define CSN_ENGINE_BUILD_CONTEXT_H

#include <stddef.h>
#include <stdint.h>

#include "util/control.h"
#include "util/error.h"
#include "util/sha256.h"

#define CSN_CONTEXT_ENTRIES_MAX 1000000u
#define CSN_CONTEXT_PIECE ((size_t)65536)

struct csn_context_entry {
  char *path;   /* relative to the folder */
  char *target; /* of a link, else NULL */
  uint32_t mode; /* st_mode */
  uint64_t size; /* of a file */
  int64_t mtime; /* seconds */
};

struct csn_context {
  int root; /* the folder; -1: none */
  char *path;
  struct csn_context_entry *entries; /* by path, as bytes: whatever order the disk has them in */
  size_t count, room;
  unsigned skipped;       /* sockets, devices and FIFOs, which are left out, */
  char first_skipped[256]; /* and the first of them */
};

/* Reads the folder, its .dockerignore and the names in it. `dockerfile` is relative to it and
 * always belongs to it. 0, what the control says, CAISSON_E_NOMEM, or CAISSON_E_CONFIG by the path
 * at fault. */
int csn_context_open(const char *path, const char *dockerfile, const struct csn_control *control,
                     struct csn_context *out, struct csn_error *err);
void csn_context_close(struct csn_context *context);
#define CSN_CLEANUP_CONTEXT __attribute__((cleanup(csn_context_close)))

/* A file of it, to be read; negative: an error. */
int csn_context_open_file(const struct csn_context *context, const struct csn_context_entry *entry,
                          struct csn_error *err);
/* What a hash has of an entry before its content. */
void csn_context_hash_entry(struct csn_sha256 *hash, const struct csn_context_entry *entry);
/* Adds all entries with their content: paths, types, modes, targets and bytes, but no times. */
int csn_context_hash(const struct csn_context *context, const struct csn_control *control,
                     struct csn_sha256 *hash, struct csn_error *err);
/* For content that is not as long as its entry says. */
int csn_context_changed(const struct csn_context *context, const struct csn_context_entry *entry,
                        struct csn_error *err);

#endif
