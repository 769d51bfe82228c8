/* SPDX-License-Identifier: Apache-2.0 */
/* What a file that somebody sent may be called. Pure. */
#ifndef CSN_TOOLS_UPLOAD_NAME_H
#define CSN_TOOLS_UPLOAD_NAME_H

#include <stddef.h>

#define CSN_UPLOAD_NAME_SIZE 256 /* with its NUL */

/* The last component of `name`, which may be any bytes with / or \ between components: valid UTF-8,
 * without control characters and characters that reorder or hide text, without blanks and dots
 * where they mislead (at both ends, but for one leading dot), at most 255 bytes with its extension
 * kept; "upload" if nothing is left. Never "." or "..", never with a slash. */
void csn_upload_name(const char *name, size_t size, char out[CSN_UPLOAD_NAME_SIZE]);

#endif
