/* SPDX-License-Identifier: Apache-2.0 */
/* See schema_words.h. */
#include "util/schema_words.h"

#include <arpa/inet.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "util/ascii.h"
#include "util/json.h"
#include "util/utf8.h"

void csn_words_add(struct csn_words *w, const char *fmt, ...) {
  va_list args;
  va_start(args, fmt);
  int n = vsnprintf(w->text + w->size, sizeof w->text - w->size, fmt, args);
  va_end(args);
  if (n < 0) return;
  size_t room = sizeof w->text - w->size - 1;
  w->size += (size_t)n < room ? (size_t)n : room;
}

void csn_words_add_quoted(struct csn_words *w, const char *text) {
  size_t n = strlen(text);
  size_t shown = csn_utf8_span(text, n, 40);
  csn_words_add(w, "\"");
  for (size_t i = 0; i < shown; i++) {
    unsigned char c = (unsigned char)text[i];
    if (c == '"' || c == '\\') {
      csn_words_add(w, "\\%c", c);
    } else if (c == '\n') {
      csn_words_add(w, "\\n");
    } else if (c < 0x20 || c == 0x7f) {
      csn_words_add(w, "\\u%04x", c);
    } else {
      csn_words_add(w, "%c", c);
    }
  }
  csn_words_add(w, shown < n ? "...\"" : "\"");
}

/* ---- formats --------------------------------------------------------------------------------- */

static const char digits[] = "0123456789";
static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

/* Only letters, digits and `more`, from 1 to max of them. */
static int is_made_of(const char *text, const char *more, size_t max) {
  size_t n = strlen(text);
  for (size_t i = 0; i < n; i++)
    if (!strchr(letters, text[i]) && !strchr(digits, text[i]) && !strchr(more, text[i])) return 0;
  return n > 0 && n <= max;
}

static int is_instance_name(const char *text) {
  return is_made_of(text, "_.", 32);
}

static int is_tool_name(const char *text) {
  return is_made_of(text, "_-", 64);
}

static int is_hostname(const char *text) {
  return is_made_of(text, "-", 63) && *text != '-' && text[strlen(text) - 1] != '-';
}

static int is_variable_name(const char *text) {
  return is_made_of(text, "_", 256) && !strchr(digits, *text);
}

static int is_size(const char *text) {
  uint64_t bytes;
  return csn_size_parse(text, &bytes) == 0;
}

/* "UID:GID", or a name: words such as "auto" are names as far as form goes. */
static int is_user(const char *text) {
  size_t uid = strspn(text, digits);
  if (uid == 0) return is_made_of(text, "_.-", 64) && *text != '-' && *text != '.';
  if (uid > 9 || text[uid] != ':') return 0;
  size_t gid = strspn(text + uid + 1, digits);
  return gid >= 1 && gid <= 9 && !text[uid + 1 + gid];
}

/* Of a directory: no setuid, setgid or sticky bit. */
static int is_mode(const char *text) {
  size_t n = strspn(text, "01234567");
  return !text[n] && (n == 3 || (n == 4 && *text == '0'));
}

static int is_ip_address(const char *text) {
  unsigned char address[16];
  return inet_pton(AF_INET, text, address) == 1 || inet_pton(AF_INET6, text, address) == 1;
}

static int is_host_name(const char *text) {
  return is_made_of(text, "-._", 253) && !strchr("-.", *text);
}

static int is_profile_name(const char *text) {
  return is_made_of(text, "_.-/", 128) && *text != '-';
}

static int is_absolute_path(const char *text) {
  return *text == '/' && strlen(text) < 4096;
}

static int is_no_network(const char *text) {
  return strcmp(text, "none") == 0;
}

static int is_network_name(const char *text) {
  return is_made_of(text, "_.-", 64) && !strchr("_.-", *text);
}

static int is_not_blank(const char *text) {
  return text[strspn(text, " \t\r\n\v\f")] != '\0';
}

static const struct csn_schema_format formats[] = {
    {"instance-name", "1 to 32 letters, digits, '_' or '.'", is_instance_name},
    {"tool-name", "1 to 64 letters, digits, '_' or '-'", is_tool_name},
    {"hostname", "1 to 63 letters, digits or '-' (not at an end)", is_hostname},
    {"variable-name", "letters, digits or '_', not beginning with a digit", is_variable_name},
    {"size", "a size such as \"512m\" or \"2g\"", is_size},
    {"user", "\"auto\", a user's name, or \"UID:GID\" in numbers", is_user},
    {"mode", "a mode of three octal digits, such as \"0750\"", is_mode},
    {"ip-address", "an IPv4 or IPv6 address", is_ip_address},
    {"host-name", "a host's name", is_host_name},
    {"profile-name", "a profile's name", is_profile_name},
    {"absolute-path", "an absolute path", is_absolute_path},
    {"no-network", "\"none\"", is_no_network},
    {"network-name", "1 to 64 letters, digits, '_', '.' or '-' (not at the front)", is_network_name},
    {"not-blank", "a string that is not blank", is_not_blank},
};

const struct csn_schema_format *csn_schema_format_find(const char *name) {
  for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
    if (strcmp(formats[i].name, name) == 0) return &formats[i];
  return NULL;
}

/* ---- expectations ---------------------------------------------------------------------------- */

int csn_schema_has_type(const cJSON *schema, const char *type) {
  const cJSON *types = csn_json_get(schema, "type"), *one;
  if (cJSON_IsString(types)) return strcmp(types->valuestring, type) == 0;
  cJSON_ArrayForEach(one, types) {
    if (cJSON_IsString(one) && strcmp(one->valuestring, type) == 0) return 1;
  }
  return 0;
}

static void add_range(struct csn_words *w, const cJSON *schema, const char *low_key,
                      const char *high_key, const char *unit) {
  const cJSON *low = csn_json_get(schema, low_key), *high = csn_json_get(schema, high_key);
  char least[CSN_ASCII_NUMBER] = "", most[CSN_ASCII_NUMBER] = "";
  if (low) csn_ascii_number(low->valuedouble, least);
  if (high) csn_ascii_number(high->valuedouble, most);
  if (low && high)
    csn_words_add(w, " from %s to %s%s", least, most, unit);
  else if (low)
    csn_words_add(w, " of at least %s%s", least, unit);
  else if (high)
    csn_words_add(w, " of at most %s%s", most, unit);
}

static void add_integer(struct csn_words *w, const cJSON *schema) {
  csn_words_add(w, "an integer");
  add_range(w, schema, "minimum", "maximum", "");
}

static void add_number(struct csn_words *w, const cJSON *schema) {
  csn_words_add(w, "a number");
  add_range(w, schema, "minimum", "maximum", "");
}

static void add_string(struct csn_words *w, const cJSON *schema) {
  const struct csn_schema_format *format =
      csn_schema_format_find(csn_json_string(schema, "format", ""));
  if (format) {
    csn_words_add(w, "%s", format->words);
    return;
  }
  csn_words_add(w, "a string");
  int64_t low = csn_json_int(schema, "minLength", 0);
  if (low == 1 && !csn_json_get(schema, "maxLength"))
    csn_words_add(w, " that is not empty");
  else
    add_range(w, schema, "minLength", "maxLength", " characters");
}

static void add_array(struct csn_words *w, const cJSON *schema) {
  const cJSON *items = csn_json_get(schema, "items");
  int64_t low = csn_json_int(schema, "minItems", 0), high = csn_json_int(schema, "maxItems", -1);
  csn_words_add(w, "an array of ");
  if (low == high)
    csn_words_add(w, "%lld ", (long long)low);
  else if (high >= 0)
    csn_words_add(w, "%lld to %lld ", (long long)low, (long long)high);
  else if (low > 0)
    csn_words_add(w, "at least %lld ", (long long)low);
  csn_words_add(w, "%s", csn_schema_has_type(items, "string")    ? "strings"
                         : csn_schema_has_type(items, "integer") ? "integers"
                                                                 : "values");
}

static void add_object(struct csn_words *w, const cJSON *schema) {
  const cJSON *values = csn_json_get(schema, "additionalProperties");
  csn_words_add(w, csn_schema_has_type(values, "string") ? "an object of strings" : "an object");
}

static void add_boolean(struct csn_words *w, const cJSON *schema) {
  (void)schema;
  csn_words_add(w, "true or false");
}

static void add_null(struct csn_words *w, const cJSON *schema) {
  (void)schema;
  csn_words_add(w, "null");
}

static const struct {
  const char *type;
  void (*add)(struct csn_words *w, const cJSON *schema);
} expectations[] = {
    {"integer", add_integer}, {"number", add_number}, {"string", add_string},
    {"array", add_array},     {"object", add_object}, {"boolean", add_boolean},
    {"null", add_null},
};

static void add_literal(struct csn_words *w, const cJSON *value) {
  char number[CSN_ASCII_NUMBER];
  if (cJSON_IsString(value))
    csn_words_add_quoted(w, value->valuestring);
  else if (cJSON_IsNumber(value))
    csn_words_add(w, "%s", csn_ascii_number(value->valuedouble, number));
  else if (cJSON_IsBool(value))
    csn_words_add(w, cJSON_IsTrue(value) ? "true" : "false");
  else if (cJSON_IsArray(value))
    csn_words_add(w, "an array of %d", cJSON_GetArraySize(value));
  else
    csn_words_add(w, cJSON_IsNull(value) ? "null" : "an object");
}

void csn_words_add_expectation(struct csn_words *w, const cJSON *schema) {
  const cJSON *constant = csn_json_get(schema, "const"), *one;
  const cJSON *choices = csn_json_get(schema, "enum");
  if (constant) {
    add_literal(w, constant);
    return;
  }
  if (choices) {
    csn_words_add(w, cJSON_GetArraySize(choices) > 1 ? "one of " : "");
    cJSON_ArrayForEach(one, choices) {
      csn_words_add(w, one == choices->child ? "" : ", ");
      add_literal(w, one);
    }
    return;
  }
  const char *between = "";
  for (size_t i = 0; i < sizeof expectations / sizeof *expectations; i++) {
    if (!csn_schema_has_type(schema, expectations[i].type)) continue;
    csn_words_add(w, "%s", between);
    expectations[i].add(w, schema);
    between = " or ";
  }
}

static int looks_like_number(const char *text) {
  return *text && strchr("-0123456789", *text) && csn_json_scan(text, strlen(text), NULL) == 0;
}

/* What models and people write when they mean the right thing. */
static const char *advice(const cJSON *schema, const cJSON *value) {
  int takes_number =
      csn_schema_has_type(schema, "integer") || csn_schema_has_type(schema, "number");
  int takes_string = csn_schema_has_type(schema, "string");
  if (cJSON_IsString(value) && !takes_string) {
    const char *text = value->valuestring;
    if (takes_number && looks_like_number(text)) return "; write it without quotes";
    if (csn_schema_has_type(schema, "boolean") &&
        (strcmp(text, "true") == 0 || strcmp(text, "false") == 0))
      return "; write it without quotes";
    if (csn_schema_has_type(schema, "object") && *text == '{')
      return "; write the object itself, not a string that holds it";
    if (csn_schema_has_type(schema, "array"))
      return *text == '[' ? "; write the array itself, not a string that holds it"
                          : "; put it in brackets";
  }
  if ((cJSON_IsNumber(value) || cJSON_IsBool(value)) && takes_string && !takes_number)
    return "; write it in quotes";
  return "";
}

void csn_words_add_value(struct csn_words *w, const cJSON *schema, const cJSON *value) {
  const char *more = advice(schema, value);
  if (!csn_json_bool(schema, "writeOnly", 0)) {
    add_literal(w, value);
  } else {
    csn_words_add(w, cJSON_IsString(value)   ? "such a string"
                     : cJSON_IsNumber(value) ? "a number"
                     : cJSON_IsBool(value)   ? "true or false"
                     : cJSON_IsNull(value)   ? "null"
                     : cJSON_IsArray(value)  ? "an array"
                                             : "an object");
  }
  csn_words_add(w, "%s", more);
}
