#include "session/policy.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "util/alloc.h"
#include "util/json.h"

extern const char csn_seccomp_start[];

const char *const csn_policy_shaping_options[] = {"image", "env", "limits", "workdir", NULL};

uint64_t csn_policy_bytes(const cJSON *value) {
  if (cJSON_IsNumber(value))
    return value->valuedouble >= 1 && value->valuedouble < 1e18 ? (uint64_t)value->valuedouble : 0;
  uint64_t bytes = 0;
  return cJSON_IsString(value) && csn_size_parse(value->valuestring, &bytes) == 0 ? bytes : 0;
}

cJSON *csn_policy_shape(const cJSON *options) {
  cJSON *shape = cJSON_CreateObject();
  if (!shape) return NULL;
  for (const char *const *name = csn_policy_shaping_options; *name; name++) {
    const cJSON *value = cJSON_GetObjectItemCaseSensitive(options, *name);
    cJSON *copy = value ? cJSON_Duplicate(value, 1) : NULL;
    if (value && !(copy && cJSON_AddItemToObject(shape, *name, copy))) {
      cJSON_Delete(copy);
      cJSON_Delete(shape);
      return NULL;
    }
  }
  return shape;
}

/* ---- the settings that hold for one sandbox --------------------------------------------------- */

/* The operator's settings with a session's options laid over them; borrows every string. */
static struct csn_sandbox_settings effective(const struct csn_sandbox_settings *s,
                                             const cJSON *shape) {
  struct csn_sandbox_settings e = *s;
  const cJSON *image = cJSON_GetObjectItemCaseSensitive(shape, "image");
  const cJSON *workdir = cJSON_GetObjectItemCaseSensitive(shape, "workdir");
  const cJSON *limits = cJSON_GetObjectItemCaseSensitive(shape, "limits");
  const cJSON *memory = cJSON_GetObjectItemCaseSensitive(limits, "memory");
  const cJSON *cpus = cJSON_GetObjectItemCaseSensitive(limits, "cpus");
  const cJSON *pids = cJSON_GetObjectItemCaseSensitive(limits, "pids");
  if (cJSON_IsString(image)) e.image = image->valuestring;
  if (cJSON_IsString(workdir)) e.workdir = workdir->valuestring;
  if (memory) e.memory = csn_policy_bytes(memory);
  if (cJSON_IsNumber(cpus)) e.cpus = cpus->valuedouble;
  if (cJSON_IsNumber(pids)) e.pids = (uint32_t)pids->valuedouble;
  return e;
}

/* ---- the label -------------------------------------------------------------------------------- */

/* In a fixed order, so that equal settings print alike. */
static cJSON *base_of(const struct csn_sandbox_settings *s) {
  cJSON *b = cJSON_CreateObject();
  char uids[32];
  snprintf(uids, sizeof uids, "%" PRIu32 "-%" PRIu32, s->uid_first, s->uid_last);
  int ok = b && cJSON_AddStringToObject(b, "image", s->image) &&
           cJSON_AddStringToObject(b, "user", s->user) &&
           cJSON_AddStringToObject(b, "uid_range", uids) &&
           cJSON_AddStringToObject(b, "hostname", s->hostname) &&
           cJSON_AddStringToObject(b, "runtime", s->runtime ? s->runtime : "") &&
           cJSON_AddStringToObject(b, "workdir", s->workdir) &&
           cJSON_AddNumberToObject(b, "memory", (double)s->memory) &&
           cJSON_AddNumberToObject(b, "cpus", s->cpus) &&
           cJSON_AddNumberToObject(b, "pids", s->pids) &&
           cJSON_AddNumberToObject(b, "nofile", s->nofile) &&
           cJSON_AddNumberToObject(b, "workspace", (double)s->workspace_size) &&
           cJSON_AddNumberToObject(b, "tmp", (double)s->tmp_size) &&
           cJSON_AddNumberToObject(b, "shm", (double)s->shm_size) &&
           cJSON_AddNumberToObject(b, "idle_ttl_ms", (double)s->idle_ttl_ms) &&
           cJSON_AddNumberToObject(b, "max_lifetime_ms", (double)s->max_lifetime_ms);
  cJSON *env = ok && s->env ? cJSON_Duplicate(s->env, 1) : cJSON_CreateObject();
  if (ok && env && cJSON_AddItemToObject(b, "env", env)) return b;
  cJSON_Delete(env);
  cJSON_Delete(b);
  return NULL;
}

char *csn_policy_spec(const struct csn_sandbox_settings *s, const cJSON *shape) {
  cJSON *spec = cJSON_CreateObject();
  cJSON *base = base_of(s);
  cJSON *options = shape ? cJSON_Duplicate(shape, 1) : cJSON_CreateObject();
  char *text = NULL;
  if (spec && base && options && cJSON_AddNumberToObject(spec, "v", 1) &&
      cJSON_AddItemToObject(spec, "base", base)) {
    base = NULL;
    if (cJSON_AddItemToObject(spec, "options", options)) {
      options = NULL;
      char *printed = cJSON_PrintUnformatted(spec);
      text = printed ? csn_strdup(printed) : NULL;
      cJSON_free(printed);
    }
  }
  cJSON_Delete(base);
  cJSON_Delete(options);
  cJSON_Delete(spec);
  return text;
}

enum csn_spec_difference csn_policy_compare(const char *label,
                                            const struct csn_sandbox_settings *s,
                                            const cJSON *shape) {
  cJSON *spec = label ? cJSON_Parse(label) : NULL;
  cJSON *base = base_of(s);
  const cJSON *had_base = cJSON_GetObjectItemCaseSensitive(spec, "base");
  const cJSON *had = cJSON_GetObjectItemCaseSensitive(spec, "options");
  enum csn_spec_difference d = CSN_SPEC_SAME;
  if (!base || !cJSON_Compare(had_base, base, 1))
    d = CSN_SPEC_BASE_DIFFERS;
  else if (shape && !cJSON_Compare(had, shape, 1))
    d = CSN_SPEC_OPTIONS_DIFFER;
  cJSON_Delete(base);
  cJSON_Delete(spec);
  return d;
}

cJSON *csn_policy_options_of(const char *label) {
  cJSON *spec = label ? cJSON_Parse(label) : NULL;
  cJSON *options = cJSON_DetachItemFromObjectCaseSensitive(spec, "options");
  cJSON_Delete(spec);
  return options;
}

/* ---- the create body -------------------------------------------------------------------------- */

/* A builder that remembers whether anything failed, so that the body reads as a list. */
struct body {
  int failed;
};

static cJSON *object(struct body *b, cJSON *parent, const char *name) {
  cJSON *o = cJSON_AddObjectToObject(parent, name);
  if (!o) b->failed = 1;
  return o;
}

static cJSON *array(struct body *b, cJSON *parent, const char *name) {
  cJSON *a = cJSON_AddArrayToObject(parent, name);
  if (!a) b->failed = 1;
  return a;
}

static void text(struct body *b, cJSON *parent, const char *name, const char *value) {
  if (!cJSON_AddStringToObject(parent, name, value)) b->failed = 1;
}

static void number(struct body *b, cJSON *parent, const char *name, double value) {
  if (!cJSON_AddNumberToObject(parent, name, value)) b->failed = 1;
}

static void yes(struct body *b, cJSON *parent, const char *name, int value) {
  if (!cJSON_AddBoolToObject(parent, name, value)) b->failed = 1;
}

static void item(struct body *b, cJSON *list, const char *value) {
  cJSON *s = cJSON_CreateString(value);
  if (s && cJSON_AddItemToArray(list, s)) return;
  cJSON_Delete(s);
  b->failed = 1;
}

static void add_labels(struct body *b, cJSON *body, const struct csn_sandbox_settings *s,
                       const cJSON *shape, const struct csn_policy_facts *f) {
  cJSON *labels = object(b, body, "Labels");
  char *spec CSN_CLEANUP_FREE = csn_policy_spec(s, shape);
  char uid[16];
  snprintf(uid, sizeof uid, "%" PRIu32, f->uid);
  if (!spec) b->failed = 1;
  text(b, labels, CSN_LABEL_INSTANCE, f->instance);
  text(b, labels, CSN_LABEL_SESSION, f->key);
  text(b, labels, CSN_LABEL_SPEC, spec ? spec : "");
  text(b, labels, CSN_LABEL_CREATED, f->created);
  text(b, labels, CSN_LABEL_VERSION, f->version);
  text(b, labels, CSN_LABEL_UID, uid);
}

static void add_env(struct body *b, cJSON *list, const cJSON *env) {
  for (const cJSON *e = env ? env->child : NULL; e; e = e->next) {
    char *line CSN_CLEANUP_FREE = csn_asprintf("%s=%s", e->string, e->valuestring);
    if (line)
      item(b, list, line);
    else
      b->failed = 1;
  }
}

static void add_process(struct body *b, cJSON *body, const struct csn_sandbox_settings *e,
                        const cJSON *shape, const struct csn_policy_facts *f) {
  char user[32], idle[24], lifetime[24];
  snprintf(user, sizeof user, "%" PRIu32 ":%" PRIu32, f->uid, f->gid);
  snprintf(idle, sizeof idle, "%" PRIu64, e->idle_ttl_ms);
  snprintf(lifetime, sizeof lifetime, "%" PRIu64, e->max_lifetime_ms);
  text(b, body, "Image", e->image);
  text(b, body, "User", user);
  text(b, body, "Hostname", e->hostname);
  text(b, body, "WorkingDir", "/");
  item(b, array(b, body, "Entrypoint"), f->guest_path);
  cJSON *cmd = array(b, body, "Cmd");
  const char *const argv[] = {"init",  "--key",        f->key,  "--idle-ms",
                              idle,    "--lifetime-ms", lifetime};
  for (size_t i = 0; i < sizeof argv / sizeof *argv; i++) item(b, cmd, argv[i]);
  cJSON *env = array(b, body, "Env");
  add_env(b, env, e->env);
  add_env(b, env, cJSON_GetObjectItemCaseSensitive(shape, "env"));
  /* The first channel is process 1's own stdin and stdout. */
  yes(b, body, "OpenStdin", 1);
  yes(b, body, "StdinOnce", 1);
  yes(b, body, "AttachStdin", 1);
  yes(b, body, "AttachStdout", 1);
  yes(b, body, "AttachStderr", 1);
  yes(b, body, "Tty", 0);
  /* Process 1 holds nothing that a gentler signal would save, and engines then stop fast. */
  text(b, body, "StopSignal", "SIGKILL");
  /* An image's health check would run its commands in the sandbox. */
  item(b, array(b, object(b, body, "Healthcheck"), "Test"), "NONE");
}

static void add_tmpfs(struct body *b, cJSON *host, const struct csn_sandbox_settings *e,
                      const struct csn_policy_facts *f) {
  cJSON *tmpfs = object(b, host, "Tmpfs");
  char options[160];
  snprintf(options, sizeof options,
           "rw,exec,nosuid,nodev,size=%" PRIu64 ",uid=%" PRIu32 ",gid=%" PRIu32 ",mode=0755",
           e->workspace_size, f->uid, f->gid);
  text(b, tmpfs, "/workspace", options);
  snprintf(options, sizeof options, "rw,exec,nosuid,nodev,size=%" PRIu64 ",mode=1777", e->tmp_size);
  text(b, tmpfs, "/tmp", options);
  const cJSON *volume;
  cJSON_ArrayForEach(volume, f->image_volumes) {
    if (volume->string[0] != '/' || cJSON_GetObjectItemCaseSensitive(tmpfs, volume->string)) continue;
    snprintf(options, sizeof options,
             "rw,noexec,nosuid,nodev,size=16777216,uid=%" PRIu32 ",gid=%" PRIu32 ",mode=0755",
             f->uid, f->gid);
    text(b, tmpfs, volume->string, options);
  }
}

static void add_ulimit(struct body *b, cJSON *list, const char *name, double value) {
  cJSON *limit = cJSON_CreateObject();
  if (!limit || !cJSON_AddItemToArray(list, limit)) {
    cJSON_Delete(limit);
    b->failed = 1;
    return;
  }
  text(b, limit, "Name", name);
  number(b, limit, "Soft", value);
  number(b, limit, "Hard", value);
}

static void add_limits(struct body *b, cJSON *host, const struct csn_sandbox_settings *e) {
  number(b, host, "Memory", (double)e->memory);
  number(b, host, "MemorySwap", (double)e->memory);
  number(b, host, "NanoCpus", (double)(int64_t)(e->cpus * 1e9));
  number(b, host, "PidsLimit", e->pids);
  number(b, host, "ShmSize", (double)e->shm_size);
  number(b, host, "OomScoreAdj", 500);
  cJSON *ulimits = array(b, host, "Ulimits");
  add_ulimit(b, ulimits, "nofile", e->nofile);
  add_ulimit(b, ulimits, "core", 0);
}

static void add_isolation(struct body *b, cJSON *host, const struct csn_sandbox_settings *e) {
  char *seccomp CSN_CLEANUP_FREE = csn_asprintf("seccomp=%s", csn_seccomp_start);
  cJSON *security = array(b, host, "SecurityOpt");
  item(b, security, "no-new-privileges");
  if (seccomp)
    item(b, security, seccomp);
  else
    b->failed = 1;
  item(b, array(b, host, "CapDrop"), "ALL");
  yes(b, host, "Privileged", 0);
  yes(b, host, "ReadonlyRootfs", 1);
  text(b, host, "NetworkMode", "none");
  text(b, host, "IpcMode", "private");
  text(b, host, "CgroupnsMode", "private");
  if (e->runtime) text(b, host, "Runtime", e->runtime);
}

/* Every sandbox mounts the helper's volume, read-only. */
static void add_helper(struct body *b, cJSON *host, const struct csn_policy_facts *f) {
  cJSON *mounts = array(b, host, "Mounts");
  cJSON *mount = cJSON_CreateObject();
  if (!mount || !cJSON_AddItemToArray(mounts, mount)) {
    cJSON_Delete(mount);
    b->failed = 1;
    return;
  }
  text(b, mount, "Type", "volume");
  text(b, mount, "Source", f->guest_volume);
  text(b, mount, "Target", "/.caisson");
  yes(b, mount, "ReadOnly", 1);
  yes(b, object(b, mount, "VolumeOptions"), "NoCopy", 1);
}

static void add_lifecycle(struct body *b, cJSON *host) {
  yes(b, host, "AutoRemove", 1);
  yes(b, host, "Init", 0);
  text(b, object(b, host, "LogConfig"), "Type", "none");
  text(b, object(b, host, "RestartPolicy"), "Name", "no");
}

/* What lies in tmpfs counts as memory: if it could fill the limit, writing files would get the
 * sandbox's processes killed instead of a plain "no space left". */
static int check_room(const struct csn_sandbox_settings *e, const cJSON *volumes,
                      struct csn_error *err) {
  uint64_t files = e->workspace_size + e->tmp_size + e->shm_size;
  files += (uint64_t)cJSON_GetArraySize(volumes) * 16777216;
  if (files < e->memory) return 0;
  return csn_fail(err, CAISSON_E_CONFIG, CAISSON_REASON_CONFIG,
                  "sandbox.memory: %" PRIu64 " bytes must be more than sandbox.workspace.size, "
                  "sandbox.tmp.size, sandbox.shm.size and 16 MiB for each volume of the image "
                  "together (%" PRIu64 "), since tmpfs counts as memory; raise the one or lower "
                  "the others",
                  e->memory, files);
}

int csn_policy_body(const struct csn_sandbox_settings *s, const cJSON *shape,
                    const struct csn_policy_facts *facts, cJSON **out, struct csn_error *err) {
  struct csn_sandbox_settings e = effective(s, shape);
  int rc = check_room(&e, facts->image_volumes, err);
  if (rc) return rc;
  struct body b = {0};
  cJSON *body = cJSON_CreateObject();
  add_process(&b, body, &e, shape, facts);
  add_labels(&b, body, s, shape, facts);
  cJSON *host = object(&b, body, "HostConfig");
  add_isolation(&b, host, &e);
  add_limits(&b, host, &e);
  add_tmpfs(&b, host, &e, facts);
  add_helper(&b, host, facts);
  add_lifecycle(&b, host);
  if (b.failed) {
    cJSON_Delete(body);
    return csn_fail_nomem(err);
  }
  *out = body;
  return 0;
}
