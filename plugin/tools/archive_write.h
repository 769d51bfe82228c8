/* SPDX-License-Identifier: Apache-2.0 */
/* Entries from the helper (wire/entry.h) turned into an archive, by libarchive, as they come. What
 * the helper says is held to the rules of a safe archive. */
#ifndef CSN_TOOLS_ARCHIVE_WRITE_H
#define CSN_TOOLS_ARCHIVE_WRITE_H

#include <stddef.h>
#include <stdint.h>

#include "util/control.h"
#include "util/error.h"
#include "util/sha256.h"

struct csn_archive_order {
  const char *format; /* "tar", "tar.gz" or "zip" */
  /* A helper that sends more than it was allowed is none. */
  uint64_t max_entries, max_bytes;
  const struct csn_control *control;
  /* Gets the archive's bytes, as csn_tool_call.output does; NULL: nobody. */
  int (*output)(void *ctx, int stream, const void *bytes, size_t n);
  void *output_ctx;
};

struct csn_archive_writer;

/* The order is copied; what it points to outlives the writer. */
int csn_archive_create(const struct csn_archive_order *order, struct csn_archive_writer **out,
                       struct csn_error *err);
void csn_archive_free(struct csn_archive_writer *writer); /* NULL is fine */

/* The next bytes of the entries. 0; negative: stop, with *failure. A few bytes may stand
 * for very many zeros: the control is asked on the way. */
int csn_archive_take(struct csn_archive_writer *writer, const void *bytes, size_t n,
                     struct csn_error *failure);

/* The archive's end. Fails where the entries have not come to theirs. */
int csn_archive_finish(void *writer, struct csn_error *err);

/* Bytes that went out, and their digest; once it is finished. */
uint64_t csn_archive_size(struct csn_archive_writer *writer, char sha256[CSN_SHA256_HEX]);

#endif
