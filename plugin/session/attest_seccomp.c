/* SPDX-License-Identifier: Apache-2.0 */
/* Whose a seccomp profile is: the one that is wanted, the other one of this build, one of another
 * build, which is known by its form only, or nobody's. */
#include <string.h>

#include "session/attest.h"
#include "session/seccomp.h"
#include "util/json.h"

#define PROFILE_MAX ((size_t)1 << 20)

static int is_one_of(const char *text, const char *const *list) {
  for (; *list; list++)
    if (strcmp(text, *list) == 0) return 1;
  return 0;
}

static int refuses(const cJSON *object, const char *member) {
  static const char *const actions[] = {"SCMP_ACT_ERRNO", "SCMP_ACT_KILL", "SCMP_ACT_KILL_PROCESS",
                                        "SCMP_ACT_KILL_THREAD", NULL};
  return is_one_of(csn_json_string(object, member, ""), actions);
}

/* What no build of ours lets a sandbox do, whatever the arguments. */
static int allows_too_much(const cJSON *rule) {
  static const char *const never[] = {
      "add_key", "bpf", "finit_module", "init_module", "io_uring_setup", "kexec_file_load",
      "kexec_load", "keyctl", "mount", "move_mount", "open_by_handle_at", "perf_event_open",
      "pivot_root", "ptrace", "request_key", "umount2", "userfaultfd", NULL};
  const cJSON *name;
  if (refuses(rule, "action")) return 0;
  cJSON_ArrayForEach(name, csn_json_get(rule, "names"))
    if (cJSON_IsString(name) && is_one_of(name->valuestring, never)) return 1;
  return is_one_of(csn_json_string(rule, "name", ""), never);
}

/* 1: it allows only what it names, and nothing of the above; -1: no memory. */
static int has_our_form(const char *profile) {
  cJSON *json CSN_CLEANUP_JSON = NULL;
  const cJSON *rule;
  struct csn_error err;
  int rc = csn_json_parse(profile, strlen(profile), PROFILE_MAX, "a seccomp profile",
                          CAISSON_E_POLICY, CAISSON_REASON_ATTESTATION, &json, &err);
  if (rc) return rc == CAISSON_E_NOMEM ? -1 : 0;
  cJSON_ArrayForEach(rule, csn_json_get(json, "syscalls"))
    if (allows_too_much(rule)) return 0;
  return refuses(json, "defaultAction");
}

/* ".../seccomp-0123456789abcdef.json": in the helper's volume, which no sandbox can write to. */
static int is_our_file(const char *path) {
  const char *slash = strrchr(path, '/');
  if (*path != '/' || strncmp(slash, "/seccomp-", 9) != 0) return 0;
  return strspn(slash + 9, "0123456789abcdef") == 16 && strcmp(slash + 25, ".json") == 0 &&
         strstr(path, "caisson-guest/") != NULL;
}

/* This build's, by its text or its file. */
static enum csn_seccomp recognise(const char *said, int takes_files) {
  char name[CSN_SECCOMP_FILE];
  for (int i = 0; i < CSN_SECCOMP_COUNT; i++) {
    enum csn_seccomp profile = (enum csn_seccomp)i;
    if (strcmp(said, csn_seccomp_text(profile)) == 0) return profile;
    csn_seccomp_file(profile, name);
    if (takes_files && is_our_file(said) && strcmp(strrchr(said, '/') + 1, name) == 0)
      return profile;
  }
  return CSN_SECCOMP_COUNT;
}

int csn_attest_profile(const char *wanted, const char *found, int is_sent, int takes_files,
                       const char **words) {
  *words = found ? found : "nothing";
  if (!wanted || !found) return 0;
  enum csn_seccomp want = recognise(wanted, takes_files), have = recognise(found, takes_files);
  int same = strcmp(wanted, found) == 0 || (!is_sent && want == have && want != CSN_SECCOMP_COUNT);
  if (same) *words = "the plugin's profile";
  if (same || is_sent) return same;
  if (have != CSN_SECCOMP_COUNT) {
    *words = csn_seccomp_name(have);
    return 0;
  }
  int others = is_our_file(found) ? takes_files : has_our_form(found);
  if (others > 0) *words = "another build's profile";
  return others;
}
