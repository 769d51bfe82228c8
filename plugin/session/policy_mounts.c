/* SPDX-License-Identifier: Apache-2.0 */
#include "session/policy_mounts.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "session/names.h"
#include "session/path_rules.h"
#include "util/alloc.h"
#include "util/json.h"
#include "util/path.h"

#define HELPER_VOLUME "caisson-guest"
#define VOLUME_NAME "caisson-{instance}-{session}"

void csn_mounts_free(struct csn_mount_list *list) {
  for (size_t i = 0; i < list->count; i++) csn_free(list->items[i].source);
  csn_free(list->items);
  list->items = NULL;
  list->count = 0;
}

struct reading {
  const struct csn_sandbox_settings *e;
  const char *instance, *part;
  struct csn_mount_list list;
  struct csn_error *err;
};

__attribute__((format(printf, 4, 5))) static int invalid(const struct reading *r,
                                                         const struct csn_mount *m,
                                                         const char *member, const char *fmt,
                                                         ...) {
  char words[512];
  va_list args;
  va_start(args, fmt);
  vsnprintf(words, sizeof words, fmt, args);
  va_end(args);
  return csn_fail(r->err, CAISSON_E_CONFIG, CAISSON_REASON_CONFIG, "%s%s%s: %s", m->where,
                  *member ? "." : "", member, words);
}

/* ---- sources --------------------------------------------------------------------------------- */

static int expand(const struct reading *r, struct csn_mount *m, const char *member,
                  const char *template) {
  char text[CSN_PATH_SIZE];
  if (csn_name_expand(template, r->instance, r->part, text, sizeof text) < 0)
    return invalid(r, m, member,
                   "is too long, or holds a brace that is none of {instance} and {session}");
  m->source = csn_strdup(text);
  return m->source ? 0 : csn_fail_nomem(r->err);
}

/* The innermost root counts: links are refused only below it. */
static const char *find_root(const cJSON *roots, const char *path) {
  const char *found = NULL;
  const cJSON *root;
  cJSON_ArrayForEach(root, roots) {
    const char *text = root->valuestring;
    if (csn_path_is_within(path, text) && (!found || strlen(text) > strlen(found))) found = text;
  }
  return found;
}

static int read_bind(const struct reading *r, struct csn_mount *m, const char *member,
                     const char *template) {
  if (!template) return invalid(r, m, member, "is required where the type is \"bind\"");
  int rc = expand(r, m, member, template);
  if (rc) return rc;
  if (!csn_path_is_plain(m->source))
    return invalid(r, m, member, "\"%.200s\" must be an absolute path without \".\", \"..\", "
                   "doubled slashes or a slash at its end", m->source);
  const char *forbidden = csn_path_find_forbidden(m->source, csn_path_forbidden);
  if (forbidden)
    return invalid(r, m, member, "\"%.200s\" is never given to a sandbox, because of %s", m->source,
                   forbidden);
  m->root = find_root(r->e->bind_roots, m->source);
  if (m->root) return 0;
  return invalid(r, m, member, "\"%.200s\" must lie under one of sandbox.bind_roots, the "
                 "directories that the operator opens to binds", m->source);
}

static int read_volume(const struct reading *r, struct csn_mount *m, const char *member,
                       const char *template) {
  if (!template) return invalid(r, m, member, "is required where the type is \"volume\"");
  int rc = expand(r, m, member, template);
  if (rc) return rc;
  if (!csn_name_is_engine_name(m->source))
    return invalid(r, m, member, "\"%.100s\" is no volume's name: two or more letters, digits, "
                   "'_', '.' or '-', the first one a letter or digit", m->source);
  if (strcmp(m->source, HELPER_VOLUME) == 0)
    return invalid(r, m, member, "the volume " HELPER_VOLUME " holds the helper of every sandbox");
  return 0;
}

/* ---- one mount ------------------------------------------------------------------------------- */

static const struct {
  const char *word;
  enum csn_mount_kind kind;
} kinds[] = {
    {"tmpfs", CSN_MOUNT_TMPFS}, {"bind", CSN_MOUNT_BIND}, {"volume", CSN_MOUNT_VOLUME}};

static enum csn_mount_kind kind_of(const cJSON *object) {
  const char *word = csn_json_string(object, "type", "tmpfs");
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
    if (strcmp(kinds[i].word, word) == 0) return kinds[i].kind;
  return CSN_MOUNT_TMPFS;
}

static int check_dirs(const struct reading *r, const struct csn_mount *m) {
  const cJSON *dir;
  cJSON_ArrayForEach(dir, m->dirs) {
    const char *problem = csn_path_below_problem(dir->string);
    if (problem) return invalid(r, m, "dirs", "\"%.200s\" %s", dir->string, problem);
  }
  return 0;
}

/* Members that make sense for other kinds only: said, not ignored. */
static int check_members(const struct reading *r, const struct csn_mount *m, const cJSON *object) {
  static const struct {
    const char *member;
    unsigned kinds; /* those that have it */
    const char *words;
  } members[] = {
      {"path", 1u << CSN_MOUNT_BIND, "is for the type \"bind\""},
      {"relabel", 1u << CSN_MOUNT_BIND, "is for the type \"bind\""},
      {"name", 1u << CSN_MOUNT_VOLUME, "is for the type \"volume\""},
      {"dirs", 1u << CSN_MOUNT_BIND | 1u << CSN_MOUNT_VOLUME,
       "is for the types \"bind\" and \"volume\""},
      {"quota", 1u << CSN_MOUNT_BIND | 1u << CSN_MOUNT_VOLUME,
       "is for the types \"bind\" and \"volume\"; a tmpfs has its size"},
      {"source", 1u << CSN_MOUNT_BIND | 1u << CSN_MOUNT_VOLUME,
       "is for the types \"bind\" and \"volume\""},
  };
  for (size_t i = 0; i < sizeof members / sizeof *members; i++)
    if (csn_json_get(object, members[i].member) && !(members[i].kinds & 1u << m->kind))
      return invalid(r, m, members[i].member, "%s", members[i].words);
  return 0;
}

static int read_source(const struct reading *r, struct csn_mount *m, const char *member,
                       const char *template) {
  if (m->kind == CSN_MOUNT_BIND) return read_bind(r, m, member, template);
  return m->kind == CSN_MOUNT_VOLUME ? read_volume(r, m, member, template) : 0;
}

static int read_workspace(const struct reading *r, struct csn_mount *m) {
  const cJSON *w = r->e->workspace;
  const char *relabel = csn_json_string(w, "relabel", NULL);
  *m = (struct csn_mount){.kind = kind_of(w), .where = "sandbox.workspace", .target = CSN_WORKSPACE,
                          .size = r->e->workspace_size, .is_exec = 1, .is_workspace = 1,
                          .is_own = 1, .dirs = csn_json_get(w, "dirs")};
  if (relabel) m->relabel = strcmp(relabel, "private") == 0 ? "Z" : "z";
  int rc = check_members(r, m, w);
  if (rc == 0 && m->kind == CSN_MOUNT_BIND)
    rc = read_bind(r, m, "path", csn_json_string(w, "path", NULL));
  if (rc == 0 && m->kind == CSN_MOUNT_VOLUME) {
    const char *name = csn_json_string(w, "name", VOLUME_NAME);
    const char *problem = csn_name_template_problem(name, "{session}");
    rc = problem ? invalid(r, m, "name", "%s", problem) : read_volume(r, m, "name", name);
  }
  if (rc == 0 && m->relabel && strchr(m->source, ':'))
    rc = invalid(r, m, "path", "must hold no ':' where it is relabelled");
  return rc ? rc : check_dirs(r, m);
}

static int read_target(const struct reading *r, struct csn_mount *m, const char *target) {
  const char *problem = csn_path_target_problem(target);
  m->target = target;
  if (problem) return invalid(r, m, "target", "\"%.200s\" %s", target, problem);
  for (const struct csn_mount *other = r->list.items; other < m; other++)
    if (strcmp(other->target, target) == 0)
      return invalid(r, m, "target", "\"%.200s\" is the target of %s already", target,
                     other->where);
  return 0;
}

static int read_mount(const struct reading *r, struct csn_mount *m, const cJSON *object) {
  m->kind = kind_of(object);
  m->is_own = csn_json_bool(object, "own", 0);
  m->is_read_only = csn_json_bool(object, "read_only", m->kind != CSN_MOUNT_TMPFS);
  m->size = csn_policy_bytes(csn_json_get(object, "size"));
  if (!m->size) m->size = CSN_POLICY_SMALL_TMPFS;
  int rc = read_target(r, m, csn_json_string(object, "target", ""));
  if (rc == 0) rc = check_members(r, m, object);
  return rc ? rc : read_source(r, m, "source", csn_json_string(object, "source", NULL));
}

static int read_tmpfs(const struct reading *r, struct csn_mount *m, const cJSON *object) {
  *m = (struct csn_mount){.kind = CSN_MOUNT_TMPFS, .where = "sandbox.tmpfs",
                          .size = csn_policy_bytes(csn_json_get(object, "size")),
                          .is_exec = csn_json_bool(object, "exec", 0)};
  if (!m->size) m->size = CSN_POLICY_SMALL_TMPFS;
  return read_target(r, m, object->string);
}

/* ---- all of them ----------------------------------------------------------------------------- */

static int read_mounts(struct reading *r, const cJSON *mounts, const char *where) {
  const cJSON *one;
  int rc = 0, index = 0;
  cJSON_ArrayForEach(one, mounts) {
    struct csn_mount *m = &r->list.items[r->list.count++];
    snprintf(m->where, sizeof m->where, "%s[%d]", where, index++);
    rc = read_mount(r, m, one);
    if (rc) return rc;
  }
  return 0;
}

/* The engine looks for a bind by its path, later than we do: code in a sandbox that may write above
 * it could put a link in its place. */
static int check_apart(const struct reading *r, const struct csn_mount *m) {
  for (size_t i = 0; m->kind == CSN_MOUNT_BIND && i < r->list.count; i++) {
    const struct csn_mount *above = &r->list.items[i];
    if (above == m || above->kind != CSN_MOUNT_BIND || above->is_read_only ||
        strcmp(above->source, m->source) == 0 || !csn_path_is_within(m->source, above->source))
      continue;
    return invalid(r, m, m->is_workspace ? "path" : "source",
                   "\"%.200s\" lies in %s, which the sandbox may write to, so that it could be "
                   "exchanged for a link; mount that read-only, or bind another directory",
                   m->source, above->where);
  }
  return 0;
}

static int check_all_apart(const struct reading *r) {
  int rc = 0;
  for (size_t i = 0; rc == 0 && i < r->list.count; i++) rc = check_apart(r, &r->list.items[i]);
  return rc;
}

static int read_all(struct reading *r) {
  const cJSON *one;
  int rc = read_workspace(r, &r->list.items[r->list.count++]);
  cJSON_ArrayForEach(one, r->e->tmpfs) {
    if (rc == 0) rc = read_tmpfs(r, &r->list.items[r->list.count++], one);
  }
  if (rc == 0) rc = read_mounts(r, r->e->mounts, "sandbox.mounts");
  if (rc == 0) rc = read_mounts(r, r->e->own_mounts, "options.mounts");
  return rc ? rc : check_all_apart(r);
}

int csn_mounts_read(const struct csn_sandbox_settings *e, const char *instance, const char *part,
                    struct csn_mount_list *out, struct csn_error *err) {
  struct reading r = {.e = e, .instance = instance, .part = part, .err = err};
  int n = 1 + cJSON_GetArraySize(e->tmpfs) + cJSON_GetArraySize(e->mounts) +
          cJSON_GetArraySize(e->own_mounts);
  memset(out, 0, sizeof *out);
  r.list.items = csn_calloc((size_t)n, sizeof *r.list.items);
  if (!r.list.items) return csn_fail_nomem(err);
  int rc = read_all(&r);
  if (rc)
    csn_mounts_free(&r.list);
  else
    *out = r.list;
  return rc;
}

int csn_mounts_has(const struct csn_mount_list *list, const char *target) {
  for (size_t i = 0; i < list->count; i++)
    if (strcmp(target, list->items[i].target) == 0) return 1;
  return 0;
}

uint64_t csn_mounts_memory(const struct csn_mount_list *list) {
  uint64_t bytes = 0;
  for (size_t i = 0; i < list->count; i++)
    if (list->items[i].kind == CSN_MOUNT_TMPFS) bytes += list->items[i].size;
  return bytes;
}

/* ---- in the create body ---------------------------------------------------------------------- */

/* The engine's newer form of a mount knows no relabelling. */
static void add_relabelled(struct csn_body *b, cJSON *host, const struct csn_mount *m) {
  char *bind CSN_CLEANUP_FREE =
      csn_asprintf("%s:%s:%s,%s", m->source, m->target, m->is_read_only ? "ro" : "rw", m->relabel);
  if (bind)
    csn_body_item(b, csn_body_array(b, host, "Binds"), bind);
  else
    b->failed = 1;
}

void csn_mounts_add_binds(struct csn_body *b, cJSON *host, cJSON *mounts,
                          const struct csn_mount_list *list) {
  for (size_t i = 0; i < list->count; i++) {
    const struct csn_mount *m = &list->items[i];
    if (m->kind == CSN_MOUNT_TMPFS) continue;
    if (m->relabel) {
      add_relabelled(b, host, m);
      continue;
    }
    cJSON *mount = csn_body_entry(b, mounts);
    csn_body_text(b, mount, "Type", m->kind == CSN_MOUNT_BIND ? "bind" : "volume");
    csn_body_text(b, mount, "Source", m->source);
    csn_body_text(b, mount, "Target", m->target);
    csn_body_flag(b, mount, "ReadOnly", m->is_read_only);
    if (m->kind == CSN_MOUNT_BIND)
      csn_body_text(b, csn_body_object(b, mount, "BindOptions"), "Propagation", "rprivate");
    else
      csn_body_flag(b, csn_body_object(b, mount, "VolumeOptions"), "NoCopy", 1);
  }
}

void csn_mounts_add_tmpfs(struct csn_body *b, cJSON *tmpfs, const struct csn_mount_list *list,
                          const char *owner) {
  char options[160];
  for (size_t i = 0; i < list->count; i++) {
    const struct csn_mount *m = &list->items[i];
    if (m->kind != CSN_MOUNT_TMPFS) continue;
    snprintf(options, sizeof options, "%s,%s,nosuid,nodev,size=%" PRIu64 ",%s,mode=0755",
             m->is_read_only ? "ro" : "rw", m->is_exec ? "exec" : "noexec", m->size, owner);
    csn_body_text(b, tmpfs, m->target, options);
  }
}
