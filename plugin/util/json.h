/* SPDX-License-Identifier: Apache-2.0 */
/* The glue between JSON text, cJSON trees and our errors: strict parsing with caps, reading members
 * without type mistakes, and building without forgetting that memory can run out.
 * cJSON's allocator stays what the process has made it: hooks are global to the host. */
#ifndef CSN_UTIL_JSON_H
#define CSN_UTIL_JSON_H

#include <cjson/cJSON.h>
#include <stddef.h>
#include <stdint.h>

#include "util/error.h"

#define CSN_JSON_DEPTH_MAX 64
/* The largest integer that every JSON reader keeps exact, 2^53 - 1. */
#define CSN_JSON_INT_MAX INT64_C(9007199254740991)

/* Parses n bytes (no NUL needed) of strict JSON. Refused, with line and column: more than `max`
 * bytes, deeper than CSN_JSON_DEPTH_MAX, invalid UTF-8, NUL raw or as \u0000 (a cJSON string would
 * end there), lone surrogates, numbers that no double holds, and by name, two members of one name.
 * `what` begins the message ("the arguments"); `code` and `reason` are the error's. */
int csn_json_parse(const char *text, size_t n, size_t max, const char *what, int code,
                   const char *reason, cJSON **out, struct csn_error *err);

/* The same checks without building a tree: 0, or -1 with the place and the words (static text). */
struct csn_json_flaw {
  size_t at; /* byte offset */
  const char *words;
};
int csn_json_scan(const char *text, size_t n, struct csn_json_flaw *flaw);

/* ---- reading: the member, or `fallback` where it is missing or of another type --------------- */
/* `object` may be NULL. Names are compared with their case. */
const cJSON *csn_json_get(const cJSON *object, const char *name);
const char *csn_json_string(const cJSON *object, const char *name, const char *fallback);
int64_t csn_json_int(const cJSON *object, const char *name, int64_t fallback); /* within 2^53 */
double csn_json_number(const cJSON *object, const char *name, double fallback);
int csn_json_bool(const cJSON *object, const char *name, int fallback);
/* The first (after == NULL) or next member whose value is a string: its name is ->string, its
 * value ->valuestring. */
const cJSON *csn_json_next_string(const cJSON *object, const cJSON *after);

/* A number of bytes as text: "65536", "512m", "2g", "2GiB" (powers of 1024). 0, or -1 where it has
 * no such form or is beyond 2^53. */
int csn_size_parse(const char *text, uint64_t *bytes);

/* ---- building: 0 or CAISSON_E_NOMEM, so that several results can be or-ed together ----------- */
int csn_json_add(cJSON *object, const char *name, cJSON *item); /* takes item, also when it fails;
                                                                   NULL means out of memory */
int csn_json_add_string(cJSON *object, const char *name, const char *text); /* NULL: no memory */
int csn_json_add_int(cJSON *object, const char *name, int64_t value);
int csn_json_add_uint(cJSON *object, const char *name, uint64_t value);
int csn_json_add_number(cJSON *object, const char *name, double value);
int csn_json_add_bool(cJSON *object, const char *name, int value);
int csn_json_append(cJSON *array, cJSON *item); /* as csn_json_add */
int csn_json_append_string(cJSON *array, const char *text);
/* The new and empty child, or NULL. */
cJSON *csn_json_add_object(cJSON *object, const char *name);
cJSON *csn_json_add_array(cJSON *object, const char *name);

/* The text without white space, to be freed by csn_free; NULL when out of memory. */
char *csn_json_print(const cJSON *item);

static inline void csn_json_delete_ptr(cJSON **item) {
  cJSON_Delete(*item);
}
#define CSN_CLEANUP_JSON __attribute__((cleanup(csn_json_delete_ptr)))

#endif
