/* SPDX-License-Identifier: Apache-2.0 */
/* Which container belongs to which key: names that can be read where that is safe, hashes
 * elsewhere, and never one name for two keys. */
#include <ctype.h>
#include <string.h>

#include "session/names.h"
#include "tap.h"

#define TEN "0123456789"
#define FORTY TEN TEN TEN TEN
#define HEX_32 "0123456789abcdef0123456789abcdef"
#define K_64 "kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk"

/* Frozen: other versions of the plugin must find the same containers. The hashes are sha256sum's. */
static const struct {
  const char *what, *key, *name;
} frozen[] = {
    {"a plain key", "work", "caisson-i-work"},
    {"one letter", "x", "caisson-i-x"},
    {"every kind of character that may stand", "A.b_c-9", "caisson-i-A.b_c-9"},
    {"48 characters", FORTY "abcdefgh", "caisson-i-" FORTY "abcdefgh"},
    {"49 characters", FORTY "abcdefghi", "caisson-i-x9feb0c06c81fcfaf92ffdc3e05f2fa1b"},
    {"256 characters", K_64 K_64 K_64 K_64, "caisson-i-xce16fe78208a4e93f7158e62393680e0"},
    {"a path", "../../etc", "caisson-i-x74ccf3c5b4c19a8167f9a3d1dd63e0e4"},
    {"a newline", "two\nlines", "caisson-i-xedc8c1284585d703bec48f34f842bd91"},
    {"UTF-8", "f\xc3\xbcr", "caisson-i-xcd23c4c603b344f63dd96d80bc9a0af2"},
    {"a blank", "a b", "caisson-i-xc8687a08aa5d6ed2044328fa6a697ab8"},
    {"what looks like a hash", "x" HEX_32, "caisson-i-x54b6fd9665a8cfcb79cad8c0d0e749a7"},
    {"what looks like a call's own", "e" HEX_32, "caisson-i-x19346aa13721134cb4604d9a0a422fe4"},
    {"almost a hash: a digit less", "x0123456789abcdef0123456789abcde",
     "caisson-i-x0123456789abcdef0123456789abcde"},
    {"almost a hash: a letter that is none", "x0123456789abcdef0123456789abcdeg",
     "caisson-i-x0123456789abcdef0123456789abcdeg"},
    {"almost a hash: upper case", "x0123456789ABCDEF0123456789ABCDEF",
     "caisson-i-x0123456789ABCDEF0123456789ABCDEF"},
};

static void test_frozen(void) {
  for (size_t i = 0; i < sizeof frozen / sizeof *frozen; i++) {
    char name[CSN_NAME_SIZE];
    csn_name_of_key(CSN_NAME_TEMPLATE, "i", frozen[i].key, name);
    is_str(name, frozen[i].name, "%s", frozen[i].what);
  }
}

/* What engines take for a name: [a-zA-Z0-9][a-zA-Z0-9_.-]+ */
static int is_engine_name(const char *name) {
  size_t n = strlen(name), at = 0;
  while (at < n && (isalnum((unsigned char)name[at]) || strchr("_.-", name[at]))) at++;
  return n >= 2 && at == n && isalnum((unsigned char)name[0]);
}

static void test_every_byte(void) {
  int bad = 0, same = 0;
  char before[CSN_NAME_SIZE] = "";
  for (int c = 1; c < 256; c++) {
    char key[] = {'a', (char)c, '\0'}, name[CSN_NAME_SIZE];
    csn_name_of_key(CSN_NAME_TEMPLATE, "default", key, name);
    bad += !is_engine_name(name) || strncmp(name, "caisson-default-", 16) != 0;
    same += strcmp(name, before) == 0;
    memcpy(before, name, sizeof before);
  }
  is_int(bad, 0, "whatever byte a key holds, its name is one that engines take");
  is_int(same, 0, "and not its neighbour's");
}

static void test_longest(void) {
  char name[CSN_NAME_SIZE], key[CSN_KEY_MAX + 1];
  memset(key, 0xff, CSN_KEY_MAX);
  key[CSN_KEY_MAX] = '\0';
  csn_name_of_key(CSN_NAME_TEMPLATE, "abcdefghijklmnopqrstuvwxyz012345", key, name);
  ok(is_engine_name(name), "the longest key in the longest instance has a name");
  is_int(strlen(name), 8 + 32 + 1 + 33, "of the expected length");
  csn_name_of_key(CSN_NAME_TEMPLATE, "abcdefghijklmnopqrstuvwxyz012345", FORTY "abcdefgh", name);
  is_int(strlen(name), 8 + 32 + 1 + 48, "the longest that can be read fits as well");
}

static void test_instances(void) {
  char a[CSN_NAME_SIZE], b[CSN_NAME_SIZE];
  csn_name_of_key(CSN_NAME_TEMPLATE, "a", "k", a);
  csn_name_of_key(CSN_NAME_TEMPLATE, "b", "k", b);
  ok(strcmp(a, b) != 0, "one key in two instances has two names");
  csn_name_of_key(CSN_NAME_TEMPLATE, "a", "\xe2\x82\xac", a);
  csn_name_of_key(CSN_NAME_TEMPLATE, "b", "\xe2\x82\xac", b);
  ok(strcmp(a, b) != 0, "a hashed one too");
}

static void test_ephemeral(void) {
  char name[CSN_NAME_SIZE], key[CSN_NAME_SIZE];
  csn_name_ephemeral(CSN_NAME_TEMPLATE, "i", HEX_32, name);
  is_str(name, "caisson-i-e" HEX_32, "a sandbox of a call's own");
  csn_name_of_key(CSN_NAME_TEMPLATE, "i", "e" HEX_32, key);
  ok(strcmp(name, key) != 0, "no key can name it");
}

/* As one component of a path: nothing that leads anywhere else. */
static void test_component(void) {
  static const struct {
    const char *key, *part;
  } cases[] = {{"work", "work"},
               {".hidden", ".hidden"},
               {"...a", "...a"},
               {".", "xcdb4ee2aea69cc6a83331bbe96dc2caa"},
               {"..", "x5ec1f7e700f37c3d0b2981d04855fc34"},
               {"../../etc", "x74ccf3c5b4c19a8167f9a3d1dd63e0e4"}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    char part[CSN_COMPONENT_SIZE];
    csn_name_component(cases[i].key, part);
    is_str(part, cases[i].part, "\"%s\"", cases[i].key);
    ok(!strchr(part, '/') && part[strspn(part, ".")] && *part, "is one component");
  }
}

static void test_templates(void) {
  static const struct {
    const char *template, *name;
  } cases[] = {{"caisson-{instance}-{key}", "caisson-in-k"},
               {"{key}.{session}", "k.k"},
               {"plain", "plain"},
               {"{uid}", NULL},
               {"{key", NULL},
               {"key}", NULL},
               {"{}", NULL},
               {"{{key}}", NULL}};
  char name[CSN_NAME_SIZE];
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    int rc = csn_name_expand(cases[i].template, "in", "k", name, sizeof name);
    is_str(rc == 0 ? name : NULL, cases[i].name, "%s", cases[i].template);
  }
  char small[4];
  ok(csn_name_expand("{key}", "in", "abcd", small, sizeof small) != 0 &&
         csn_name_expand("{key}", "in", "abc", small, sizeof small) == 0,
     "one that does not fit is none");
  static const char *const bad[] = {"",        "box",    "{session}", "-{key}",
                                    "{key}/x", "{key} ", "{key}{x}",  FORTY FORTY "{key}"};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
    ok(csn_name_template_problem(bad[i], "{key}") != NULL, "\"%s\" cannot be configured", bad[i]);
  is_str(csn_name_template_problem(CSN_NAME_TEMPLATE, "{key}"), NULL, "what is the default can");
  is_str(csn_name_template_problem("{key}", "{key}"), NULL, "and the key alone");
}

static void test_pooled(void) {
  char name[CSN_NAME_SIZE], key[CSN_NAME_SIZE];
  const char *instance = "abcdefghijklmnopqrstuvwxyz012345";
  csn_name_pooled(CSN_NAME_TEMPLATE, instance, HEX_32 "0123456789abcdef", name);
  is_str(name, "caisson-abcdefghijklmnopqrstuvwxyz012345-pool." HEX_32 "0123456789abcdef",
         "one that was started ahead");
  ok(is_engine_name(name), "has a name that the engine takes");
  ok(csn_name_is_pooled(CSN_NAME_TEMPLATE, instance, name), "by which it is known");
  ok(!csn_name_is_pooled(CSN_NAME_TEMPLATE, "abc", name), "in its own instance");
  csn_name_of_key(CSN_NAME_TEMPLATE, instance, "pool." HEX_32 "0123456789abcdef", key);
  ok(strcmp(name, key) != 0 && !csn_name_is_pooled(CSN_NAME_TEMPLATE, instance, key), "no key can name it");
  ok(!csn_name_key(CSN_NAME_TEMPLATE, instance, name, key), "and no key is in its name");
}

static void test_keys_in_names(void) {
  static const char *const readable[] = {"a", "a.b-c_D", "pool.", "x1"};
  char name[CSN_NAME_SIZE], key[CSN_COMPONENT_SIZE];
  for (size_t i = 0; i < sizeof readable / sizeof *readable; i++) {
    csn_name_of_key(CSN_NAME_TEMPLATE, "i", readable[i], name);
    ok(csn_name_key(CSN_NAME_TEMPLATE, "i", name, key), "a key that stands in its name");
    is_str(key, readable[i], "can be read there");
    csn_name_of_key("{key}.{instance}_{session}", "i", readable[i], name);
    ok(csn_name_key("{key}.{instance}_{session}", "i", name, key) && strcmp(key, readable[i]) == 0,
       "wherever the template has it");
    ok(!csn_name_key(CSN_NAME_TEMPLATE, "j", name, key), "is not another instance's");
  }
  csn_name_of_key(CSN_NAME_TEMPLATE, "i", "a b", name);
  ok(!csn_name_key(CSN_NAME_TEMPLATE, "i", name, key), "a hash is no key");
  ok(!csn_name_is_ephemeral(CSN_NAME_TEMPLATE, "i", name), "nor a call's own");
  csn_name_ephemeral(CSN_NAME_TEMPLATE, "i", HEX_32, name);
  ok(!csn_name_key(CSN_NAME_TEMPLATE, "i", name, key) && csn_name_is_ephemeral(CSN_NAME_TEMPLATE, "i", name), "a call's own has none");
}

/* Names that others gave, and templates that are none. */
static void test_strange(void) {
  static const struct {
    const char *template, *name;
  } none[] = {
      {"{key", "work"},           {"{key}}", "work}"},          {"{instancX}", "instance"},
      {"{sessiox}{key}", "work"}, {"plain", "plain"},           {"{key}.{key}", "a.b"},
      {"{key}.{key}", "a.bc"},    {"a-{key}", "a-"},            {"a-{key}", "b-work"},
      {"{instance}{key}x", "iwork"}, {"{key}", FORTY FORTY FORTY}, {"a-{key}", "a"},
  };
  char key[CSN_COMPONENT_SIZE];
  for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
    ok(!csn_name_key(none[i].template, "i", none[i].name, key), "\"%s\" is none of \"%s\"",
       none[i].name, none[i].template);
    ok(!csn_name_is_pooled(none[i].template, "i", none[i].name) &&
           !csn_name_is_ephemeral(none[i].template, "i", none[i].name),
       "nor one of ours");
  }
  ok(!csn_name_is_pooled("{key}", "i", "pool.abc"), "a pool's own name has all its digits");
  ok(!csn_name_is_ephemeral("{key}", "i", "eabc") && !csn_name_is_ephemeral("{key}", "i", "x" HEX_32),
     "so has a call's");
  static const char *const bad[] = {"", "a", "-ab", "a b", "_ab", "a/b"};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
    ok(!csn_name_is_engine_name(bad[i]), "\"%s\" is no name", bad[i]);
  csn_name_component("", key);
  ok(*key == 'x' && strlen(key) == 33, "nothing is a key too: %s", key);
  csn_name_component("..", key);
  ok(*key == 'x' && strlen(key) == 33, "dots are no component: %s", key);
  ok(csn_name_template_problem("{key}{oops}", "{key}") && csn_name_template_problem("x", "{key}") &&
         csn_name_template_problem("-{key}", "{key}"),
     "templates of which no name can be made");
}

int main(void) {
  test_component();
  test_templates();
  test_frozen();
  test_every_byte();
  test_longest();
  test_instances();
  test_ephemeral();
  test_pooled();
  test_keys_in_names();
  test_strange();
  return done_testing();
}
