/* SPDX-License-Identifier: Apache-2.0 */
/* See image_pull.h. */
#include "engine/image_pull.h"

#include "engine/ask.h"
#include "engine/credentials.h"
#include "engine/docker_auth.h"
#include "engine/image_failure.h"
#include "engine/image_name.h"
#include "engine/json_lines.h"
#include "engine/pull_progress.h"
#include "util/alloc.h"
#include "util/json.h"

#define TELL_EVERY (100 * CSN_MS)
#define NOTE_SIZE 320

struct pull {
  const char *name;
  const struct csn_image_watch *watch;
  struct csn_json_lines lines;
  struct csn_pull_progress progress;
  int64_t told;
  char *failure; /* the first error in the stream; NULL: none */
};

/* ---- what the engine tells ------------------------------------------------------------------- */

static void tell(struct pull *pull, int64_t now) {
  char note[NOTE_SIZE];
  csn_pull_progress_note(&pull->progress, pull->name, note, sizeof note);
  if (pull->watch->progress)
    pull->watch->progress(pull->watch->progress_ctx, pull->progress.permille, note);
  pull->told = now;
}

static int take_message(void *ctx, const cJSON *message, struct csn_error *err) {
  struct pull *pull = ctx;
  const char *words = csn_json_string(csn_json_get(message, "errorDetail"), "message",
                                      csn_json_string(message, "error", NULL));
  if (words && !pull->failure) {
    pull->failure = csn_strdup(words);
    if (!pull->failure) return csn_fail_nomem(err);
  }
  int news = csn_pull_progress_take(&pull->progress, message);
  int64_t now = csn_clock_now();
  if (news || now - pull->told >= TELL_EVERY) tell(pull, now);
  return 0;
}

static int take_bytes(void *ctx, const void *bytes, size_t n, struct csn_error *err) {
  struct pull *pull = ctx;
  return csn_json_lines_feed(&pull->lines, bytes, n, take_message, pull, err);
}

/* ---- asking ---------------------------------------------------------------------------------- */

static int make_path(struct csn_buffer *path, const struct csn_image_name *name,
                     const char *platform, struct csn_error *err) {
  int rc = csn_ask_route(path, "/images/create", err);
  if (rc == 0) rc = csn_ask_query(path, "fromImage", name->repository, err);
  if (rc == 0) rc = csn_ask_query(path, "tag", name->tag, err);
  if (rc == 0 && platform) rc = csn_ask_query(path, "platform", platform, err);
  return rc;
}

/* "X-Registry-Auth: ...", or NULL where we are nobody there. */
static int make_header(const char *registry, const struct csn_control *control, char **header,
                       struct csn_error *err) {
  cJSON *auth = NULL;
  *header = NULL;
  int rc = csn_credentials_find(registry, control, &auth, err);
  if (rc || !auth) return rc;
  char *text = csn_docker_auth_encode(auth);
  csn_docker_auth_delete(auth);
  *header = text ? csn_asprintf("X-Registry-Auth: %s", text) : NULL;
  csn_docker_auth_wipe(text);
  return *header ? 0 : csn_fail_nomem(err);
}

static int ask(struct csn_engine *engine, struct pull *pull, const char *path, const char *header,
               const struct csn_control *control, struct csn_error *err) {
  const char *const headers[] = {header, NULL};
  struct csn_ask question = {.method = "POST",
                             .path = path,
                             .headers = headers,
                             .on_body = take_bytes,
                             .ctx = pull};
  int rc = csn_ask_simple(engine, &question, control, err);
  return rc ? rc : csn_json_lines_end(&pull->lines, take_message, pull, err);
}

static int run(struct csn_engine *engine, struct pull *pull, const struct csn_image_name *name,
               const char *platform, const struct csn_control *control, struct csn_error *err) {
  CSN_ASK_PATH(path);
  char *header;
  int rc = make_path(&path, name, platform, err);
  if (rc == 0) rc = make_header(name->registry, control, &header, err);
  if (rc) return rc;
  tell(pull, 0);
  rc = ask(engine, pull, path.data, header, control, err);
  csn_docker_auth_wipe(header);
  if (rc) return csn_image_failure_of(pull->name, name->registry, err);
  if (pull->failure) return csn_image_failure(pull->name, name->registry, pull->failure, err);
  return 0;
}

int csn_image_pull(struct csn_engine *engine, const char *text, const char *platform,
                   const struct csn_image_watch *watch, const struct csn_control *control,
                   struct csn_error *err) {
  struct csn_image_name name CSN_CLEANUP_IMAGE_NAME = {0};
  struct csn_error own = {0};
  if (!err) err = &own;
  int rc = csn_image_name_parse(text, &name, err);
  if (rc) return rc;
  struct pull *pull = csn_calloc(1, sizeof *pull);
  if (!pull) return csn_fail_nomem(err);
  pull->name = text;
  pull->watch = watch;
  csn_json_lines_init(&pull->lines);
  csn_pull_progress_init(&pull->progress);
  rc = run(engine, pull, &name, platform, control, err);
  csn_json_lines_free(&pull->lines);
  csn_free(pull->failure);
  csn_free(pull);
  return rc;
}
