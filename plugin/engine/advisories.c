/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/advisories.h"

#include <string.h>

#include "engine/release.h"
#include "util/alloc.h"
#include "util/json.h"

#define BRANCHES_MAX 3

enum component { RUNC, DOCKER, DESKTOP };

/* `mended` is the first good release of each branch, lowest first; a branch between two of them was
 * never mended. `since`: no earlier one has it. Sources: the CVE records, and the advisories of
 * github.com/opencontainers/runc and github.com/moby/moby that they point to. */
static const struct advisory {
  enum component component;
  const char *cve;
  const char *since;
  const char *mended[BRANCHES_MAX];
  const char *means;
} table[] = {
    {RUNC, "CVE-2025-31133, CVE-2025-52565 and CVE-2025-52881", NULL,
     {"1.2.8", "1.3.3", "1.4.0-rc.3"},
     "what can race with the start of a container that shares a mount with it (two sandboxes with "
     "one volume or bind, steps of a foreign Dockerfile) can leave it"},
    {RUNC, "CVE-2024-45310", NULL, {"1.1.14", "1.2.0-rc.3"},
     "sandboxes that share a volume or bind can make empty files anywhere on the engine's machine"},
    {RUNC, "CVE-2024-21626", NULL, {"1.1.12"},
     "what is started in a directory that an image chose (the steps of a foreign Dockerfile; never "
     "a sandbox's own processes) can reach the machine's files"},
    {RUNC, "CVE-2023-27561 and CVE-2023-28642", NULL, {"1.1.5"},
     "an image whose /proc is a link starts without its AppArmor profile or masked paths"},
    {RUNC, "CVE-2021-30465", NULL, {"1.0.0-rc95"},
     "sandboxes that share a volume or bind can have the machine's own directories mounted"},
    {RUNC, "CVE-2019-5736", NULL, {"1.0.0-rc7"},
     "root in a container can replace runc itself; sandboxes are never root, so this takes another "
     "hole first"},
    {DOCKER, "CVE-2025-54410", NULL, {"25.0.13", "28.0.0"},
     "when firewalld is reloaded, sandboxes on different networks reach each other"},
    {DOCKER, "CVE-2025-54388", "28.2.0", {"28.3.3"},
     "when firewalld is reloaded, ports published on 127.0.0.1 are reached from other machines"},
    {DOCKER, "CVE-2024-29018", NULL, {"23.0.11", "25.0.5", "26.0.0-rc3"},
     "a sandbox on an internal network reaches the outside by the names that it looks up"},
    {DOCKER, "CVE-2021-41089", NULL, {"20.10.9"},
     "carrying files into a container of a foreign image can change modes of the machine's files"},
    {DOCKER, "CVE-2019-14271", "19.03.0", {"19.03.1"},
     "reading files out of a container of a foreign image runs that image's code as root"},
    {DESKTOP, "CVE-2025-9074", "4.25", {"4.44.3"},
     "a sandbox with a network in which 192.168.65.7 is not denied controls the engine"},
};

/* ---- which releases an engine is made of ----------------------------------------------------- */

static int is_runc(const char *name) {
  return strcmp(name, "runc") == 0 || strcmp(name, "OCI Runtime (runc)") == 0; /* Docker, Podman */
}

static const char *version_of(const cJSON *version, int (*is_it)(const char *name)) {
  const cJSON *component;
  cJSON_ArrayForEach(component, csn_json_get(version, "Components")) {
    if (is_it(csn_json_string(component, "Name", "")))
      return csn_json_string(component, "Version", NULL);
  }
  return NULL;
}

static int is_docker(const char *name) {
  return strcmp(name, "Engine") == 0;
}

static const char *desktop_of(const cJSON *version) {
  const char *name = csn_json_string(csn_json_get(version, "Platform"), "Name", "");
  return strncmp(name, "Docker Desktop ", 15) == 0 ? name : NULL;
}

/* What a component says of its version; NULL: the engine has none, or says nothing. */
static const char *said_by(enum component component, const cJSON *version) {
  if (component == RUNC) return version_of(version, is_runc);
  if (component == DOCKER) return version_of(version, is_docker);
  return desktop_of(version);
}

static const char *name_of(enum component component) {
  static const char *const names[] = {"runc", "Docker", "Docker Desktop"};
  return names[component];
}

/* ---- which holes they have ------------------------------------------------------------------- */

static int is_mended(const struct csn_release *release, const char *const mended[BRANCHES_MAX]) {
  struct csn_release good = {0};
  for (int i = 0; i < BRANCHES_MAX && mended[i]; i++) {
    csn_release_read(mended[i], &good);
    if (good.major == release->major && good.minor == release->minor) break;
  }
  return csn_release_compare(release, &good) >= 0;
}

static int has(const struct advisory *a, const struct csn_release *release) {
  struct csn_release first;
  if (a->since && csn_release_read(a->since, &first) == 0 &&
      csn_release_compare(release, &first) < 0)
    return 0;
  return !is_mended(release, a->mended);
}

/* The release that is the next good one for whoever has this one. */
static const char *good_for(const struct advisory *a, const struct csn_release *release) {
  struct csn_release good;
  int i = 0;
  while (i < BRANCHES_MAX - 1 && a->mended[i + 1] &&
         !(csn_release_read(a->mended[i], &good) == 0 && csn_release_compare(release, &good) < 0))
    i++;
  return a->mended[i];
}

static int append(const struct advisory *a, const struct csn_release *release, cJSON *array) {
  char *words CSN_CLEANUP_FREE =
      csn_asprintf("%s %d.%d.%d has %s, unless your distribution mended it: %s; upgrade to %s or "
                   "later",
                   name_of(a->component), release->major, release->minor, release->patch, a->cve,
                   a->means, good_for(a, release));
  return words ? csn_json_append_string(array, words) : CAISSON_E_NOMEM;
}

int csn_advisories_find(const cJSON *version, cJSON *array) {
  for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
    struct csn_release release;
    const char *said = said_by(table[i].component, version);
    if (!said || csn_release_read(said, &release) || !has(&table[i], &release)) continue;
    if (append(&table[i], &release, array)) return CAISSON_E_NOMEM;
  }
  return 0;
}
