/* SPDX-License-Identifier: Apache-2.0 */
/* See images.h. */
#include "session/images.h"

#include <string.h>

#include "engine/image_build.h"
#include "engine/image_name.h"
#include "engine/image_pull.h"
#include "session/flight.h"
#include "util/alloc.h"
#include "util/json.h"

/* One request for an image. */
struct getting {
  struct csn_engine *engine;
  const struct csn_sandbox_settings *settings;
  const struct csn_image_wish *wish;
  struct csn_image *image; /* as the engine has it, or empty */
  int present;
  int built; /* by us, and not found unchanged */
};

enum csn_pull csn_pull_of(const char *text, enum csn_pull fallback) {
  static const char *const names[] = {
      [CSN_PULL_MISSING] = "missing", [CSN_PULL_NEVER] = "never", [CSN_PULL_ALWAYS] = "always"};
  for (int i = 0; text && i < (int)(sizeof names / sizeof *names); i++)
    if (strcmp(names[i], text) == 0) return (enum csn_pull)i;
  return fallback;
}

/* ---- what the engine has --------------------------------------------------------------------- */

static int look(struct getting *g, const struct csn_control *control, struct csn_error *err) {
  csn_image_free(g->image);
  int rc = csn_image_inspect(g->engine, g->wish->name, control, g->image, err);
  g->present = rc == 0;
  int missing = rc == CAISSON_E_ENGINE && strcmp(err->reason, CAISSON_REASON_IMAGE_MISSING) == 0;
  return missing ? 0 : rc;
}

/* "os/arch" and, if both have one, the variant. */
static int is_platform(const struct csn_image *image, const char *platform) {
  const char *variant = csn_json_string(image->raw, "Variant", "");
  size_t os = strcspn(platform, "/");
  const char *arch = platform[os] ? platform + os + 1 : "";
  size_t n = strcspn(arch, "/");
  if (strlen(image->os) != os || strncmp(image->os, platform, os) != 0) return 0;
  if (strlen(image->arch) != n || strncmp(image->arch, arch, n) != 0) return 0;
  return !arch[n] || !*variant || strcmp(arch + n + 1, variant) == 0;
}

static int fits(const struct getting *g) {
  const char *platform = g->settings->platform;
  return g->present && (!platform || is_platform(g->image, platform));
}

static int fail_missing(const struct getting *g, struct csn_error *err) {
  const char *name = g->wish->name;
  if (g->wish->pull == CSN_PULL_NEVER)
    return csn_fail(err, CAISSON_E_ENGINE, CAISSON_REASON_IMAGE_MISSING,
                    "the engine has no image \"%.200s\", and none is %s, since `pull` is "
                    "\"never\": get it with `docker %s`, or set sandbox.pull to \"missing\"",
                    name, g->settings->build ? "pulled or built" : "pulled",
                    g->settings->build ? "build" : "pull");
  return csn_fail(err, CAISSON_E_ENGINE, CAISSON_REASON_IMAGE_MISSING,
                  "the engine has no image \"%.200s\", and what is known by its id alone is in no "
                  "registry; configure the image by its name",
                  name);
}

static int fail_platform(const struct getting *g, struct csn_error *err) {
  return csn_fail(err, CAISSON_E_ENGINE, CAISSON_REASON_IMAGE_PLATFORM,
                  "the image \"%.200s\" is for %.32s/%.32s, and sandbox.platform asks for %.64s; "
                  "correct the one or the other",
                  g->wish->name, g->image->os, g->image->arch, g->settings->platform);
}

/* A container has its image's labels, and these would say of a sandbox what it is not. Of the
 * others that are ours it has its own. */
static int check_labels(const struct getting *g, struct csn_error *err) {
  static const char *const ours[] = {CSN_LABEL_POOL, CSN_LABEL_ROUTES, CSN_LABEL_HELPER,
                                     CSN_LABEL_CARRIER};
  for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
    if (csn_json_get(g->image->labels, ours[i]))
      return csn_fail(err, CAISSON_E_CONFIG, CAISSON_REASON_POLICY,
                      "the image \"%.200s\" has the label \"%s\", which only the plugin gives, to "
                      "containers; take another image, or build it without the label",
                      g->wish->name, ours[i]);
  return 0;
}

static int check(const struct getting *g, struct csn_error *err) {
  if (!g->present) return fail_missing(g, err);
  return fits(g) ? check_labels(g, err) : fail_platform(g, err);
}

/* ---- pulled ---------------------------------------------------------------------------------- */

static int pull(void *ctx, const struct csn_image_watch *watch, const struct csn_control *control,
                struct csn_error *err) {
  struct getting *g = ctx;
  return csn_image_pull(g->engine, g->wish->name, g->settings->platform, watch, control, err);
}

/* What a digest names never changes, so `always` has nothing to look for. */
static int must_pull(const struct getting *g, int *must, struct csn_error *err) {
  struct csn_image_name name CSN_CLEANUP_IMAGE_NAME = {0};
  int rc = csn_image_name_parse(g->wish->name, &name, err);
  if (rc) return rc;
  int wanted = !fits(g) || (g->wish->pull == CSN_PULL_ALWAYS && !name.has_digest);
  *must = wanted && g->wish->pull != CSN_PULL_NEVER && !name.is_id;
  return 0;
}

/* ---- built ----------------------------------------------------------------------------------- */

static const char *label_of(const struct getting *g) {
  return g->present ? csn_json_string(g->image->labels, CSN_LABEL_CONTEXT, "") : "";
}

static int build(void *ctx, const struct csn_image_watch *watch, const struct csn_control *control,
                 struct csn_error *err) {
  struct getting *g = ctx;
  const cJSON *b = g->settings->build;
  const char *dockerfile = csn_json_string(b, "dockerfile", "Dockerfile");
  const struct csn_build_spec spec = {
      .name = g->wish->name,
      .context = csn_json_string(b, "context", ""),
      .dockerfile = strncmp(dockerfile, "./", 2) == 0 ? dockerfile + 2 : dockerfile,
      .target = csn_json_string(b, "target", NULL),
      .platform = g->settings->platform,
      .network = csn_json_string(b, "network", NULL),
      .args = csn_json_get(b, "args"),
      .pull = g->wish->pull == CSN_PULL_ALWAYS,
  };
  struct csn_build made = {.context = {.root = -1}};
  int rc = csn_build_prepare(&spec, control, &made, err);
  if (rc) return rc;
  /* Another process, or the call before, may have built it by now. */
  rc = look(g, control, err);
  if (rc == 0 && strcmp(label_of(g), made.label) != 0) {
    rc = csn_build_run(g->engine, &made, watch, control, err);
    g->built = rc == 0;
  }
  csn_build_free(&made);
  return rc;
}

/* ---- either ---------------------------------------------------------------------------------- */

static int join(struct getting *g, const char *what, csn_flight_fn *work,
                const struct csn_image_watch *watch, const struct csn_control *control,
                struct csn_error *err) {
  const char *platform = g->settings->platform;
  CSN_CLEANUP_FREE char *key =
      csn_asprintf("%s %s %s %s", what, csn_engine_endpoint(g->engine), g->wish->name,
                   platform ? platform : "");
  int rc = key ? csn_flight_join(key, work, g, watch, control, err) : csn_fail_nomem(err);
  return rc ? rc : look(g, control, err);
}

static int is_built(const struct getting *g) {
  return g->settings->build && strcmp(g->wish->name, g->settings->image) == 0 &&
         g->wish->pull != CSN_PULL_NEVER;
}

int csn_session_image(struct csn_engine *engine, const struct csn_sandbox_settings *settings,
                      const struct csn_image_wish *wish, const struct csn_image_watch *watch,
                      const struct csn_control *control, struct csn_image *image,
                      enum csn_image_action *action, struct csn_error *err) {
  struct getting g = {.engine = engine, .settings = settings, .wish = wish, .image = image};
  int must = 0;
  *action = CSN_IMAGE_PRESENT;
  int rc = look(&g, control, err);
  if (rc == 0 && is_built(&g)) {
    rc = join(&g, "build", build, watch, control, err);
    if (g.built) *action = CSN_IMAGE_BUILT;
  } else if (rc == 0) {
    rc = must_pull(&g, &must, err);
    if (rc == 0 && must) rc = join(&g, "pull", pull, watch, control, err);
    if (must) *action = CSN_IMAGE_PULLED;
  }
  if (rc == 0) rc = check(&g, err);
  if (rc) csn_image_free(image);
  return rc;
}
