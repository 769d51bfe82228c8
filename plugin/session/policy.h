/* What a sandbox is: the operator's settings and a session's own options, made into the engine's
 * create body and into the label by which any process can compare. Pure: JSON in, JSON out. */
#ifndef CSN_SESSION_POLICY_H
#define CSN_SESSION_POLICY_H

#include <cjson/cJSON.h>
#include <stdint.h>

#include "session/seccomp.h"
#include "util/error.h"

enum csn_pull { CSN_PULL_MISSING, CSN_PULL_NEVER, CSN_PULL_ALWAYS };

/* The operator's settings for every sandbox of an instance. Strings belong to whoever made it. */
struct csn_sandbox_settings {
  const char *image;
  const char *user; /* "auto", "uid:gid", "owner-of-workspace", "image", or a name of the image's */
  uint32_t uid_first, uid_last;
  const char *hostname;
  const char *runtime; /* NULL: the engine's default */
  const char *workdir;
  uint64_t memory; /* bytes, swap included */
  double cpus;
  uint32_t pids;
  uint32_t nofile;
  uint64_t workspace_size, tmp_size, shm_size; /* bytes */
  uint64_t idle_ttl_ms, max_lifetime_ms;
  const cJSON *env; /* {NAME: value} or NULL */
  const cJSON *service; /* "image", an argv or an object; NULL: none */
  const char *name_template; /* of containers; names.h */
  int has_writable_root;
  enum csn_seccomp seccomp;
  const char *apparmor;    /* a profile's name; NULL: the engine's default */
  const cJSON *cap_add;    /* ["CHOWN", ...] or NULL, as are all these */
  const cJSON *labels, *own_labels;           /* {name: value}: the operator's, a session's */
  const cJSON *dns;                           /* ["1.1.1.1", ...] */
  const cJSON *extra_hosts, *own_extra_hosts; /* {name: address} */
  const cJSON *tmpfs;                         /* {"/path": {size, exec}} */
  const cJSON *workspace;                     /* {type, ...}; NULL: a tmpfs of workspace_size */
  const cJSON *bind_roots;                    /* ["/path", ...]: the operator's alone */
  const cJSON *mounts, *own_mounts;           /* [{type, source, target, ...}] */
  enum csn_pull pull;
  const char *platform; /* "os/arch[/variant]"; NULL: the engine's own */
  const cJSON *build;   /* {"context", "dockerfile", "args", "target"}; NULL: the image is pulled */
  const cJSON *network; /* as network_plan.h has it; no object: none */
  const cJSON *ports;   /* as ports.h has it, or NULL */
  const char *ports_host; /* what to call the host of published ports; NULL: by its address */
  /* Of the instance, and so no part of what a sandbox is made of: */
  const cJSON *options_schema; /* of a session's options; NULL: none is held against any */
  uint32_t sessions_max; /* 0: any number */
  int evicts;            /* when there are so many: end the one that was idle longest */
  uint32_t pool_size;
  int refuses_unseen;    /* no sandbox of which something cannot be attested */
};

/* Of a tmpfs whose size nobody gave: one over a volume of the image, for example. */
#define CSN_POLICY_SMALL_TMPFS ((uint64_t)16 << 20)

struct csn_mount_list;

/* The members of an options document that shape a sandbox (and so recreate it when they differ);
 * the others (ensure, secrets, principal, ...) are of the call. NULL-ended. */
extern const char *const csn_policy_shaping_options[];

/* The part of options that shapes a sandbox: a new object, empty if there is none; NULL: no
 * memory. options may be NULL. */
cJSON *csn_policy_shape(const cJSON *options);

/* The operator's settings with a session's options laid over them; borrows every string. */
struct csn_sandbox_settings csn_policy_effective(const struct csn_sandbox_settings *s,
                                                 const cJSON *shape);
/* What holds for a sandbox of these options; may be NULL. */
const cJSON *csn_policy_network(const struct csn_sandbox_settings *s, const cJSON *shape);
const cJSON *csn_policy_ports(const struct csn_sandbox_settings *s, const cJSON *shape);
const cJSON *csn_policy_dns(const struct csn_sandbox_settings *s, const cJSON *shape);
/* The stricter of what the operator and the session say. */
enum csn_seccomp csn_policy_seccomp(const struct csn_sandbox_settings *s, const cJSON *shape);

/* The label `caisson.spec`: {"v": 1, "base": {...}, "options": {...}}, and "kept": true where some
 * of the options are kept elsewhere. base is the operator's settings in a canonical form, without
 * anything that a version of the plugin chooses. */
char *csn_policy_spec(const struct csn_sandbox_settings *s, const cJSON *shape);

/* Parses such a label: NULL where it is none. 0, or CAISSON_E_NOMEM: it is one, for all that is known. */
int csn_policy_read_spec(const char *label, cJSON **spec);

enum csn_spec_difference { CSN_SPEC_SAME, CSN_SPEC_BASE_DIFFERS, CSN_SPEC_OPTIONS_DIFFER,
                           CSN_SPEC_NO_MEMORY };
/* Holds a running sandbox's label against what is wanted now. shape NULL: the caller has no wish,
 * so only base counts; what is kept is in no label and not compared. A label that cannot be read
 * differs in base. */
enum csn_spec_difference csn_policy_compare(const char *label,
                                            const struct csn_sandbox_settings *s,
                                            const cJSON *shape);
/* The options that a label holds: a new object, or NULL. 0 or CAISSON_E_NOMEM. */
int csn_policy_options_of(const char *label, cJSON **out);

/* What of the options is in no label and in no container's configuration, since process 1 keeps it
 * (kept.h): {"env": ..., "service_env": ...}. *out is NULL where there is nothing of that kind.
 * 0 or CAISSON_E_NOMEM. */
int csn_policy_kept(const cJSON *shape, cJSON **out);
/* Does the label say that there is such a thing? 0 or CAISSON_E_NOMEM. */
int csn_policy_label_has_kept(const char *label, int *has);
/* Puts it back into the options that a label holds. 0 or CAISSON_E_NOMEM. */
int csn_policy_add_kept(cJSON *shape, const cJSON *kept);

/* The service of a sandbox that is to be made; NULL: none. */
const cJSON *csn_policy_service(const struct csn_sandbox_settings *s, const cJSON *shape);
/* That of one with this label: a new value, or NULL. 0 or CAISSON_E_NOMEM. */
int csn_policy_service_of(const char *label, cJSON **out);

/* What else the body needs to know. */
struct csn_policy_facts {
  const char *instance;
  const char *key;     /* whole; "" for an ephemeral session */
  const char *version; /* of the plugin, for a label */
  const char *created; /* text of the time, for a label */
  const char *guest_path;   /* "/.caisson/guest-0123456789abcdef" */
  uint32_t uid, gid;
  int spare; /* started ahead: its first channel will say whose it is */
  const cJSON *image_volumes; /* {"/path": {}} of the image; may be NULL */
  const struct csn_mount_list *mounts; /* policy_mounts.h */
  const char *network; /* id of the one to join; NULL: none */
  const char *routes;  /* the plan of what it cannot reach there, for a label; NULL: all can be */
  const char *samples; /* addresses of these, for process 1 to try */
  unsigned skip_ports; /* as csn_ports_add() */
  const char *seccomp_path;   /* of the profile on the engine's machine; NULL: it takes the text */
  int needs_nproc;            /* it has to be told that limit too; see dialect.h */
  int tmpfs_by_flag;          /* a tmpfs gets the user's ids by the option U */
};

/* The body of POST /containers/create. Fails with CAISSON_E_CONFIG where settings and shape
 * contradict each other (tmpfs above memory), by path. */
int csn_policy_body(const struct csn_sandbox_settings *s, const cJSON *shape,
                    const struct csn_policy_facts *facts, cJSON **out, struct csn_error *err);

/* Settings of which no sandbox can be made, as far as texts can tell. 0 or CAISSON_E_CONFIG. */
int csn_policy_check(const struct csn_sandbox_settings *e, struct csn_error *err);
/* How much the workspace may hold, where it is no tmpfs; 0: no more is said than the disk says. */
uint64_t csn_policy_quota(const struct csn_sandbox_settings *e);
/* Is the workspace a tmpfs, which goes with its sandbox? */
int csn_policy_workspace_is_tmpfs(const struct csn_sandbox_settings *e);

/* "512m", "1g", "65536" or a JSON number -> bytes; 0 if it is neither. */
uint64_t csn_policy_bytes(const cJSON *value);

#define CSN_LABEL_INSTANCE "caisson.instance"
#define CSN_LABEL_SESSION "caisson.session"
#define CSN_LABEL_SPEC "caisson.spec"
#define CSN_LABEL_CREATED "caisson.created"
#define CSN_LABEL_VERSION "caisson.version"
#define CSN_LABEL_UID "caisson.uid"
#define CSN_LABEL_GID "caisson.gid"         /* of a volume, beside its uid */
#define CSN_LABEL_CARRIER "caisson.carrier" /* instance: a container that is never started */
#define CSN_LABEL_POOL "caisson.pool" /* started ahead, so its caisson.session says nothing */
#define CSN_LABEL_ROUTES "caisson.routes"
/* Of a container that is no sandbox but does something for one, and what. */
#define CSN_LABEL_HELPER "caisson.helper"

#endif
