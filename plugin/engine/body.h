/* SPDX-License-Identifier: Apache-2.0 */
/* A create body under construction. It remembers whether anything failed for want of memory, so
 * that what is built with it reads as a list; parents may then be NULL. */
#ifndef CSN_ENGINE_BODY_H
#define CSN_ENGINE_BODY_H

#include <cjson/cJSON.h>

struct csn_body {
  int failed;
};

/* Each adds one member to an object. */
cJSON *csn_body_object(struct csn_body *b, cJSON *parent, const char *name);
cJSON *csn_body_array(struct csn_body *b, cJSON *parent, const char *name);
void csn_body_text(struct csn_body *b, cJSON *parent, const char *name, const char *value);
void csn_body_number(struct csn_body *b, cJSON *parent, const char *name, double value);
void csn_body_flag(struct csn_body *b, cJSON *parent, const char *name, int value);
/* Each adds one entry to an array. */
void csn_body_item(struct csn_body *b, cJSON *list, const char *value);
cJSON *csn_body_entry(struct csn_body *b, cJSON *list);

#endif
