/* SPDX-License-Identifier: Apache-2.0 */
#include "session/leftovers.h"

#include <string.h>

#include "channel/delivery.h"
#include "session/policy.h"
#include "util/json.h"

#define CARRIER "caisson-delivery."
#define REAPER "caisson-reap."

static int begins(const char *text, const char *prefix) {
  return strncmp(text, prefix, strlen(prefix)) == 0;
}

static int is_ours(const struct csn_container *c, const char *instance) {
  const char *label = csn_container_label(c, CSN_LABEL_INSTANCE);
  if (!label) label = csn_container_label(c, CSN_LABEL_CARRIER);
  return label && strcmp(label, instance) == 0;
}

const char *csn_leftover_reason(const struct csn_container *c, const char *instance, int64_t now,
                                int64_t older_than_s) {
  int is_old = now - c->created >= older_than_s;
  int is_new = c->state == CSN_CONTAINER_CREATED;
  int has_ended = c->state == CSN_CONTAINER_EXITED || c->state == CSN_CONTAINER_DEAD;
  if (!is_old || !(is_new || has_ended)) return NULL;
  if (begins(c->name, CARRIER) || begins(c->name, REAPER)) return "delivery";
  if (!is_ours(c, instance)) return NULL;
  return is_new ? "never_started" : "ended";
}

/* A list has the entrypoint and its arguments as one text. */
int csn_leftover_helper(const struct csn_container *c, char name[CSN_LEFTOVER_HELPER]) {
  static const char prefix[] = CSN_DELIVERY_MOUNT "/";
  const char *command = csn_json_string(c->raw, "Command", "");
  if (!begins(command, prefix)) return 0;
  command += sizeof prefix - 1;
  size_t n = strcspn(command, " ");
  if (n == 0 || n >= CSN_LEFTOVER_HELPER) return 0;
  memcpy(name, command, n);
  name[n] = '\0';
  return 1;
}
