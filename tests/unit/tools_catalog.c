/* SPDX-License-Identifier: Apache-2.0 */
/* What an instance offers: names, limits, and what is said to whoever asks for something else. */
#include "tools/catalog.h"

#include <string.h>

#include "tap.h"
#include "tools/manifest.h"
#include "util/alloc.h"
#include "util/json.h"

static cJSON *manifest;
static const struct csn_tool_settings factory = {50000, 120000, 600000, 33554432,
                                                  {8, 32, 8388608, 3600000, 86400000}};

static struct csn_catalog *make(const char *config_text, const struct csn_tool_settings *settings,
                                struct csn_error *err) {
  struct csn_catalog *catalog = NULL;
  CSN_CLEANUP_JSON cJSON *config = cJSON_Parse(config_text);
  csn_error_clear(err);
  int rc = csn_catalog_new(manifest, "box", config, settings, &catalog, err);
  if ((rc == 0) != (catalog != NULL)) BAIL_OUT("status %d, catalog %p", rc, (void *)catalog);
  return catalog;
}

static const cJSON *tool_at(const struct csn_catalog *c, int i) {
  return cJSON_GetArrayItem(csn_json_get(csn_catalog_document(c), "tools"), i);
}

static const char *text_of(const cJSON *item) {
  static char text[65536];
  char *printed = csn_json_print(item);
  snprintf(text, sizeof text, "%s", printed ? printed : "");
  csn_free(printed);
  return text;
}

static void test_factory(void) {
  struct csn_error err;
  struct csn_catalog *c = make("{}", &factory, &err);
  const cJSON *document = csn_catalog_document(c);
  is_int(csn_json_int(document, "describe_version", 0), 1, "version 1");
  is_str(csn_json_string(document, "instance", ""), "box", "the instance");
  ok(cJSON_Compare(csn_json_get(document, "tools"), csn_json_get(manifest, "tools"), 1),
     "as the manifest has them");
  ok(cJSON_Compare(csn_json_get(document, "operations"), csn_json_get(manifest, "operations"), 1),
     "operations too");
  csn_catalog_free(c);
  csn_catalog_free(NULL);
}

static void test_names(void) {
  struct csn_error err;
  struct csn_catalog_entry entry;
  struct csn_catalog *c = make(
      "{\"tool_names\":{\"shell\":\"bash\"},\"tools\":{\"enabled\":[\"shell\",\"run_python\"]}}",
      &factory, &err);
  is_str(csn_json_string(tool_at(c, 0), "name", ""), "bash", "renamed");
  is_str(csn_json_string(tool_at(c, 1), "name", ""), "run_python", "the other is not");
  is_int(csn_catalog_find_tool(c, "bash", &entry, &err), 0, "it answers to its new name");
  ok(entry.tool == csn_tool_find("shell") && entry.definition == tool_at(c, 0),
     "and is the same tool");
  is_int(csn_catalog_find_tool(c, "shell", &entry, &err), CAISSON_E_NOT_FOUND, "and to no other");
  is_str(err.message, "there is no tool \"shell\". There are: bash, run_python", "in words");
  is_str(err.reason, CAISSON_REASON_UNKNOWN_TOOL, "with a reason");
  is_int(csn_catalog_find_tool(c, "bsh", &entry, &err), CAISSON_E_NOT_FOUND, "nearly right");
  is_str(err.message,
         "there is no tool \"bsh\"; did you mean \"bash\"? There are: bash, run_python",
         "is helped");
  is_int(csn_catalog_find_tool(c, "session.list", &entry, &err), CAISSON_E_NOT_FOUND,
         "an operation is no tool");
  csn_catalog_find_tool(c, "a\n\"b", &entry, &err);
  is_str(err.message, "there is no tool \"a\\n\\\"b\". There are: bash, run_python", "one line");
  csn_catalog_free(c);
}

static void test_enabled(void) {
  struct csn_error err;
  struct csn_catalog_entry entry;
  struct csn_catalog *c = make("{\"tools\":{\"enabled\":[\"run_python\"]},"
                               "\"tool_names\":{\"run_python\":\"shell\"}}",
                               &factory, &err);
  ok(tool_at(c, 0) && !tool_at(c, 1), "one tool");
  is_int(csn_catalog_find_tool(c, "shell", &entry, &err), 0,
         "under the name of one that is disabled");
  ok(entry.tool == csn_tool_find("run_python"), "which does not exist");
  csn_catalog_free(c);
  c = make("{\"tools\":{\"enabled\":[]}}", &factory, &err);
  is_str(text_of(csn_json_get(csn_catalog_document(c), "tools")), "[]", "no tools at all");
  is_int(csn_catalog_find_tool(c, "shell", &entry, &err), CAISSON_E_NOT_FOUND, "none to find");
  is_str(err.message, "there is no tool \"shell\". There are none", "in words");
  csn_catalog_free(c);
  ok(!make("{\"tool_names\":{\"run_python\":\"shell\"}}", &factory, &err), "two tools of one name");
  is_int(err.code, CAISSON_E_CONFIG, "are refused");
  is_str(err.message,
         "tool_names: \"shell\" would be the name of two tools, shell and run_python; "
         "choose another",
         "in words");
  c = make("{\"tool_names\":{\"run_python\":\"shell\",\"shell\":\"run_python\"}}", &factory, &err);
  is_int(csn_catalog_find_tool(c, "shell", &entry, &err), 0, "two names that are swapped");
  ok(entry.tool == csn_tool_find("run_python"), "are no clash");
  csn_catalog_free(c);
}

static void test_operations(void) {
  struct csn_error err;
  struct csn_catalog_entry entry;
  struct csn_catalog *c = make("{\"tools\":{\"enabled\":[]}}", &factory, &err);
  is_int(csn_catalog_find_operation(c, "session.list", &entry, &err), 0, "an operation");
  ok(entry.tool == csn_operation_find("session.list"), "is found whatever is enabled");
  is_int(csn_catalog_find_operation(c, "sesion.list", &entry, &err), CAISSON_E_NOT_FOUND,
         "a mistake");
  is_str(err.reason, CAISSON_REASON_UNKNOWN_OPERATION, "has another reason");
  ok(strstr(err.message,
            "there is no operation \"sesion.list\"; did you mean \"session.list\"? There "
            "are: session.ensure, "),
     "in words: %s", err.message);
  is_int(csn_catalog_find_operation(c, "shell", &entry, &err), CAISSON_E_NOT_FOUND,
         "a tool is no operation");
  csn_catalog_free(c);
}

/* Nothing that the model reads is left as it was made. */
static void test_limits(void) {
  static const struct csn_tool_settings settings = {1234567, 600000, 7500, 1, {0}};
  static const struct csn_tool_settings crossed = {50000, 600000, 1200000, 1, {0}};
  static const char *const stale[] = {"50,000", "120 seconds", "600 seconds", "120000", "600000"};
  struct csn_error err;
  struct csn_catalog *c = make("{}", &settings, &err);
  for (int i = 0; i < 2; i++) {
    const char *text = text_of(tool_at(c, i)), *name = csn_json_string(tool_at(c, i), "name", "");
    for (size_t k = 0; k < sizeof stale / sizeof *stale; k++)
      ok(!strstr(text, stale[k]), "%s: \"%s\" is gone", name, stale[k]);
    ok(strstr(text, "1,234,567 characters"), "%s: the limit of its output", name);
    ok(strstr(text, "takes longer than 7.500 seconds"), "%s: no more than the longest timeout",
       name);
    ok(strstr(text, "up to 7.500 seconds"), "%s: the longest timeout", name);
    ok(strstr(text, "\"maximum\":7500"), "%s: in the schema too", name);
    ok(strstr(text, "\"default\":7500"), "%s: and as default", name);
  }
  csn_catalog_free(c);
  c = make("{}", &crossed, &err);
  ok(strstr(text_of(tool_at(c, 0)), "longer than 600 seconds is killed with everything it started, "
                                    "unless timeout_ms allows it more, up to 1200 seconds"),
     "a new number is not taken for an old one");
  csn_catalog_free(c);
}

static void check_arguments(const struct csn_catalog_entry *entry, const char *json,
                            const char *message) {
  struct csn_error err;
  cJSON *args = NULL;
  csn_error_clear(&err);
  int rc = csn_catalog_read_arguments(entry, json, strlen(json), &args, &err);
  is_int(rc, *message ? CAISSON_E_ARGUMENTS : 0, "arguments %s", json);
  is_str(err.message, message, "in words");
  ok((args != NULL) == (rc == 0), "and a tree only if they are right");
  cJSON_Delete(args);
}

static void test_arguments(void) {
  static const struct csn_tool_settings settings = {50000, 120000, 5000, 1, {0}};
  struct csn_error err;
  struct csn_catalog_entry shell, list;
  struct csn_catalog *c = make("{}", &settings, &err);
  csn_catalog_find_tool(c, "shell", &shell, &err);
  csn_catalog_find_operation(c, "session.inspect", &list, &err);
  check_arguments(&shell, "{\"command\":\"ls\",\"timeout_ms\":5000}", "");
  check_arguments(&shell, "{\"command\":\"ls\",\"timeout_ms\":5001}",
                  "timeout_ms: must be an integer from 1 to 5000, not 5001");
  check_arguments(&shell, "{\"comand\":\"ls\"}",
                  "unknown argument \"comand\"; did you mean \"command\"? It takes: command, "
                  "background, timeout_ms, cwd, env, stdin");
  check_arguments(&shell, "{\"command\":\" \\n\"}",
                  "command: must be a string that is not blank, not \" \\n\"");
  check_arguments(&shell, "{\"command\":\"ls\",\"env\":{\"A=B\":\"x\"}}",
                  "env: a name must be letters, digits or '_', not beginning with a digit, not "
                  "\"A=B\"");
  check_arguments(&shell, "",
                  "the argument \"command\" is required and must be a string that is not blank. It "
                  "takes: command, background, timeout_ms, cwd, env, stdin");
  check_arguments(
      &shell, "{\"command\":",
      "the arguments: not valid JSON at line 1, column 12: the text ends where a value is "
      "expected");
  check_arguments(&shell, "[]", "the arguments: must be an object, not an array of 0");
  check_arguments(&list, "", "");
  check_arguments(&list, "{\"all\":true}", "unknown argument \"all\". It takes none");
  csn_catalog_free(c);
}

static void test_no_memory(void) {
  struct csn_error err;
  int failed = 0;
  for (long nth = 1; nth <= 8; nth++) {
    csn_alloc_fail_after(nth);
    struct csn_catalog *c = make("{}", &factory, &err);
    csn_alloc_fail_after(0);
    failed += !c && err.code == CAISSON_E_NOMEM;
    csn_catalog_free(c);
  }
  ok(failed >= 3, "without memory it says so");
}

int main(void) {
  struct csn_error err = {0};
  if (csn_manifest_parse(&manifest, &err)) BAIL_OUT("%s", err.message);
  test_factory();
  test_names();
  test_enabled();
  test_operations();
  test_limits();
  test_arguments();
  test_no_memory();
  cJSON_Delete(manifest);
  return done_testing();
}
