/* SPDX-License-Identifier: Apache-2.0 */
/* The last look at what leaves a call: a result, a message. Whatever made it, what the host calls
 * secret is not in it. */
#ifndef CSN_TOOLS_MASKED_H
#define CSN_TOOLS_MASKED_H

#include <cjson/cJSON.h>

#include "util/error.h"
#include "util/mask.h"

/* Every text in a CallToolResult but the bytes of images. Without memory to do so the document
 * goes and *document is NULL. */
void csn_masked_document(const struct csn_mask *mask, cJSON **document);
/* The same of any value: all its texts, but not the names of members. */
void csn_masked_value(const struct csn_mask *mask, cJSON **value);
/* The message, which may have been cut in the midst of a secret. */
void csn_masked_error(const struct csn_mask *mask, struct csn_error *err);

#endif
