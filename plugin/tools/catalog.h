/* SPDX-License-Identifier: Apache-2.0 */
/* What one instance offers: the manifest's tools, those that are enabled, under the names and with
 * the limits that are configured, and all operations. Immutable once made; it knows no sessions. */
#ifndef CSN_TOOLS_CATALOG_H
#define CSN_TOOLS_CATALOG_H

#include <cjson/cJSON.h>

#include "tools/tool.h"
#include "util/error.h"

struct csn_catalog;

/* `config` is a whole configuration that was found valid against configSchema (its tools.enabled
 * and tool_names are looked at; both may be missing). Fails with CAISSON_E_CONFIG where two tools
 * would have one name. Keeps nothing of its arguments. */
int csn_catalog_new(const cJSON *manifest, const char *instance, const cJSON *config,
                    const struct csn_tool_settings *settings, struct csn_catalog **out,
                    struct csn_error *err);
void csn_catalog_free(struct csn_catalog *catalog);

/* The describe document. */
const cJSON *csn_catalog_document(const struct csn_catalog *catalog);

struct csn_catalog_entry {
  const struct csn_tool *tool;
  const cJSON *definition; /* as described; its inputSchema is what arguments are checked with */
};
/* By the name that the model was shown: a disabled tool does not exist, a renamed one answers only
 * to its new name. CAISSON_E_NOT_FOUND names the nearest. */
int csn_catalog_find_tool(const struct csn_catalog *catalog, const char *name,
                          struct csn_catalog_entry *out, struct csn_error *err);
int csn_catalog_find_operation(const struct csn_catalog *catalog, const char *name,
                               struct csn_catalog_entry *out, struct csn_error *err);

/* Parses and checks what was given as arguments; {} where n is 0. The tree is the caller's. */
#define CSN_ARGUMENTS_MAX ((size_t)96 << 20) /* bytes of JSON; escapes can treble a 5 MB script */
int csn_catalog_read_arguments(const struct csn_catalog_entry *entry, const char *json, size_t n,
                               cJSON **args, struct csn_error *err);

#endif
