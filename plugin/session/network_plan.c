/* SPDX-License-Identifier: Apache-2.0 */
#include "session/network_plan.h"

#include <string.h>

#include "session/ports.h"
#include "util/alloc.h"
#include "util/cidr.h"
#include "util/json.h"

#define RANGES_MAX 512

/* Where deny is not given. IPv6 multicast never leaves its link, and routes cannot deny it. */
static const char *const default_deny[] = {
    "host",
    "0.0.0.0/8",       /* this network */
    "10.0.0.0/8",      /* private */
    "100.64.0.0/10",   /* carrier-grade NAT, and the metadata of some clouds */
    "169.254.0.0/16",  /* link-local, and the metadata of most clouds */
    "172.16.0.0/12",   /* private, and most container networks */
    "192.0.0.0/24",    /* protocol assignments, and the metadata of one cloud */
    "192.0.2.0/24",    /* documentation */
    "192.168.0.0/16",  /* private */
    "198.18.0.0/15",   /* benchmarks */
    "198.51.100.0/24", /* documentation */
    "203.0.113.0/24",  /* documentation */
    "224.0.0.0/4",     /* multicast */
    "240.0.0.0/4",     /* reserved, and broadcast */
    "64:ff9b::/96",    /* NAT64: any IPv4 address by another name */
    "64:ff9b:1::/48",  /* likewise */
    "100::/64",        /* discarded */
    "2001::/32",       /* Teredo: IPv4 by another name */
    "2001:db8::/32",   /* documentation */
    "2002::/16",       /* 6to4: IPv4 by another name */
    "fc00::/7",        /* private, and the metadata of one cloud */
    "fe80::/10",       /* link-local */
    "fec0::/10",       /* site-local */
};

const char *csn_network_name(const cJSON *network) {
  return csn_json_string(network, "name", NULL);
}

/* ---- lists ----------------------------------------------------------------------------------- */

/* The n-th entry of deny; NULL behind the last. */
static const char *deny_at(const cJSON *network, size_t n) {
  const cJSON *deny = csn_json_get(network, "deny");
  if (deny) return cJSON_GetStringValue(cJSON_GetArrayItem(deny, (int)n));
  return n < sizeof default_deny / sizeof *default_deny ? default_deny[n] : NULL;
}

static const char *allow_at(const cJSON *network, size_t n) {
  return cJSON_GetStringValue(cJSON_GetArrayItem(csn_json_get(network, "allow"), (int)n));
}

typedef const char *entry_fn(const cJSON *network, size_t n);

static int has_word(const cJSON *network, entry_fn *at, const char *word) {
  const char *entry;
  for (size_t i = 0; (entry = at(network, i)); i++)
    if (strcmp(entry, word) == 0) return 1;
  return 0;
}

int csn_network_append(char **list, const char *entry) {
  char *longer = csn_asprintf("%s%s%s", *list ? *list : "", *list && **list ? "," : "", entry);
  if (!longer) return CAISSON_E_NOMEM;
  csn_free(*list);
  *list = longer;
  return 0;
}

/* All but the word, as "a,b,c"; NULL: no memory. */
static char *ranges_of(const cJSON *network, entry_fn *at, const char *word) {
  char *list = csn_strdup("");
  const char *entry;
  for (size_t i = 0; list && (entry = at(network, i)); i++) {
    if (strcmp(entry, word) == 0 || csn_network_append(&list, entry) == 0) continue;
    csn_free(list);
    return NULL;
  }
  return list;
}

/* The longest of the ranges that has the address decides; NULL: none has. */
static const struct csn_cidr *longest(const struct csn_cidr *ranges, int count,
                                      const struct csn_cidr *address) {
  const struct csn_cidr *best = NULL;
  for (int i = 0; i < count; i++)
    if (csn_cidr_contains(&ranges[i], address) && (!best || ranges[i].bits > best->bits))
      best = &ranges[i];
  return best;
}

int csn_network_denies(const cJSON *plan, const char *address, char **by, struct csn_error *err) {
  struct csn_cidr *deny CSN_CLEANUP_FREE = csn_calloc(2 * (size_t)RANGES_MAX, sizeof *deny);
  struct csn_cidr one;
  if (!deny) return csn_fail_nomem(err);
  struct csn_cidr *allow = deny + RANGES_MAX;
  int denied = csn_cidr_list(csn_json_string(plan, "deny", ""), deny, RANGES_MAX);
  int allowed = csn_cidr_list(csn_json_string(plan, "allow", ""), allow, RANGES_MAX);
  if (csn_cidr_parse(address, &one)) return 0;
  const struct csn_cidr *no = longest(deny, denied, &one), *yes = longest(allow, allowed, &one);
  if (!no || (yes && yes->bits >= no->bits)) return 0;
  char text[CSN_CIDR_TEXT];
  csn_cidr_print(no, text);
  *by = csn_strdup(text);
  return *by ? 1 : csn_fail_nomem(err);
}

/* ---- checking -------------------------------------------------------------------------------- */

static const char *check_range(const char *entry, const char *word) {
  static const char *const own[] = {"127.0.0.0/8", "::1", "0.0.0.0", "::", "ff00::/8"};
  struct csn_cidr range, kept;
  if (strcmp(entry, word) == 0) return NULL;
  const char *wrong = csn_cidr_parse(entry, &range);
  for (size_t i = 0; !wrong && i < sizeof own / sizeof *own; i++)
    if (!csn_cidr_parse(own[i], &kept) && csn_cidr_contains(&kept, &range))
      wrong = i < 4 ? "is the sandbox's own loopback, which routes cannot deny"
                    : "is IPv6 multicast, which stays on its link and which routes cannot deny";
  return wrong;
}

static int check_list(const cJSON *network, entry_fn *at, const char *member, const char *word,
                      const char *path, int code, const char *reason, struct csn_error *err) {
  const char *entry;
  for (size_t i = 0; (entry = at(network, i)); i++) {
    const char *wrong = check_range(entry, word);
    if (!wrong && i >= RANGES_MAX / 2) wrong = "is one too many";
    if (wrong)
      return csn_fail(err, code, reason, "%snetwork.%s[%zu]: \"%.60s\" %s; or write \"%s\"", path,
                      member, i, entry, wrong, word);
  }
  return 0;
}

/* Not networks in which a sandbox is by itself. */
static int is_shared(const char *name) {
  static const char *const names[] = {"host", "bridge", "default", "none", "ingress", "podman"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (strcmp(name, names[i]) == 0) return 1;
  return 0;
}

static int check_dns(const cJSON *network, const cJSON *dns, const char *path, int code,
                     const char *reason, struct csn_error *err) {
  cJSON *plan CSN_CLEANUP_JSON = NULL;
  const cJSON *server;
  int rc = csn_network_plan(network, NULL, dns, NULL, &plan, err);
  cJSON_ArrayForEach(server, dns) {
    char *by CSN_CLEANUP_FREE = NULL;
    if (rc || !plan || !cJSON_IsString(server)) break;
    rc = csn_network_denies(plan, server->valuestring, &by, err);
    if (rc > 0)
      return csn_fail(err, code, reason,
                      "%sdns: the resolver %.60s lies in %s, which %snetwork.deny makes "
                      "unreachable; name it in %snetwork.allow, or take another",
                      path, server->valuestring, by, path, path);
  }
  return rc;
}

int csn_network_check(const cJSON *network, const cJSON *dns, const char *path, int code,
                      const char *reason, struct csn_error *err) {
  const char *name = csn_network_name(network);
  if (!name) return 0;
  if (is_shared(name))
    return csn_fail(err, code, reason,
                    "%snetwork.name: \"%s\" is a network that is shared with others; give one of "
                    "the sandboxes' own, which is made where there is none",
                    path, name);
  int rc = check_list(network, deny_at, "deny", "host", path, code, reason, err);
  if (rc == 0) rc = check_list(network, allow_at, "allow", "resolver", path, code, reason, err);
  return rc ? rc : check_dns(network, dns, path, code, reason, err);
}

/* ---- the plan -------------------------------------------------------------------------------- */

static int add_gateways(char **deny, const cJSON *gateways) {
  const cJSON *one;
  int rc = 0;
  cJSON_ArrayForEach(one, gateways) {
    struct csn_cidr address;
    const char *text = csn_json_string(one, "Gateway", "");
    char plain[CSN_CIDR_TEXT];
    size_t n = strcspn(text, "/"); /* some engines write its network's length behind it */
    if (n >= sizeof plain) continue;
    memcpy(plain, text, n);
    plain[n] = '\0';
    if (rc == 0 && !csn_cidr_parse(plain, &address)) rc = csn_network_append(deny, plain);
  }
  return rc;
}

int csn_network_plan(const cJSON *network, const cJSON *ports, const cJSON *dns,
                     const cJSON *gateways, cJSON **out, struct csn_error *err) {
  *out = NULL;
  if (!csn_network_name(network) || !deny_at(network, 0)) return 0;
  int host = has_word(network, deny_at, "host");
  cJSON *plan CSN_CLEANUP_JSON = cJSON_CreateObject();
  char *deny CSN_CLEANUP_FREE = ranges_of(network, deny_at, "host");
  char *allow CSN_CLEANUP_FREE = ranges_of(network, allow_at, "resolver");
  char *published CSN_CLEANUP_FREE = csn_ports_plan(ports);
  int bad = !deny || !allow || !published || (host && add_gateways(&deny, gateways));
  if (!bad)
    bad = csn_json_add_string(plan, "deny", deny) | csn_json_add_string(plan, "allow", allow) |
          csn_json_add_bool(plan, "host", host) |
          csn_json_add_bool(plan, "resolver", has_word(network, allow_at, "resolver")) |
          csn_json_add_bool(plan, "own_dns", cJSON_GetArraySize(dns) > 0) |
          csn_json_add_bool(plan, "internal", csn_json_bool(network, "internal", 0)) |
          csn_json_add_string(plan, "ports", published);
  if (bad) return csn_fail_nomem(err);
  *out = CSN_STEAL(plan);
  return 0;
}

char *csn_network_samples(const cJSON *plan) {
  struct csn_cidr *deny CSN_CLEANUP_FREE = csn_calloc(RANGES_MAX, sizeof *deny);
  char *samples = csn_strdup("");
  int count = deny ? csn_cidr_list(csn_json_string(plan, "deny", ""), deny, RANGES_MAX) : -1;
  int rc = deny && samples ? 0 : CAISSON_E_NOMEM;
  for (int i = 0; rc == 0 && i < count; i++) {
    struct csn_cidr sample = csn_cidr_sample(&deny[i]);
    char text[CSN_CIDR_TEXT], *by CSN_CLEANUP_FREE = NULL;
    csn_cidr_print(&sample, text);
    rc = csn_network_denies(plan, text, &by, NULL); /* it may be exempt */
    if (rc > 0) rc = csn_network_append(&samples, text);
  }
  if (rc == 0) return samples;
  csn_free(samples);
  return NULL;
}
