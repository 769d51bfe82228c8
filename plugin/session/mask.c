/* SPDX-License-Identifier: Apache-2.0 */
/* What must not be shown of a session's output: what the host calls secret for a call, and what it
 * called so for earlier ones, whose files and jobs are still there. It is known as long as this
 * process knows the session, and nowhere else. */
#include "session/internal.h"
#include "util/alloc.h"
#include "util/json.h"
#include "util/mask.h"

static int collect(const cJSON *options, struct csn_mask **out, struct csn_error *err) {
  const cJSON *secrets = csn_json_get(options, "secrets"), *others = csn_json_get(options, "mask");
  const cJSON *lists[] = {secrets, others}, *one;
  size_t most = (size_t)cJSON_GetArraySize(secrets) + (size_t)cJSON_GetArraySize(others), n = 0;
  *out = NULL;
  if (most == 0) return 0;
  const char **texts CSN_CLEANUP_FREE = csn_calloc(most, sizeof *texts);
  if (!texts) return csn_fail_nomem(err);
  for (size_t i = 0; i < 2; i++)
    cJSON_ArrayForEach(one, lists[i]) {
      if (cJSON_IsString(one)) texts[n++] = one->valuestring;
    }
  return csn_mask_new(texts, n, out, err);
}

/* A reference to what is known of that session, or NULL. */
static struct csn_mask *known(struct csn_sessions *all, const char *key) {
  struct csn_session *s = *key ? csn_session_find(all, key) : NULL;
  if (!s) return NULL;
  pthread_mutex_lock(&all->mutex);
  struct csn_mask *mask = csn_mask_hold(s->mask);
  pthread_mutex_unlock(&all->mutex);
  csn_session_put(all, s);
  return mask;
}

int csn_session_mask(struct csn_sessions *all, const char *key, const cJSON *options,
                     struct csn_mask **out, struct csn_error *err) {
  struct csn_mask *own = NULL;
  *out = NULL;
  int rc = collect(options, &own, err);
  if (rc) return rc;
  struct csn_mask *before = known(all, key);
  rc = csn_mask_join(before, own, out, err);
  csn_mask_drop(before);
  csn_mask_drop(own);
  return rc;
}

int csn_session_learn_mask(struct csn_sessions *all, struct csn_session *s, struct csn_mask *mask,
                           struct csn_error *err) {
  struct csn_mask *joined;
  if (!mask || s->mask == mask) return 0;
  int rc = csn_mask_join(s->mask, mask, &joined, err);
  if (rc) return rc;
  pthread_mutex_lock(&all->mutex);
  struct csn_mask *old = s->mask;
  s->mask = joined;
  pthread_mutex_unlock(&all->mutex);
  csn_mask_drop(old);
  return 0;
}
