/* SPDX-License-Identifier: Apache-2.0 */
/* Taking away what should not be there any more and that nobody else will: sandboxes of this
 * instance that never started or that ended without being removed, carriers of the helper that
 * were left behind, and helpers of versions that no sandbox runs. What runs is never touched. */
#include <stdatomic.h>
#include <string.h>
#include <time.h>

#include "channel/sweep.h"
#include "session/internal.h"
#include "session/leftovers.h"
#include "util/alloc.h"
#include "util/buffer.h"
#include "util/json.h"

/* At the first session of a process: for the containers alone, since helpers cost a start. */
#define BACKGROUND_NS (60 * CSN_SECOND)
#define BACKGROUND_OLD_S 300

struct reaping {
  struct csn_sessions *all;
  int64_t older_than_s;
  int dry_run;
  const struct csn_control *control;
  cJSON *removed;
};

static int add_entry(struct reaping *r, const char *kind, const char *name, const char *reason,
                     const char *error) {
  cJSON *entry = cJSON_CreateObject();
  int bad = csn_json_append(r->removed, entry);
  if (bad) return bad;
  bad = csn_json_add_string(entry, "kind", kind) | csn_json_add_string(entry, "name", name) |
        csn_json_add_string(entry, "reason", reason);
  if (error) bad |= csn_json_add_string(entry, "error", error);
  return bad;
}

/* Without force: one that was started meanwhile is refused by the engine, and stays. */
static int reap_container(struct reaping *r, const struct csn_container *c, const char *reason,
                          struct csn_error *err) {
  struct csn_error why = {0};
  int rc = 0;
  if (!r->dry_run)
    rc = csn_container_remove(r->all->engine, c->id, CSN_REMOVE_VOLUMES, r->control, &why);
  if (csn_is_stop(rc)) {
    *err = why;
    return rc;
  }
  if (!r->dry_run && rc == 0) {
    csn_log(r->all->log, CAISSON_LOG_INFO, "removed the leftover %s (%s)", c->name, reason);
    csn_session_audit(r->all, NULL, "sandbox.removed", c->id, reason);
  }
  return add_entry(r, "container", c->name, reason, rc ? why.message : NULL) ? csn_fail_nomem(err)
                                                                            : 0;
}

static int reap_containers(struct reaping *r, const struct csn_container_list *list,
                           struct csn_error *err) {
  int rc = 0;
  int64_t now = (int64_t)time(NULL);
  for (size_t i = 0; rc == 0 && i < list->count; i++) {
    const char *reason =
        csn_leftover_reason(&list->items[i], r->all->instance, now, r->older_than_s);
    if (reason) rc = reap_container(r, &list->items[i], reason, err);
  }
  return rc;
}

/* ---- helpers --------------------------------------------------------------------------------- */

static int add_lines(struct reaping *r, struct csn_buffer *lines, const char *error,
                     struct csn_error *err) {
  char *next = NULL;
  if (csn_buffer_addz(lines, "")) return csn_fail_nomem(err);
  if (!lines->data) return 0;
  for (char *line = strtok_r(lines->data, "\n", &next); line; line = strtok_r(NULL, "\n", &next)) {
    for (char *c = line; *c; c++)
      if (*c < ' ' || *c > '~') *c = '?';
    const char *reason = line[0] == '.' ? "delivery" : "old_version";
    if (add_entry(r, "helper", line, reason, error)) return csn_fail_nomem(err);
  }
  return 0;
}

/* What an engine wants of a container in general is learnt here too. */
static int sweep_as_wanted(struct reaping *r, struct csn_sweep *how, struct csn_buffer *removed,
                           struct csn_buffer *failed, struct csn_error *err) {
  struct csn_sessions *all = r->all;
  unsigned learned = 0;
  for (;;) {
    how->needs_nproc = atomic_load(&all->dialect.needs_nproc);
    int rc = csn_sweep_helpers(&all->delivery, all->engine, how, r->control, removed, failed, err);
    if (rc == 0 || csn_is_stop(rc) || rc == CAISSON_E_NOMEM) return rc;
    if (csn_delivery_learns(&all->delivery, err)) continue;
    int more = csn_dialect_learn(all, &learned, how->image, r->control, err);
    if (more <= 0) return more ? more : rc;
  }
}

static int sweep(struct reaping *r, const char *const *keep, struct csn_error *err) {
  struct csn_buffer removed CSN_CLEANUP_BUFFER = CSN_BUFFER(CSN_SWEEP_TEXT_MAX);
  struct csn_buffer failed CSN_CLEANUP_BUFFER = CSN_BUFFER(CSN_SWEEP_TEXT_MAX);
  struct csn_sweep how = {.image = r->all->settings->image,
                          .keep = keep,
                          .older_than_s = r->older_than_s,
                          .dry_run = r->dry_run};
  int rc = csn_delivery_choose(&r->all->delivery, r->all->engine, r->control, err);
  if (rc) return rc;
  rc = sweep_as_wanted(r, &how, &removed, &failed, err);
  if (rc == 0) rc = add_lines(r, &removed, NULL, err);
  if (rc == 0) rc = add_lines(r, &failed, "it could not be removed", err);
  return rc;
}

/* Those that a container of any instance was made to start stay. */
static int reap_helpers(struct reaping *r, const struct csn_container_list *list,
                        struct csn_error *err) {
  char(*names)[CSN_LEFTOVER_HELPER] CSN_CLEANUP_FREE = csn_calloc(list->count + 1, sizeof *names);
  const char **keep CSN_CLEANUP_FREE = csn_calloc(list->count + 1, sizeof *keep);
  if (!names || !keep) return csn_fail_nomem(err);
  size_t n = 0;
  for (size_t i = 0; i < list->count; i++) {
    if (!csn_leftover_helper(&list->items[i], names[n])) continue;
    int known = 0;
    for (size_t k = 0; k < n && !known; k++) known = strcmp(names[k], names[n]) == 0;
    if (known) continue;
    keep[n] = names[n];
    n++;
  }
  keep[n] = NULL;
  return sweep(r, keep, err);
}

/* ---- all of it ------------------------------------------------------------------------------- */

static int reap(struct reaping *r, int helpers, struct csn_error *err) {
  struct csn_container_list list CSN_CLEANUP_CONTAINER_LIST = {0};
  int rc = csn_container_list(r->all->engine, NULL, 0, r->control, &list, err);
  if (rc == 0) rc = reap_containers(r, &list, err);
  if (rc == 0 && helpers) rc = reap_helpers(r, &list, err);
  return rc;
}

int csn_session_op_reap(struct csn_sessions *all, int64_t older_than_s, int dry_run,
                        const struct csn_control *control, cJSON **out, struct csn_error *err) {
  cJSON *answer CSN_CLEANUP_JSON = cJSON_CreateObject();
  struct reaping r = {all, older_than_s, dry_run, control, NULL};
  if (csn_json_add_bool(answer, "dry_run", dry_run)) return csn_fail_nomem(err);
  r.removed = csn_json_add_array(answer, "removed");
  if (!r.removed) return csn_fail_nomem(err);
  int rc = reap(&r, 1, err);
  if (rc) return rc;
  *out = CSN_STEAL(answer);
  return 0;
}

void csn_reap_in_background(struct csn_sessions *all, const struct csn_control *control) {
  struct csn_control within = csn_control_within(control, BACKGROUND_NS);
  cJSON *removed CSN_CLEANUP_JSON = cJSON_CreateArray();
  struct reaping r = {all, BACKGROUND_OLD_S, 0, &within, removed};
  struct csn_error err;
  int rc = removed ? reap(&r, 0, &err) : 0;
  if (rc && rc != CAISSON_E_CANCELLED)
    csn_log(all->log, CAISSON_LOG_WARNING, "could not look for leftovers: %s", err.message);
}
