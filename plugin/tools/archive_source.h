/* SPDX-License-Identifier: Apache-2.0 */
/* The bytes of an archive as they come from the host: waited for, since libarchive cannot be told
 * "not yet", and kept in a file without a name where the format has to be read back and forth. */
#ifndef CSN_TOOLS_ARCHIVE_SOURCE_H
#define CSN_TOOLS_ARCHIVE_SOURCE_H

#include "tools/tool.h"

#define CSN_SOURCE_PIECE ((size_t)64 << 10)

struct csn_archive_source {
  const struct csn_tool_call *call;
  uint8_t *piece;      /* CSN_SOURCE_PIECE bytes */
  size_t peeked;       /* bytes at its start that nobody was given yet */
  int spool;           /* -1: none */
  uint64_t taken;      /* bytes of input so far */
  uint64_t zeros;      /* with so many zeros at the end */
  int ended;           /* and no more will come */
  int stopped;         /* CAISSON_E_CANCELLED, _DEADLINE */
  int input_failed;
};

/* Reads as much as tells formats apart. 0; negative: no memory, or one of the last two members. */
int csn_source_open(struct csn_archive_source *source, const struct csn_tool_call *call,
                    struct csn_error *err);
void csn_source_close(struct csn_archive_source *source);

/* Is it of a format that has to be read back and forth? These have names as text. */
int csn_source_needs_spool(const struct csn_archive_source *source);

/* All of it into the spool, at its beginning then. `max` bytes at most. */
int csn_source_spool(struct csn_archive_source *source, uint64_t max, struct csn_error *err);

/* The next piece; its size, 0 at the end, -1 with one of the two members set. */
int64_t csn_source_read(struct csn_archive_source *source, const void **bytes);

#endif
