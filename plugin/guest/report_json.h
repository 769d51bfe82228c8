/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A JSON text in a buffer of fixed size, written from front to back. It allocates nothing, makes
 * valid UTF-8 of whatever bytes it is given, and can take back the last member of a list that has
 * become too long. It knows nothing of what it writes.
 */
#ifndef CSN_GUEST_REPORT_JSON_H
#define CSN_GUEST_REPORT_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct csn_report_json {
  char *bytes;
  size_t capacity, size;
  bool comma;   /* the next value needs one before it */
  bool full;    /* something did not fit: what is there is no JSON */
  bool cut;     /* a list or a text is not all that there is */
};

/* A place to go back to. */
struct csn_report_mark {
  size_t size;
  bool comma, full;
};

/* In an object each value has a name; in an array, and for the outermost value, it is NULL. */
void csn_report_object(struct csn_report_json *json, const char *name);
void csn_report_array(struct csn_report_json *json, const char *name);
void csn_report_end_object(struct csn_report_json *json);
void csn_report_end_array(struct csn_report_json *json);
void csn_report_bytes(struct csn_report_json *json, const char *name, const void *bytes, size_t n);
void csn_report_string(struct csn_report_json *json, const char *name, const char *text);
void csn_report_number(struct csn_report_json *json, const char *name, int64_t value);
void csn_report_bool(struct csn_report_json *json, const char *name, bool value);
void csn_report_null(struct csn_report_json *json, const char *name);
/* The number where `known`, else null. */
void csn_report_known(struct csn_report_json *json, const char *name, bool known, int64_t value);

struct csn_report_mark csn_report_mark(const struct csn_report_json *json);
void csn_report_undo(struct csn_report_json *json, struct csn_report_mark mark);

/* Ends a member of a list that began at `mark`: true if it fits and the text is at most `limit`
 * bytes long with it; else the member is taken back and the text marked as cut. */
bool csn_report_keep(struct csn_report_json *json, struct csn_report_mark mark, size_t limit);

#endif
