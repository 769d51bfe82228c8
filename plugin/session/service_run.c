/* SPDX-License-Identifier: Apache-2.0 */
/* See service_run.h. */
#include "session/service_run.h"

#include <string.h>

#include "engine/images.h"
#include "session/internal.h"
#include "util/alloc.h"
#include "util/json.h"

/* Where neither the image nor the settings say otherwise: the root is read-only, and the user is
 * one that no image knows. */
static const struct { const char *name, *value; } defaults[] = {
    {"HOME", "/workspace"},
    {"USER", "sandbox"},
    {"LANG", "C.UTF-8"},
    {"PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"},
};

void csn_service_run_free(struct csn_service_run *run) {
  csn_free(run->argv);
  csn_free(run->env);
  cJSON_Delete(run->strings);
  memset(run, 0, sizeof *run);
}

/* The argv of "image", of an array, or of an object that has one of these. */
static const cJSON *command_of(const cJSON *service) {
  return cJSON_IsObject(service) ? csn_json_get(service, "command") : service;
}

int csn_service_is_images(const cJSON *service) { return cJSON_IsString(command_of(service)); }

/* ---- strings --------------------------------------------------------------------------------- */

static int append_all(cJSON *to, const cJSON *list) {
  const cJSON *item;
  int bad = 0;
  cJSON_ArrayForEach(item, list) {
    if (cJSON_IsString(item)) bad |= csn_json_append_string(to, item->valuestring);
  }
  return bad;
}

static const char **pointers(const cJSON *list) {
  const char **out = csn_calloc((size_t)cJSON_GetArraySize(list) + 1, sizeof *out);
  size_t n = 0;
  const cJSON *item;
  cJSON_ArrayForEach(item, list) {
    if (out) out[n++] = item->valuestring;
  }
  return out;
}

static int set(cJSON *map, const char *name, const char *value) {
  cJSON_DeleteItemFromObjectCaseSensitive(map, name);
  return csn_json_add_string(map, name, value);
}

static int set_all(cJSON *map, const cJSON *object) {
  const cJSON *m = NULL;
  int bad = 0;
  while (!bad && (m = csn_json_next_string(object, m))) bad = set(map, m->string, m->valuestring);
  return bad;
}

/* ["NAME=value"], as the engine has it. */
static int set_lines(cJSON *map, const cJSON *lines) {
  const cJSON *line;
  int bad = 0;
  cJSON_ArrayForEach(line, lines) {
    const char *equals = cJSON_IsString(line) ? strchr(line->valuestring, '=') : NULL;
    if (!equals || equals == line->valuestring) continue;
    char *name CSN_CLEANUP_FREE =
        csn_asprintf("%.*s", (int)(equals - line->valuestring), line->valuestring);
    bad |= !name || set(map, name, equals + 1);
  }
  return bad;
}

static int append_lines(cJSON *to, const cJSON *map) {
  const cJSON *m = NULL;
  int bad = 0;
  while (!bad && (m = csn_json_next_string(map, m))) {
    char *line CSN_CLEANUP_FREE = csn_asprintf("%s=%s", m->string, m->valuestring);
    bad = !line || csn_json_append_string(to, line);
  }
  return bad;
}

/* ---- the parts ------------------------------------------------------------------------------- */

/* The later wins: the container's, the service's own, the call's secrets. */
static int make_env(const cJSON *service, const cJSON *container_env, const cJSON *secrets,
                    cJSON *to) {
  cJSON *map CSN_CLEANUP_JSON = cJSON_CreateObject();
  int bad = !map || set_lines(map, container_env) || set_all(map, csn_json_get(service, "env")) ||
            set_all(map, secrets);
  for (size_t i = 0; !bad && i < sizeof defaults / sizeof *defaults; i++)
    if (!csn_json_get(map, defaults[i].name)) bad = set(map, defaults[i].name, defaults[i].value);
  return bad || append_lines(to, map);
}

static int make_argv(const cJSON *service, const cJSON *image_config, cJSON *to) {
  if (!csn_service_is_images(service)) return append_all(to, command_of(service));
  return append_all(to, csn_json_get(image_config, "Entrypoint")) ||
         append_all(to, csn_json_get(image_config, "Cmd"));
}

/* The image's own is where its program expects to be. */
static const char *choose_cwd(const cJSON *service, const cJSON *image_config,
                              const char *workdir) {
  const char *own = csn_json_string(service, "cwd", NULL);
  if (own || !csn_service_is_images(service)) return own ? own : workdir;
  const char *images = csn_json_string(image_config, "WorkingDir", "/");
  return *images == '/' ? images : "/";
}

int csn_service_run_from(const cJSON *service, const cJSON *image_config,
                         const cJSON *container_env, const char *workdir, const cJSON *secrets,
                         struct csn_service_run *run, struct csn_error *err) {
  memset(run, 0, sizeof *run);
  run->strings = cJSON_CreateObject();
  cJSON *argv = csn_json_add_array(run->strings, "argv");
  cJSON *env = csn_json_add_array(run->strings, "env");
  int bad = !argv || !env || make_argv(service, image_config, argv) ||
            make_env(service, container_env, secrets, env) ||
            csn_json_add_string(run->strings, "cwd", choose_cwd(service, image_config, workdir));
  run->argv = bad ? NULL : pointers(argv);
  run->env = bad ? NULL : pointers(env);
  if (!run->argv || !run->env) {
    csn_service_run_free(run);
    return csn_fail_nomem(err);
  }
  run->cwd = csn_json_string(run->strings, "cwd", "/");
  run->programs[0] = run->argv[0];
  if (run->argv[0]) return 0;
  csn_service_run_free(run);
  return csn_fail(err, CAISSON_E_SANDBOX, CAISSON_REASON_SERVICE_FAILED,
                  "the service has no program: the image has neither Entrypoint nor Cmd");
}

/* The image that the container was made of, whatever its name means by now. */
static int inspect_image(struct csn_sessions *all, const struct csn_session *s,
                         const struct csn_control *control, struct csn_image *image,
                         struct csn_error *err) {
  struct csn_container found CSN_CLEANUP_CONTAINER = {0};
  int rc = csn_container_inspect(all->engine, s->container, control, &found, err);
  return rc ? rc : csn_image_inspect(all->engine, found.image_id, control, image, err);
}

int csn_service_run_make(struct csn_sessions *all, const struct csn_session *s,
                         const cJSON *options, const struct csn_control *control,
                         struct csn_service_run *run, struct csn_error *err) {
  struct csn_image image CSN_CLEANUP_IMAGE = {0};
  int rc = csn_service_is_images(s->service) ? inspect_image(all, s, control, &image, err) : 0;
  if (rc) return rc;
  return csn_service_run_from(s->service, csn_json_get(image.raw, "Config"), s->env,
                              csn_json_string(s->shape, "workdir", all->settings->workdir),
                              csn_json_get(options, "secrets"), run, err);
}
