/* SPDX-License-Identifier: Apache-2.0 */
/* Attestation carried out: the helper is asked, what it and the engine say is held against what is
 * wanted, and what cannot be seen here is told from what is not there. */
#include <stdio.h>
#include <string.h>

#include "session/attest_run.h"
#include "session/attest_wanted.h"
#include "util/json.h"

/* ---- what cannot be seen on this engine ------------------------------------------------------ */

static int is_gvisor(const char *text) {
  return strstr(text, "runsc") || strstr(text, "gvisor");
}

/* By what the engine runs under that name; and only where that name is what is wanted. */
static int runs_gvisor(const struct csn_engine_info *info, const cJSON *body,
                       const struct csn_container *found) {
  const char *name = csn_json_string(csn_json_get(found->raw, "HostConfig"), "Runtime", "");
  const char *wanted = csn_json_string(csn_json_get(body, "HostConfig"), "Runtime", NULL);
  const cJSON *runtime = csn_json_get(csn_json_get(info->info, "Runtimes"), name);
  if (strcmp(name, wanted ? wanted : info->default_runtime) != 0) return 0;
  return is_gvisor(name) || is_gvisor(csn_json_string(runtime, "path", "")) ||
         is_gvisor(csn_json_string(runtime, "runtimeType", ""));
}

static unsigned unlimited_by(const struct csn_engine_info *info) {
  static const struct {
    const char *member;
    unsigned unseen;
  } table[] = {{"MemoryLimit", CSN_UNSEEN_MEMORY},
               {"SwapLimit", CSN_UNSEEN_SWAP},
               {"PidsLimit", CSN_UNSEEN_PIDS},
               {"CpuCfsQuota", CSN_UNSEEN_CPU}};
  unsigned unseen = 0;
  int has_none = strcmp(csn_json_string(info->info, "CgroupDriver", ""), "none") == 0;
  for (size_t i = 0; i < sizeof table / sizeof *table; i++)
    if (has_none || cJSON_IsFalse(csn_json_get(info->info, table[i].member)))
      unseen |= table[i].unseen;
  return unseen;
}

/* Asked only where something differs that such an engine or runtime would explain. */
static int excuse(struct csn_sessions *all, const cJSON *body, const struct csn_container *found,
                  const struct csn_control *control, struct csn_attestation *a,
                  struct csn_error *err) {
  struct csn_engine_info info CSN_CLEANUP_ENGINE_INFO = {0};
  if (!csn_attest_excuses(a)) return 0;
  int rc = csn_engine_info(all->engine, control, &info, err);
  if (rc) return rc;
  unsigned unseen = unlimited_by(&info);
  if (runs_gvisor(&info, body, found)) unseen |= CSN_UNSEEN_GVISOR;
  csn_attest_excuse(a, unseen);
  return 0;
}

/* ---- asking ---------------------------------------------------------------------------------- */

/* Of what it runs under nobody could make such a body: that is a finding too. */
static int want(struct csn_sessions *all, const struct csn_session *s, const cJSON *sent,
                const struct csn_container *found, cJSON **made, struct csn_attestation *a,
                struct csn_error *err) {
  if (sent) return 0;
  int rc = csn_attest_body_of(all, s, found, made, err);
  if (rc != CAISSON_E_CONFIG) return rc;
  csn_attest_add(a, "settings", 0, 0, "some that the policy allows", err->message);
  return 0;
}

/* A report that makes no sense is a finding; one that does not come is a failure. */
static int ask(const struct csn_attest_wanted *w, const struct csn_container *found,
               struct csn_channel *ch, const struct csn_control *control,
               struct csn_attestation *a, struct csn_error *err) {
  cJSON *report CSN_CLEANUP_JSON = NULL;
  int rc = csn_channel_report(ch, control, &report, err);
  a->source = CSN_BY_KERNEL;
  if (rc && strcmp(err->reason, CAISSON_REASON_HELPER_PROTOCOL) == 0) {
    csn_attest_add(a, "report", 0, 0, "one that makes sense", err->message);
    return 0;
  }
  if (rc == 0) csn_attest_report(w, found->raw, report, a);
  return rc;
}

int csn_session_look_at(struct csn_sessions *all, const struct csn_session *s, const cJSON *sent,
                        const struct csn_container *found, struct csn_channel *ch,
                        const struct csn_control *control, struct csn_attestation *out,
                        struct csn_error *err) {
  cJSON *made CSN_CLEANUP_JSON = NULL;
  int rc = want(all, s, sent, found, &made, out, err);
  const struct csn_attest_wanted w = {.body = sent ? sent : made, .is_sent = sent != NULL};
  if (rc == 0 && w.body) {
    csn_attest_inspect(&w, found->raw, out);
    rc = ask(&w, found, ch, control, out, err);
    if (rc == 0) rc = excuse(all, w.body, found, control, out, err);
  }
  return rc == 0 && out->failed ? csn_fail_nomem(err) : rc;
}

int csn_session_attest(struct csn_sessions *all, struct csn_session *s, const cJSON *sent,
                       const struct csn_container *found, struct csn_channel *ch,
                       const struct csn_control *control, struct csn_error *err) {
  struct csn_attestation a CSN_CLEANUP_ATTESTATION = {0};
  s->attested = 0;
  int rc = csn_session_look_at(all, s, sent, found, ch, control, &a, err);
  if (rc) return rc;
  if (csn_attest_count(&a, CSN_DIFFERS)) return csn_attest_refuse(&a, CSN_DIFFERS, err);
  if (all->settings->refuses_unseen && csn_attest_count(&a, CSN_NOT_SHOWN))
    return csn_attest_refuse(&a, CSN_NOT_SHOWN, err);
  s->attested = 1;
  return 0;
}

int csn_session_attest_failed(struct csn_sessions *all, const cJSON *sent,
                              const struct csn_container *made, const struct csn_control *control,
                              int rc, struct csn_error *err) {
  struct csn_attestation a CSN_CLEANUP_ATTESTATION = {0};
  const struct csn_attest_wanted w = {.body = sent, .is_sent = 1};
  struct csn_error unasked;
  if (!made->raw || strcmp(err->reason, CAISSON_REASON_HELPER_LOST) != 0) return rc;
  csn_attest_inspect(&w, made->raw, &a);
  if (a.failed || excuse(all, sent, made, control, &a, &unasked)) return rc;
  return csn_attest_count(&a, CSN_DIFFERS) ? csn_attest_refuse(&a, CSN_DIFFERS, err) : rc;
}
