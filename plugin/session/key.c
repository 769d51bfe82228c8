/* SPDX-License-Identifier: Apache-2.0 */
/* Whose a container is. Its label says so, but for one that was started ahead: a label cannot be
 * changed, so there its name says it, and where that holds a hash, process 1 does. */
#include <stdio.h>
#include <string.h>

#include "session/internal.h"
#include "util/alloc.h"

/* Keys that were asked for, so that a list asks each sandbox once in its life. */
#define KNOWN_MAX 1024

struct csn_known_key {
  struct csn_known_key *next;
  char container[CSN_CONTAINER_ID_SIZE];
  char key[CSN_KEY_MAX + 1];
};

static int is_ours(const struct csn_sessions *all, const struct csn_container *c) {
  const char *instance = csn_container_label(c, CSN_LABEL_INSTANCE);
  return instance && strcmp(instance, all->instance) == 0;
}

int csn_session_is_of(const struct csn_sessions *all, const struct csn_session *s,
                      const struct csn_container *c) {
  const char *key = csn_container_label(c, CSN_LABEL_SESSION);
  if (!is_ours(all, c) || !key) return 0;
  if (csn_container_label(c, CSN_LABEL_POOL)) return strcmp(c->name, s->name) == 0;
  return strcmp(key, s->key) == 0;
}

int csn_session_is_nobodys(const struct csn_sessions *all, const struct csn_container *c) {
  return csn_container_label(c, CSN_LABEL_HELPER) ||
         (csn_container_label(c, CSN_LABEL_POOL) &&
          csn_name_is_pooled(all->settings->name_template, all->instance, c->name));
}

static int recall(struct csn_sessions *all, const char *container, char key[CSN_KEY_MAX + 1]) {
  pthread_mutex_lock(&all->mutex);
  const struct csn_known_key *k = all->known_keys;
  while (k && strcmp(k->container, container) != 0) k = k->next;
  if (k) memcpy(key, k->key, sizeof k->key);
  pthread_mutex_unlock(&all->mutex);
  return k != NULL;
}

void csn_session_forget_keys(struct csn_sessions *all) {
  while (all->known_keys) {
    struct csn_known_key *next = all->known_keys->next;
    csn_free(all->known_keys);
    all->known_keys = next;
  }
  all->known_key_count = 0;
}

static void remember(struct csn_sessions *all, const char *container, const char *key) {
  struct csn_known_key *k = csn_calloc(1, sizeof *k);
  if (!k) return; /* it is asked again then */
  snprintf(k->container, sizeof k->container, "%s", container);
  snprintf(k->key, sizeof k->key, "%s", key);
  pthread_mutex_lock(&all->mutex);
  if (all->known_key_count == KNOWN_MAX) csn_session_forget_keys(all);
  k->next = all->known_keys;
  all->known_keys = k;
  all->known_key_count++;
  pthread_mutex_unlock(&all->mutex);
}

/* Process 1 says it; what it says must be what the name was made of. */
static int ask(struct csn_sessions *all, const struct csn_container *c,
               const struct csn_control *control, char key[CSN_KEY_MAX + 1]) {
  struct csn_channel *ch;
  struct csn_error err;
  char name[CSN_NAME_SIZE];
  if (csn_session_reach(all, c->id, control, &ch, &err) != 0) return 0;
  memcpy(key, csn_channel_hello(ch)->key, CSN_KEY_MAX + 1);
  csn_channel_close(ch);
  csn_name_of_key(all->settings->name_template, all->instance, key, name);
  if (!*key || strcmp(name, c->name) != 0) return 0;
  remember(all, c->id, key);
  return 1;
}

/* A session of this process that runs in the container. */
static int look_here(struct csn_sessions *all, const char *container, char key[CSN_KEY_MAX + 1]) {
  struct csn_session *s = csn_session_in(all, container);
  if (!s) return 0;
  snprintf(key, CSN_KEY_MAX + 1, "%s", s->key);
  csn_session_put(all, s);
  return 1;
}

void csn_session_key_of(struct csn_sessions *all, const struct csn_container *c,
                        const struct csn_control *control, char key[CSN_KEY_MAX + 1]) {
  const char *label = csn_container_label(c, CSN_LABEL_SESSION);
  memset(key, 0, CSN_KEY_MAX + 1);
  const char *template = all->settings->name_template;
  char part[CSN_COMPONENT_SIZE];
  if (csn_container_label(c, CSN_LABEL_POOL))
    label = csn_name_key(template, all->instance, c->name, part) ? part : NULL;
  if (label) {
    snprintf(key, CSN_KEY_MAX + 1, "%s", label);
    return;
  }
  if (csn_session_is_nobodys(all, c)) return;
  if (csn_name_is_ephemeral(template, all->instance, c->name)) return;
  if (look_here(all, c->id, key) || recall(all, c->id, key)) return;
  if (c->state != CSN_CONTAINER_RUNNING || !ask(all, c, control, key)) *key = '\0';
}
