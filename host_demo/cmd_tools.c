/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_tools.c: shows the tools that an instance offers, as a model would be told of them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "json.h"
#include "text.h"
#include "ui.h"

/* The first sentence of a description. */
static char *summary_of(const char *description) {
  const char *end = strstr(description, ". ");
  size_t n = end ? (size_t)(end - description) + 1 : strlen(description);
  const char *line = memchr(description, '\n', n);
  return csn_text_escape(description, line ? (size_t)(line - description) : n, false);
}

static bool is_required(const cJSON *schema, const char *name) {
  const cJSON *item;
  cJSON_ArrayForEach(item, csn_json_get(schema, "required"))
    if (cJSON_IsString(item) && strcmp(item->valuestring, name) == 0)
      return true;
  return false;
}

/* "command, [timeout_ms], [cwd]": what is optional stands in brackets. */
static void print_arguments(const cJSON *schema) {
  const cJSON *property;
  const char *between = "    ";
  cJSON_ArrayForEach(property, csn_json_get(schema, "properties")) {
    char *name = csn_text_line(property->string);
    bool required = is_required(schema, property->string);
    (void)printf("%s%s%s%s", between, required ? "" : "[", name, required ? "" : "]");
    between = ", ";
    free(name);
  }
  if (*between == ',')
    (void)putchar('\n');
}

static int cannot_describe(const struct csn_route *route) {
  csn_ui_say("the plugin %s%sdoes not say what it offers", route->prefix,
             *route->prefix ? " " : "");
  return CSN_EXIT_FAILED;
}

static int print_tools_of(struct csn_route *route) {
  struct csn_generation *g = csn_slot_pin(&route->slot);
  const cJSON *tool;
  int code = g->offered ? 0 : cannot_describe(route);
  char *prefix = csn_text_line(route->prefix);
  cJSON_ArrayForEach(tool, csn_json_get(g->offered, "tools")) {
    const char *name = csn_json_string(tool, "name"), *words = csn_json_string(tool, "description");
    char *safe = csn_text_line(name);
    char *summary = summary_of(words ? words : "");
    (void)printf("%s%s%s%s  %s\n", csn_ui_style(stdout, CSN_UI_STRONG), prefix, safe,
                 csn_ui_style(stdout, CSN_UI_PLAIN), summary);
    print_arguments(csn_json_get(tool, "inputSchema"));
    free(safe);
    free(summary);
  }
  free(prefix);
  csn_slot_unpin(g);
  return code;
}

int csn_tools_print(struct csn_host *host) {
  int worst = 0;
  for (size_t i = 0; i < host->routes.count; i++) {
    int code = print_tools_of(&host->routes.all[i]);
    worst = code ? code : worst;
  }
  return worst;
}

/* ---- as JSON --------------------------------------------------------------------------------- */

/* Adds what one plugin lists under `kind` to a list, each under its full name. */
static void add_offered(cJSON *list, const struct csn_route *route, const cJSON *document,
                        const char *kind) {
  const cJSON *one;
  cJSON_ArrayForEach(one, csn_json_get(document, kind)) {
    cJSON *copy = csn_must(cJSON_Duplicate(one, true));
    char *full = NULL;
    if (asprintf(&full, "%s%s", route->prefix, csn_json_string(one, "name")) < 0)
      full = csn_must(NULL);
    (void)cJSON_ReplaceItemInObjectCaseSensitive(copy, "name", csn_must(cJSON_CreateString(full)));
    (void)cJSON_AddItemToArray(list, copy);
    free(full);
  }
}

cJSON *csn_tools_list(struct csn_host *host) {
  cJSON *list = csn_must(cJSON_CreateArray());
  for (size_t i = 0; i < host->routes.count; i++) {
    struct csn_route *route = &host->routes.all[i];
    struct csn_generation *g = csn_slot_pin(&route->slot);
    add_offered(list, route, g->offered, "tools");
    csn_slot_unpin(g);
  }
  return list;
}

/* The tools and operations of all in one document, and their instances by prefix. */
static int print_document(struct csn_host *host) {
  int code = 0;
  cJSON *all = csn_must(cJSON_CreateObject());
  (void)cJSON_AddNumberToObject(all, "describe_version", 1);
  cJSON *instances = csn_must(cJSON_AddObjectToObject(all, "instances"));
  cJSON *tools = csn_must(cJSON_AddArrayToObject(all, "tools"));
  cJSON *operations = csn_must(cJSON_AddArrayToObject(all, "operations"));
  for (size_t i = 0; i < host->routes.count && code == 0; i++) {
    struct csn_route *route = &host->routes.all[i];
    struct csn_generation *g = csn_slot_pin(&route->slot);
    const char *instance = csn_json_string(g->offered, "instance");
    code = g->offered ? 0 : cannot_describe(route);
    (void)cJSON_AddStringToObject(instances, route->prefix, instance ? instance : "");
    add_offered(tools, route, g->offered, "tools");
    add_offered(operations, route, g->offered, "operations");
    csn_slot_unpin(g);
  }
  char *text = csn_must(cJSON_PrintUnformatted(all));
  if (code == 0)
    (void)puts(text);
  free(text);
  cJSON_Delete(all);
  return code;
}

/* Of one alone, as it gives it. */
static int print_own_document(struct csn_host *host) {
  struct csn_generation *g = csn_host_pin(host);
  caisson_str json = {NULL, 0};
  int32_t status = g->loaded.plugin->describe(g->instance, &json);
  if (status >= 0)
    (void)printf("%.*s\n", (int)json.size, json.data);
  else
    csn_ui_say("the plugin does not say what it offers (status %d)", (int)status);
  csn_slot_unpin(g);
  return status < 0 ? CSN_EXIT_FAILED : 0;
}

static int print_json(struct csn_host *host, const struct csn_options *options) {
  return options->plugins ? print_document(host) : print_own_document(host);
}

int csn_cmd_tools(const struct csn_options *options) {
  struct csn_host host;
  /* What is offered does not depend on the engine, so none has to be there. */
  int code = csn_host_start(&host, options, true);
  if (code)
    return code;
  code = options->json ? print_json(&host, options) : csn_tools_print(&host);
  csn_host_stop(&host);
  return code;
}
