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

int csn_tools_print(struct csn_host *host) {
  struct csn_generation *g = csn_host_pin(host);
  const cJSON *tool;
  int code = g->offered ? 0 : CSN_EXIT_FAILED;
  if (!g->offered)
    csn_ui_say("the plugin does not say what it offers");
  cJSON_ArrayForEach(tool, csn_json_get(g->offered, "tools")) {
    const char *name = csn_json_string(tool, "name"), *words = csn_json_string(tool, "description");
    char *safe = csn_text_line(name);
    char *summary = summary_of(words ? words : "");
    (void)printf("%s%s%s  %s\n", csn_ui_style(stdout, CSN_UI_STRONG), safe,
                 csn_ui_style(stdout, CSN_UI_PLAIN), summary);
    print_arguments(csn_json_get(tool, "inputSchema"));
    free(safe);
    free(summary);
  }
  csn_slot_unpin(g);
  return code;
}

static int print_document(struct csn_host *host) {
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

int csn_cmd_tools(const struct csn_options *options) {
  struct csn_host host;
  /* What is offered does not depend on the engine, so none has to be there. */
  int code = csn_host_start(&host, options, true);
  if (code)
    return code;
  code = options->json ? print_document(&host) : csn_tools_print(&host);
  csn_host_stop(&host);
  return code;
}
