/* SPDX-License-Identifier: Apache-2.0 */
#include "session/policy.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "channel/delivery.h"
#include "engine/hardening.h"
#include "session/policy_mounts.h"
#include "session/ports.h"
#include "util/alloc.h"
#include "util/json.h"

uint64_t csn_policy_bytes(const cJSON *value) {
  if (cJSON_IsNumber(value))
    return value->valuedouble >= 1 && value->valuedouble < 1e18 ? (uint64_t)value->valuedouble : 0;
  uint64_t bytes = 0;
  return cJSON_IsString(value) && csn_size_parse(value->valuestring, &bytes) == 0 ? bytes : 0;
}

/* ---- the settings that hold for one sandbox -------------------------------------------------- */

static const cJSON *own_or(const cJSON *shape, const char *name, const cJSON *configured) {
  const cJSON *own = csn_json_get(shape, name);
  return own ? own : configured;
}

const cJSON *csn_policy_network(const struct csn_sandbox_settings *s, const cJSON *shape) {
  return own_or(shape, "network", s->network);
}

const cJSON *csn_policy_ports(const struct csn_sandbox_settings *s, const cJSON *shape) {
  return own_or(shape, "ports", s->ports);
}

const cJSON *csn_policy_dns(const struct csn_sandbox_settings *s, const cJSON *shape) {
  return own_or(shape, "dns", s->dns);
}

enum csn_seccomp csn_policy_seccomp(const struct csn_sandbox_settings *s, const cJSON *shape) {
  enum csn_seccomp own = csn_seccomp_of(csn_json_string(shape, "seccomp", NULL));
  return own > s->seccomp ? own : s->seccomp;
}

static void lay_limits(struct csn_sandbox_settings *e, const cJSON *limits) {
  const cJSON *memory = cJSON_GetObjectItemCaseSensitive(limits, "memory");
  const cJSON *cpus = cJSON_GetObjectItemCaseSensitive(limits, "cpus");
  const cJSON *pids = cJSON_GetObjectItemCaseSensitive(limits, "pids");
  if (memory) e->memory = csn_policy_bytes(memory);
  if (cJSON_IsNumber(cpus)) e->cpus = cpus->valuedouble;
  if (cJSON_IsNumber(pids)) e->pids = (uint32_t)pids->valuedouble;
}

/* What a session's option takes the place of, or stands beside. */
static void lay_documents(struct csn_sandbox_settings *e, const cJSON *shape) {
  const struct {
    const char *option;
    const cJSON **setting;
  } documents[] = {
      {"cap_add", &e->cap_add},    {"labels", &e->own_labels},
      {"dns", &e->dns},            {"extra_hosts", &e->own_extra_hosts},
      {"tmpfs", &e->tmpfs},        {"workspace", &e->workspace},
      {"mounts", &e->own_mounts},  {"network", &e->network},
      {"ports", &e->ports},
  };
  for (size_t i = 0; i < sizeof documents / sizeof *documents; i++) {
    const cJSON *given = csn_json_get(shape, documents[i].option);
    if (given) *documents[i].setting = given;
  }
}

struct csn_sandbox_settings csn_policy_effective(const struct csn_sandbox_settings *s,
                                                 const cJSON *shape) {
  struct csn_sandbox_settings e = *s;
  const cJSON *size = csn_json_get(csn_json_get(shape, "workspace"), "size");
  e.image = csn_json_string(shape, "image", e.image);
  e.workdir = csn_json_string(shape, "workdir", e.workdir);
  e.user = csn_json_string(shape, "user", e.user);
  e.hostname = csn_json_string(shape, "hostname", e.hostname);
  e.runtime = csn_json_string(shape, "runtime", e.runtime);
  e.seccomp = csn_policy_seccomp(s, shape);
  e.apparmor = csn_json_string(shape, "apparmor", e.apparmor);
  e.has_writable_root = !csn_json_bool(shape, "read_only", !e.has_writable_root);
  if (size) e.workspace_size = csn_policy_bytes(size);
  lay_limits(&e, csn_json_get(shape, "limits"));
  lay_documents(&e, shape);
  return e;
}

/* ---- the service ----------------------------------------------------------------------------- */

/* An option null is a session without the operator's. */
static const cJSON *choose_service(const cJSON *operators, const cJSON *options) {
  const cJSON *own = csn_json_get(options, "service");
  const cJSON *chosen = own ? own : operators;
  return cJSON_IsNull(chosen) ? NULL : chosen;
}

const cJSON *csn_policy_service(const struct csn_sandbox_settings *s, const cJSON *shape) {
  return choose_service(s->service, shape);
}

int csn_policy_service_of(const char *label, cJSON **out) {
  cJSON *spec CSN_CLEANUP_JSON = NULL;
  if (csn_policy_read_spec(label, &spec)) return CAISSON_E_NOMEM;
  const cJSON *operators = csn_json_get(csn_json_get(spec, "base"), "service");
  const cJSON *chosen = choose_service(operators, csn_json_get(spec, "options"));
  *out = cJSON_Duplicate(chosen, 1);
  return chosen && !*out ? CAISSON_E_NOMEM : 0;
}

int csn_policy_workspace_is_tmpfs(const struct csn_sandbox_settings *e) {
  return strcmp(csn_json_string(e->workspace, "type", "tmpfs"), "tmpfs") == 0;
}

uint64_t csn_policy_quota(const struct csn_sandbox_settings *e) {
  return csn_policy_workspace_is_tmpfs(e) ? 0
                                          : csn_policy_bytes(csn_json_get(e->workspace, "quota"));
}

/* ---- the create body ------------------------------------------------------------------------- */

/* {name: value}, over what has the same name. */
static void lay_texts(struct csn_body *b, cJSON *object, const cJSON *texts) {
  const cJSON *m = NULL;
  while ((m = csn_json_next_string(texts, m))) {
    cJSON_DeleteItemFromObjectCaseSensitive(object, m->string);
    csn_body_text(b, object, m->string, m->valuestring);
  }
}

static void add_labels(struct csn_body *b, cJSON *body, const struct csn_sandbox_settings *s,
                       const cJSON *shape, const struct csn_policy_facts *f) {
  cJSON *labels = csn_body_object(b, body, "Labels");
  lay_texts(b, labels, s->labels);
  lay_texts(b, labels, csn_json_get(shape, "labels"));
  char *spec CSN_CLEANUP_FREE = csn_policy_spec(s, shape);
  char uid[16];
  snprintf(uid, sizeof uid, "%" PRIu32, f->uid);
  if (!spec) b->failed = 1;
  csn_body_text(b, labels, CSN_LABEL_INSTANCE, f->instance);
  csn_body_text(b, labels, CSN_LABEL_SESSION, f->key);
  csn_body_text(b, labels, CSN_LABEL_SPEC, spec ? spec : "");
  csn_body_text(b, labels, CSN_LABEL_CREATED, f->created);
  csn_body_text(b, labels, CSN_LABEL_VERSION, f->version);
  csn_body_text(b, labels, CSN_LABEL_UID, uid);
  if (f->spare) csn_body_text(b, labels, CSN_LABEL_POOL, "1");
  if (f->routes) csn_body_text(b, labels, CSN_LABEL_ROUTES, f->routes);
}

static void add_env(struct csn_body *b, cJSON *list, const cJSON *env) {
  for (const cJSON *e = env ? env->child : NULL; e; e = e->next) {
    char *line CSN_CLEANUP_FREE = csn_asprintf("%s=%s", e->string, e->valuestring);
    if (line)
      csn_body_item(b, list, line);
    else
      b->failed = 1;
  }
}

static void add_process(struct csn_body *b, cJSON *body, const struct csn_sandbox_settings *e,
                        const struct csn_policy_facts *f) {
  char user[32], idle[24], lifetime[24];
  snprintf(user, sizeof user, "%" PRIu32 ":%" PRIu32, f->uid, f->gid);
  snprintf(idle, sizeof idle, "%" PRIu64, e->idle_ttl_ms);
  snprintf(lifetime, sizeof lifetime, "%" PRIu64, e->max_lifetime_ms);
  csn_body_text(b, body, "Image", e->image);
  csn_body_text(b, body, "User", user);
  csn_body_text(b, body, "Hostname", e->hostname);
  csn_body_text(b, body, "WorkingDir", "/");
  csn_body_item(b, csn_body_array(b, body, "Entrypoint"), f->guest_path);
  cJSON *cmd = csn_body_array(b, body, "Cmd");
  const char *const argv[] = {"init",  "--key",        f->key,  "--idle-ms",
                              idle,    "--lifetime-ms", lifetime};
  for (size_t i = 0; i < sizeof argv / sizeof *argv; i++) csn_body_item(b, cmd, argv[i]);
  if (f->spare) {
    csn_body_item(b, cmd, "--pooled");
    csn_body_item(b, cmd, "1");
  }
  if (f->samples) {
    csn_body_item(b, cmd, "--await-routes");
    csn_body_item(b, cmd, f->samples);
  }
  cJSON *env = csn_body_array(b, body, "Env");
  add_env(b, env, e->env); /* the session's own is kept by process 1: kept.h */
  /* The first channel is process 1's own stdin and stdout. */
  csn_body_flag(b, body, "OpenStdin", 1);
  csn_body_flag(b, body, "StdinOnce", 1);
  csn_body_flag(b, body, "AttachStdin", 1);
  csn_body_flag(b, body, "AttachStdout", 1);
  csn_body_flag(b, body, "AttachStderr", 1);
  csn_body_flag(b, body, "Tty", 0);
  /* Process 1 holds nothing that a gentler signal would save, and engines then stop fast. */
  csn_body_text(b, body, "StopSignal", "SIGKILL");
  /* An image's health check would run its commands in the sandbox. */
  csn_body_item(b, csn_body_array(b, csn_body_object(b, body, "Healthcheck"), "Test"), "NONE");
}

static void add_tmpfs(struct csn_body *b, cJSON *host, const struct csn_sandbox_settings *e,
                      const struct csn_policy_facts *f) {
  cJSON *tmpfs = csn_body_object(b, host, "Tmpfs");
  char options[160], owner[48] = "U";
  if (!f->tmpfs_by_flag)
    snprintf(owner, sizeof owner, "uid=%" PRIu32 ",gid=%" PRIu32, f->uid, f->gid);
  csn_mounts_add_tmpfs(b, tmpfs, f->mounts, owner);
  snprintf(options, sizeof options, "rw,exec,nosuid,nodev,size=%" PRIu64 ",mode=1777", e->tmp_size);
  csn_body_text(b, tmpfs, "/tmp", options);
  const cJSON *volume;
  cJSON_ArrayForEach(volume, f->image_volumes) {
    if (volume->string[0] != '/' || cJSON_GetObjectItemCaseSensitive(tmpfs, volume->string) ||
        csn_mounts_has(f->mounts, volume->string))
      continue;
    snprintf(options, sizeof options,
             "rw,noexec,nosuid,nodev,size=%" PRIu64 ",%s,mode=0755", CSN_POLICY_SMALL_TMPFS, owner);
    csn_body_text(b, tmpfs, volume->string, options);
  }
}

static void add_limits(struct csn_body *b, cJSON *host, const struct csn_sandbox_settings *e) {
  csn_body_number(b, host, "Memory", (double)e->memory);
  csn_body_number(b, host, "MemorySwap", (double)e->memory);
  csn_body_number(b, host, "NanoCpus", (double)(int64_t)(e->cpus * 1e9));
  csn_body_number(b, host, "PidsLimit", e->pids);
  csn_body_number(b, host, "ShmSize", (double)e->shm_size);
  csn_body_number(b, host, "OomScoreAdj", 500);
}

static double nproc_of(const struct csn_sandbox_settings *e, const struct csn_policy_facts *f) {
  if (!f->needs_nproc) return 0;
  return e->pids > CSN_HARDENING_NPROC ? e->pids : CSN_HARDENING_NPROC;
}

static void add_profile(struct csn_body *b, cJSON *security, const char *apparmor) {
  if (!apparmor) return;
  char *profile CSN_CLEANUP_FREE = csn_asprintf("apparmor=%s", apparmor);
  if (profile)
    csn_body_item(b, security, profile);
  else
    b->failed = 1;
}

static void add_list(struct csn_body *b, cJSON *host, const char *name, const cJSON *texts) {
  const cJSON *text;
  if (!texts || !texts->child) return;
  cJSON *list = csn_body_array(b, host, name);
  cJSON_ArrayForEach(text, texts) csn_body_item(b, list, text->valuestring);
}

static void add_isolation(struct csn_body *b, cJSON *host, const struct csn_sandbox_settings *e,
                          const struct csn_policy_facts *f) {
  const struct csn_hardening hardening = {
      .seccomp = f->seccomp_path ? f->seccomp_path : csn_seccomp_text(e->seccomp),
      .network = f->network ? f->network : "none",
      .has_writable_root = e->has_writable_root,
      .nofile = e->nofile,
      .nproc = nproc_of(e, f)};
  add_profile(b, csn_body_harden(b, host, &hardening), e->apparmor);
  add_list(b, host, "CapAdd", e->cap_add);
  if (e->runtime) csn_body_text(b, host, "Runtime", e->runtime);
}

static void add_hosts(struct csn_body *b, cJSON *host, const struct csn_sandbox_settings *e) {
  cJSON *hosts = cJSON_CreateObject(); /* one address for a name, as they say */
  const cJSON *m = NULL;
  lay_texts(b, hosts, e->extra_hosts);
  lay_texts(b, hosts, e->own_extra_hosts);
  cJSON *list = hosts && hosts->child ? csn_body_array(b, host, "ExtraHosts") : NULL;
  while ((m = csn_json_next_string(hosts, m))) {
    char *line CSN_CLEANUP_FREE = csn_asprintf("%s:%s", m->string, m->valuestring);
    if (line)
      csn_body_item(b, list, line);
    else
      b->failed = 1;
  }
  cJSON_Delete(hosts);
}

static void add_mounts(struct csn_body *b, cJSON *host, const struct csn_policy_facts *f) {
  cJSON *mounts = csn_body_array(b, host, "Mounts");
  csn_delivery_add_mount(b, mounts, 1);
  csn_mounts_add_binds(b, host, mounts, f->mounts);
}

static void add_lifecycle(struct csn_body *b, cJSON *host) {
  csn_body_flag(b, host, "Init", 0);
  csn_body_text(b, csn_body_object(b, host, "RestartPolicy"), "Name", "no");
}

/* What lies in tmpfs counts as memory: if it could fill the limit, writing files would get the
 * sandbox's processes killed instead of a plain "no space left". */
static int check_room(const struct csn_sandbox_settings *e, const struct csn_policy_facts *f,
                      struct csn_error *err) {
  uint64_t files = csn_mounts_memory(f->mounts) + e->tmp_size + e->shm_size;
  const cJSON *volume;
  cJSON_ArrayForEach(volume, f->image_volumes) {
    if (!csn_mounts_has(f->mounts, volume->string)) files += CSN_POLICY_SMALL_TMPFS;
  }
  if (files < e->memory) return 0;
  return csn_fail(err, CAISSON_E_CONFIG, CAISSON_REASON_CONFIG,
                  "sandbox.memory: %" PRIu64 " bytes must be more than sandbox.workspace.size, "
                  "sandbox.tmp.size, sandbox.shm.size, every other tmpfs and 16 MiB for each "
                  "volume of the image together (%" PRIu64 "), since tmpfs counts as memory; "
                  "raise the one or lower the others",
                  e->memory, files);
}

int csn_policy_body(const struct csn_sandbox_settings *s, const cJSON *shape,
                    const struct csn_policy_facts *facts, cJSON **out, struct csn_error *err) {
  struct csn_sandbox_settings e = csn_policy_effective(s, shape);
  int rc = check_room(&e, facts, err);
  if (rc) return rc;
  struct csn_body b = {0};
  cJSON *body = cJSON_CreateObject();
  add_process(&b, body, &e, facts);
  add_labels(&b, body, s, shape, facts);
  cJSON *host = csn_body_object(&b, body, "HostConfig");
  add_isolation(&b, host, &e, facts);
  csn_ports_add(&b, body, host, e.ports, facts->skip_ports);
  add_limits(&b, host, &e);
  add_tmpfs(&b, host, &e, facts);
  add_mounts(&b, host, facts);
  add_hosts(&b, host, &e);
  add_list(&b, host, "Dns", e.dns);
  add_lifecycle(&b, host);
  if (b.failed) {
    cJSON_Delete(body);
    return csn_fail_nomem(err);
  }
  *out = body;
  return 0;
}
