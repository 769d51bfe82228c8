/* SPDX-License-Identifier: Apache-2.0 */
/* Which containers are leftovers, and which helpers are in use. */
#include "session/leftovers.h"

#include <string.h>

#include "tap.h"

#define NOW 1000000

static const char *reason(const char *name, const char *instance, enum csn_container_state state,
                          int64_t age) {
  cJSON *labels = cJSON_CreateObject();
  if (instance) cJSON_AddStringToObject(labels, "caisson.instance", instance);
  const struct csn_container c = {
      .name = name, .state = state, .created = NOW - age, .labels = labels};
  const char *why = csn_leftover_reason(&c, "me", NOW, 300);
  cJSON_Delete(labels);
  return why ? why : "stays";
}

static void test_ours(void) {
  static const struct {
    enum csn_container_state state;
    const char *young, *old;
  } rows[] = {
      {CSN_CONTAINER_UNKNOWN, "stays", "stays"},    {CSN_CONTAINER_CREATED, "stays", "never_started"},
      {CSN_CONTAINER_RUNNING, "stays", "stays"},    {CSN_CONTAINER_PAUSED, "stays", "stays"},
      {CSN_CONTAINER_RESTARTING, "stays", "stays"}, {CSN_CONTAINER_REMOVING, "stays", "stays"},
      {CSN_CONTAINER_EXITED, "stays", "ended"},     {CSN_CONTAINER_DEAD, "stays", "ended"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    const char *state = csn_container_state_text(rows[i].state);
    is_str(reason("caisson-me-a", "me", rows[i].state, 299), rows[i].young, "young, %s", state);
    is_str(reason("caisson-me-a", "me", rows[i].state, 300), rows[i].old, "old, %s", state);
    is_str(reason("caisson-you-a", "you", rows[i].state, 9999), "stays", "another's, %s", state);
    is_str(reason("caisson-me-a", NULL, rows[i].state, 9999), "stays", "nobody's, %s", state);
  }
}

static void test_carriers(void) {
  is_str(reason("caisson-delivery.0123456789abcdef", NULL, CSN_CONTAINER_CREATED, 301), "delivery",
         "an old carrier of the helper");
  is_str(reason("caisson-delivery.0123456789abcdef", NULL, CSN_CONTAINER_CREATED, 10), "stays",
         "one that may be under way");
  is_str(reason("caisson-reap.0123456789abcdef", NULL, CSN_CONTAINER_EXITED, 301), "delivery",
         "one that looked for helpers");
  is_str(reason("caisson-delivery.0123456789abcdef", NULL, CSN_CONTAINER_RUNNING, 301), "stays",
         "one that runs");
  is_str(reason("my-caisson-delivery.1", NULL, CSN_CONTAINER_CREATED, 301), "stays", "a stranger");
}

static const char *helper(const char *command) {
  static char name[CSN_LEFTOVER_HELPER];
  cJSON *raw = cJSON_CreateObject();
  if (command) cJSON_AddStringToObject(raw, "Command", command);
  const struct csn_container c = {.raw = raw};
  int found = csn_leftover_helper(&c, name);
  cJSON_Delete(raw);
  return found ? name : "none";
}

static void test_helpers(void) {
  is_str(helper("/.caisson/guest-0123456789abcdef init --key x"), "guest-0123456789abcdef", "a helper");
  is_str(helper("/.caisson/guest-0123456789abcdef"), "guest-0123456789abcdef", "without arguments");
  is_str(helper("/.caisson/guest-0123456789abcdef-readable init"), "guest-0123456789abcdef-readable",
         "a readable one");
  is_str(helper("/bin/sh -c /.caisson/guest-1"), "none", "another's command");
  is_str(helper("/.caisson/"), "none", "no name");
  is_str(helper(""), "none", "no command");
  is_str(helper(NULL), "none", "nothing at all");
  char longest[200] = "/.caisson/";
  memset(longest + 10, 'g', 150);
  is_str(helper(longest), "none", "a name that no helper has");
}

int main(void) {
  test_ours();
  test_carriers();
  test_helpers();
  return done_testing();
}
