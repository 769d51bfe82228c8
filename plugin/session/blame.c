/* SPDX-License-Identifier: Apache-2.0 */
#include "session/blame.h"

#include <stdio.h>
#include <string.h>

/* From the engines' own words on; they differ in capitals. */
static const struct {
  const char *words, *setting, *advice;
} blames[] = {
    {"Unknown runtime specified", "sandbox.runtime", "engine.info lists those that it has"},
    {"unknown or invalid runtime name", "sandbox.runtime", "engine.info lists those that it has"},
    {"Range of CPUs is from", "sandbox.cpus", "give no more than the engine's machine has"},
};

int csn_blame_setting(struct csn_error *err) {
  for (size_t i = 0; i < sizeof blames / sizeof *blames; i++) {
    const char *said = strcasestr(err->message, blames[i].words);
    if (!said) continue;
    char words[sizeof err->message];
    snprintf(words, sizeof words, "%s", said);
    return csn_fail(err, CAISSON_E_CONFIG, CAISSON_REASON_CONFIG,
                    "%s: the engine refuses it: %s; %s", blames[i].setting, words,
                    blames[i].advice);
  }
  return err->code;
}
