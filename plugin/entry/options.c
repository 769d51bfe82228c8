/* SPDX-License-Identifier: Apache-2.0 */
#include "entry/options.h"

#include <string.h>

#include "session/service.h"
#include "tools/manifest.h"
#include "util/alloc.h"
#include "util/buffer.h"
#include "util/json.h"
#include "util/schema.h"

#define OPTIONS_MAX ((size_t)1 << 20)

int csn_options_read(const struct csn_instance *i, const char *json, size_t n, cJSON **out,
                     struct csn_error *err) {
  *out = NULL;
  if (n == 0) return 0;
  cJSON *options CSN_CLEANUP_JSON = NULL;
  int rc = csn_json_parse(json, n, OPTIONS_MAX, "the options", CAISSON_E_CONFIG,
                          CAISSON_REASON_OPTIONS, &options, err);
  if (rc == 0)
    rc = csn_schema_check(csn_manifest_options_schema(i->manifest), options, "options",
                          CAISSON_E_CONFIG, CAISSON_REASON_OPTIONS, err);
  if (rc == 0)
    rc = csn_service_check(csn_json_get(options, "service"), "service", CAISSON_REASON_OPTIONS, err);
  if (rc == 0) *out = CSN_STEAL(options);
  return rc;
}

enum csn_ensure csn_options_ensure(const cJSON *options) {
  static const struct { const char *word; enum csn_ensure ensure; } words[] = {
      {"create", CSN_ENSURE_CREATE},
      {"adopt", CSN_ENSURE_ADOPT},
      {"never", CSN_ENSURE_NEVER},
      {"fresh", CSN_ENSURE_FRESH},
  };
  const char *given = csn_json_string(options, "ensure", "create");
  for (size_t k = 0; k < sizeof words / sizeof *words; k++)
    if (strcmp(given, words[k].word) == 0) return words[k].ensure;
  return CSN_ENSURE_CREATE;
}

/* ---- the host's extension -------------------------------------------------------------------- */

struct sink {
  struct csn_buffer text;
  int rc;
};

static void emit(void *ctx, const char *json, uint64_t n) {
  struct sink *sink = ctx;
  if (sink->rc == 0) sink->rc = csn_buffer_add(&sink->text, json, n);
}

int csn_options_ask(void *instance, const char *key, cJSON **out, struct csn_error *err) {
  const struct csn_instance *i = instance;
  *out = NULL;
  if (!i->session_options) return 0;
  struct sink sink = {.text = CSN_BUFFER(OPTIONS_MAX)};
  int refused = i->session_options->options(i->host->ctx, key, strlen(key), emit, &sink);
  int rc = sink.rc;
  if (rc == CAISSON_E_NOMEM)
    csn_fail_nomem(err);
  else if (rc || refused)
    rc = csn_fail(err, CAISSON_E_CONFIG, CAISSON_REASON_OPTIONS,
                  refused ? "the host gave no options for this session (caisson.session_options/1 "
                            "returned %d)"
                          : "the host's options for this session are more than 1 MiB (%d)",
                  refused);
  if (rc == 0) rc = csn_options_read(i, csn_buffer_text(&sink.text), sink.text.size, out, err);
  csn_buffer_free(&sink.text);
  return rc;
}
