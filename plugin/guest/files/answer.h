/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A JSON text, written from front to back: an operation's report. Whatever bytes are given become
 * valid UTF-8. The host parses it strictly and says itself what is its own
 * to say.
 */
#ifndef CSN_GUEST_FILES_ANSWER_H
#define CSN_GUEST_FILES_ANSWER_H

#include "util/buffer.h"

#include <stdbool.h>
#include <stdint.h>

#define CSN_ANSWER_MAX (4u << 20)   /* bytes; the host takes no more */

struct csn_answer {
  struct csn_buffer text;
  bool comma;    /* the next value needs one before it */
  bool failed;   /* no memory, or too long: what is there is no JSON */
};

#define CSN_ANSWER {CSN_BUFFER(CSN_ANSWER_MAX), false, false}

/* In an object each value has a name; in an array, and for the outermost value, it is NULL. */
void csn_answer_object(struct csn_answer *answer, const char *name);
void csn_answer_array(struct csn_answer *answer, const char *name);
void csn_answer_end_object(struct csn_answer *answer);
void csn_answer_end_array(struct csn_answer *answer);
void csn_answer_string(struct csn_answer *answer, const char *name, const char *text);
void csn_answer_bytes(struct csn_answer *answer, const char *name, const void *bytes, size_t n);
void csn_answer_number(struct csn_answer *answer, const char *name, int64_t value);
void csn_answer_bool(struct csn_answer *answer, const char *name, bool value);

#endif
