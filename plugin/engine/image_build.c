/* SPDX-License-Identifier: Apache-2.0 */
/* See image_build.h. */
#include "engine/image_build.h"

#include <stdio.h>
#include <unistd.h>

#include "engine/ask.h"
#include "engine/build_bases.h"
#include "engine/build_log.h"
#include "engine/build_tar.h"
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
#define DOCKERFILE_MAX ((size_t)1 << 20)

/* ---- what it is made of ---------------------------------------------------------------------- */

static void hash_text(struct csn_sha256 *hash, const char *text) {
  csn_sha256_update(hash, text ? text : "", strlen(text ? text : "") + 1);
}

static int hash_spec(const struct csn_build_spec *spec, struct csn_sha256 *hash,
                     struct csn_error *err) {
  CSN_CLEANUP_FREE char *args = spec->args ? csn_json_print(spec->args) : csn_strdup("{}");
  if (!args) return csn_fail_nomem(err);
  csn_sha256_init(hash);
  hash_text(hash, "caisson context 1");
  hash_text(hash, spec->dockerfile);
  hash_text(hash, spec->target);
  hash_text(hash, spec->platform);
  hash_text(hash, args);
  return 0;
}

static void hex(const unsigned char digest[CSN_SHA256_SIZE], char text[CSN_SHA256_HEX]) {
  for (size_t i = 0; i < CSN_SHA256_SIZE; i++) snprintf(text + 2 * i, 3, "%02x", digest[i]);
}

int csn_build_prepare(const struct csn_build_spec *spec, const struct csn_control *control,
                      struct csn_build *out, struct csn_error *err) {
  out->spec = spec;
  int rc = csn_context_open(spec->context, spec->dockerfile, control, &out->context, err);
  if (rc) return rc;
  rc = hash_spec(spec, &out->begin, err);
  struct csn_sha256 hash = out->begin;
  if (rc == 0) rc = csn_context_hash(&out->context, control, &hash, err);
  if (rc) {
    csn_build_free(out);
    return rc;
  }
  csn_sha256_final(&hash, out->digest);
  hex(out->digest, out->label);
  return 0;
}

void csn_build_free(struct csn_build *build) {
  csn_context_close(&build->context);
}

/* ---- what the engine tells ------------------------------------------------------------------- */

struct building {
  const struct csn_build *build;
  const struct csn_image_watch *watch;
  const struct csn_control *control;
  struct csn_build_tar *tar;
  struct csn_json_lines lines;
  struct csn_build_log log;
  struct csn_pull_progress base; /* of a base image that is being pulled */
  int64_t told;
  int stopped; /* whoever reads the log wants no more */
  char *failure;
};

static void tell(struct building *b, int64_t now) {
  char note[NOTE_SIZE];
  const char *name = b->build->spec->name;
  int permille = -1;
  if (b->log.step == 0) {
    snprintf(note, sizeof note, "building %.200s: sending %.0f MB", name,
             (double)csn_build_tar_given(b->tar) / 1e6);
  } else {
    snprintf(note, sizeof note, "building %.150s: step %u of %u: %.100s", name, b->log.step,
             b->log.steps, b->log.what);
    permille = (int)((b->log.step - 1) * 1000 / b->log.steps);
  }
  if (b->base.count) {
    char base[CSN_BUILD_STEP_SIZE];
    csn_build_log_base(&b->log, base, sizeof base);
    csn_pull_progress_note(&b->base, *base ? base : "its base image", note, sizeof note);
  }
  if (b->watch->progress) b->watch->progress(b->watch->progress_ctx, permille, note);
  b->told = now;
}

static void take_text(struct building *b, const char *text) {
  if (csn_build_log_take(&b->log, text)) {
    csn_pull_progress_init(&b->base);
    tell(b, csn_clock_now());
  }
  if (b->watch->log && b->watch->log(b->watch->log_ctx, text, strlen(text)) != 0) b->stopped = 1;
}

static int take_message(void *ctx, const cJSON *message, struct csn_error *err) {
  struct building *b = ctx;
  const char *text = csn_json_string(message, "stream", NULL);
  const char *words = csn_json_string(csn_json_get(message, "errorDetail"), "message",
                                      csn_json_string(message, "error", NULL));
  if (text) take_text(b, text);
  if (words && !b->failure) {
    size_t n = strlen(words);
    while (n > 0 && words[n - 1] == '\n') n--; /* Podman ends it so */
    b->failure = csn_strndup(words, n);
    if (!b->failure) return csn_fail_nomem(err);
  }
  int news = csn_pull_progress_take(&b->base, message);
  int64_t now = csn_clock_now();
  if (news || (b->base.count && now - b->told >= TELL_EVERY)) tell(b, now);
  if (b->stopped)
    return csn_fail(err, CAISSON_E_CANCELLED, CAISSON_REASON_CANCELLED, "cancelled by the host");
  return 0;
}

static int take_bytes(void *ctx, const void *bytes, size_t n, struct csn_error *err) {
  struct building *b = ctx;
  return csn_json_lines_feed(&b->lines, bytes, n, take_message, b, err);
}

static int64_t give_bytes(void *ctx, void *buffer, size_t room, struct csn_error *err) {
  struct building *b = ctx;
  int64_t now = csn_clock_now();
  int rc = csn_control_check(b->control, err);
  if (rc) return rc;
  if (now - b->told >= TELL_EVERY) tell(b, now);
  return csn_build_tar_give(b->tar, buffer, room, err);
}

/* ---- how it ended ---------------------------------------------------------------------------- */

/* What a step that starts an image says of it is a registry's word, and no mistake in a step. */
static int fail_base(const struct building *b, struct csn_error *err) {
  char base[CSN_BUILD_STEP_SIZE];
  struct csn_image_name name CSN_CLEANUP_IMAGE_NAME = {0};
  csn_build_log_base(&b->log, base, sizeof base);
  if (!*base) return 0;
  int rc = csn_image_name_parse(base, &name, err);
  if (rc == 0) rc = csn_image_failure(base, name.registry, b->failure, err);
  if (strcmp(err->reason, CAISSON_REASON_IMAGE_FAILED) == 0) return 0;
  csn_error_wrap(err, "build the image \"%.100s\"", b->build->spec->name);
  return rc;
}

static int fail_step(const struct building *b, struct csn_error *err) {
  const char *name = b->build->spec->name;
  int rc = fail_base(b, err);
  if (rc) return rc;
  if (b->log.step == 0)
    return csn_fail(err, CAISSON_E_CONFIG, CAISSON_REASON_IMAGE_BUILD,
                    "the image \"%.100s\" could not be built: %.600s", name, b->failure);
  return csn_fail(err, CAISSON_E_CONFIG, CAISSON_REASON_IMAGE_BUILD,
                  "the image \"%.100s\" could not be built: step %u of %u, %.150s: %.250s%s%s",
                  name, b->log.step, b->log.steps, b->log.what, b->failure,
                  b->log.tail_size ? "; it said: " : "", b->log.tail);
}

/* A refusal before any step: mostly a Dockerfile that cannot be read as one. */
static int fail_request(const struct building *b, struct csn_error *err) {
  static const char *const theirs[] = {CAISSON_REASON_ENGINE_REFUSED,
                                       CAISSON_REASON_ENGINE_NOT_FOUND};
  for (size_t i = 0; err->code == CAISSON_E_ENGINE && i < sizeof theirs / sizeof *theirs; i++) {
    if (strcmp(err->reason, theirs[i]) != 0) continue;
    struct csn_error before = *err;
    return csn_fail(err, CAISSON_E_CONFIG, CAISSON_REASON_IMAGE_BUILD,
                    "the image \"%.100s\" could not be built: %.600s", b->build->spec->name,
                    before.message);
  }
  return err->code;
}

/* Not an error: the Docker client leaves out the sockets that programs forget in folders, too. */
static void tell_skipped(const struct csn_build *build, const struct csn_image_watch *watch) {
  char text[400];
  const struct csn_context *context = &build->context;
  if (!context->skipped || !watch->log) return;
  int n = snprintf(text, sizeof text,
                   "left out %u of the context, which are no file, folder or link, such as %s\n",
                   context->skipped, context->first_skipped);
  (void)watch->log(watch->log_ctx, text, (size_t)n);
}

/* ---- asking ---------------------------------------------------------------------------------- */

static int add_json(struct csn_buffer *path, const char *key, const cJSON *value,
                    struct csn_error *err) {
  CSN_CLEANUP_FREE char *text = csn_json_print(value);
  return text ? csn_ask_query(path, key, text, err) : csn_fail_nomem(err);
}

static int make_path(struct csn_buffer *path, const struct csn_build *build,
                     struct csn_error *err) {
  const struct csn_build_spec *spec = build->spec;
  cJSON *labels CSN_CLEANUP_JSON = cJSON_CreateObject();
  if (csn_json_add_string(labels, CSN_LABEL_CONTEXT, build->label)) return csn_fail_nomem(err);
  int rc = csn_ask_route(path, "/build?version=1&rm=1&forcerm=1", err);
  if (rc == 0) rc = csn_ask_query(path, "t", spec->name, err);
  if (rc == 0) rc = csn_ask_query(path, "dockerfile", spec->dockerfile, err);
  if (rc == 0) rc = add_json(path, "labels", labels, err);
  if (rc == 0 && spec->args) rc = add_json(path, "buildargs", spec->args, err);
  if (rc == 0 && spec->target) rc = csn_ask_query(path, "target", spec->target, err);
  if (rc == 0 && spec->platform) rc = csn_ask_query(path, "platform", spec->platform, err);
  if (rc == 0 && spec->network) rc = csn_ask_query(path, "networkmode", spec->network, err);
  if (rc == 0 && spec->pull) rc = csn_ask_query(path, "pull", "1", err);
  return rc;
}

static int read_dockerfile(const struct csn_build *build, struct csn_buffer *text,
                           struct csn_error *err) {
  const struct csn_context_entry *entry = build->context.entries;
  while (strcmp(entry->path, build->spec->dockerfile) != 0) entry++;
  if (entry->target || entry->size > DOCKERFILE_MAX) return 0;
  int fd CSN_CLEANUP_CLOSE = csn_context_open_file(&build->context, entry, err);
  if (fd < 0) return fd;
  if (csn_buffer_reserve(text, (size_t)entry->size + 1)) return csn_fail_nomem(err);
  ssize_t n = read(fd, text->data, (size_t)entry->size);
  if (n > 0) text->size = (size_t)n;
  return 0;
}

/* Who we are at the registry of a base image. One that cannot be told is left out: the engine may
 * have the image, and says so if it does not. */
static int add_auth(const char *registry, const struct csn_control *control, cJSON *all,
                    struct csn_error *err) {
  cJSON *auth = NULL;
  int rc = csn_credentials_find(registry, control, &auth, err);
  if (csn_is_stop(rc) || rc == CAISSON_E_NOMEM) return rc;
  if (!auth) return 0;
  return csn_json_add(all, csn_docker_auth_key(registry), auth) ? csn_fail_nomem(err) : 0;
}

static void delete_auths(cJSON **all) {
  cJSON *auth = *all ? (*all)->child : NULL;
  while (auth) {
    cJSON *next = auth->next;
    csn_docker_auth_delete(cJSON_DetachItemViaPointer(*all, auth));
    auth = next;
  }
  cJSON_Delete(*all);
}

static int make_header(const struct csn_build *build, const struct csn_control *control,
                       char **header, struct csn_error *err) {
  CSN_CLEANUP_BUFFER struct csn_buffer text = CSN_BUFFER(DOCKERFILE_MAX + 1);
  cJSON *registries CSN_CLEANUP_JSON = NULL;
  cJSON *auths __attribute__((cleanup(delete_auths))) = cJSON_CreateObject();
  const cJSON *registry;
  *header = NULL;
  int rc = auths ? read_dockerfile(build, &text, err) : csn_fail_nomem(err);
  if (rc == 0) rc = csn_build_bases(csn_buffer_text(&text), text.size, &registries, err);
  if (rc) return rc;
  cJSON_ArrayForEach(registry, registries) {
    rc = rc ? rc : add_auth(registry->valuestring, control, auths, err);
  }
  if (rc || !auths->child) return rc;
  char *encoded = csn_docker_auth_encode(auths);
  *header = encoded ? csn_asprintf("X-Registry-Config: %s", encoded) : NULL;
  csn_docker_auth_wipe(encoded);
  return *header ? 0 : csn_fail_nomem(err);
}

static int ask(struct csn_engine *engine, struct building *b, const char *path, const char *header,
               const struct csn_control *control, struct csn_error *err) {
  const char *const headers[] = {header, NULL};
  struct csn_ask question = {.method = "POST",
                             .path = path,
                             .content_type = "application/x-tar",
                             .headers = headers,
                             .give_body = give_bytes,
                             .give_ctx = b,
                             .on_body = take_bytes,
                             .ctx = b};
  int rc = csn_ask_simple(engine, &question, control, err);
  if (rc == 0) rc = csn_json_lines_end(&b->lines, take_message, b, err);
  if (rc) return fail_request(b, err);
  return b->failure ? fail_step(b, err) : 0;
}

int csn_build_run(struct csn_engine *engine, const struct csn_build *build,
                  const struct csn_image_watch *watch, const struct csn_control *control,
                  struct csn_error *err) {
  CSN_ASK_PATH(path);
  char *header;
  int rc = make_path(&path, build, err);
  if (rc == 0) rc = make_header(build, control, &header, err);
  if (rc) return rc;
  struct building *b = csn_calloc(1, sizeof *b);
  rc = b ? csn_build_tar_new(&build->context, &build->begin, build->digest, &b->tar, err)
         : csn_fail_nomem(err);
  if (rc == 0) {
    b->build = build;
    b->watch = watch;
    b->control = control;
    csn_json_lines_init(&b->lines);
    csn_pull_progress_init(&b->base);
    tell(b, csn_clock_now());
    tell_skipped(build, watch);
    rc = ask(engine, b, path.data, header, control, err);
    csn_json_lines_free(&b->lines);
    csn_build_tar_free(b->tar);
    csn_free(b->failure);
  }
  csn_free(b);
  csn_docker_auth_wipe(header);
  return rc;
}
