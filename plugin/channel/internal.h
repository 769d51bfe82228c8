/* SPDX-License-Identifier: Apache-2.0 */
/* What channel.c and run.c share of a channel. */
#ifndef CSN_CHANNEL_INTERNAL_H
#define CSN_CHANNEL_INTERNAL_H

#include "channel/channel.h"
#include "channel/keeper.h"
#include "channel/link.h"
#include "wire/message.h"

struct csn_channel {
  struct csn_link link;
  struct csn_channel_hello hello;
  int greeted;  /* hello is there */
  int answered; /* a STATUS came */
  int reports_owed; /* asked for and not here yet */
  cJSON *report;    /* the last one; NULL: there is none */
  struct csn_keeper *keeper;
  /* The keeper's: */
  struct csn_channel *next_away;
  int64_t away_ping; /* when it is to ping next */
};

/* Frames that mean the same inside and outside a call: HELLO, STATUS, REPORT, PONG. 1 if it was
 * one. */
int csn_channel_common_frame(struct csn_channel *ch, const struct csn_frame *frame,
                             struct csn_error *err);

/* channel/report.c: a REPORT, as csn_channel_common_frame. */
int csn_channel_take_report(struct csn_channel *ch, const struct csn_frame *frame,
                            struct csn_error *err);

/* As csn_link_pump, between calls: 1 once something that answers a question has come. */
int csn_channel_pump_idle(struct csn_channel *ch, const struct csn_control *control, int64_t until,
                          struct csn_error *err);

/* A malformed message inside a well-formed frame. */
int csn_channel_malformed(const char *what, const char *why, struct csn_error *err);

/* Copies what the helper said as plain text: whatever a container sends is never passed on raw. */
void csn_channel_plain(char *out, size_t capacity, struct csn_wire_text text);

#endif
