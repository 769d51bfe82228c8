/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/engine_report.h"

#include <time.h>

#include "engine/advice.h"
#include "util/json.h"

#define RUNTIMES_MAX 64

static int add_runtimes(const struct csn_engine_info *info, cJSON *out) {
  cJSON *names = csn_json_add_array(out, "runtimes");
  const cJSON *runtime;
  int left = RUNTIMES_MAX, rc = names ? 0 : CAISSON_E_NOMEM;
  cJSON_ArrayForEach(runtime, csn_json_get(info->info, "Runtimes")) {
    if (runtime->string && left-- > 0) rc |= csn_json_append_string(names, runtime->string);
  }
  return rc;
}

/* The copy that can be read has a name that says so; see channel/delivery.h. */
static int is_readable(const char *helper) {
  return strstr(helper, "-readable") != NULL;
}

int csn_engine_report(const struct csn_engine *engine, const struct csn_engine_info *info,
                      const char *helper, cJSON *out) {
  const struct csn_engine_subject subject = {.info = info,
                                             .found = csn_engine_found(engine),
                                             .helper_readable = is_readable(helper),
                                             .now = time(NULL)};
  const struct csn_engine_found *found = subject.found;
  int rc = csn_json_add_string(out, "source", found ? found->source : "");
  rc |= csn_json_add_string(out, "why", found ? found->why : "");
  rc |= csn_json_add_string(out, "cgroup_driver",
                            csn_json_string(info->info, "CgroupDriver", ""));
  rc |= add_runtimes(info, out);
  cJSON *others = csn_json_add_array(out, "others");
  cJSON *warnings = csn_json_add_array(out, "warnings");
  if (rc || !others || !warnings) return CAISSON_E_NOMEM;
  rc = csn_discovery_others(csn_engine_endpoint(engine), others);
  return rc ? rc : csn_engine_advise(&subject, warnings);
}
