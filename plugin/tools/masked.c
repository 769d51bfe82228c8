/* SPDX-License-Identifier: Apache-2.0 */
/* See masked.h. Output of commands comes masked already, since a result holds only its head and its
 * tail; but files, reports of the helper and words of the engine do not. */
#include "tools/masked.h"

#include <stdio.h>
#include <string.h>

#include "util/json.h"

/* Names of members are our own. */
static void mask_value(struct csn_mask_stream *s, cJSON *value) {
  cJSON *member;
  if (cJSON_IsString(value)) csn_mask_text(s, value->valuestring, 0);
  cJSON_ArrayForEach(member, value) mask_value(s, member);
}

static void mask_result(struct csn_mask_stream *s, cJSON *result) {
  cJSON *block;
  mask_value(s, cJSON_GetObjectItemCaseSensitive(result, "structuredContent"));
  cJSON_ArrayForEach(block, cJSON_GetObjectItemCaseSensitive(result, "content")) {
    if (strcmp(csn_json_string(block, "type", ""), "image") != 0) mask_value(s, block);
  }
}

typedef void mask_fn(struct csn_mask_stream *s, cJSON *document);

static void mask_with(mask_fn *masks, const struct csn_mask *mask, cJSON **document) {
  struct csn_mask_stream s;
  if (!mask || !*document) return;
  if (csn_mask_begin(&s, mask, NULL, NULL, NULL) == 0) {
    masks(&s, *document);
    csn_mask_free(&s);
    return;
  }
  cJSON_Delete(*document);
  *document = NULL;
}

void csn_masked_document(const struct csn_mask *mask, cJSON **document) {
  mask_with(mask_result, mask, document);
}

void csn_masked_value(const struct csn_mask *mask, cJSON **value) {
  mask_with(mask_value, mask, value);
}

void csn_masked_error(const struct csn_mask *mask, struct csn_error *err) {
  struct csn_mask_stream s;
  if (!mask || !err->message[0]) return;
  if (csn_mask_begin(&s, mask, NULL, NULL, NULL) == 0) {
    /* One that has lost a character of four bytes at its end was cut too. */
    csn_mask_text(&s, err->message, strlen(err->message) + 4 >= sizeof err->message);
    csn_mask_free(&s);
    return;
  }
  snprintf(err->message, sizeof err->message, "out of memory in the host process");
}
