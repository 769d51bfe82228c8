/* SPDX-License-Identifier: Apache-2.0 */
/* See schema.h. This walks through a value beside its schema; what a keyword asks of one value is
 * schema_keywords.c's matter, the words are schema_words.c's. */
#include "util/schema.h"

#include <string.h>

#include "util/json.h"
#include "util/schema_keywords.h"
#include "util/schema_words.h"
#include "util/suggest.h"

/* Where in the value we are: a list from the innermost member to the root. */
struct path {
  const struct path *up;
  const char *name; /* of a member, or NULL for an element */
  int index;
};

struct check {
  const char *root;
  int code;
  const char *reason;
  struct csn_error *err;
};

/* ---- messages -------------------------------------------------------------------------------- */

static int is_plain_name(const char *name) {
  size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-");
  return n > 0 && n <= 64 && !name[n];
}

static void add_path(struct csn_words *w, const struct path *at) {
  if (!at) return;
  add_path(w, at->up);
  if (!at->name) {
    csn_words_add(w, "[%d]", at->index);
  } else if (is_plain_name(at->name)) {
    csn_words_add(w, "%s%s", at->up ? "." : "", at->name);
  } else {
    csn_words_add(w, "[");
    csn_words_add_quoted(w, at->name);
    csn_words_add(w, "]");
  }
}

static void begin(const struct check *c, const struct path *at, struct csn_words *w) {
  add_path(w, at);
  if (!at) csn_words_add(w, "%s", c->root);
  if (w->size) csn_words_add(w, ": ");
}

static int fail(const struct check *c, const struct csn_words *w) {
  return csn_fail(c->err, c->code, c->reason, "%s", w->text);
}

static int fail_value(const struct check *c, const struct path *at, const cJSON *schema,
                      const cJSON *value) {
  struct csn_words w = {.size = 0};
  begin(c, at, &w);
  csn_words_add(&w, "must be ");
  csn_words_add_expectation(&w, schema);
  csn_words_add(&w, ", not ");
  csn_words_add_value(&w, schema, value);
  return fail(c, &w);
}

/* Members of the arguments need no path: they are what a model knows by that name. */
static const char *begin_member(const struct check *c, const struct path *at,
                                struct csn_words *w) {
  if (!at && c->code == CAISSON_E_ARGUMENTS) return "argument";
  begin(c, at, w);
  return "key";
}

static void add_names(struct csn_words *w, const cJSON *properties) {
  const cJSON *p;
  const char *between = "It takes: ";
  cJSON_ArrayForEach(p, properties) {
    csn_words_add(w, "%s%s", between, p->string);
    between = ", ";
  }
  if (!properties || !properties->child) csn_words_add(w, "It takes none");
}

#define NAMES_MAX 64

static int fail_unknown(const struct check *c, const struct path *at, const cJSON *properties,
                        const char *name) {
  struct csn_words w = {.size = 0};
  const char *noun = begin_member(c, at, &w);
  const char *names[NAMES_MAX];
  size_t count = 0;
  const cJSON *p;
  cJSON_ArrayForEach(p, properties) {
    if (count < NAMES_MAX) names[count++] = p->string;
  }
  csn_words_add(&w, "unknown %s ", noun);
  csn_words_add_quoted(&w, name);
  const char *near = csn_suggest(name, names, count);
  if (near)
    csn_words_add(&w, "; did you mean \"%s\"? ", near);
  else
    csn_words_add(&w, ". ");
  add_names(&w, properties);
  return fail(c, &w);
}

static int fail_missing(const struct check *c, const struct path *at, const cJSON *schema,
                        const char *name) {
  struct csn_words w = {.size = 0};
  const char *noun = begin_member(c, at, &w);
  const cJSON *properties = csn_json_get(schema, "properties");
  csn_words_add(&w, "the %s \"%s\" is required and must be ", noun, name);
  csn_words_add_expectation(&w, csn_json_get(properties, name));
  csn_words_add(&w, ". ");
  add_names(&w, properties);
  return fail(c, &w);
}

/* ---- walks: the parts of the value ----------------------------------------------------------- */

static int check_value(const struct check *c, const struct path *at, const cJSON *schema,
                       const cJSON *value);

static int is_ignored(const cJSON *schema, const char *name) {
  return csn_json_get(schema, "patternProperties") && strncmp(name, "x-", 2) == 0;
}

static int check_name(const struct check *c, const struct path *at, const cJSON *schema,
                      const char *name) {
  const cJSON *rule = csn_json_get(schema, "propertyNames");
  const struct csn_schema_format *format =
      csn_schema_format_find(csn_json_string(rule, "format", ""));
  if (!format || format->holds(name)) return 0;
  struct csn_words w = {.size = 0};
  begin(c, at, &w);
  csn_words_add(&w, "a name must be %s", format->words);
  if (!csn_json_bool(schema, "writeOnly", 0)) { /* whoever errs there may have put a value there */
    csn_words_add(&w, ", not ");
    csn_words_add_quoted(&w, name);
  }
  return fail(c, &w);
}

static int check_members_known(const struct check *c, const struct path *at, const cJSON *schema,
                               const cJSON *value) {
  const cJSON *properties = csn_json_get(schema, "properties"), *member;
  int is_closed = cJSON_IsFalse(csn_json_get(schema, "additionalProperties"));
  cJSON_ArrayForEach(member, value) {
    int rc = check_name(c, at, schema, member->string);
    if (rc) return rc;
    if (is_closed && !csn_json_get(properties, member->string) &&
        !is_ignored(schema, member->string))
      return fail_unknown(c, at, properties, member->string);
  }
  return 0;
}

static int check_required(const struct check *c, const struct path *at, const cJSON *schema,
                          const cJSON *value) {
  const cJSON *name;
  cJSON_ArrayForEach(name, csn_json_get(schema, "required")) {
    if (!csn_json_get(value, name->valuestring))
      return fail_missing(c, at, schema, name->valuestring);
  }
  return 0;
}

static int check_members(const struct check *c, const struct path *at, const cJSON *schema,
                         const cJSON *value) {
  const cJSON *properties = csn_json_get(schema, "properties"), *member;
  const cJSON *others = csn_json_get(schema, "additionalProperties");
  cJSON_ArrayForEach(member, value) {
    struct path below = {at, member->string, 0};
    const cJSON *rule = csn_json_get(properties, member->string);
    if (!rule && !is_ignored(schema, member->string)) rule = others;
    if (!cJSON_IsObject(rule)) continue;
    int rc = check_value(c, &below, rule, member);
    if (rc) return rc;
  }
  return 0;
}

static int check_items(const struct check *c, const struct path *at, const cJSON *schema,
                       const cJSON *value) {
  const cJSON *rule = csn_json_get(schema, "items"), *item;
  struct path below = {at, NULL, 0};
  cJSON_ArrayForEach(item, value) {
    int rc = rule ? check_value(c, &below, rule, item) : 0;
    if (rc) return rc;
    below.index++;
  }
  return 0;
}

static int check_condition(const struct check *c, const struct path *at, const cJSON *schema,
                           const cJSON *value) {
  const struct check silent = {c->root, c->code, c->reason, NULL};
  const cJSON *condition = csn_json_get(schema, "if"), *then = csn_json_get(schema, "then");
  if (!condition || !then || check_value(&silent, at, condition, value)) return 0;
  /* What the message says of members stands in the schema round it. */
  const cJSON *name;
  cJSON_ArrayForEach(name, csn_json_get(then, "required")) {
    if (!csn_json_get(value, name->valuestring))
      return fail_missing(c, at, schema, name->valuestring);
  }
  return check_value(c, at, then, value);
}

static int check_value(const struct check *c, const struct path *at, const cJSON *schema,
                       const cJSON *value) {
  if (!csn_schema_holds(schema, value)) return fail_value(c, at, schema, value);
  int rc = 0;
  if (cJSON_IsObject(value)) {
    rc = check_members_known(c, at, schema, value);
    if (!rc) rc = check_required(c, at, schema, value);
    if (!rc) rc = check_members(c, at, schema, value);
  } else if (cJSON_IsArray(value)) {
    rc = check_items(c, at, schema, value);
  }
  return rc ? rc : check_condition(c, at, schema, value);
}

int csn_schema_check(const cJSON *schema, const cJSON *value, const char *root, int code,
                     const char *reason, struct csn_error *err) {
  struct check c = {root, code, reason, err};
  return check_value(&c, NULL, schema, value);
}
