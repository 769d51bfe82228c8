/* SPDX-License-Identifier: Apache-2.0 */
/* The index of a zip or 7z archive, looked at before libarchive does: it keeps all of one in
 * memory, however large, before it shows the first entry. */
#ifndef CSN_TOOLS_ARCHIVE_INDEX_H
#define CSN_TOOLS_ARCHIVE_INDEX_H

#include "tools/archive_source.h"

/* Of a spooled source, whose piece it uses. 0; CAISSON_E_ARGUMENTS with archive.limit; what stopped
 * the call; or the spool cannot be read. */
int csn_archive_index_check(const struct csn_archive_source *source, uint64_t max_entries,
                            struct csn_error *err);

#endif
