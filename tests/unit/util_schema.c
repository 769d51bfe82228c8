/* SPDX-License-Identifier: Apache-2.0 */
/* What a schema refuses, word by word: the message is what a model or an operator acts on. */
#include "util/schema.h"

#include <string.h>

#include "tap.h"
#include "util/json.h"

static cJSON *read_json(const char *text) {
  cJSON *tree = NULL;
  struct csn_error err;
  if (csn_json_parse(text, strlen(text), 1 << 20, "test", CAISSON_E_INTERNAL, "test", &tree, &err))
    BAIL_OUT("%s: %s", err.message, text);
  return tree;
}

/* The message, or "" where it is taken. */
static const char *check(const char *schema_text, const char *value_text, const char *root,
                         int code) {
  static struct csn_error err;
  csn_error_clear(&err);
  cJSON *schema = read_json(schema_text), *value = read_json(value_text);
  int rc = csn_schema_check(schema, value, root, code, "test.reason", &err);
  if (rc != (err.message[0] ? code : 0)) snprintf(err.message, sizeof err.message, "status %d", rc);
  if (rc && strcmp(err.reason, "test.reason") != 0) snprintf(err.message, 30, "wrong reason");
  cJSON_Delete(schema);
  cJSON_Delete(value);
  return err.message;
}

#define Q(...) #__VA_ARGS__

/* ---- one value ------------------------------------------------------------------------------- */

static void test_values(void) {
  static const struct {
    const char *schema, *value, *message;
  } rows[] = {
      {Q({"type": "integer"}), "5", ""},
      {Q({"type": "integer"}), "5.0", ""},
      {Q({"type": "integer"}), "-0", ""},
      {Q({"type": "integer"}), "5.5", "v: must be an integer, not 5.5"},
      {Q({"type": "integer"}), "9007199254740991", ""},
      {Q({"type": "integer"}), "9007199254740992",
       "v: must be an integer, not 9.00719925474099e+15"},
      {Q({"type": "integer", "minimum": 4194304}), Q("lots"),
       "v: must be an integer of at least 4194304, not \"lots\""},
      {Q({"type": "integer", "minimum": 1, "maximum": 600000}), "0",
       "v: must be an integer from 1 to 600000, not 0"},
      {Q({"type": "integer", "minimum": 1, "maximum": 600000}), "600001",
       "v: must be an integer from 1 to 600000, not 600001"},
      {Q({"type": "integer", "maximum": 9}), "10", "v: must be an integer of at most 9, not 10"},
      {Q({"type": "integer", "minimum": 1}), Q("5000"),
       "v: must be an integer of at least 1, not \"5000\"; write it without quotes"},
      {Q({"type": "integer"}), "true", "v: must be an integer, not true"},
      {Q({"type": "integer"}), "null", "v: must be an integer, not null"},
      {Q({"type": "number", "minimum": 0.01}), "0.001",
       "v: must be a number of at least 0.01, not 0.001"},
      {Q({"type": "number"}), "1e300", ""},
      {Q({"type": "number"}), Q("1.5"),
       "v: must be a number, not \"1.5\"; write it without quotes"},
      {Q({"type": "number"}), Q("inf"), "v: must be a number, not \"inf\""},
      {Q({"type": "boolean"}), "true", ""},
      {Q({"type": "boolean"}), Q("true"),
       "v: must be true or false, not \"true\"; write it without quotes"},
      {Q({"type": "boolean"}), "1", "v: must be true or false, not 1"},
      {Q({"type": "null"}), "0", "v: must be null, not 0"},
      {Q({"type": "string"}), "5", "v: must be a string, not 5; write it in quotes"},
      {Q({"type": "string"}), "[]", "v: must be a string, not an array of 0"},
      {Q({"type": "string"}), "{}", "v: must be a string, not an object"},
      {Q({"type": "string", "minLength": 1}), Q(""),
       "v: must be a string that is not empty, not \"\""},
      {Q({"type": "string", "minLength": 2, "maxLength": 3}), Q("\u00e9\u00e9\u00e9"), ""},
      {Q({"type": "string", "minLength": 2, "maxLength": 3}), Q("\u00e9\u00e9\u00e9\u00e9"),
       "v: must be a string from 2 to 3 characters, not \"\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\""},
      {Q({"type": "string", "maxLength": 3}), Q("abcd"),
       "v: must be a string of at most 3 characters, not \"abcd\""},
      {Q({"type": "string", "maxLength": 1}), Q("a\"\\\n\u0001"),
       "v: must be a string of at most 1 characters, not \"a\\\"\\\\\\n\\u0001\""},
      {Q({"type": "string", "maxLength": 1}), Q("0123456789012345678901234567890123456789X"),
       "v: must be a string of at most 1 characters, not "
       "\"0123456789012345678901234567890123456789...\""},
      {Q({"enum": ["create", "adopt"]}), Q("adopt"), ""},
      {Q({"enum": ["create", "adopt"]}), Q("made"),
       "v: must be one of \"create\", \"adopt\", not \"made\""},
      {Q({"enum": ["only"]}), "1", "v: must be \"only\", not 1"},
      {Q({"const": 1}), "1", ""},
      {Q({"const": 1}), "2", "v: must be 1, not 2"},
      {Q({"type": ["integer", "string"]}), "true",
       "v: must be an integer or a string, not true"},
      {Q({"type": ["integer", "string"]}), Q("x"), ""},
      {Q({"type": "array", "items": {"type": "string"}}), Q(["a", "b"]), ""},
      {Q({"type": "array", "items": {"type": "string"}}), Q(["a", 1]),
       "[1]: must be a string, not 1; write it in quotes"},
      {Q({"type": "array", "items": {"type": "string"}}), Q("a"),
       "v: must be an array of strings, not \"a\"; put it in brackets"},
      {Q({"type": "array", "items": {"type": "string"}}), Q("[\"a\"]"),
       "v: must be an array of strings, not \"[\\\"a\\\"]\"; write the array itself, not a string "
       "that holds it"},
      {Q({"type": "array", "minItems": 2, "maxItems": 2, "items": {"type": "integer"}}), "[1]",
       "v: must be an array of 2 integers, not an array of 1"},
      {Q({"type": "array", "minItems": 1, "maxItems": 2}), "[1,2,3]",
       "v: must be an array of 1 to 2 values, not an array of 3"},
      {Q({"type": "array", "minItems": 1}), "[]",
       "v: must be an array of at least 1 values, not an array of 0"},
      {Q({"type": "object"}), Q("{\"a\":1}"),
       "v: must be an object, not \"{\\\"a\\\":1}\"; write the object itself, not a string that "
       "holds it"},
      {Q({"type": "object", "additionalProperties": {"type": "string"}}), "[]",
       "v: must be an object of strings, not an array of 0"},
      {Q({"type": "object", "additionalProperties": {"type": "string"}}), Q({"A": 1}),
       "A: must be a string, not 1; write it in quotes"},
      {Q({"type": "object", "propertyNames": {"format": "variable-name"}}), Q({"A-B": "x"}),
       "v: a name must be letters, digits or '_', not beginning with a digit, not \"A-B\""},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    is_str(check(rows[i].schema, rows[i].value, "v", CAISSON_E_CONFIG), rows[i].message,
           "%.60s takes or refuses %.40s", rows[i].schema, rows[i].value);
}

static void test_formats(void) {
  static const struct {
    const char *format, *value;
    int is_taken;
  } rows[] = {
      {"instance-name", "a", 1},
      {"instance-name", "A_b.9", 1},
      {"instance-name", "", 0},
      {"instance-name", "a-b", 0},
      {"instance-name", "a b", 0},
      {"instance-name", "\xc3\xa9", 0},
      {"instance-name", "12345678901234567890123456789012", 1},
      {"instance-name", "123456789012345678901234567890123", 0},
      {"tool-name", "run-it_2", 1},
      {"tool-name", "a.b", 0},
      {"tool-name", "", 0},
      {"hostname", "box-1", 1},
      {"hostname", "-box", 0},
      {"hostname", "box-", 0},
      {"hostname", "a.b", 0},
      {"variable-name", "_A9", 1},
      {"variable-name", "9A", 0},
      {"variable-name", "A=B", 0},
      {"variable-name", "", 0},
      {"variable-name", "A B", 0},
      {"size", "512m", 1},
      {"size", "1 g", 0},
      {"size", "", 0},
      {"user", "auto", 1},
      {"user", "1000:1000", 1},
      {"user", "1000", 0},
      {"user", "app-user_1.x", 1},
      {"user", "-app", 0},
      {"user", "a b", 0},
      {"mode", "0750", 1},
      {"mode", "755", 1},
      {"mode", "4755", 0},
      {"mode", "75", 0},
      {"mode", "0758", 0},
      {"ip-address", "10.0.0.1", 1},
      {"ip-address", "fd00::1", 1},
      {"ip-address", "10.0.0", 0},
      {"ip-address", "host-gateway", 0},
      {"host-name", "db.internal", 1},
      {"host-name", "a:b", 0},
      {"host-name", "", 0},
      {"profile-name", "docker-default", 1},
      {"profile-name", "a b", 0},
      {"user", "1:", 0},
      {"user", ":1", 0},
      {"user", "1:2:3", 0},
      {"user", "1000000000:1", 0},
      {"absolute-path", "/", 1},
      {"absolute-path", "a", 0},
      {"absolute-path", "", 0},
      {"not-blank", " x ", 1},
      {"not-blank", "", 0},
      {"not-blank", " \\t\\n", 0},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    char schema[100], value[100];
    snprintf(schema, sizeof schema, "{\"type\":\"string\",\"format\":\"%s\"}", rows[i].format);
    snprintf(value, sizeof value, "\"%s\"", rows[i].value);
    int taken = !*check(schema, value, "v", CAISSON_E_CONFIG);
    is_int(taken, rows[i].is_taken, "%s: \"%s\"", rows[i].format, rows[i].value);
  }
  static const char size[] = Q({
    "type": ["integer", "string"],
    "format": "size",
    "minimum": 1048576,
    "maximum": 1073741824
  });
  static const char words[] =
      "v: must be an integer from 1048576 to 1073741824 or a size such as \"512m\" or \"2g\", not ";
  char message[200];
  is_str(check(size, Q("1m"), "v", CAISSON_E_CONFIG), "", "a size at the lower edge");
  is_str(check(size, Q("1g"), "v", CAISSON_E_CONFIG), "", "a size at the upper edge");
  snprintf(message, sizeof message, "%s\"1k\"", words);
  is_str(check(size, Q("1k"), "v", CAISSON_E_CONFIG), message, "a size below the minimum");
  snprintf(message, sizeof message, "%s\"2g\"", words);
  is_str(check(size, Q("2g"), "v", CAISSON_E_CONFIG), message, "a size above the maximum");
  snprintf(message, sizeof message, "%s1", words);
  is_str(check(size, "1", "v", CAISSON_E_CONFIG), message, "a number below the minimum");
}

/* ---- members --------------------------------------------------------------------------------- */

static const char tool[] = Q({
  "type": "object",
  "additionalProperties": false,
  "required": ["command"],
  "properties": {
    "command": {"type": "string", "format": "not-blank"},
    "timeout_ms": {"type": "integer"},
    "env": {"type": "object", "additionalProperties": {"type": "string"}}
  }
});

static void test_arguments(void) {
  static const struct {
    const char *value, *message;
  } rows[] = {
      {Q({"command": "ls"}), ""},
      {Q({"comand": "ls"}),
       "unknown argument \"comand\"; did you mean \"command\"? It takes: command, "
       "timeout_ms, env"},
      {Q({"command": "ls", "banana": 1}),
       "unknown argument \"banana\". It takes: command, timeout_ms, env"},
      {Q({}),
       "the argument \"command\" is required and must be a string that is not blank. It takes: "
       "command, timeout_ms, env"},
      {Q({"command": " "}), "command: must be a string that is not blank, not \" \""},
      {Q({"command": null}), "command: must be a string that is not blank, not null"},
      {Q({"command": "ls", "timeout_ms": "5"}),
       "timeout_ms: must be an integer, not \"5\"; write it without quotes"},
      {Q({"command": "ls", "env": {"A": 1}}),
       "env.A: must be a string, not 1; write it in quotes"},
      {Q({"command": "ls", "env": {"a b": 1}}),
       "env[\"a b\"]: must be a string, not 1; write it in quotes"},
      {Q([]), "the arguments: must be an object, not an array of 0"},
      {Q("ls"), "the arguments: must be an object, not \"ls\""},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    is_str(check(tool, rows[i].value, "the arguments", CAISSON_E_ARGUMENTS), rows[i].message,
           "arguments %.60s", rows[i].value);
  is_str(check(Q({"type": "object", "additionalProperties": false, "properties": {}}),
               Q({"a": 1}), "the arguments", CAISSON_E_ARGUMENTS),
         "unknown argument \"a\". It takes none", "a tool without arguments");
}

static const char config[] = Q({
  "type": "object",
  "additionalProperties": false,
  "patternProperties": {"^x-": {}},
  "if": {"minProperties": 1},
  "then": {"required": ["config_version"]},
  "properties": {
    "config_version": {"const": 1},
    "sandbox": {
      "type": "object",
      "additionalProperties": false,
      "patternProperties": {"^x-": {}},
      "properties": {
        "memory": {"type": "integer", "minimum": 9},
        "list": {
          "type": "array",
          "items" :
              {"type": "object", "required": ["a"], "properties": {"a": {"type" :
                                                                                 "integer"}}}
        }
      }
    }
  }
});

static void test_configuration(void) {
  static const struct {
    const char *value, *message;
  } rows[] = {
      {"{}", ""},
      {Q({"config_version": 1}), ""},
      {Q({"config_version": 1, "x-mine": [1], "sandbox": {"x-y": 1, "memory": 9}}), ""},
      {Q({"sandbox": {}}), "the key \"config_version\" is required and must be 1. It takes: "
                            "config_version, sandbox"},
      {Q({"x-mine": 1}), "the key \"config_version\" is required and must be 1. It takes: "
                          "config_version, sandbox"},
      {Q({"config_version": 2}), "config_version: must be 1, not 2"},
      {Q({"config_version": 1, "sandbx": {}}),
       "unknown key \"sandbx\"; did you mean \"sandbox\"? It takes: config_version, sandbox"},
      {Q({"config_version": 1, "sandbox": {"memroy": 9}}),
       "sandbox: unknown key \"memroy\"; did you mean \"memory\"? It takes: memory, list"},
      {Q({"config_version": 1, "sandbox": {"memory": "lots"}}),
       "sandbox.memory: must be an integer of at least 9, not \"lots\""},
      {Q({"config_version": 1, "sandbox": {"list": [ {"a": 1}, {"b": 1} ]}}),
       "sandbox.list[1]: the key \"a\" is required and must be an integer. It takes: a"},
      {Q({"config_version": 1, "sandbox": {"list": [ {"a": 1}, {"a": "x"} ]}}),
       "sandbox.list[1].a: must be an integer, not \"x\""},
      {Q({"config_version": 1, "X-mine": 1}),
       "unknown key \"X-mine\". It takes: config_version, sandbox"},
      {"[]", "must be an object, not an array of 0"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    is_str(check(config, rows[i].value, "", CAISSON_E_CONFIG), rows[i].message,
           "configuration %.80s", rows[i].value);
  is_str(check(config, Q({"config_version": 1, "no": 1}), "options", CAISSON_E_CONFIG),
         "options: unknown key \"no\". It takes: config_version, sandbox", "a root with a name");
}

static void test_secrets(void) {
  static const char schema[] = Q({
    "type": "object",
    "properties": {
      "secrets": {
        "type": "object",
        "writeOnly": true,
        "propertyNames": {"format": "variable-name"},
        "additionalProperties": {"type": "string", "maxLength": 6, "writeOnly": true}
      }
    }
  });
  static const struct {
    const char *value, *message;
  } rows[] = {
      {Q({"secrets": {"T": 424242}}),
       "secrets.T: must be a string of at most 6 characters, not a number; "
       "write it in quotes"},
      {Q({"secrets": {"T": "hunter2"}}),
       "secrets.T: must be a string of at most 6 characters, not such a string"},
      {Q({"secrets": {"T": null}}),
       "secrets.T: must be a string of at most 6 characters, not null"},
      {Q({"secrets": {"T": true}}),
       "secrets.T: must be a string of at most 6 characters, not true or "
       "false; write it in quotes"},
      {Q({"secrets": {"T=hunter2": ""}}),
       "secrets: a name must be letters, digits or '_', not beginning with a digit"},
      {Q({"secrets": "hunter2"}), "secrets: must be an object of strings, not such a string"},
      {Q({"secrets": ["hunter2"]}), "secrets: must be an object of strings, not an array"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    is_str(check(schema, rows[i].value, "options", CAISSON_E_CONFIG), rows[i].message,
           "a secret is not in the message (%zu)", i);
}

/* A message that does not fit is cut at a character, never beyond its buffer. */
static void test_long(void) {
  static char value[20000];
  char *p = value + snprintf(value, 100, "{\"");
  for (int i = 0; i < 5000; i++) p += snprintf(p, 4, "\xe2\x82\xac");
  snprintf(p, 10, "\":1}");
  const char *message = check(tool, value, "the arguments", CAISSON_E_ARGUMENTS);
  ok(strlen(message) < 300 && strstr(message, "...\". It takes: command"), "a name of 15 kB: %s",
     message);
  const char *deep =
      check(Q({
              "type": "object",
              "additionalProperties" :
                  {"type": "object", "additionalProperties": {"type": "integer"}}
            }),
            Q({"01234567890123456789012345678901234567890123456789": {"b\n": "x"}}), "v",
            CAISSON_E_CONFIG);
  is_str(deep,
         "01234567890123456789012345678901234567890123456789[\"b\\n\"]: must be an integer, "
         "not \"x\"",
         "names in a path stay one line");
}

static const char *unsupported(const char *text) {
  static char found[64];
  cJSON *schema = read_json(text);
  const char *name = csn_schema_unsupported(schema);
  snprintf(found, sizeof found, "%s", name ? name : "");
  cJSON_Delete(schema);
  return found;
}

static void test_unsupported(void) {
  is_str(unsupported(config), "", "all of that is understood");
  is_str(unsupported(tool), "", "and of this");
  is_str(unsupported(Q({"pattern": "x"})), "pattern", "a keyword that would be passed over");
  is_str(unsupported(Q({"properties": {"a": {"items": {"oneOf": []}}}})), "oneOf",
         "deep inside");
  is_str(unsupported(Q({"additionalProperties": {"not": {}}})), "not", "for other members");
  is_str(unsupported(Q({"then": {"uniqueItems": true}})), "uniqueItems", "behind a condition");
  is_str(unsupported(Q({"format": "date"})), "date", "a format");
  is_str(unsupported(Q({"patternProperties": {"^y": {}}})), "patternProperties",
         "another pattern");
}

int main(void) {
  test_values();
  test_formats();
  test_arguments();
  test_configuration();
  test_secrets();
  test_long();
  test_unsupported();
  return done_testing();
}
