/* SPDX-License-Identifier: Apache-2.0 */
#include "entry/config.h"

#include <stdlib.h>
#include <string.h>

#include "session/images.h"
#include "session/network_plan.h"
#include "session/ports.h"
#include "session/service.h"
#include "util/json.h"
#include "util/schema.h"
#include "util/schema_defaults.h"

#define CONFIG_MAX ((size_t)1 << 20)

static int invalid(struct csn_error *err, const char *path, const char *words) {
  return csn_fail(err, CAISSON_E_CONFIG, CAISSON_REASON_CONFIG, "%s: %s", path, words);
}

/* ---- what the schema cannot say -------------------------------------------------------------- */

/* "os/arch" or "os/arch/variant". */
static int is_platform(const char *text) {
  size_t parts = 0;
  for (;;) {
    size_t n = strcspn(text, "/");
    if (n == 0 || strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789._-") < n) return 0;
    parts++;
    if (!text[n]) return parts == 2 || parts == 3;
    text += n + 1;
  }
}

/* A path that stays below where it begins. */
static int stays_below(const char *path) {
  if (*path == '/') return 0;
  while (*path) {
    size_t n = strcspn(path, "/");
    if (n == 2 && strncmp(path, "..", n) == 0) return 0;
    path += n + (path[n] == '/');
  }
  return 1;
}

static int check_image(const struct csn_sandbox_settings *s, struct csn_error *err) {
  if (s->platform && !is_platform(s->platform))
    return invalid(err, "sandbox.platform", "must be like \"linux/arm64\" or \"linux/arm/v7\"");
  if (!stays_below(csn_json_string(s->build, "dockerfile", "")))
    return invalid(err, "sandbox.build.dockerfile", "must be a path inside the context");
  return 0;
}

static int check_network(const struct csn_sandbox_settings *s, struct csn_error *err) {
  static const char path[] = "sandbox.";
  int rc = csn_network_check(s->network, s->dns, path, CAISSON_E_CONFIG, CAISSON_REASON_CONFIG,
                             err);
  if (rc) return rc;
  return csn_ports_check(s->ports, s->network, path, CAISSON_E_CONFIG, CAISSON_REASON_CONFIG, err);
}

static int check(const struct csn_config *c, struct csn_error *err) {
  if (c->sandbox.uid_first > c->sandbox.uid_last)
    return invalid(err, "sandbox.uid_range", "the first must not be above the last");
  int rc = csn_service_check(c->sandbox.service, "sandbox.service", CAISSON_REASON_CONFIG, err);
  if (rc == 0) rc = check_image(&c->sandbox, err);
  if (rc == 0) rc = check_network(&c->sandbox, err);
  return rc ? rc : csn_policy_check(&c->sandbox, err);
}

/* ---- reading: every default stands in the schema and was filled in before -------------------- */

static uint64_t size_of(const cJSON *object, const char *name) {
  return csn_policy_bytes(csn_json_get(object, name));
}

/* Of what shapes a sandbox, what may have a form of its own. */
static void read_shape(const cJSON *sandbox, struct csn_sandbox_settings *s) {
  s->name_template = csn_json_string(sandbox, "name_template", "");
  s->has_writable_root = !csn_json_bool(sandbox, "read_only", 1);
  s->seccomp = csn_seccomp_of(csn_json_string(sandbox, "seccomp", NULL));
  s->apparmor = csn_json_string(sandbox, "apparmor", NULL);
  s->cap_add = csn_json_get(sandbox, "cap_add");
  s->labels = csn_json_get(sandbox, "labels");
  s->dns = csn_json_get(sandbox, "dns");
  s->extra_hosts = csn_json_get(sandbox, "extra_hosts");
  s->tmpfs = csn_json_get(sandbox, "tmpfs");
  s->workspace = csn_json_get(sandbox, "workspace");
  s->bind_roots = csn_json_get(sandbox, "bind_roots");
  s->mounts = csn_json_get(sandbox, "mounts");
}

static void read_sandbox(const cJSON *sandbox, struct csn_sandbox_settings *s) {
  const cJSON *range = csn_json_get(sandbox, "uid_range");
  s->image = csn_json_string(sandbox, "image", "");
  s->user = csn_json_string(sandbox, "user", "");
  s->hostname = csn_json_string(sandbox, "hostname", "");
  s->runtime = csn_json_string(sandbox, "runtime", NULL);
  s->workdir = csn_json_string(sandbox, "workdir", "");
  s->uid_first = (uint32_t)cJSON_GetArrayItem(range, 0)->valuedouble;
  s->uid_last = (uint32_t)cJSON_GetArrayItem(range, 1)->valuedouble;
  s->cpus = csn_json_number(sandbox, "cpus", 0);
  s->pids = (uint32_t)csn_json_int(sandbox, "pids", 0);
  s->nofile = (uint32_t)csn_json_int(sandbox, "nofile", 0);
  s->memory = size_of(sandbox, "memory");
  s->workspace_size = size_of(csn_json_get(sandbox, "workspace"), "size");
  s->tmp_size = size_of(csn_json_get(sandbox, "tmp"), "size");
  s->shm_size = size_of(csn_json_get(sandbox, "shm"), "size");
  s->idle_ttl_ms = (uint64_t)(csn_json_number(sandbox, "idle_ttl_s", 0) * 1000);
  s->max_lifetime_ms = (uint64_t)(csn_json_number(sandbox, "max_lifetime_s", 0) * 1000);
  s->env = csn_json_get(sandbox, "env");
  s->service = csn_json_get(sandbox, "service");
  if (cJSON_IsNull(s->service)) s->service = NULL;
  s->pull = csn_pull_of(csn_json_string(sandbox, "pull", NULL), CSN_PULL_MISSING);
  s->platform = csn_json_string(sandbox, "platform", NULL);
  s->build = csn_json_get(sandbox, "build");
  s->network = csn_json_get(sandbox, "network");
  s->ports = csn_json_get(sandbox, "ports");
  s->ports_host = csn_json_string(sandbox, "ports_host", NULL);
  read_shape(sandbox, s);
}

static void read_sessions(const cJSON *document, struct csn_sandbox_settings *s) {
  const cJSON *sessions = csn_json_get(document, "sessions");
  s->sessions_max = (uint32_t)csn_json_int(sessions, "max", 0);
  s->evicts = strcmp(csn_json_string(sessions, "when_full", ""), "evict") == 0;
  s->refuses_unseen =
      strcmp(csn_json_string(csn_json_get(document, "attestation"), "unseen", ""), "refuse") == 0;
  s->pool_size = (uint32_t)csn_json_int(csn_json_get(document, "pool"), "size", 0);
}

static void read_tools(const cJSON *tools, struct csn_tool_settings *t) {
  t->output_limit = (uint64_t)csn_json_int(tools, "output_limit", 0);
  t->shell_timeout_ms = (uint64_t)csn_json_int(tools, "shell_timeout_ms", 0);
  t->max_timeout_ms = (uint64_t)csn_json_int(tools, "max_timeout_ms", 0);
  t->spill_max = size_of(tools, "spill_max");
  if (t->shell_timeout_ms > t->max_timeout_ms) t->shell_timeout_ms = t->max_timeout_ms;
}

static void read_jobs(const cJSON *jobs, struct csn_job_settings *j) {
  j->running_max = (uint32_t)csn_json_int(jobs, "max_running", 0);
  j->kept_max = (uint32_t)csn_json_int(jobs, "keep_ended", 0);
  j->output_max = size_of(jobs, "output_max");
  j->timeout_ms = (uint64_t)csn_json_int(jobs, "timeout_ms", 0);
  j->max_timeout_ms = (uint64_t)csn_json_int(jobs, "max_timeout_ms", 0);
  if (j->timeout_ms > j->max_timeout_ms) j->timeout_ms = j->max_timeout_ms;
}

static void read_engine(const cJSON *engine, struct csn_config *c) {
  static char origin[] = "engine.tls";
  const cJSON *tls = csn_json_get(engine, "tls");
  c->engine.endpoint = csn_json_string(engine, "endpoint", NULL);
  c->engine.context = csn_json_string(engine, "context", NULL);
  c->engine.refuses_vulnerable =
      strcmp(csn_json_string(engine, "vulnerable", ""), "refuse") == 0;
  c->lazy = csn_json_bool(engine, "lazy", 0);
  c->tls = (struct csn_tls){.ca = cJSON_GetStringValue(csn_json_get(tls, "ca")),
                            .cert = cJSON_GetStringValue(csn_json_get(tls, "cert")),
                            .key = cJSON_GetStringValue(csn_json_get(tls, "key")),
                            .origin = origin,
                            .insecure = !csn_json_bool(tls, "verify", 1)};
}

static void read_audit(const cJSON *audit, struct csn_config *c) {
  c->audits = csn_json_bool(audit, "enabled", 1);
  c->audits_arguments = csn_json_bool(audit, "arguments", 0);
}

static void read_all(struct csn_config *c) {
  c->instance = csn_json_string(c->document, "instance", "");
  read_engine(csn_json_get(c->document, "engine"), c);
  read_sandbox(csn_json_get(c->document, "sandbox"), &c->sandbox);
  read_sessions(c->document, &c->sandbox);
  read_tools(csn_json_get(c->document, "tools"), &c->tools);
  read_jobs(csn_json_get(c->document, "jobs"), &c->tools.jobs);
  read_audit(csn_json_get(c->document, "audit"), c);
}

/* "tls": {} is TLS too, so that it is given is seen before defaults are filled in. */
static int check_engine(const cJSON *engine, struct csn_config *c, struct csn_error *err) {
  int has_endpoint = csn_json_get(engine, "endpoint") != NULL;
  if (has_endpoint && csn_json_get(engine, "context"))
    return invalid(err, "engine.context", "engine.endpoint says already which engine it is; leave "
                                          "one of the two out");
  if (!csn_json_get(engine, "tls")) return 0;
  if (!has_endpoint)
    return invalid(err, "engine.tls", "is for the engine at engine.endpoint, which is not given "
                                      "(DOCKER_HOST has DOCKER_CERT_PATH, a context has its own)");
  c->engine.tls = &c->tls;
  return 0;
}

/* Before defaults are filled in: only what the operator wrote can contradict itself. */
static int check_given(const cJSON *document, struct csn_error *err) {
  const cJSON *tools = csn_json_get(document, "tools");
  const cJSON *jobs = csn_json_get(document, "jobs");
  if (csn_json_int(tools, "shell_timeout_ms", 0) > csn_json_int(tools, "max_timeout_ms", INT64_MAX))
    return invalid(err, "tools.shell_timeout_ms", "must not be above tools.max_timeout_ms");
  if (csn_json_int(jobs, "timeout_ms", 0) > csn_json_int(jobs, "max_timeout_ms", INT64_MAX))
    return invalid(err, "jobs.timeout_ms", "must not be above jobs.max_timeout_ms");
  return 0;
}

int csn_config_read(const cJSON *schema, const char *json, size_t n, struct csn_config *out,
                    struct csn_error *err) {
  memset(out, 0, sizeof *out);
  if (n == 0) {
    json = "{\"config_version\": 1}";
    n = strlen(json);
  }
  int rc = csn_json_parse(json, n, CONFIG_MAX, "the configuration", CAISSON_E_CONFIG,
                          CAISSON_REASON_CONFIG, &out->document, err);
  if (rc == 0)
    rc = csn_schema_check(schema, out->document, "configuration", CAISSON_E_CONFIG,
                          CAISSON_REASON_CONFIG, err);
  if (rc == 0) rc = check_given(out->document, err);
  if (rc == 0) rc = check_engine(csn_json_get(out->document, "engine"), out, err);
  if (rc == 0) rc = csn_schema_fill_defaults(schema, out->document, err);
  if (rc == 0) {
    read_all(out);
    rc = check(out, err);
  }
  if (rc) csn_config_free(out);
  return rc;
}

void csn_config_free(struct csn_config *config) {
  cJSON_Delete(config->document);
  config->document = NULL;
}
