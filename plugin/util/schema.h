/* SPDX-License-Identifier: Apache-2.0 */
/* Checks a value against a JSON Schema, in words that tell whoever wrote the value what to change.
 * Knows the subset of JSON Schema 2020-12 that the manifest uses and nothing of what it describes.
 *
 * Understood: type (one or a list), enum, const, minimum, maximum, minLength and maxLength (in
 * characters), format, items, minItems, maxItems, properties, required, additionalProperties
 * (false or a schema), minProperties, propertyNames (its format only), patternProperties (only
 * "^x-": {}, members that are ignored), if with then. Annotations: $schema, $comment, title,
 * description, default, examples, and writeOnly, which also keeps the value out of messages.
 * minimum and maximum also bound the bytes that a text of format "size" stands for.
 * Formats are our own, a table in schema_words.c. There are no regular expressions. */
#ifndef CSN_UTIL_SCHEMA_H
#define CSN_UTIL_SCHEMA_H

#include <cjson/cJSON.h>

#include "util/error.h"

/* 0, or `code` with `reason` and a message that begins with the path of the first fault:
 * `sandbox.memory: must be ...`. `root` is what the message calls the value itself where the fault
 * is there ("configuration"; "" is nothing). With CAISSON_E_ARGUMENTS, members of the root are
 * called arguments. */
int csn_schema_check(const cJSON *schema, const cJSON *value, const char *root, int code,
                     const char *reason, struct csn_error *err);

/* The first keyword or format in a schema that csn_schema_check would not honour, or NULL. */
const char *csn_schema_unsupported(const cJSON *schema);

#endif
