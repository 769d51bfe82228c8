/* SPDX-License-Identifier: Apache-2.0 */
/* The architecture of the engine's machine, in one spelling. */
#include <stdio.h>

#include "engine/ask.h"
#include "engine/internal.h"
#include "util/json.h"

/* GET /info says it as the kernel does, GET /version as Go does. */
static const char *in_one_spelling(const char *arch) {
  static const struct { const char *kernel, *name; } known[] = {
      {"x86_64", "amd64"}, {"aarch64", "arm64"}, {"armv7l", "arm"}, {"i686", "386"}};
  for (size_t i = 0; i < sizeof known / sizeof *known; i++)
    if (strcmp(known[i].kernel, arch) == 0) return known[i].name;
  return arch;
}

static int ask_for(struct csn_engine *engine, const char *path, const char *member,
                   const struct csn_control *control, char arch[CSN_ENGINE_ARCH_SIZE],
                   struct csn_error *err) {
  cJSON *answer CSN_CLEANUP_JSON = NULL;
  struct csn_ask ask = {.method = "GET", .path = path, .seconds = 30};
  int rc = csn_ask_json(engine, &ask, control, 0, &answer, err);
  if (rc) return csn_ask_context(rc, err, "ask the engine for", path + 1);
  csn_engine_warn(engine, answer);
  const char *text = in_one_spelling(csn_json_string(answer, member, ""));
  size_t n = strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_");
  if (n == 0 || text[n] || n >= CSN_ENGINE_ARCH_SIZE)
    return csn_ask_malformed(err, "it does not say what architecture the engine's machine is");
  memcpy(arch, text, n + 1);
  return 0;
}

int csn_engine_arch(struct csn_engine *engine, const struct csn_control *control,
                    char arch[CSN_ENGINE_ARCH_SIZE], struct csn_error *err) {
  struct csn_error own = {0};
  if (!err) err = &own;
  int rc = ask_for(engine, "/version", "Arch", control, arch, err);
  if (rc != CAISSON_E_ENGINE || strcmp(err->reason, CAISSON_REASON_ENGINE_PROTOCOL) != 0) return rc;
  csn_error_clear(err);
  return ask_for(engine, "/info", "Architecture", control, arch, err);
}
