/* SPDX-License-Identifier: Apache-2.0 */
/* Which known holes an engine has by what it tells of its versions, at both sides of each release
 * that mended one. */
#include "engine/advisories.h"

#include <stdio.h>
#include <string.h>

#include "tap.h"
#include "util/json.h"

#define RUNC "runc"
#define DOCKER "Engine"
#define PODMAN "OCI Runtime (runc)"
#define CRUN "OCI Runtime (crun)"
#define CONTAINERD "containerd"

static cJSON *find(const char *json) {
  cJSON *version = cJSON_Parse(json), *found = cJSON_CreateArray();
  is_int(csn_advisories_find(version, found), 0, "%s", json);
  cJSON_Delete(version);
  return found;
}

static const char *sentence_with(const cJSON *found, const char *cve) {
  const cJSON *words;
  cJSON_ArrayForEach(words, found) {
    if (strstr(words->valuestring, cve)) return words->valuestring;
  }
  return NULL;
}

/* cve: one that it has, mended: the release that its words name; NULL: it has not. */
static void check(const char *component, const char *release, const char *cve, const char *mended) {
  char json[512], want[64];
  snprintf(json, sizeof json,
           "{\"Components\": [{\"Name\": \"docker-init\"}, 7, "
           "{\"Name\": \"%s\", \"Version\": \"%s\"}]}",
           component, release);
  cJSON *found = find(json);
  const char *words = sentence_with(found, cve);
  ok(!words == !mended, "%s %s%s", release, mended ? "has " : "has no ", cve);
  snprintf(want, sizeof want, "upgrade to %s or later", mended ? mended : "");
  if (mended) ok(words && strstr(words, want), "says: %s", words ? words : "nothing");
  if (mended) ok(words && strstr(words, "unless your distribution mended it"), "no more is known");
  cJSON_Delete(found);
}

int main(void) {
  static const struct {
    const char *component, *release, *cve, *mended;
  } rows[] = {
      {RUNC, "1.0.0-rc6", "CVE-2019-5736", "1.0.0-rc7"},
      {RUNC, "1.0.0-rc7", "CVE-2019-5736", NULL},
      {RUNC, "1.0.0-rc94", "CVE-2021-30465", "1.0.0-rc95"},
      {RUNC, "1.0.0-rc95", "CVE-2021-30465", NULL},
      {RUNC, "1.1.4", "CVE-2023-28642", "1.1.5"},
      {RUNC, "1.1.5+ds1", "CVE-2023-28642", NULL},
      {RUNC, "1.1.5+ds1", "CVE-2024-21626", "1.1.12"},
      {RUNC, "1.1.12", "CVE-2024-21626", NULL},
      {RUNC, "1.1.13", "CVE-2024-45310", "1.1.14"},
      {RUNC, "1.1.14", "CVE-2024-45310", NULL},
      {RUNC, "1.2.0-rc.2", "CVE-2024-45310", "1.2.0-rc.3"},
      {RUNC, "1.2.0-rc.3", "CVE-2024-45310", NULL},
      {RUNC, "1.1.15", "CVE-2025-31133", "1.2.8"},
      {RUNC, "1.2.7", "CVE-2025-52881", "1.2.8"},
      {RUNC, "1.2.8", "CVE-2025-52881", NULL},
      {RUNC, "1.3.2", "CVE-2025-52881", "1.3.3"},
      {RUNC, "1.3.3", "CVE-2025-52881", NULL},
      {RUNC, "1.4.0-rc.2", "CVE-2025-52881", "1.4.0-rc.3"},
      {RUNC, "1.4.0", "CVE-2025-52881", NULL},
      {RUNC, "1.5.0", "CVE-2025-52881", NULL},
      {PODMAN, "runc version 1.1.5\\ncommit: x", "CVE-2024-21626", "1.1.12"},
      {CRUN, "1.1.5", "CVE-", NULL},
      {CONTAINERD, "1.0.0", "CVE-", NULL},
      {RUNC, "unknown", "CVE-", NULL},
      {DOCKER, "19.03.0", "CVE-2019-14271", "19.03.1"},
      {DOCKER, "19.03.1", "CVE-2019-14271", NULL},
      {DOCKER, "18.09.9", "CVE-2019-14271", NULL},
      {DOCKER, "20.10.8", "CVE-2021-41089", "20.10.9"},
      {DOCKER, "20.10.24+dfsg1", "CVE-2021-41089", NULL},
      {DOCKER, "20.10.24+dfsg1", "CVE-2024-29018", "23.0.11"},
      {DOCKER, "23.0.11", "CVE-2024-29018", NULL},
      {DOCKER, "24.0.9", "CVE-2024-29018", "25.0.5"},
      {DOCKER, "26.0.0", "CVE-2024-29018", NULL},
      {DOCKER, "25.0.13", "CVE-2025-54410", NULL},
      {DOCKER, "27.5.1", "CVE-2025-54410", "28.0.0"},
      {DOCKER, "28.1.1", "CVE-2025-54388", NULL},
      {DOCKER, "28.3.2", "CVE-2025-54388", "28.3.3"},
      {DOCKER, "28.3.3", "CVE-", NULL},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    check(rows[i].component, rows[i].release, rows[i].cve, rows[i].mended);
  cJSON *found = find("{\"Platform\": {\"Name\": \"Docker Desktop 4.36.0 (175267)\"}}");
  ok(sentence_with(found, "CVE-2025-9074"), "Docker Desktop says which it is in another place");
  cJSON_Delete(found);
  static const char *const nothing[] = {"{}", "7", "{\"Components\": {}}", "{\"Components\": 7}",
                                        "{\"Platform\": {\"Name\": \"Docker Engine - Community\"}}",
                                        "{\"Components\": [{\"Name\": \"runc\", \"Version\": 7}]}"};
  for (size_t i = 0; i < sizeof nothing / sizeof *nothing; i++) {
    found = find(nothing[i]);
    is_int(cJSON_GetArraySize(found), 0, "nothing is known of it");
    cJSON_Delete(found);
  }
  return done_testing();
}
