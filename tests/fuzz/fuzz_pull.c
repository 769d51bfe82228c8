/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes what an engine tells of a pull or a build. The first byte says in pieces of which size
 * the rest comes; however it is cut, the outcome must be the same. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "engine/build_bases.h"
#include "engine/build_log.h"
#include "engine/json_lines.h"
#include "engine/pull_progress.h"
#include "util/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct outcome {
  int rc;
  unsigned messages;
  struct csn_pull_progress progress;
  struct csn_build_log log;
};

static int take(void *ctx, const cJSON *message, struct csn_error *err) {
  struct outcome *o = ctx;
  char note[64], base[64];
  (void)err;
  o->messages++;
  csn_pull_progress_take(&o->progress, message);
  csn_build_log_take(&o->log, csn_json_string(message, "stream", ""));
  int before = o->progress.permille;
  csn_pull_progress_note(&o->progress, "img", note, sizeof note);
  csn_build_log_base(&o->log, base, sizeof base);
  if (o->progress.permille < before || o->progress.permille > 1000) abort();
  if (o->log.tail_size >= sizeof o->log.tail || strchr(o->log.tail, '\n')) abort();
  return 0;
}

static void parse(const uint8_t *data, size_t n, size_t piece, struct outcome *o) {
  struct csn_json_lines lines;
  memset(o, 0, sizeof *o);
  csn_json_lines_init(&lines);
  csn_pull_progress_init(&o->progress);
  for (size_t at = 0; o->rc == 0 && at < n; at += piece)
    o->rc = csn_json_lines_feed(&lines, data + at, piece < n - at ? piece : n - at, take, o, NULL);
  if (o->rc == 0) o->rc = csn_json_lines_end(&lines, take, o, NULL);
  csn_json_lines_free(&lines);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static struct outcome whole, cut;
  cJSON *registries = NULL;
  if (size < 1) return 0;
  parse(data + 1, size - 1, size, &whole);
  parse(data + 1, size - 1, 1 + data[0] % 16U, &cut);
  if (whole.rc != cut.rc || whole.messages != cut.messages ||
      whole.progress.permille != cut.progress.permille)
    abort();
  if (csn_build_bases((const char *)data, size, &registries, NULL) == 0 &&
      cJSON_GetArraySize(registries) > CSN_BUILD_BASES_MAX)
    abort();
  cJSON_Delete(registries);
  return 0;
}
