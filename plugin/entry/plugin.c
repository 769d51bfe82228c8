/* SPDX-License-Identifier: Apache-2.0 */
/* The exported symbol and its table: arguments are checked here, and the rest is below. */
#include <stddef.h>
#include <string.h>

#include "entry/async.h"
#include "entry/call.h"
#include "entry/host_minor.h"
#include "entry/instance.h"
#include "entry/report.h"
#include "entry/run.h"
#include "entry/version.h"
#include "tools/manifest.h"

extern const char csn_manifest_start[];

/* The smallest structs that a host of minor 0 can have. */
#define HOST_MIN offsetof(caisson_host, get_extension)

static void put(struct csn_instance *i) {
  csn_registry_put(&i->handle);
}

/* ---- the table ------------------------------------------------------------------------------- */

static const void *get_extension(const char *id) {
  return id && strcmp(id, CAISSON_EXT_ASYNC) == 0 ? csn_async_extension() : NULL;
}

static int32_t create(const caisson_host *host, const char *config_json, uint64_t len,
                      uint64_t *instance, caisson_error *err) {
  if (csn_registry_is_forked()) return csn_report_forked(err);
  if (!host || !instance || host->struct_size < HOST_MIN || (len > 0 && !config_json))
    return csn_report_invalid(err, "create: host and instance must be given, and host->struct_size set to "
                  "sizeof(caisson_host)");
  struct csn_error e = {0};
  int rc = csn_host_minor_check(host->abi_minor, CSN_NEEDS_HOST_MINOR, &e);
  if (rc == 0)
    rc = csn_instance_create(host, config_json, config_json ? len : 0, instance, &e);
  return rc ? csn_report(&e, err) : CAISSON_OK;
}

static int32_t describe(uint64_t instance, caisson_str *json) {
  if (csn_registry_is_forked()) return CAISSON_E_FORKED;
  if (!json) return CAISSON_E_INVALID;
  struct csn_instance *i = csn_instance_get(instance);
  if (!i) return CAISSON_E_NOT_FOUND;
  *json = (caisson_str){i->describe_json, strlen(i->describe_json)};
  put(i);
  return CAISSON_OK;
}

static int32_t call_open(uint64_t instance, const caisson_request *request, uint64_t *call,
                         caisson_error *err) {
  if (csn_registry_is_forked()) return csn_report_forked(err);
  if (!request || !call)
    return csn_report_invalid(err, "call_open: request and call must be given");
  struct csn_instance *i = csn_instance_get(instance);
  if (!i) return csn_report_no_instance(err);
  struct csn_error e = {0};
  int rc = csn_call_open(i, request, call, &e);
  put(i);
  return rc ? csn_report(&e, err) : CAISSON_OK;
}

static int32_t call_run(uint64_t instance, uint64_t call, const caisson_hooks *hooks,
                        caisson_result *result, caisson_error *err) {
  if (csn_registry_is_forked()) return csn_report_forked(err);
  if (!result || !CAISSON_HAS(result, outcome))
    return csn_report_invalid(err, "call_run: result must be given, with its struct_size set");
  struct csn_instance *i = csn_instance_get(instance);
  if (!i) return csn_report_no_instance(err);
  struct csn_call *c = csn_call_get(instance, call);
  if (!c) {
    put(i);
    return csn_report_no_call(err);
  }
  struct csn_error e = {0};
  int rc = csn_run_begin(i, c, 0, &e);
  if (rc == 0) {
    rc = csn_run_call(i, c, hooks, result, &e);
    csn_run_leave(i, c);
  }
  csn_registry_put(&c->handle);
  put(i);
  return rc ? csn_report(&e, err) : CAISSON_OK;
}

static int32_t call_cancel(uint64_t instance, uint64_t call) {
  if (csn_registry_is_forked()) return CAISSON_E_FORKED;
  struct csn_call *c = csn_call_get(instance, call);
  if (!c) return CAISSON_E_NOT_FOUND;
  csn_call_cancel(c);
  csn_registry_put(&c->handle);
  return CAISSON_OK;
}

static int32_t call_close(uint64_t instance, uint64_t call) {
  if (csn_registry_is_forked()) return CAISSON_E_FORKED;
  struct csn_call *c = csn_call_get(instance, call);
  if (!c) return CAISSON_E_NOT_FOUND;
  int rc = csn_call_close(c);
  csn_registry_put(&c->handle);
  return rc;
}

static int32_t drain(uint64_t instance, uint64_t grace_ms) {
  if (csn_registry_is_forked()) return CAISSON_E_FORKED;
  if (csn_run_is_inside(instance)) return CAISSON_E_STATE; /* it would wait for itself */
  struct csn_instance *i = csn_instance_get(instance);
  if (!i) return CAISSON_E_NOT_FOUND;
  int rc = csn_instance_drain(i, grace_ms);
  put(i);
  return rc;
}

static int32_t destroy(uint64_t instance) {
  if (csn_registry_is_forked()) return CAISSON_E_FORKED;
  if (csn_run_is_inside(instance)) return CAISSON_E_STATE; /* it would wait for itself */
  struct csn_instance *i = csn_instance_get(instance);
  if (!i) return CAISSON_E_NOT_FOUND;
  int rc = csn_instance_destroy(i);
  put(i);
  return rc;
}

const caisson_plugin *caisson_plugin_v1(void) {
  static const caisson_plugin plugin = {
      .struct_size = sizeof plugin,
      .magic = CAISSON_MAGIC,
      .abi_minor = CAISSON_ABI_MINOR,
      .needs_host_minor = CSN_NEEDS_HOST_MINOR,
      .id = "caisson",
      .version = CSN_VERSION,
      .build_id = CSN_BUILD_ID,
      .manifest_json = csn_manifest_start,
      .get_extension = get_extension,
      .create = create,
      .describe = describe,
      .call_open = call_open,
      .call_run = call_run,
      .call_cancel = call_cancel,
      .call_close = call_close,
      .drain = drain,
      .destroy = destroy,
  };
  return &plugin;
}
