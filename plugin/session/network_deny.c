/* SPDX-License-Identifier: Apache-2.0 */
/* Carries out a plan: what the sandbox of a container must not reach. */
#include <string.h>

#include "session/network.h"
#include "session/network_plan.h"
#include "session/one_shot.h"
#include "util/alloc.h"
#include "util/json.h"

/* Process 1 sees routes at once where it sees them at all. */
#define HELLO_NS (20 * CSN_SECOND)
/* How long what is known of the host holds. */
#define FACTS_NS (60 * CSN_SECOND)

/* What the plan leaves to the moment it is carried out. */
struct moment {
  char *deny;      /* the plan's ranges, and the host's addresses that are not in them */
  char *resolvers; /* the engine's, where they would be denied and are exempt */
};

static void free_moment(struct moment *m) {
  csn_free(m->deny);
  csn_free(m->resolvers);
}

static int add_addresses(const cJSON *plan, const cJSON *addresses, struct moment *m,
                         struct csn_error *err) {
  const cJSON *one;
  cJSON_ArrayForEach(one, addresses) {
    char *by CSN_CLEANUP_FREE = NULL;
    if (!cJSON_IsString(one)) continue;
    int denied = csn_network_denies(plan, one->valuestring, &by, err);
    if (denied < 0) return denied;
    if (!denied && csn_network_append(&m->deny, one->valuestring)) return csn_fail_nomem(err);
  }
  return 0;
}

/* With its name servers denied a sandbox would have a network and no names, and nobody would know
 * why. */
static int add_resolvers(const cJSON *plan, const cJSON *resolvers, struct moment *m,
                         struct csn_error *err) {
  const cJSON *one;
  cJSON *now CSN_CLEANUP_JSON = cJSON_Duplicate(plan, 1);
  if (!now || !cJSON_ReplaceItemInObjectCaseSensitive(now, "deny", cJSON_CreateString(m->deny)))
    return csn_fail_nomem(err);
  cJSON_ArrayForEach(one, resolvers) {
    char *by CSN_CLEANUP_FREE = NULL;
    if (!cJSON_IsString(one)) continue;
    int denied = csn_network_denies(now, one->valuestring, &by, err);
    if (denied < 0) return denied;
    if (denied && !csn_json_bool(plan, "resolver", 0))
      return csn_fail(err, CAISSON_E_CONFIG, CAISSON_REASON_NETWORK,
                      "the engine's resolver %.60s lies in %s, which sandbox.network.deny makes "
                      "unreachable, so that no name could be looked up; put \"resolver\" into "
                      "sandbox.network.allow, which lets its port 53 through and nothing else",
                      one->valuestring, by);
    if (denied && csn_network_append(&m->resolvers, one->valuestring)) return csn_fail_nomem(err);
  }
  return 0;
}

/* {"addresses": [...], "resolvers": [...]} of the engine's host; a copy. They hardly change. */
static int host_facts(struct csn_sessions *all, const char *image,
                      const struct csn_control *control, cJSON **out, struct csn_error *err) {
  static const char *const args[] = {"host", NULL};
  const struct csn_one_shot shot = {.network = "host", .image = image, .args = args};
  cJSON *facts = NULL;
  pthread_mutex_lock(&all->mutex);
  int fresh = all->host_facts && csn_clock_now() - all->host_facts_since < FACTS_NS;
  *out = fresh ? cJSON_Duplicate(all->host_facts, 1) : NULL;
  pthread_mutex_unlock(&all->mutex);
  if (*out) return 0;
  int rc = csn_one_shot_run(all, &shot, control, &facts, err);
  if (rc) {
    if (!csn_is_stop(rc)) csn_error_wrap(err, "ask for the addresses of the engine's host");
    return rc;
  }
  *out = cJSON_Duplicate(facts, 1);
  pthread_mutex_lock(&all->mutex);
  cJSON_Delete(all->host_facts);
  all->host_facts = facts;
  all->host_facts_since = csn_clock_now();
  pthread_mutex_unlock(&all->mutex);
  return *out ? 0 : csn_fail_nomem(err);
}

static int look_at_host(struct csn_sessions *all, const cJSON *plan, const char *image,
                        const struct csn_control *control, struct moment *m,
                        struct csn_error *err) {
  int internal = csn_json_bool(plan, "internal", 0), host = csn_json_bool(plan, "host", 0);
  int names = !internal && !csn_json_bool(plan, "own_dns", 0); /* from the engine's */
  cJSON *facts CSN_CLEANUP_JSON = NULL;
  m->deny = csn_strdup(csn_json_string(plan, "deny", ""));
  m->resolvers = csn_strdup("");
  if (!m->deny || !m->resolvers) return csn_fail_nomem(err);
  if (!host && !names) return 0;
  int rc = host_facts(all, image, control, &facts, err);
  if (rc == 0 && host) rc = add_addresses(plan, csn_json_get(facts, "addresses"), m, err);
  if (rc == 0 && names) rc = add_resolvers(plan, csn_json_get(facts, "resolvers"), m, err);
  return rc;
}

/* Carries out a plan in a container's network namespace. */
static int deny(struct csn_sessions *all, const char *container, const char *text,
                const char *image, const struct csn_control *control, struct csn_error *err) {
  struct moment m __attribute__((cleanup(free_moment))) = {0};
  cJSON *plan CSN_CLEANUP_JSON = NULL, *report CSN_CLEANUP_JSON = NULL;
  int rc = csn_json_parse(text, strlen(text), 65536, "its plan of routes", CAISSON_E_ENGINE,
                          CAISSON_REASON_NETWORK, &plan, err);
  if (rc == 0) rc = look_at_host(all, plan, image, control, &m, err);
  if (rc) return rc;
  char *network CSN_CLEANUP_FREE = csn_asprintf("container:%s", container);
  const char *const args[] = {"routes",      "--deny",  m.deny,
                              "--allow",     csn_json_string(plan, "allow", ""),
                              "--resolvers", m.resolvers,
                              "--ports",     csn_json_string(plan, "ports", ""),
                              "--host",      csn_json_bool(plan, "host", 0) ? "1" : "0",
                              NULL};
  const struct csn_one_shot shot = {
      .network = network, .capability = "NET_ADMIN", .image = image, .args = args};
  if (!network) return csn_fail_nomem(err);
  rc = csn_one_shot_run(all, &shot, control, &report, err);
  if (rc == 0 || csn_is_stop(rc)) return rc;
  return csn_error_wrap(err, "set the routes that deny it sandbox.network.deny");
}

int csn_network_await(struct csn_sessions *all, const char *container, const cJSON *body,
                      struct csn_channel *ch, const struct csn_control *control,
                      struct csn_error *err) {
  const char *plan = csn_json_string(csn_json_get(body, "Labels"), CSN_LABEL_ROUTES, NULL);
  if (!plan) return csn_channel_await_hello(ch, control, err);
  int rc = deny(all, container, plan, csn_json_string(body, "Image", ""), control, err);
  if (rc) return rc;
  struct csn_control own = csn_control_within(control, HELLO_NS);
  rc = csn_channel_await_hello(ch, &own, err);
  if (rc != CAISSON_E_DEADLINE || csn_control_check(control, NULL)) return rc;
  return csn_fail(err, CAISSON_E_CONFIG, CAISSON_REASON_NETWORK,
                  "the routes of sandbox.network.deny have no effect inside: the runtime keeps "
                  "routes of its own, as gVisor does, which copies them when it starts; use "
                  "another sandbox.runtime, or network \"none\"");
}

int csn_network_assert(struct csn_sessions *all, const struct csn_container *found,
                       const struct csn_control *control, struct csn_error *err) {
  const char *plan = csn_container_label(found, CSN_LABEL_ROUTES);
  if (!plan) return 0;
  int rc = deny(all, found->id, plan, found->image_id, control, err);
  /* An older version of the plugin started it: this one's helper is not there yet. */
  if (rc == 0 || !csn_delivery_is_missing(&all->delivery, err)) return rc;
  rc = csn_delivery_deliver(&all->delivery, all->engine, found->image_id, control, err);
  return rc ? rc : deny(all, found->id, plan, found->image_id, control, err);
}
