/* SPDX-License-Identifier: Apache-2.0 */
#include "session/network.h"

#include <stdio.h>
#include <string.h>

#include "engine/body.h"
#include "session/network_plan.h"
#include "session/ports.h"
#include "util/alloc.h"
#include "util/json.h"

#define ICC "com.docker.network.bridge.enable_icc"

/* Networks of one name that were made at once are few, and quickly removed. */
#define SETTLE_NS (20 * CSN_SECOND)
#define SETTLE_EVERY (50 * CSN_MS)

int csn_network_check_shape(const struct csn_sessions *all, const cJSON *shape,
                            struct csn_error *err) {
  const cJSON *network = csn_policy_network(all->settings, shape);
  int rc = csn_network_check(network, csn_policy_dns(all->settings, shape), "", CAISSON_E_CONFIG,
                             CAISSON_REASON_OPTIONS, err);
  if (rc) return rc;
  return csn_ports_check(csn_policy_ports(all->settings, shape), network, "", CAISSON_E_CONFIG,
                         CAISSON_REASON_OPTIONS, err);
}

/* ---- the network ----------------------------------------------------------------------------- */

static int refuse(struct csn_error *err, const char *name, const char *words) {
  return csn_fail(err, CAISSON_E_CONFIG, CAISSON_REASON_NETWORK,
                  "the engine's network \"%.100s\" %s; remove it, or give another "
                  "sandbox.network.name",
                  name, words);
}

/* It may be of another's making: then it has to be as one of ours would be. */
static int check_fits(const struct csn_network *found, const cJSON *network,
                      struct csn_error *err) {
  int internal = csn_json_bool(network, "internal", 0);
  if (strcmp(found->driver, "bridge") != 0) return refuse(err, found->name, "is not a bridge");
  if (strcmp(csn_json_string(found->options, ICC, ""), "false") != 0)
    return refuse(err, found->name,
                  "lets its containers talk to each other (its option " ICC " is not \"false\"; an "
                  "engine that drops this option, as Podman does, cannot keep sandboxes apart)");
  if (found->internal == internal) return 0;
  return refuse(err, found->name,
                internal ? "is not internal, and sandbox.network.internal is set"
                         : "is internal, and sandbox.network.internal is not set");
}

static cJSON *network_body(const struct csn_sessions *all, const cJSON *network) {
  struct csn_body b = {0};
  cJSON *body = cJSON_CreateObject();
  csn_body_text(&b, body, "Name", csn_network_name(network));
  csn_body_flag(&b, body, "CheckDuplicate", 1);
  csn_body_text(&b, body, "Driver", "bridge");
  csn_body_flag(&b, body, "Internal", csn_json_bool(network, "internal", 0));
  csn_body_text(&b, csn_body_object(&b, body, "Options"), ICC, "false");
  csn_body_text(&b, csn_body_object(&b, body, "Labels"), CSN_LABEL_INSTANCE, all->instance);
  if (!b.failed) return body;
  cJSON_Delete(body);
  return NULL;
}

/* Several that were made at the same time: the older ones stay, unless something is in a younger
 * one. Whoever sees them removes them, so it does not matter whether their makers still live. */
static int remove_extra(struct csn_sessions *all, const cJSON *extra,
                        const struct csn_control *control, struct csn_error *err) {
  const cJSON *id;
  int rc = 0, removed = 0;
  cJSON_ArrayForEach(id, extra) {
    struct csn_error ignored;
    if (!id->next && removed) break; /* the one that is to stay */
    rc = csn_network_remove(all->engine, id->valuestring, control, &ignored);
    if (csn_is_stop(rc)) return rc;
    removed |= rc == 0;
  }
  rc = csn_control_poll(control, NULL, 0, csn_clock_after(SETTLE_EVERY), err);
  return rc < 0 ? rc : 0;
}

static int create(struct csn_sessions *all, const cJSON *network, const struct csn_control *control,
                  struct csn_error *err) {
  cJSON *body CSN_CLEANUP_JSON = network_body(all, network);
  return body ? csn_network_create(all->engine, body, control, err) : csn_fail_nomem(err);
}

/* Whatever a create ends with, the network is looked up again: others may have been first, and
 * engines differ in what they do about a name that is taken. */
static int find_or_create(struct csn_sessions *all, const cJSON *network,
                          const struct csn_control *control, struct csn_network *out,
                          struct csn_error *err) {
  const char *name = csn_network_name(network);
  char *label CSN_CLEANUP_FREE = csn_asprintf(CSN_LABEL_INSTANCE "=%s", all->instance);
  int64_t end = csn_clock_after(SETTLE_NS);
  struct csn_error refusal;
  int refused = 0;
  if (!label) return csn_fail_nomem(err);
  do {
    cJSON *extra CSN_CLEANUP_JSON = NULL;
    int rc = csn_network_find(all->engine, name, label, control, out, &extra, err);
    if (rc == 0 && !extra) return 0;
    if (rc == 0) {
      csn_network_free(out);
      rc = remove_extra(all, extra, control, err);
      if (rc) return rc;
      continue;
    }
    if (!csn_engine_is_missing(err)) return rc;
    if (refused) {
      *err = refusal;
      return refused;
    }
    refused = create(all, network, control, &refusal);
    if (csn_is_stop(refused) || refused == CAISSON_E_NOMEM) {
      *err = refusal;
      return refused;
    }
  } while (csn_clock_now() < end);
  return csn_fail(err, CAISSON_E_ENGINE, CAISSON_REASON_NETWORK,
                  "the engine has several networks named \"%s\"; remove all but one "
                  "(`docker network ls` shows them)",
                  name);
}

void csn_network_joined_free(struct csn_network_joined *joined) {
  csn_free(joined->routes);
  csn_free(joined->samples);
}

static int make_plan(const struct csn_sandbox_settings *s, const cJSON *shape,
                     const struct csn_network *found, struct csn_network_joined *out,
                     struct csn_error *err) {
  cJSON *plan CSN_CLEANUP_JSON = NULL;
  int rc = csn_network_plan(csn_policy_network(s, shape), csn_policy_ports(s, shape),
                            csn_policy_dns(s, shape), found->ranges, &plan, err);
  if (rc || !plan) return rc;
  out->routes = csn_json_print(plan);
  out->samples = csn_network_samples(plan);
  return out->routes && out->samples ? 0 : csn_fail_nomem(err);
}

int csn_network_join(struct csn_sessions *all, const cJSON *shape,
                     const struct csn_control *control, struct csn_network_joined *out,
                     struct csn_error *err) {
  const cJSON *network = csn_policy_network(all->settings, shape);
  memset(out, 0, sizeof *out);
  int rc = csn_network_check_shape(all, shape, err);
  if (rc || !csn_network_name(network)) return rc;
  struct csn_network found CSN_CLEANUP_NETWORK = {0};
  rc = find_or_create(all, network, control, &found, err);
  if (rc == 0) rc = check_fits(&found, network, err);
  if (rc) return rc;
  memcpy(out->id, found.id, sizeof out->id);
  return make_plan(all->settings, shape, &found, out, err);
}

int csn_network_remove_all(struct csn_sessions *all, const struct csn_control *control,
                           struct csn_error *err) {
  cJSON *ids CSN_CLEANUP_JSON = NULL;
  const cJSON *id;
  char *label CSN_CLEANUP_FREE = csn_asprintf(CSN_LABEL_INSTANCE "=%s", all->instance);
  if (!label) return csn_fail_nomem(err);
  int rc = csn_network_ids(all->engine, label, control, &ids, err);
  cJSON_ArrayForEach(id, ids) {
    int one = rc ? rc : csn_network_remove(all->engine, id->valuestring, control, err);
    if (csn_is_stop(one)) rc = one;
    if (one && !rc)
      csn_log(all->log, CAISSON_LOG_INFO, "a network of this instance stays: %s", err->message);
  }
  return rc;
}
