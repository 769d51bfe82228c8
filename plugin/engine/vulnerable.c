/* SPDX-License-Identifier: Apache-2.0 */
/* What becomes of the holes that an engine is known to have: each is logged once, when its version
 * is asked for anyway (as information: programs that live for one call would warn of it with each);
 * or, if the operator says so, the engine is not used at all. */
#include "engine/advisories.h"
#include "engine/ask.h"
#include "engine/internal.h"
#include "util/json.h"

#define ANSWER_MAX ((size_t)1 << 20)
#define SECONDS 30 /* Podman looks at each of its containers first */

void csn_engine_warn(struct csn_engine *engine, const cJSON *version) {
  cJSON *found CSN_CLEANUP_JSON = cJSON_CreateArray();
  const cJSON *words;
  if (!engine->log || !found || atomic_exchange(&engine->has_warned, 1)) return;
  if (csn_advisories_find(version, found)) atomic_store(&engine->has_warned, 0);
  cJSON_ArrayForEach(words, found) {
    csn_log(engine->log, CAISSON_LOG_INFO, "the engine: %s", words->valuestring);
  }
}

static int get_version(struct csn_engine *engine, const struct csn_control *control,
                       cJSON **version, struct csn_error *err) {
  static const struct csn_ask ask = {.method = "GET", .path = "/version", .seconds = SECONDS};
  struct csn_http_response response CSN_CLEANUP_HTTP_RESPONSE = {0};
  int rc = csn_ask_unversioned(engine, &ask, control, &response, err);
  if (rc) return rc;
  if (response.status != 200)
    return csn_fail(err, CAISSON_E_ENGINE, CAISSON_REASON_ENGINE_PROTOCOL,
                    "it answers %d", response.status);
  return csn_json_parse(csn_buffer_text(&response.body), response.body.size, ANSWER_MAX,
                        "what the engine says of its version", CAISSON_E_ENGINE,
                        CAISSON_REASON_ENGINE_PROTOCOL, version, err);
}

static int refuse(const struct csn_engine *engine, const cJSON *found, struct csn_error *err) {
  const cJSON *words;
  cJSON_ArrayForEach(words, found) {
    csn_log(engine->log, CAISSON_LOG_ERROR, "the engine is refused: %s", words->valuestring);
  }
  return csn_fail(err, CAISSON_E_POLICY, CAISSON_REASON_POLICY,
                  "the engine at %s has %d known hole(s), and engine.vulnerable is \"refuse\" "
                  "(with \"warn\" it is used all the same): %s%s",
                  csn_engine_endpoint(engine), cJSON_GetArraySize(found),
                  cJSON_GetStringValue(cJSON_GetArrayItem(found, 0)),
                  cJSON_GetArraySize(found) > 1 ? "; the log has them all" : "");
}

int csn_engine_hold(struct csn_engine *engine, const struct csn_control *control,
                    struct csn_error *err) {
  if (!engine->refuses_vulnerable) return 0;
  cJSON *version CSN_CLEANUP_JSON = NULL, *found CSN_CLEANUP_JSON = cJSON_CreateArray();
  if (!found) return csn_fail_nomem(err);
  int rc = get_version(engine, control, &version, err);
  if (rc) return csn_ask_context(rc, err, "ask the engine for its", "version");
  if (csn_advisories_find(version, found)) return csn_fail_nomem(err);
  return cJSON_GetArraySize(found) ? refuse(engine, found, err) : 0;
}
