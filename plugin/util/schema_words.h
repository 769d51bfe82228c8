/* SPDX-License-Identifier: Apache-2.0 */
/* The words of schema.h's messages: what a schema asks for, and what a value is, in short.
 * Fixed buffers throughout, so that saying what is wrong cannot itself fail. */
#ifndef CSN_UTIL_SCHEMA_WORDS_H
#define CSN_UTIL_SCHEMA_WORDS_H

#include <cjson/cJSON.h>
#include <stddef.h>

struct csn_words {
  char text[768];
  size_t size;
};

/* Adds as much as there is room for. */
void csn_words_add(struct csn_words *w, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* In double quotes, escaped as in JSON, cut after 40 characters. */
void csn_words_add_quoted(struct csn_words *w, const char *text);
/* `an integer from 1 to 600000`: completes "must be". */
void csn_words_add_expectation(struct csn_words *w, const cJSON *schema);
/* `"lots"`, `17`, `an array`: completes "not". Then, where the kind of value alone is wrong, how to
 * write it: "; write it without quotes". */
void csn_words_add_value(struct csn_words *w, const cJSON *schema, const cJSON *value);

/* Text forms with a rule of their own. */
struct csn_schema_format {
  const char *name;
  const char *words; /* completes "must be" */
  int (*holds)(const char *text);
};
const struct csn_schema_format *csn_schema_format_find(const char *name); /* NULL: none */

/* Is `type` the schema's type or in its list? */
int csn_schema_has_type(const cJSON *schema, const char *type);

#endif
