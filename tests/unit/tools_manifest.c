/* SPDX-License-Identifier: Apache-2.0 */
/* The manifest against the code: what it promises exists, and what exists is in it. */
#include "tools/manifest.h"

#include <string.h>

#include "entry/config.h"
#include "tap.h"
#include "tools/catalog.h"
#include "tools_definition.h"
#include "util/alloc.h"
#include "util/json.h"
#include "util/schema.h"
#include "util/schema_words.h"

/* For the tables themselves. */
#include "tools/tool_table.c"

static cJSON *manifest;

/* ---- form ------------------------------------------------------------------------------------ */

/* Everything that a schema describes has words for whoever fills it in. */
static int without_description(const cJSON *schema, const char *path) {
  int missing = 0;
  const cJSON *p;
  cJSON_ArrayForEach(p, csn_json_get(schema, "properties")) {
    char below[200];
    snprintf(below, sizeof below, "%s.%s", path, p->string);
    missing += without_description(p, below);
    const char *words = csn_json_string(p, "description", "");
    int is_self_evident = strcmp(p->string, "reason") == 0 || csn_json_get(p, "format") ||
                          strstr(path, ".limits") || strstr(path, ".error") ||
                          strstr(path, "output");
    if (!*words && !is_self_evident) {
      diag("%s has no description", below);
      missing++;
    }
  }
  return missing;
}

static int required_that_do_not_exist(const cJSON *schema) {
  const cJSON *name, *p;
  int wrong = 0;
  cJSON_ArrayForEach(name, csn_json_get(schema, "required")) {
    wrong += !csn_json_get(csn_json_get(schema, "properties"), name->valuestring);
  }
  cJSON_ArrayForEach(p, csn_json_get(schema, "properties")) {
    wrong += required_that_do_not_exist(p);
  }
  return wrong;
}

static void check_schema(const char *name, const cJSON *schema) {
  const char *found = csn_schema_unsupported(schema);
  ok(cJSON_IsObject(schema), "%s is there", name);
  is_str(found, NULL, "%s uses only what the checker honours", name);
  is_int(required_that_do_not_exist(schema), 0, "%s requires only what it has", name);
  is_int(without_description(schema, name), 0, "%s says what everything is", name);
}

static void check_definition(const cJSON *definition, int is_operation) {
  static const char *const hints[] = {"readOnlyHint", "destructiveHint", "idempotentHint",
                                      "openWorldHint"};
  const char *name = csn_json_string(definition, "name", "");
  char what[100];
  snprintf(what, sizeof what, "%s input", name);
  check_schema(what, csn_json_get(definition, "inputSchema"));
  snprintf(what, sizeof what, "%s output", name);
  check_schema(what, csn_json_get(definition, "outputSchema"));
  ok(cJSON_IsFalse(csn_json_get(csn_json_get(definition, "inputSchema"), "additionalProperties")),
     "%s refuses unknown arguments", name);
  ok(!csn_json_get(csn_json_get(definition, "outputSchema"), "additionalProperties"),
     "%s may gain members in its results", name);
  ok(*csn_json_string(definition, "title", "") && *csn_json_string(definition, "description", ""),
     "%s has a title and a description", name);
  int all = 1;
  for (size_t i = 0; i < sizeof hints / sizeof *hints; i++)
    all &= cJSON_IsBool(csn_json_get(csn_json_get(definition, "annotations"), hints[i]));
  ok(all, "%s has all annotations", name);
  ok(is_operation == (strchr(name, '.') != NULL),
     "%s: an operation's name has a dot, a tool's has none", name);
  if (!is_operation)
    ok(csn_schema_format_find("tool-name")->holds(name), "%s is a name that hosts take", name);
}

static void test_form(void) {
  const cJSON *d;
  is_int(csn_json_int(manifest, "manifest_version", 0), 1, "version 1");
  is_int(strlen(csn_manifest_start) > 1000, 1, "the text is a C string");
  check_schema("configuration", csn_manifest_config_schema(manifest));
  check_schema("options", csn_manifest_options_schema(manifest));
  cJSON_ArrayForEach(d, csn_json_get(manifest, "tools")) check_definition(d, 0);
  cJSON_ArrayForEach(d, csn_json_get(manifest, "operations")) check_definition(d, 1);
}

/* ---- code ------------------------------------------------------------------------------------ */

static void test_tables(void) {
  const cJSON *d;
  cJSON_ArrayForEach(d, csn_json_get(manifest, "tools")) {
    const char *name = csn_json_string(d, "name", "");
    ok(csn_tool_find(name) && !csn_operation_find(name), "the tool %s has a function", name);
    ok(definition_of(manifest, "tools", name) == d, "and is found in the manifest");
  }
  cJSON_ArrayForEach(d, csn_json_get(manifest, "operations")) {
    const char *name = csn_json_string(d, "name", "");
    ok(csn_operation_find(name) && !csn_tool_find(name), "the operation %s has a function", name);
    ok(definition_of(manifest, "operations", name) == d, "and is found in the manifest");
  }
  for (size_t i = 0; i < sizeof tools / sizeof *tools; i++)
    ok(definition_of(manifest, "tools", tools[i].name), "the function %s is a tool of the manifest",
       tools[i].name);
  for (size_t i = 0; i < sizeof operations / sizeof *operations; i++)
    ok(definition_of(manifest, "operations", operations[i].name),
       "the function %s is an operation of the manifest", operations[i].name);
  ok(!csn_tool_find("no") && !csn_operation_find("no"), "nothing else has a function");
  ok(!definition_of(manifest, "tools", "no") && !definition_of(manifest, "operations", "no"),
     "or a place");
}

/* The configuration speaks of every tool. */
static void test_tool_names(void) {
  const cJSON *config = csn_json_get(csn_manifest_config_schema(manifest), "properties"), *d;
  const cJSON *names = csn_json_get(csn_json_get(config, "tool_names"), "properties");
  const cJSON *enabled =
      csn_json_get(csn_json_get(csn_json_get(config, "tools"), "properties"), "enabled");
  const cJSON *choices = csn_json_get(csn_json_get(enabled, "items"), "enum");
  int i = 0;
  cJSON_ArrayForEach(d, csn_json_get(manifest, "tools")) {
    const char *name = csn_json_string(d, "name", "");
    ok(csn_json_get(names, name), "%s can be renamed", name);
    const cJSON *choice = cJSON_GetArrayItem(choices, i++);
    is_str(cJSON_GetStringValue(choice), name, "and disabled");
  }
  is_int(cJSON_GetArraySize(names), i, "nothing else can be renamed");
  is_int(cJSON_GetArraySize(choices), i, "nothing else can be enabled");
}

/* ---- defaults -------------------------------------------------------------------------------- */

/* The manifest's tools speak of the limits that hold where nothing is configured. */
static void test_defaults(void) {
  struct csn_config config;
  struct csn_catalog *catalog = NULL;
  struct csn_error err = {0};
  is_int(csn_config_read(csn_manifest_config_schema(manifest), "{}", 2, &config, &err), 0,
         "an empty configuration: %s", err.message);
  is_int(csn_catalog_new(manifest, config.instance, config.document, &config.tools, &catalog, &err),
         0, "and what it offers: %s", err.message);
  const cJSON *offered = csn_json_get(csn_catalog_document(catalog), "tools");
  char *as_offered = csn_json_print(offered);
  char *as_made = csn_json_print(csn_json_get(manifest, "tools"));
  is_str(as_offered, as_made, "are the tools as the manifest has them");
  csn_free(as_offered);
  csn_free(as_made);
  csn_catalog_free(catalog);
  csn_config_free(&config);
}

int main(void) {
  struct csn_error err = {0};
  if (csn_manifest_parse(&manifest, &err)) BAIL_OUT("%s", err.message);
  test_form();
  test_tables();
  test_tool_names();
  test_defaults();
  cJSON_Delete(manifest);
  return done_testing();
}
