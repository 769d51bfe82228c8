/* SPDX-License-Identifier: Apache-2.0 */
/* Which archives, and which compressions of them, are read. */
#ifndef CSN_TOOLS_ARCHIVE_FORMATS_H
#define CSN_TOOLS_ARCHIVE_FORMATS_H

struct archive;

/* 0, or -1: out of memory. */
int csn_archive_add_formats(struct archive *a);

#endif
