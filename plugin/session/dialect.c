/* SPDX-License-Identifier: Apache-2.0 */
#include "session/dialect.h"

#include <stdatomic.h>
#include <string.h>

#include "engine/volumes.h"
#include "session/internal.h"
#include "util/alloc.h"

#define PROFILE_MODE 0444

/* An engine that is given a path looks for it on its own machine: there the helper's volume lies,
 * which no sandbox can write to. The path is for the caller to free. */
static int put_profile(struct csn_sessions *all, enum csn_seccomp profile, const char *image,
                       const struct csn_control *control, char **path, struct csn_error *err) {
  char name[CSN_SECCOMP_FILE];
  const char *text = csn_seccomp_text(profile);
  struct csn_volume volume CSN_CLEANUP_VOLUME = {0};
  csn_seccomp_file(profile, name);
  int rc = csn_delivery_put(&all->delivery, all->engine, image, name, text, strlen(text),
                            PROFILE_MODE, control, err);
  if (rc == 0) rc = csn_volume_inspect(all->engine, CSN_DELIVERY_VOLUME, control, &volume, err);
  if (rc) return rc;
  if (volume.mountpoint[0] != '/')
    return csn_fail(err, CAISSON_E_ENGINE, CAISSON_REASON_ENGINE_REFUSED,
                    "the engine takes a seccomp profile only as a file, and does not say where the "
                    "volume \"" CSN_DELIVERY_VOLUME "\" lies; use an engine that takes it as text");
  *path = csn_asprintf("%s/%s", volume.mountpoint, name);
  return *path ? 0 : csn_fail_nomem(err);
}

typedef int learn_fn(struct csn_sessions *all, const char *image, const struct csn_control *control,
                     struct csn_error *err);

/* Both: an engine that wants the one as a file wants the other so too. */
static int learn_profile(struct csn_sessions *all, const char *image,
                         const struct csn_control *control, struct csn_error *err) {
  char *paths[CSN_SECCOMP_COUNT] = {NULL};
  int rc = 0;
  csn_log(all->log, CAISSON_LOG_INFO, "the engine takes a seccomp profile only as a file: putting "
          "it beside the helper");
  for (int i = 0; i < CSN_SECCOMP_COUNT && rc == 0; i++)
    rc = put_profile(all, (enum csn_seccomp)i, image, control, &paths[i], err);
  for (int i = 0; i < CSN_SECCOMP_COUNT; i++) {
    char *none = NULL;
    int is_ours = rc == 0 && atomic_compare_exchange_strong(&all->dialect.seccomp_paths[i], &none,
                                                            paths[i]);
    if (!is_ours) csn_free(paths[i]);
  }
  if (rc) return csn_is_stop(rc) ? rc : csn_error_wrap(err, "give the engine the seccomp profile");
  return 0;
}

static int learn_tmpfs(struct csn_sessions *all, const char *image,
                       const struct csn_control *control, struct csn_error *err) {
  (void)image, (void)control, (void)err;
  atomic_store(&all->dialect.tmpfs_by_flag, 1);
  return 0;
}

static int learn_nproc(struct csn_sessions *all, const char *image,
                       const struct csn_control *control, struct csn_error *err) {
  (void)image, (void)control, (void)err;
  atomic_store(&all->dialect.needs_nproc, 1);
  return 0;
}

static const struct {
  const char *words;
  learn_fn *learn;
} rules[] = {
    {"opening seccomp profile failed", learn_profile},
    {"unknown mount option \"uid=", learn_tmpfs},
    {"rlimit type 6: operation not permitted", learn_nproc}, /* runc */
    {"setrlimit `RLIMIT_NPROC`", learn_nproc},               /* crun */
};

int csn_dialect_learn(struct csn_sessions *all, unsigned *learned, const char *image,
                      const struct csn_control *control, struct csn_error *err) {
  for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
    if (!strstr(err->message, rules[i].words)) continue;
    /* Each once for a container: what is refused again will be so for ever. */
    if (*learned & 1U << i) return 0;
    *learned |= 1U << i;
    int rc = rules[i].learn(all, image, control, err);
    return rc ? rc : 1;
  }
  return 0;
}

const char *csn_dialect_seccomp(const struct csn_sessions *all, enum csn_seccomp profile) {
  return atomic_load(&all->dialect.seccomp_paths[profile]);
}

void csn_dialect_free(struct csn_dialect *dialect) {
  for (int i = 0; i < CSN_SECCOMP_COUNT; i++)
    csn_free(atomic_exchange(&dialect->seccomp_paths[i], NULL));
}
