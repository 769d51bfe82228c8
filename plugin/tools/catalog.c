/* SPDX-License-Identifier: Apache-2.0 */
/* See catalog.h. */
#include "tools/catalog.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "tools/manifest.h"
#include "tools/result_text.h"
#include "util/alloc.h"
#include "util/buffer.h"
#include "util/json.h"
#include "util/schema.h"
#include "util/schema_words.h"
#include "util/suggest.h"

#define OFFERS_MAX 64

/* Tools or operations, with their definitions in the document. */
struct offers {
  struct csn_catalog_entry entries[OFFERS_MAX];
  size_t count;
};

struct csn_catalog {
  cJSON *document;
  struct offers tools, operations;
};

void csn_catalog_free(struct csn_catalog *catalog) {
  if (!catalog) return;
  cJSON_Delete(catalog->document);
  csn_free(catalog);
}

const cJSON *csn_catalog_document(const struct csn_catalog *catalog) {
  return catalog->document;
}

/* ---- the configured limits, in words and in schemas ------------------------------------------ */

/* How the manifest speaks of a limit, and how it is spoken of as configured. */
struct phrase {
  const char *factory;
  char text[64];
};
#define PHRASES 3

static void put_seconds(char text[64], uint64_t ms) {
  if (ms % 1000 == 0)
    snprintf(text, 64, "%" PRIu64 " seconds", ms / 1000);
  else
    snprintf(text, 64, "%" PRIu64 ".%03" PRIu64 " seconds", ms / 1000, ms % 1000);
}

static uint64_t default_timeout(const struct csn_tool_settings *s) {
  return s->shell_timeout_ms < s->max_timeout_ms ? s->shell_timeout_ms : s->max_timeout_ms;
}

static void make_phrases(const struct csn_tool_settings *s, struct phrase phrases[PHRASES]) {
  char characters[CSN_GROUPED_SIZE];
  csn_result_group(s->output_limit, characters);
  phrases[0].factory = "50,000 characters";
  snprintf(phrases[0].text, sizeof phrases[0].text, "%s characters", characters);
  phrases[1].factory = "120 seconds";
  put_seconds(phrases[1].text, default_timeout(s));
  phrases[2].factory = "600 seconds";
  put_seconds(phrases[2].text, s->max_timeout_ms);
}

/* One pass, so that what was put in is not replaced again. */
static int rewrite(const char *text, const struct phrase phrases[PHRASES], struct csn_buffer *out) {
  while (*text) {
    const struct phrase *p = phrases;
    while (p < phrases + PHRASES && strncmp(text, p->factory, strlen(p->factory)) != 0) p++;
    int is_phrase = p < phrases + PHRASES;
    int rc = is_phrase ? csn_buffer_addz(out, p->text) : csn_buffer_add(out, text, 1);
    if (rc) return rc;
    text += is_phrase ? strlen(p->factory) : 1;
  }
  return 0;
}

static int replace(cJSON *object, const char *name, cJSON *value) {
  if (value && cJSON_ReplaceItemInObjectCaseSensitive(object, name, value)) return 0;
  cJSON_Delete(value);
  return CAISSON_E_NOMEM;
}

static int set_limits(cJSON *definition, const struct csn_tool_settings *s) {
  struct phrase phrases[PHRASES];
  CSN_CLEANUP_BUFFER struct csn_buffer text = CSN_BUFFER(65536);
  make_phrases(s, phrases);
  if (rewrite(csn_json_string(definition, "description", ""), phrases, &text))
    return CAISSON_E_NOMEM;
  int rc = replace(definition, "description", cJSON_CreateString(csn_buffer_text(&text)));
  cJSON *schema = cJSON_GetObjectItemCaseSensitive(definition, "inputSchema");
  cJSON *properties = cJSON_GetObjectItemCaseSensitive(schema, "properties");
  cJSON *timeout = cJSON_GetObjectItemCaseSensitive(properties, "timeout_ms");
  if (rc || !timeout) return rc;
  /* One that can run in the background may ask for as long as a job has; the tool itself sees to
   * the rest. */
  uint64_t most = s->max_timeout_ms;
  if (csn_json_get(properties, "background") && s->jobs.max_timeout_ms > most)
    most = s->jobs.max_timeout_ms;
  rc = replace(timeout, "maximum", cJSON_CreateNumber((double)most));
  rc |= replace(timeout, "default", cJSON_CreateNumber((double)default_timeout(s)));
  return rc;
}

/* ---- what is offered ------------------------------------------------------------------------- */

static int is_enabled(const cJSON *enabled, const char *plain) {
  const cJSON *name;
  if (!enabled) return 1;
  cJSON_ArrayForEach(name, enabled) {
    if (cJSON_IsString(name) && strcmp(name->valuestring, plain) == 0) return 1;
  }
  return 0;
}

static const struct csn_catalog_entry *find_entry(const struct offers *offers, const char *name) {
  for (size_t i = 0; i < offers->count; i++)
    if (strcmp(csn_json_string(offers->entries[i].definition, "name", ""), name) == 0)
      return &offers->entries[i];
  return NULL;
}

static int fail_clash(const char *plain, const char *name, const struct csn_catalog_entry *other,
                      struct csn_error *err) {
  return csn_fail(err, CAISSON_E_CONFIG, CAISSON_REASON_CONFIG,
                  "tool_names: \"%s\" would be the name of two tools, %s and %s; choose another",
                  name, other->tool->name, plain);
}

/* Takes its own copy of the definition into the document's list. */
static int offer(struct offers *offers, cJSON *list, const cJSON *definition,
                 const struct csn_tool *tool, const char *name, struct csn_error *err) {
  if (!tool || offers->count == OFFERS_MAX)
    return csn_fail(err, CAISSON_E_INTERNAL, CAISSON_REASON_INTERNAL,
                    "the manifest's \"%s\" has no function in this plugin", name);
  cJSON *copy = cJSON_Duplicate(definition, 1);
  int rc = csn_json_append(list, copy);
  if (!rc) rc = replace(copy, "name", cJSON_CreateString(name));
  if (rc) return csn_fail_nomem(err);
  offers->entries[offers->count++] = (struct csn_catalog_entry){tool, copy};
  return 0;
}

static int offer_tools(struct csn_catalog *c, const cJSON *manifest, const cJSON *config,
                       const struct csn_tool_settings *settings, struct csn_error *err) {
  const cJSON *enabled = csn_json_get(csn_json_get(config, "tools"), "enabled");
  const cJSON *names = csn_json_get(config, "tool_names"), *definition;
  cJSON *list = csn_json_add_array(c->document, "tools");
  cJSON_ArrayForEach(definition, csn_json_get(manifest, "tools")) {
    const char *plain = csn_json_string(definition, "name", "");
    const char *name = csn_json_string(names, plain, plain);
    const struct csn_catalog_entry *other = find_entry(&c->tools, name);
    if (!is_enabled(enabled, plain)) continue;
    if (other) return fail_clash(plain, name, other, err);
    int rc = offer(&c->tools, list, definition, csn_tool_find(plain), name, err);
    if (rc) return rc;
    if (set_limits(cJSON_GetArrayItem(list, cJSON_GetArraySize(list) - 1), settings))
      return csn_fail_nomem(err);
  }
  return list ? 0 : csn_fail_nomem(err);
}

static int offer_operations(struct csn_catalog *c, const cJSON *manifest, struct csn_error *err) {
  const cJSON *definition;
  cJSON *list = csn_json_add_array(c->document, "operations");
  cJSON_ArrayForEach(definition, csn_json_get(manifest, "operations")) {
    const char *name = csn_json_string(definition, "name", "");
    int rc = offer(&c->operations, list, definition, csn_operation_find(name), name, err);
    if (rc) return rc;
  }
  return list ? 0 : csn_fail_nomem(err);
}

int csn_catalog_new(const cJSON *manifest, const char *instance, const cJSON *config,
                    const struct csn_tool_settings *settings, struct csn_catalog **out,
                    struct csn_error *err) {
  struct csn_catalog *c = csn_calloc(1, sizeof *c);
  if (!c) return csn_fail_nomem(err);
  c->document = cJSON_CreateObject();
  int rc = csn_json_add_int(c->document, "describe_version", 1);
  rc |= csn_json_add_string(c->document, "instance", instance);
  if (rc) csn_fail_nomem(err);
  if (!rc) rc = offer_tools(c, manifest, config, settings, err);
  if (!rc) rc = offer_operations(c, manifest, err);
  if (rc) {
    csn_catalog_free(c);
    return rc;
  }
  *out = c;
  return 0;
}

/* ---- finding --------------------------------------------------------------------------------- */

static int fail_unknown(const struct offers *offers, const char *name, const char *noun,
                        const char *reason, struct csn_error *err) {
  const char *names[OFFERS_MAX];
  for (size_t i = 0; i < offers->count; i++)
    names[i] = csn_json_string(offers->entries[i].definition, "name", "");
  const char *near = csn_suggest(name, names, offers->count);
  struct csn_words w = {.size = 0};
  csn_words_add(&w, "there is no %s ", noun);
  csn_words_add_quoted(&w, name);
  if (near) csn_words_add(&w, "; did you mean \"%s\"", near);
  csn_words_add(&w, "%s%s", near ? "? " : ". ", offers->count ? "There are: " : "There are none");
  for (size_t i = 0; i < offers->count; i++) csn_words_add(&w, "%s%s", i ? ", " : "", names[i]);
  return csn_fail(err, CAISSON_E_NOT_FOUND, reason, "%s", w.text);
}

int csn_catalog_find_tool(const struct csn_catalog *catalog, const char *name,
                          struct csn_catalog_entry *out, struct csn_error *err) {
  const struct csn_catalog_entry *found = find_entry(&catalog->tools, name);
  if (!found) return fail_unknown(&catalog->tools, name, "tool", CAISSON_REASON_UNKNOWN_TOOL, err);
  *out = *found;
  return 0;
}

int csn_catalog_find_operation(const struct csn_catalog *catalog, const char *name,
                               struct csn_catalog_entry *out, struct csn_error *err) {
  const struct csn_catalog_entry *found = find_entry(&catalog->operations, name);
  if (!found)
    return fail_unknown(&catalog->operations, name, "operation", CAISSON_REASON_UNKNOWN_OPERATION,
                        err);
  *out = *found;
  return 0;
}

int csn_catalog_read_arguments(const struct csn_catalog_entry *entry, const char *json, size_t n,
                               cJSON **args, struct csn_error *err) {
  CSN_CLEANUP_JSON cJSON *tree = NULL;
  int rc = csn_json_parse(n ? json : "{}", n ? n : 2, CSN_ARGUMENTS_MAX, "the arguments",
                          CAISSON_E_ARGUMENTS, CAISSON_REASON_ARGUMENTS, &tree, err);
  if (!rc)
    rc = csn_schema_check(csn_json_get(entry->definition, "inputSchema"), tree, "the arguments",
                          CAISSON_E_ARGUMENTS, CAISSON_REASON_ARGUMENTS, err);
  if (!rc) *args = CSN_STEAL(tree);
  return rc;
}
