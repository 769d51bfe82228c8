/* SPDX-License-Identifier: Apache-2.0 */
#include "session/seccomp.h"

#include <stdio.h>
#include <string.h>

#include "util/sha256.h"

extern const char csn_seccomp_default[], csn_seccomp_strict[]; /* seccomp_blob.S */

static const struct {
  const char *name, *text;
} profiles[CSN_SECCOMP_COUNT] = {
    [CSN_SECCOMP_DEFAULT] = {"default", csn_seccomp_default},
    [CSN_SECCOMP_STRICT] = {"strict", csn_seccomp_strict},
};

enum csn_seccomp csn_seccomp_of(const char *name) {
  int is_strict = name && strcmp(name, profiles[CSN_SECCOMP_STRICT].name) == 0;
  return is_strict ? CSN_SECCOMP_STRICT : CSN_SECCOMP_DEFAULT;
}

const char *csn_seccomp_name(enum csn_seccomp profile) {
  return profiles[profile].name;
}

const char *csn_seccomp_text(enum csn_seccomp profile) {
  return profiles[profile].text;
}

void csn_seccomp_file(enum csn_seccomp profile, char name[CSN_SECCOMP_FILE]) {
  const char *text = csn_seccomp_text(profile);
  char hex[CSN_SHA256_HEX];
  csn_sha256_hex(text, strlen(text), hex);
  snprintf(name, CSN_SECCOMP_FILE, "seccomp-%.16s.json", hex);
}
