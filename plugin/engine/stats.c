/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/stats.h"

#include <string.h>

#include "engine/ask.h"
#include "util/json.h"

#define NS_PER_MS 1000000u

static uint64_t number(const cJSON *object, const char *name) {
  int64_t value = csn_json_int(object, name, 0);
  return value > 0 ? (uint64_t)value : 0;
}

/* Counters in nanoseconds pass what csn_json_int() takes for a whole number after 104 days of
 * CPU. */
static uint64_t cpu_ms(const cJSON *cpu) {
  const cJSON *total = csn_json_get(csn_json_get(cpu, "cpu_usage"), "total_usage");
  double ns = cJSON_IsNumber(total) ? total->valuedouble : 0;
  return ns > 0 && ns < 1e24 ? (uint64_t)(ns / NS_PER_MS) : 0;
}

/* As `docker stats` counts: the page cache that nobody used lately is not the container's. The name
 * differs by version of the cgroups. */
static uint64_t memory_of(const cJSON *memory) {
  const cJSON *parts = csn_json_get(memory, "stats");
  uint64_t usage = number(memory, "usage");
  uint64_t cache = number(parts, "total_inactive_file");
  if (!cache) cache = number(parts, "inactive_file");
  return cache < usage ? usage - cache : usage;
}

int csn_stats_get(struct csn_engine *engine, const char *container,
                  const struct csn_control *control, struct csn_stats *out, struct csn_error *err) {
  CSN_ASK_PATH(path);
  cJSON *raw CSN_CLEANUP_JSON = NULL;
  memset(out, 0, sizeof *out);
  int rc =
      csn_ask_path(&path, "/containers/", container, "/stats?stream=false&one-shot=true", err);
  if (rc) return rc;
  struct csn_ask ask = {.method = "GET", .path = path.data, .seconds = 10};
  rc = csn_ask_json(engine, &ask, control, 0, &raw, err);
  if (rc) return csn_ask_context(rc, err, "count what is used by container", container);
  const cJSON *memory = csn_json_get(raw, "memory_stats");
  out->memory = memory_of(memory);
  out->memory_limit = number(memory, "limit");
  out->cpu_ms = cpu_ms(csn_json_get(raw, "cpu_stats"));
  out->processes = number(csn_json_get(raw, "pids_stats"), "current");
  return 0;
}
