/* SPDX-License-Identifier: Apache-2.0 */
/* See operations.h. The documents of session.* are the session layer's; their words are ours. */
#include "tools/operations.h"

#include <stdio.h>
#include <string.h>

#include "engine/images.h"
#include "tools/engine_report.h"
#include "tools/result.h"
#include "util/alloc.h"
#include "util/ascii.h"
#include "util/buffer.h"
#include "util/json.h"

/* ---- text for people ------------------------------------------------------------------------- */

/* The texts in an object, such as a background job's. */
static int add_strings(struct csn_buffer *text, const cJSON *object) {
  const cJSON *m = NULL;
  int rc = 0, first = 1;
  while (!rc && (m = csn_json_next_string(object, m))) {
    rc = csn_buffer_addf(text, "%s%s", first ? "" : " ", m->valuestring);
    first = 0;
  }
  return rc;
}

static int add_scalar(struct csn_buffer *text, const cJSON *value) {
  char number[CSN_ASCII_NUMBER];
  const char *string = cJSON_GetStringValue(value);
  if (string && *string) return csn_buffer_addz(text, string);
  if (cJSON_IsNumber(value))
    return csn_buffer_addz(text, csn_ascii_number(value->valuedouble, number));
  if (cJSON_IsBool(value)) return csn_buffer_addz(text, cJSON_IsTrue(value) ? "yes" : "no");
  if (cJSON_IsObject(value)) return add_strings(text, value);
  return csn_buffer_addz(text, "-");
}

/* "a, b", or for an object "name a, present yes". */
static int add_list(struct csn_buffer *text, const cJSON *list) {
  const cJSON *item;
  int rc = list->child ? 0 : csn_buffer_addz(text, "none");
  cJSON_ArrayForEach(item, list) {
    if (item != list->child) rc = rc ? rc : csn_buffer_addz(text, ", ");
    if (cJSON_IsObject(list)) rc = rc ? rc : csn_buffer_addf(text, "%s ", item->string);
    rc = rc ? rc : add_scalar(text, item);
  }
  return rc;
}

/* A line for each member: whatever a document has or will have can be read. */
static int add_members(struct csn_buffer *text, const cJSON *document) {
  const cJSON *m;
  int rc = 0;
  cJSON_ArrayForEach(m, document) {
    rc = rc ? rc : csn_buffer_addf(text, "%s%s: ", m == document->child ? "" : "\n", m->string);
    rc = rc ? rc : m->child || cJSON_IsArray(m) ? add_list(text, m) : add_scalar(text, m);
  }
  return rc;
}

/* A line for each session. */
static int add_sessions(struct csn_buffer *text, const cJSON *document) {
  static const char *const columns[] = {"key", "state", "created", "image", "name"};
  const cJSON *sessions = csn_json_get(document, "sessions"), *s;
  int rc = cJSON_GetArraySize(sessions) ? 0 : csn_buffer_addz(text, "no sessions");
  cJSON_ArrayForEach(s, sessions) {
    if (s != sessions->child) rc = rc ? rc : csn_buffer_addz(text, "\n");
    for (size_t i = 0; i < sizeof columns / sizeof *columns; i++) {
      if (i > 0) rc = rc ? rc : csn_buffer_addz(text, "  ");
      rc = rc ? rc : add_scalar(text, csn_json_get(s, columns[i]));
    }
  }
  return rc;
}

/* What an operation returned becomes its result. Takes the document. */
static int finish(const struct csn_tool_call *call, int rc, cJSON *document,
                  int (*describe)(struct csn_buffer *, const cJSON *),
                  struct csn_tool_result *result, struct csn_error *err) {
  CSN_CLEANUP_BUFFER struct csn_buffer text = CSN_BUFFER(SIZE_MAX / 2);
  if (csn_is_stop(rc)) return csn_result_from_stop(rc, result, err);
  if (rc) return rc;
  csn_tool_set_run(call, 1);
  if (describe(&text, document)) {
    cJSON_Delete(document);
    return csn_fail_nomem(err);
  }
  return csn_result_from_document(csn_buffer_text(&text), document, result, err);
}

/* ---- sessions -------------------------------------------------------------------------------- */

int csn_op_session_ensure(const struct csn_tool_call *call, struct csn_tool_result *result,
                          struct csn_error *err) {
  cJSON *document = NULL;
  int rc = csn_session_op_ensure(call->sessions, call->want, call->control, &document, err);
  return finish(call, rc, document, add_members, result, err);
}

int csn_op_session_list(const struct csn_tool_call *call, struct csn_tool_result *result,
                        struct csn_error *err) {
  cJSON *document = NULL;
  int stats = csn_json_bool(call->args, "stats", 0);
  int rc = csn_session_op_list(call->sessions, stats, call->control, &document, err);
  return finish(call, rc, document, add_sessions, result, err);
}

int csn_op_session_inspect(const struct csn_tool_call *call, struct csn_tool_result *result,
                           struct csn_error *err) {
  cJSON *document = NULL;
  int rc = csn_session_op_inspect(call->sessions, call->want->key, call->control, &document, err);
  return finish(call, rc, document, add_members, result, err);
}

int csn_op_session_port(const struct csn_tool_call *call, struct csn_tool_result *result,
                        struct csn_error *err) {
  cJSON *document = NULL;
  int rc = csn_session_op_port(call->sessions, call->want->key,
                               csn_json_string(call->args, "port", ""), call->control, &document,
                               err);
  return finish(call, rc, document, add_members, result, err);
}

int csn_op_session_remove(const struct csn_tool_call *call, struct csn_tool_result *result,
                          struct csn_error *err) {
  cJSON *document = NULL;
  int rc = csn_session_op_remove(call->sessions, call->want->key, call->control, &document, err);
  return finish(call, rc, document, add_members, result, err);
}

int csn_op_session_shutdown(const struct csn_tool_call *call, struct csn_tool_result *result,
                            struct csn_error *err) {
  cJSON *document = NULL;
  const char *scope = csn_json_string(call->args, "scope", "mine");
  int rc = csn_session_op_shutdown(
      call->sessions, strcmp(scope, "instance") == 0 ? CSN_SHUTDOWN_INSTANCE : CSN_SHUTDOWN_MINE,
      (uint64_t)csn_json_int(call->args, "grace_ms", 0), call->control, &document, err);
  return finish(call, rc, document, add_members, result, err);
}

/* A line for each leftover. */
static int add_leftovers(struct csn_buffer *text, const cJSON *document) {
  const cJSON *removed = csn_json_get(document, "removed"), *one;
  int rc = removed->child ? 0 : csn_buffer_addz(text, "nothing to remove");
  cJSON_ArrayForEach(one, removed) {
    const char *failed = csn_json_string(one, "error", NULL);
    const char *verb = failed ? "could not remove" : csn_json_bool(document, "dry_run", 0)
                       ? "would remove" : "removed";
    rc = rc ? rc : csn_buffer_addf(text, "%s%s %s %s: %s%s%s", one == removed->child ? "" : "\n",
                                   verb, csn_json_string(one, "kind", ""),
                                   csn_json_string(one, "name", ""),
                                   csn_json_string(one, "reason", ""), failed ? ": " : "",
                                   failed ? failed : "");
  }
  return rc;
}

int csn_op_session_reap(const struct csn_tool_call *call, struct csn_tool_result *result,
                        struct csn_error *err) {
  cJSON *document = NULL;
  int rc = csn_session_op_reap(call->sessions, csn_json_int(call->args, "older_than_s", 300),
                               csn_json_bool(call->args, "dry_run", 0), call->control, &document,
                               err);
  return finish(call, rc, document, add_leftovers, result, err);
}

/* ---- images ---------------------------------------------------------------------------------- */

/* What a build prints is about the work, and not its result. */
static int pass_on(void *ctx, const char *text, size_t n) {
  const struct csn_tool_call *call = ctx;
  return call->output(call->output_ctx, CAISSON_STREAM_STDERR, text, n);
}

int csn_op_image_ensure(const struct csn_tool_call *call, struct csn_tool_result *result,
                        struct csn_error *err) {
  cJSON *document = NULL;
  struct csn_image_order order = {.image = csn_json_string(call->args, "image", NULL),
                                  .pull = csn_json_string(call->args, "pull", NULL)};
  if (call->output) {
    order.log = pass_on;
    order.log_ctx = (void *)(uintptr_t)call;
  }
  int rc = csn_session_op_image(call->sessions, &order, call->want, call->control, &document, err);
  return finish(call, rc, document, add_members, result, err);
}

/* ---- the engine ------------------------------------------------------------------------------ */

static int add_engine(const struct csn_tool_call *call, const struct csn_engine_info *info,
                      cJSON *out) {
  char api[24];
  snprintf(api, sizeof api, "1.%d", info->api_minor);
  int rc = csn_json_add_string(out, "endpoint", csn_engine_endpoint(call->engine));
  rc |= csn_json_add_string(out, "name", info->name);
  rc |= csn_json_add_string(out, "version", info->version);
  rc |= csn_json_add_string(out, "api_version", api);
  rc |= csn_json_add_string(out, "os", info->os);
  rc |= csn_json_add_string(out, "arch", info->arch);
  rc |= csn_json_add_string(out, "kernel", info->kernel);
  rc |= csn_json_add_string(out, "storage_driver", info->storage_driver);
  rc |= csn_json_add_string(out, "cgroup_version", info->cgroup_version);
  rc |= csn_json_add_string(out, "default_runtime", info->default_runtime);
  rc |= csn_json_add_bool(out, "rootless", info->rootless);
  const char *helper = csn_sessions_helper(call->sessions, call->control);
  rc |= csn_json_add_string(out, "helper", helper);
  rc |= csn_engine_report(call->engine, info, helper, out);
  return rc;
}

/* Whether the image that new sandboxes are made of is there. */
static int add_image(const struct csn_tool_call *call, cJSON *out, struct csn_error *err) {
  CSN_CLEANUP_IMAGE struct csn_image image = {0};
  int rc = csn_image_inspect(call->engine, call->sandbox_image, call->control, &image, err);
  int is_missing = rc && strcmp(err->reason, CAISSON_REASON_IMAGE_MISSING) == 0;
  if (rc && !is_missing) return rc;
  cJSON *about = csn_json_add_object(out, "image");
  rc = csn_json_add_string(about, "name", call->sandbox_image);
  rc |= csn_json_add_bool(about, "present", !is_missing);
  if (!is_missing) rc |= csn_json_add_string(about, "id", image.id);
  return rc ? csn_fail_nomem(err) : 0;
}

static int describe_engine(const struct csn_tool_call *call, cJSON *document,
                           struct csn_error *err) {
  struct csn_engine_info info = {0};
  int rc = csn_engine_info(call->engine, call->control, &info, err);
  if (rc) return rc;
  rc = add_engine(call, &info, document) ? csn_fail_nomem(err) : 0;
  csn_engine_info_free(&info);
  return rc ? rc : add_image(call, document, err);
}

int csn_op_engine_info(const struct csn_tool_call *call, struct csn_tool_result *result,
                       struct csn_error *err) {
  CSN_CLEANUP_JSON cJSON *document = cJSON_CreateObject();
  int rc = document ? describe_engine(call, document, err) : csn_fail_nomem(err);
  return finish(call, rc, rc ? NULL : CSN_STEAL(document), add_members, result, err);
}
