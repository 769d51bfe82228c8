/* SPDX-License-Identifier: Apache-2.0 */
/* What a sandbox's network settings come to: checked, and made into a plan that is written on the
 * container, so that any process can carry it out. Pure. */
#ifndef CSN_SESSION_NETWORK_PLAN_H
#define CSN_SESSION_NETWORK_PLAN_H

#include <cjson/cJSON.h>

#include "util/error.h"

/* {"name", "internal", "deny": [...], "allow": [...]}, or none at all. */
const char *csn_network_name(const cJSON *network); /* NULL: none */

/* Can all of it be meant? dns: the sandbox's own name servers, an array of addresses or NULL.
 * Otherwise `code` with `reason`, by path ("sandbox." or ""). */
int csn_network_check(const cJSON *network, const cJSON *dns, const char *path, int code,
                      const char *reason, struct csn_error *err);

/* The plan: {"deny": "a,b", "allow": "c", "host": true, "resolver": true, "own_dns": true,
 * "internal": false, "ports": "tcp/8080/gateway"}. gateways: [{"Gateway"}] of the network, or NULL.
 * *out is NULL where nothing is denied. */
int csn_network_plan(const cJSON *network, const cJSON *ports, const cJSON *dns,
                     const cJSON *gateways, cJSON **out, struct csn_error *err);
/* Addresses of what is denied, for process 1 to try: "10.0.0.1,...". To be freed by csn_free; NULL:
 * no memory. */
char *csn_network_samples(const cJSON *plan);

/* Is an address denied by a plan, and by these addresses beside it? By which range: *by, a text to
 * be freed by csn_free. 1, 0, or negative. */
int csn_network_denies(const cJSON *plan, const char *address, char **by, struct csn_error *err);

/* "a,b" and c -> "a,b,c" in *list, which is replaced. 0 or CAISSON_E_NOMEM. */
int csn_network_append(char **list, const char *entry);

#endif
