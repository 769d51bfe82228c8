/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/networks.h"

#include <stdlib.h>

#include "engine/ask.h"
#include "util/alloc.h"
#include "util/json.h"

#define NAMESAKES_MAX 64

/* Those that a filter lets through: {"name": ["x"]}. */
static int list(struct csn_engine *engine, const char *filter, const char *value,
                const struct csn_control *control, cJSON **out, struct csn_error *err) {
  CSN_ASK_PATH(path);
  cJSON *filters CSN_CLEANUP_JSON = cJSON_CreateObject();
  int bad = csn_json_append_string(csn_json_add_array(filters, filter), value);
  char *text CSN_CLEANUP_FREE = bad ? NULL : csn_json_print(filters);
  if (!text) return csn_fail_nomem(err);
  int rc = csn_ask_route(&path, "/networks", err);
  if (rc == 0) rc = csn_ask_query(&path, "filters", text, err);
  if (rc) return rc;
  struct csn_ask ask = {.method = "GET", .path = path.data, .seconds = 10};
  return csn_ask_json(engine, &ask, control, 1, out, err);
}

/* Older ones first, and of equally old ones the one whose id is the less, for everybody. */
static int compare(const void *a, const void *b) {
  const cJSON *one = *(const cJSON *const *)a, *other = *(const cJSON *const *)b;
  int order = strcmp(csn_json_string(one, "Created", ""), csn_json_string(other, "Created", ""));
  return order ? order : strcmp(csn_json_string(one, "Id", ""), csn_json_string(other, "Id", ""));
}

/* The filter finds names that merely contain it, too. */
static size_t choose(const cJSON *networks, const char *name, const cJSON *out[NAMESAKES_MAX]) {
  const cJSON *one;
  size_t count = 0;
  cJSON_ArrayForEach(one, networks) {
    if (count < NAMESAKES_MAX && strcmp(csn_json_string(one, "Name", ""), name) == 0)
      out[count++] = one;
  }
  qsort(out, count, sizeof *out, compare);
  return count;
}

static int has_label(const cJSON *network, const char *label) {
  char name[64];
  size_t n = strcspn(label, "=");
  if (!label[n] || n >= sizeof name) return 0;
  memcpy(name, label, n);
  name[n] = '\0';
  const cJSON *labels = csn_json_get(network, "Labels");
  return strcmp(csn_json_string(labels, name, ""), label + n + 1) == 0;
}

static cJSON *extra_of(const cJSON *const *namesakes, size_t count, const char *label) {
  cJSON *ids = cJSON_CreateArray();
  for (size_t i = count; ids && i > 0; i--) {
    if (!has_label(namesakes[i - 1], label)) continue;
    if (csn_json_append_string(ids, csn_json_string(namesakes[i - 1], "Id", "")) == 0) continue;
    cJSON_Delete(ids);
    return NULL;
  }
  return ids;
}

static int read_network(const cJSON *raw, struct csn_network *out, struct csn_error *err) {
  int rc = csn_ask_id(raw, out->id, sizeof out->id, err);
  if (rc) return rc;
  out->name = csn_json_string(raw, "Name", "");
  out->driver = csn_json_string(raw, "Driver", "");
  out->internal = csn_json_bool(raw, "Internal", 0);
  out->options = csn_json_get(raw, "Options");
  out->labels = csn_json_get(raw, "Labels");
  out->ranges = csn_json_get(csn_json_get(raw, "IPAM"), "Config");
  return 0;
}

int csn_network_find(struct csn_engine *engine, const char *name, const char *label,
                     const struct csn_control *control, struct csn_network *out, cJSON **extra,
                     struct csn_error *err) {
  const cJSON *namesakes[NAMESAKES_MAX] = {NULL};
  memset(out, 0, sizeof *out);
  *extra = NULL;
  int rc = list(engine, "name", name, control, &out->raw, err);
  size_t count = rc ? 0 : choose(out->raw, name, namesakes);
  if (rc == 0 && count == 0)
    rc = csn_fail(err, CAISSON_E_ENGINE, CAISSON_REASON_ENGINE_NOT_FOUND, "there is none");
  if (rc == 0) rc = read_network(namesakes[0], out, err);
  if (rc == 0 && count > 1 && !(*extra = extra_of(namesakes, count, label)))
    rc = csn_fail_nomem(err);
  if (rc) csn_network_free(out);
  return csn_ask_context(rc, err, "find network", name);
}

int csn_network_is_unsettled(const struct csn_error *err) {
  const char *network = strstr(err->message, "network ");
  return network && (strstr(network, "ambiguous") || strstr(network, "not found"));
}

void csn_network_free(struct csn_network *network) {
  cJSON_Delete(network->raw);
  memset(network, 0, sizeof *network);
}

int csn_network_create(struct csn_engine *engine, const cJSON *body,
                       const struct csn_control *control, struct csn_error *err) {
  struct csn_ask ask = {
      .method = "POST", .path = "/networks/create", .json = body, .seconds = 60};
  int rc = csn_ask_simple(engine, &ask, control, err);
  return csn_ask_context(rc, err, "create network", csn_json_string(body, "Name", ""));
}

int csn_network_remove(struct csn_engine *engine, const char *id, const struct csn_control *control,
                       struct csn_error *err) {
  CSN_ASK_PATH(path);
  struct csn_error own = {0};
  if (!err) err = &own;
  int rc = csn_ask_path(&path, "/networks/", id, "", err);
  if (rc) return rc;
  struct csn_ask ask = {.method = "DELETE", .path = path.data, .seconds = 60};
  rc = csn_ask_simple(engine, &ask, control, err);
  if (rc == 0 || !csn_engine_is_missing(err)) return csn_ask_context(rc, err, "remove network", id);
  csn_error_clear(err);
  return 0;
}

int csn_network_ids(struct csn_engine *engine, const char *label, const struct csn_control *control,
                    cJSON **ids, struct csn_error *err) {
  cJSON *networks CSN_CLEANUP_JSON = NULL;
  int rc = list(engine, "label", label, control, &networks, err);
  if (rc) return csn_ask_context(rc, err, "list networks with", label);
  cJSON *out CSN_CLEANUP_JSON = cJSON_CreateArray();
  const cJSON *one;
  int bad = !out;
  cJSON_ArrayForEach(one, networks) {
    bad = bad || csn_json_append_string(out, csn_json_string(one, "Id", ""));
  }
  if (bad) return csn_fail_nomem(err);
  *ids = CSN_STEAL(out);
  return 0;
}
