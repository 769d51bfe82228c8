/* SPDX-License-Identifier: Apache-2.0 */
/* An archive that somebody sent, read by libarchive and turned into entries (wire/entry.h) that are
 * safe to unpack. What is not safe, too much or damaged ends it with a reason that names the entry. */
#ifndef CSN_TOOLS_ARCHIVE_READ_H
#define CSN_TOOLS_ARCHIVE_READ_H

#include "tools/tool.h"

struct csn_archive_limits {
  uint64_t entries, bytes, ratio;
  unsigned strip; /* components */
};

struct csn_archive_reader;

/* Reads up to the first entry. 0; CAISSON_E_ARGUMENTS with a reason archive.*; what stopped the
 * call; CAISSON_E_CANCELLED with reason input.failed. */
int csn_archive_open(const struct csn_tool_call *call, const struct csn_archive_limits *limits,
                     struct csn_archive_reader **out, struct csn_error *err);
void csn_archive_close(struct csn_archive_reader *reader); /* NULL is fine */

/* The next bytes of the entries, in the way of caisson_request.input. After a failure they end
 * before their end, so that what was unpacked of them is dropped. */
int64_t csn_archive_give(void *reader, void *buffer, uint64_t capacity);

/* Why it failed; code 0: it did not. */
const struct csn_error *csn_archive_failure(const struct csn_archive_reader *reader);

uint64_t csn_archive_entries(const struct csn_archive_reader *reader);
uint64_t csn_archive_bytes(const struct csn_archive_reader *reader);
const char *csn_archive_format(const struct csn_archive_reader *reader); /* in words */

#endif
