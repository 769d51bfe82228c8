/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/containers.h"

#include <stdio.h>
#include <string.h>

#include "engine/ask.h"
#include "util/alloc.h"
#include "util/ascii.h"
#include "util/json.h"

/* ---- create to remove ------------------------------------------------------------------------ */

/* A create answers 404 for other things too, so the words have to tell. */
static int says_no_image(const struct csn_error *err) {
  return csn_engine_is_missing(err) && (csn_ascii_holds(err->message, "no such image") ||
                                        csn_ascii_holds(err->message, "image not known"));
}

static int create_failed(int rc, const char *name, const cJSON *body, struct csn_error *err) {
  const char *image = csn_json_string(body, "Image", "");
  if (rc == CAISSON_E_ENGINE && says_no_image(err))
    return csn_fail(err, rc, CAISSON_REASON_IMAGE_MISSING,
                    "create container \"%.100s\": the engine has no image \"%.200s\"; get it with "
                    "`docker pull %.200s`, or configure one that it has",
                    name, image, image);
  return csn_ask_context(rc, err, "create container", name);
}

int csn_container_create(struct csn_engine *engine, const char *name, const cJSON *body,
                         const struct csn_control *control, char id[CSN_CONTAINER_ID_SIZE],
                         struct csn_error *err) {
  CSN_ASK_PATH(path);
  struct csn_error own = {0};
  cJSON *answer CSN_CLEANUP_JSON = NULL;
  if (!err) err = &own;
  int rc = csn_ask_route(&path, "/containers/create", err);
  if (rc == 0) rc = csn_ask_query(&path, "name", name, err);
  if (rc) return rc;
  struct csn_ask ask = {.method = "POST", .path = path.data, .json = body, .seconds = 60};
  rc = csn_ask_json(engine, &ask, control, 0, &answer, err);
  if (rc == 0) rc = csn_ask_id(answer, id, CSN_CONTAINER_ID_SIZE, err);
  return rc ? create_failed(rc, name, body, err) : 0;
}

/* POST or DELETE /containers/NAME and what follows, with no answer worth reading. */
static int act(struct csn_engine *engine, const char *method, const char *container,
               const char *after, int seconds, const struct csn_control *control,
               struct csn_error *err) {
  CSN_ASK_PATH(path);
  int rc = csn_ask_path(&path, "/containers/", container, after, err);
  if (rc) return rc;
  struct csn_ask ask = {.method = method, .path = path.data, .seconds = seconds};
  return csn_ask_simple(engine, &ask, control, err);
}

int csn_container_start(struct csn_engine *engine, const char *container,
                        const struct csn_control *control, struct csn_error *err) {
  int rc = act(engine, "POST", container, "/start", 60, control, err);
  return csn_ask_context(rc, err, "start container", container);
}

int csn_container_remove(struct csn_engine *engine, const char *container, unsigned flags,
                         const struct csn_control *control, struct csn_error *err) {
  struct csn_error own = {0};
  char query[32];
  if (!err) err = &own;
  snprintf(query, sizeof query, "?force=%d&v=%d", flags & CSN_REMOVE_FORCE ? 1 : 0,
           flags & CSN_REMOVE_VOLUMES ? 1 : 0);
  int rc = act(engine, "DELETE", container, query, 60, control, err);
  if (rc == 0) return 0;
  int going = csn_engine_is_missing(err) ||
              (csn_engine_is_conflict(err) && csn_ascii_holds(err->message, "already in progress"));
  if (!going) return csn_ask_context(rc, err, "remove container", container);
  csn_error_clear(err);
  return 0;
}

int csn_container_rename(struct csn_engine *engine, const char *container, const char *name,
                         const struct csn_control *control, struct csn_error *err) {
  CSN_ASK_PATH(path);
  int rc = csn_ask_path(&path, "/containers/", container, "/rename", err);
  if (rc == 0) rc = csn_ask_query(&path, "name", name, err);
  if (rc) return rc;
  struct csn_ask ask = {.method = "POST", .path = path.data, .seconds = 10};
  rc = csn_ask_simple(engine, &ask, control, err);
  return csn_ask_context(rc, err, "rename a container to", name);
}

int csn_container_kill(struct csn_engine *engine, const char *container, const char *signal,
                       const struct csn_control *control, struct csn_error *err) {
  CSN_ASK_PATH(path);
  int rc = csn_ask_path(&path, "/containers/", container, "/kill", err);
  if (rc == 0) rc = csn_ask_query(&path, "signal", signal, err);
  if (rc) return rc;
  struct csn_ask ask = {.method = "POST", .path = path.data, .seconds = 10};
  rc = csn_ask_simple(engine, &ask, control, err);
  return csn_ask_context(rc, err, "kill container", container);
}

int csn_container_wait(struct csn_engine *engine, const char *container, const char *condition,
                       const struct csn_control *control, int *exit_code, struct csn_error *err) {
  CSN_ASK_PATH(path);
  cJSON *answer CSN_CLEANUP_JSON = NULL;
  int rc = csn_ask_path(&path, "/containers/", container, "/wait", err);
  if (rc == 0) rc = csn_ask_query(&path, "condition", condition, err);
  if (rc) return rc;
  struct csn_ask ask = {.method = "POST", .path = path.data};
  rc = csn_ask_json(engine, &ask, control, 0, &answer, err);
  if (rc == 0 && !cJSON_IsNumber(csn_json_get(answer, "StatusCode")))
    rc = csn_ask_malformed(err, "it has no exit code");
  if (rc) return csn_ask_context(rc, err, "wait for container", container);
  if (exit_code) *exit_code = (int)csn_json_int(answer, "StatusCode", -1);
  return 0;
}

int csn_container_attach(struct csn_engine *engine, const char *container,
                         const struct csn_control *control, struct csn_stream **stream,
                         struct csn_error *err) {
  CSN_ASK_PATH(path);
  *stream = NULL;
  int rc = csn_ask_path(&path, "/containers/", container,
                        "/attach?stream=1&stdin=1&stdout=1&stderr=1", err);
  if (rc) return rc;
  struct csn_ask ask = {.method = "POST", .path = path.data, .seconds = 10};
  rc = csn_ask_stream(engine, &ask, control, stream, err);
  return csn_ask_context(rc, err, "attach to container", container);
}

/* ---- inspect and list ------------------------------------------------------------------------ */

/* Podman has words of its own, which its Docker API does not always translate. */
static const struct {
  const char *text;
  enum csn_container_state state;
} states[] = {
    {"created", CSN_CONTAINER_CREATED},     {"running", CSN_CONTAINER_RUNNING},
    {"paused", CSN_CONTAINER_PAUSED},       {"restarting", CSN_CONTAINER_RESTARTING},
    {"removing", CSN_CONTAINER_REMOVING},   {"exited", CSN_CONTAINER_EXITED},
    {"dead", CSN_CONTAINER_DEAD},           {"configured", CSN_CONTAINER_CREATED},
    {"initialized", CSN_CONTAINER_CREATED}, {"stopped", CSN_CONTAINER_EXITED},
    {"stopping", CSN_CONTAINER_RUNNING},
};

static enum csn_container_state state_of(const char *text) {
  for (size_t i = 0; i < sizeof states / sizeof *states; i++)
    if (strcmp(states[i].text, text) == 0) return states[i].state;
  return CSN_CONTAINER_UNKNOWN;
}

const char *csn_container_state_text(enum csn_container_state state) {
  for (size_t i = 0; i < sizeof states / sizeof *states; i++)
    if (states[i].state == state) return states[i].text;
  return "unknown";
}

static const char *without_slash(const char *name) {
  return name[0] == '/' ? name + 1 : name;
}

static int read_inspect(cJSON *raw, struct csn_container *out, struct csn_error *err) {
  const cJSON *state = csn_json_get(raw, "State");
  const cJSON *config = csn_json_get(raw, "Config");
  if (!cJSON_IsObject(state)) return csn_ask_malformed(err, "it has no state");
  int rc = csn_ask_id(raw, out->id, sizeof out->id, err);
  if (rc) return rc;
  out->name = without_slash(csn_json_string(raw, "Name", ""));
  out->state = state_of(csn_json_string(state, "Status", ""));
  out->exit_code = (int)csn_json_int(state, "ExitCode", -1);
  out->oom_killed = csn_json_bool(state, "OOMKilled", 0);
  out->pid = (int)csn_json_int(state, "Pid", 0);
  out->started_at = csn_json_string(state, "StartedAt", "");
  out->image = csn_json_string(config, "Image", "");
  out->image_id = csn_json_string(raw, "Image", "");
  out->labels = csn_json_get(config, "Labels");
  return 0;
}

int csn_container_inspect(struct csn_engine *engine, const char *container,
                          const struct csn_control *control, struct csn_container *out,
                          struct csn_error *err) {
  CSN_ASK_PATH(path);
  cJSON *raw CSN_CLEANUP_JSON = NULL;
  memset(out, 0, sizeof *out);
  int rc = csn_ask_path(&path, "/containers/", container, "/json", err);
  if (rc) return rc;
  struct csn_ask ask = {.method = "GET", .path = path.data, .seconds = 10};
  rc = csn_ask_json(engine, &ask, control, 0, &raw, err);
  if (rc == 0) rc = read_inspect(raw, out, err);
  if (rc) {
    memset(out, 0, sizeof *out);
    return csn_ask_context(rc, err, "inspect container", container);
  }
  out->raw = CSN_STEAL(raw);
  return 0;
}

void csn_container_free(struct csn_container *container) {
  cJSON_Delete(container->raw);
  memset(container, 0, sizeof *container);
}

const char *csn_container_label(const struct csn_container *container, const char *name) {
  return csn_json_string(container->labels, name, NULL);
}

/* The filters of the API: {"label": ["a", "b=c"]} as text, to be escaped. */
static char *label_filter(const char *const *labels, size_t n) {
  cJSON *filters CSN_CLEANUP_JSON = cJSON_CreateObject();
  cJSON *list = csn_json_add_array(filters, "label");
  int rc = list ? 0 : CAISSON_E_NOMEM;
  for (size_t i = 0; rc == 0 && i < n; i++) rc = csn_json_append_string(list, labels[i]);
  return rc ? NULL : csn_json_print(filters);
}

static int read_item(cJSON *raw, struct csn_container *out, struct csn_error *err) {
  const cJSON *first = cJSON_GetArrayItem(csn_json_get(raw, "Names"), 0);
  int rc = csn_ask_id(raw, out->id, sizeof out->id, err);
  if (rc) return rc;
  out->name = cJSON_IsString(first) ? without_slash(first->valuestring) : "";
  out->state = state_of(csn_json_string(raw, "State", ""));
  out->started_at = "";
  out->created = csn_json_int(raw, "Created", 0);
  out->image = csn_json_string(raw, "Image", "");
  out->image_id = csn_json_string(raw, "ImageID", "");
  out->labels = csn_json_get(raw, "Labels");
  out->raw = raw;
  return 0;
}

static int read_list(struct csn_container_list *list, struct csn_error *err) {
  size_t n = (size_t)cJSON_GetArraySize(list->raw);
  list->items = csn_calloc(n, sizeof *list->items);
  if (!list->items) return csn_fail_nomem(err);
  for (cJSON *item = list->raw->child; item && list->count < n; item = item->next) {
    int rc = read_item(item, &list->items[list->count], err);
    if (rc) return rc;
    list->count++;
  }
  return 0;
}

int csn_container_list(struct csn_engine *engine, const char *const *labels, size_t n,
                       const struct csn_control *control, struct csn_container_list *out,
                       struct csn_error *err) {
  CSN_ASK_PATH(path);
  memset(out, 0, sizeof *out);
  char *filters CSN_CLEANUP_FREE = label_filter(labels, n);
  if (!filters) return csn_fail_nomem(err);
  int rc = csn_ask_route(&path, "/containers/json?all=1", err);
  if (rc == 0) rc = csn_ask_query(&path, "filters", filters, err);
  if (rc) return rc;
  struct csn_ask ask = {.method = "GET", .path = path.data, .seconds = 20};
  rc = csn_ask_json(engine, &ask, control, 1, &out->raw, err);
  if (rc == 0) rc = read_list(out, err);
  if (rc == 0) return 0;
  csn_container_list_free(out);
  return csn_ask_context(rc, err, "list containers with", n ? labels[0] : "");
}

void csn_container_list_free(struct csn_container_list *list) {
  csn_free(list->items);
  cJSON_Delete(list->raw);
  memset(list, 0, sizeof *list);
}
