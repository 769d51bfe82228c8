/* SPDX-License-Identifier: Apache-2.0 */
/* The environment of a command: what is set, what wins, and what the container keeps. */
#include "tools/environment.h"

#include <string.h>

#include "tap.h"
#include "util/alloc.h"
#include "util/json.h"

static struct csn_error err;

static void test_setting(void) {
  struct csn_environment env = CSN_ENVIRONMENT_EMPTY;
  is_int(csn_environment_set(&env, "AB", "2", &err), 0, "a variable");
  is_int(csn_environment_set(&env, "A", "1", &err), 0, "one that begins alike");
  is_int(csn_environment_set(&env, "A", "3=4", &err), 0, "that one again");
  is_int(env.count, 2, "two entries");
  is_str(env.entries[0], "AB=2", "the first untouched");
  is_str(env.entries[1], "A=3=4", "the other replaced in place");
  ok(!env.entries[2], "ended by NULL");
  is_str(csn_environment_get(&env, "AB"), "2", "found");
  is_str(csn_environment_get(&env, "B"), NULL, "not found");
  for (int i = 0; i < 100; i++) {
    char name[16];
    snprintf(name, sizeof name, "N%d", i);
    csn_environment_set(&env, name, "", &err);
  }
  is_int(env.count, 102, "many");
  is_str(env.entries[101], "N99=", "in their order");
  ok(!env.entries[102], "ended by NULL");
  csn_environment_free(&env);
  ok(!env.entries && !env.count, "freed");
}

static void test_objects(void) {
  struct csn_environment env = CSN_ENVIRONMENT_EMPTY;
  CSN_CLEANUP_JSON cJSON *object = cJSON_Parse("{\"A\":\"1\",\"N\":5,\"B\":\"\"}");
  is_int(csn_environment_set_all(&env, NULL, &err), 0, "no object");
  is_int(csn_environment_set_all(&env, object, &err), 0, "an object");
  is_int(env.count, 2, "its strings");
  is_str(csn_environment_get(&env, "B"), "", "an empty one too");
  csn_environment_free(&env);
}

static void test_defaults(void) {
  struct csn_environment env = CSN_ENVIRONMENT_EMPTY;
  static const char *const names[] = {"HOME", "USER", "LOGNAME", "SHELL", "LANG", "TERM",
                                      "PIP_CACHE_DIR", "XDG_CACHE_HOME"};
  is_int(csn_environment_set_defaults(&env, NULL, &err), 0, "the defaults");
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    ok(csn_environment_get(&env, names[i]), "%s is set", names[i]);
  ok(!csn_environment_get(&env, "PATH"), "PATH is the image's");
  int outside = 0;
  for (size_t i = 0; i < env.count; i++) {
    const char *value = strchr(env.entries[i], '=') + 1;
    int is_program = strncmp(env.entries[i], "SHELL=", 6) == 0;
    outside += *value == '/' && !is_program && strncmp(value, "/workspace", 10) != 0;
  }
  is_int(outside, 0, "every path but the shell's lies in the workspace");
  csn_environment_free(&env);

  CSN_CLEANUP_JSON cJSON *taken = cJSON_Parse("{\"HOME\":\"/data\",\"LANG\":\"de_DE.UTF-8\"}");
  is_int(csn_environment_set_defaults(&env, taken, &err), 0, "the operator has some of them");
  ok(!csn_environment_get(&env, "HOME") && !csn_environment_get(&env, "LANG"),
     "which stay what the container has");
  is_str(csn_environment_get(&env, "USER"), "sandbox", "the others are set");
  csn_environment_free(&env);
}

static void test_no_memory(void) {
  int failed = 0, wrong = 0;
  for (long nth = 1; nth <= 14; nth++) {
    struct csn_environment env = CSN_ENVIRONMENT_EMPTY;
    csn_alloc_fail_after(nth);
    int rc = csn_environment_set_defaults(&env, NULL, &err);
    csn_alloc_fail_after(0);
    failed += rc == CAISSON_E_NOMEM;
    wrong += rc != 0 && rc != CAISSON_E_NOMEM;
    wrong += env.count && env.entries[env.count] != NULL;
    csn_environment_free(&env);
  }
  ok(failed >= 10 && !wrong, "without memory it says so, %d times", failed);
}

int main(void) {
  test_setting();
  test_objects();
  test_defaults();
  test_no_memory();
  return done_testing();
}
