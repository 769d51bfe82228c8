/* SPDX-License-Identifier: Apache-2.0 */
/* Networks: found, made once, removed. */
#ifndef CSN_ENGINE_NETWORKS_H
#define CSN_ENGINE_NETWORKS_H

#include "engine/engine.h"

#define CSN_NETWORK_ID_SIZE 65 /* 64 hex digits and a NUL */

struct csn_network {
  char id[CSN_NETWORK_ID_SIZE];
  const char *name;
  const char *driver;    /* "bridge" */
  int internal;
  const cJSON *options;  /* of the driver, {NAME: value}; may be NULL */
  const cJSON *labels;   /* may be NULL */
  const cJSON *ranges;   /* [{"Subnet", "Gateway"}]; may be NULL */
  cJSON *raw;            /* the list it was found in */
};
void csn_network_free(struct csn_network *network);
#define CSN_CLEANUP_NETWORK __attribute__((cleanup(csn_network_free)))

/* The network of that name; engine.not_found if there is none. An engine may have several, which
 * were made at the same time, and starts no container in any of them: *extra, NULL where there is
 * one only, has the ids of those with the label "name=value", the youngest first and that of *out
 * last: the first that can be removed are in the way. (10 s) */
int csn_network_find(struct csn_engine *engine, const char *name, const char *label,
                     const struct csn_control *control, struct csn_network *out, cJSON **extra,
                     struct csn_error *err);
/* body is one of POST /networks/create; engine.conflict when its name is taken. (60 s) */
int csn_network_create(struct csn_engine *engine, const cJSON *body,
                       const struct csn_control *control, struct csn_error *err);
/* 0 too when there is none. Refused while a container is in it. (60 s) */
int csn_network_remove(struct csn_engine *engine, const char *id, const struct csn_control *control,
                       struct csn_error *err);
/* Is this how a start or a create fails when its network was removed, or there are several of its
 * name? */
int csn_network_is_unsettled(const struct csn_error *err);
/* The ids of those with the label "name=value", as an array of texts for cJSON_Delete. (10 s) */
int csn_network_ids(struct csn_engine *engine, const char *label, const struct csn_control *control,
                    cJSON **ids, struct csn_error *err);

#endif
