/* SPDX-License-Identifier: Apache-2.0 */
/* One container engine that speaks the Docker Engine API (Docker, Podman): where it is, and which
 * version of the API it and we both speak. The operations are in the headers beside this one.
 *
 * All of them: block only under the csn_control they take, and have a deadline of their own besides
 * it, since an engine that does not answer an inspect within 10 s is broken whatever the caller's
 * patience. They return 0 or
 *   CAISSON_E_CANCELLED, CAISSON_E_DEADLINE   the caller's own control
 *   CAISSON_E_NOMEM
 *   CAISSON_E_ENGINE   by reason: engine.unreachable (also: no answer within its own deadline),
 *                      engine.permission, engine.tls, engine.protocol, engine.version; or it refused:
 *                      engine.not_found, engine.conflict, image.missing, disk.full, engine.refused;
 *                      then the message has what was asked, the HTTP status and the engine's words
 *   CAISSON_E_POLICY   policy.refused: it has a known hole, and the operator wants none such.
 * Names and ids are interchangeable where a `container` is asked for. */
#ifndef CSN_ENGINE_ENGINE_H
#define CSN_ENGINE_ENGINE_H

#include <string.h>

#include <cjson/cJSON.h>

#include "engine/discovery.h"
#include "util/control.h"
#include "util/error.h"

/* Versions of the API that we speak. An older engine is refused; a newer one is asked for ours. */
#define CSN_ENGINE_API_MIN 40 /* 1.40 */
#define CSN_ENGINE_API_MAX 47 /* 1.47 */

/* Thread-safe. */
struct csn_engine;

/* The engine at this endpoint. Checks its form (see csn_transport_new()); asks nothing yet. 0,
 * CAISSON_E_CONFIG or CAISSON_E_NOMEM. */
int csn_engine_new(const char *endpoint, struct csn_engine **engine, struct csn_error *err);
/* The engine that csn_discovery_find() finds, with its errors. With `lazy` it is none where nothing
 * is named and nothing answers: each operation then looks again, until there is one. */
int csn_engine_discover(const struct csn_engine_wanted *wanted, int lazy,
                        const struct csn_control *control, struct csn_engine **engine,
                        struct csn_error *err);
/* What was found; NULL as long as nothing was. */
const struct csn_engine_found *csn_engine_found(const struct csn_engine *engine);
/* Seconds to allow it beyond what an engine on this machine may take: 0 but by ssh. */
int csn_engine_patience(const struct csn_engine *engine);
/* No operation may be running. NULL is allowed. Open streams live on. */
void csn_engine_free(struct csn_engine *engine);
/* "unix:///var/run/docker.sock" as long as none was found. */
const char *csn_engine_endpoint(const struct csn_engine *engine);

/* Does it answer, in a version that we speak? (5 s.) */
int csn_engine_ping(struct csn_engine *engine, const struct csn_control *control,
                    struct csn_error *err);
/* The minor of the negotiated API version 1.x; asks the engine if that is not known yet. Versions
 * are negotiated by the first operation, and again after the engine could not be reached. */
int csn_engine_api(struct csn_engine *engine, const struct csn_control *control, int *minor,
                   struct csn_error *err);

/* What the engine says of itself. The texts are "" where it does not say; they live as long as the
 * struct. */
struct csn_engine_info {
  int api_minor;
  const char *name;            /* "Docker" or "Podman", from its components; "Engine" otherwise */
  const char *version;         /* "20.10.24" */
  const char *os;              /* "linux" */
  const char *arch;            /* "amd64" */
  const char *kernel;
  const char *storage_driver;  /* "overlay2" */
  const char *cgroup_version;  /* "1" or "2" */
  const char *default_runtime; /* "runc" */
  int rootless;
  cJSON *info;    /* GET /info */
  cJSON *version_json; /* GET /version */
};
/* (10 s each) */
int csn_engine_info(struct csn_engine *engine, const struct csn_control *control,
                    struct csn_engine_info *info, struct csn_error *err);
void csn_engine_info_free(struct csn_engine_info *info);
#define CSN_CLEANUP_ENGINE_INFO __attribute__((cleanup(csn_engine_info_free)))

/* What its machine is, as Go and images name it ("amd64", "arm64"), whichever way the engine says
 * it. (30 s: Podman looks at each of its containers before it answers) */
#define CSN_ENGINE_ARCH_SIZE 24
int csn_engine_arch(struct csn_engine *engine, const struct csn_control *control,
                    char arch[CSN_ENGINE_ARCH_SIZE], struct csn_error *err);

/* Is this what an operation fails with when the thing does not exist, or its name is taken? */
static inline int csn_engine_is_missing(const struct csn_error *err) {
  return err->code == CAISSON_E_ENGINE && strcmp(err->reason, CAISSON_REASON_ENGINE_NOT_FOUND) == 0;
}
static inline int csn_engine_is_conflict(const struct csn_error *err) {
  return err->code == CAISSON_E_ENGINE && strcmp(err->reason, CAISSON_REASON_ENGINE_CONFLICT) == 0;
}

#endif
