/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration: JSON text in, settings out, every mistake named by its path. */
#ifndef CSN_ENTRY_CONFIG_H
#define CSN_ENTRY_CONFIG_H

#include <cjson/cJSON.h>

#include "engine/discovery.h"
#include "session/policy.h"
#include "tools/tool.h"
#include "util/error.h"

struct csn_config {
  cJSON *document; /* as given; strings below point into it or are literals */
  const char *instance;
  struct csn_engine_wanted engine;
  struct csn_tls tls; /* what engine.tls points to; borrows from the document */
  int lazy;
  int audits, audits_arguments;
  struct csn_sandbox_settings sandbox;
  struct csn_tool_settings tools;
};

/* `schema` is the manifest's configSchema. 0, CAISSON_E_CONFIG or CAISSON_E_NOMEM. */
int csn_config_read(const cJSON *schema, const char *json, size_t n, struct csn_config *out,
                    struct csn_error *err);
void csn_config_free(struct csn_config *config);

#endif
