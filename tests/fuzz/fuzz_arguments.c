/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes the way from JSON text to checked arguments, configuration and options. The first byte
 * says against which schema. What is refused must say so in one line of valid text; what is taken
 * must be the same tree when it is printed and read again. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tools/catalog.h"
#include "tools/manifest.h"
#include "util/alloc.h"
#include "util/json.h"
#include "util/schema.h"
#include "util/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static cJSON *manifest;
static struct csn_catalog *catalog;

static void set_up(void) {
  static const struct csn_tool_settings settings = {50000, 120000, 600000, 1, {0}};
  struct csn_error err;
  if (manifest) return;
  if (csn_manifest_parse(&manifest, &err) ||
      csn_catalog_new(manifest, "fuzz", NULL, &settings, &catalog, &err))
    abort();
}

static void check_refusal(int rc, int code, const struct csn_error *err) {
  size_t n = strlen(err->message);
  if (rc != code || err->code != code || !n || !csn_utf8_is_valid(err->message, n)) abort();
  for (size_t i = 0; i < n; i++)
    if ((unsigned char)err->message[i] < 0x20) abort();
}

/* Raw numbers aside, cJSON's own comparison knows when two trees are one. */
static void check_round_trip(const cJSON *tree) {
  cJSON *again = NULL;
  char *text = csn_json_print(tree);
  if (!text || csn_json_parse(text, strlen(text), SIZE_MAX, "again", -1, "x", &again, NULL))
    abort();
  if (!cJSON_Compare(tree, again, 1)) abort();
  cJSON_Delete(again);
  csn_free(text);
}

static void read_by_schema(const cJSON *schema, const char *text, size_t n) {
  cJSON *tree = NULL;
  struct csn_error err = {0};
  int code = CAISSON_E_CONFIG;
  int rc = csn_json_parse(text, n, 1 << 20, "text", code, "x", &tree, &err);
  /* What the scan takes and cJSON does not would look like a lack of memory. */
  if (!rc != (csn_json_scan(text, n, NULL) == 0) && err.code == CAISSON_E_NOMEM) abort();
  if (rc) {
    check_refusal(rc, code, &err);
    return;
  }
  check_round_trip(tree);
  rc = csn_schema_check(schema, tree, "text", code, "x", &err);
  if (rc) check_refusal(rc, code, &err);
  cJSON_Delete(tree);
}

static void read_by_tool(const char *name, const char *text, size_t n) {
  struct csn_catalog_entry entry;
  struct csn_error err = {0};
  cJSON *args = NULL;
  if (csn_catalog_find_tool(catalog, name, &entry, &err)) abort();
  int rc = csn_catalog_read_arguments(&entry, text, n, &args, &err);
  if (rc) check_refusal(rc, CAISSON_E_ARGUMENTS, &err);
  if (!rc) check_round_trip(args);
  cJSON_Delete(args);
}

/* A name that a model made up. */
static void find_by_name(const char *text, size_t n) {
  struct csn_catalog_entry entry;
  struct csn_error err = {0};
  char *name = csn_strndup(text, n);
  int rc = csn_utf8_is_valid(text, n) ? csn_catalog_find_tool(catalog, name, &entry, &err) : 0;
  if (rc) check_refusal(rc, CAISSON_E_NOT_FOUND, &err);
  csn_free(name);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  set_up();
  if (size < 1) return 0;
  const char *text = (const char *)data + 1;
  switch (data[0] % 5) {
  case 0: read_by_tool("shell", text, size - 1); break;
  case 1: read_by_tool("run_python", text, size - 1); break;
  case 2: read_by_schema(csn_manifest_config_schema(manifest), text, size - 1); break;
  case 3: read_by_schema(csn_manifest_options_schema(manifest), text, size - 1); break;
  default: find_by_name(text, size - 1); break;
  }
  return 0;
}
