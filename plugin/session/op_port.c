/* SPDX-License-Identifier: Apache-2.0 */
/* session.port: where a port of a session's sandbox is reached, with one error for a sandbox that
 * does not run and another for a port that it does not publish. */
#include <string.h>

#include "session/internal.h"
#include "session/ports.h"
#include "util/alloc.h"
#include "util/json.h"

/* "8080" is "8080/tcp". NULL: it is no port. */
static char *full_name(const char *port) {
  struct csn_port read;
  cJSON *text CSN_CLEANUP_JSON = cJSON_CreateString(port);
  if (!text || strchr(port, ':') || csn_port_read(text, &read)) return NULL;
  return csn_asprintf("%u/%s", (unsigned)read.container, read.protocol);
}

static int not_running(struct csn_error *err, const char *state) {
  return csn_fail(err, CAISSON_E_NOT_FOUND, CAISSON_REASON_SESSION_MISSING,
                  "this session has no running sandbox%s%s; session.ensure starts one",
                  *state ? ": it is " : "", state);
}

static int find_mapping(struct csn_sessions *all, const struct csn_container *found,
                        const char *name, cJSON **out, struct csn_error *err) {
  cJSON *mapped CSN_CLEANUP_JSON = csn_ports_mapped(found->raw, all->settings->ports_host);
  if (!mapped) return csn_fail_nomem(err);
  *out = cJSON_DetachItemFromObjectCaseSensitive(mapped, name);
  if (*out) return 0;
  return csn_fail(err, CAISSON_E_NOT_FOUND, CAISSON_REASON_PORT_UNMAPPED,
                  "the sandbox runs, but its port %s is not published; sandbox.ports or the option "
                  "ports says which are",
                  name);
}

static int look(struct csn_sessions *all, struct csn_session *s, const char *name,
                const struct csn_control *control, cJSON **out, struct csn_error *err) {
  struct csn_container found CSN_CLEANUP_CONTAINER = {0};
  int rc = csn_container_inspect(all->engine, s->name, control, &found, err);
  if (rc && csn_engine_is_missing(err)) return not_running(err, "");
  if (rc == 0) rc = csn_session_check_owner(all, s, &found, err);
  if (rc) return rc;
  if (found.state != CSN_CONTAINER_RUNNING)
    return not_running(err, csn_container_state_text(found.state));
  return find_mapping(all, &found, name, out, err);
}

int csn_session_op_port(struct csn_sessions *all, const char *key, const char *port,
                        const struct csn_control *control, cJSON **out, struct csn_error *err) {
  char *name CSN_CLEANUP_FREE = full_name(port);
  struct csn_session *s;
  if (!*key)
    return csn_fail(err, CAISSON_E_ARGUMENTS, CAISSON_REASON_ARGUMENTS,
                    "this operation is about one session: give its key in the request's `session`");
  if (!name)
    return csn_fail(err, CAISSON_E_ARGUMENTS, CAISSON_REASON_ARGUMENTS,
                    "argument port: must be a port such as \"8080\" or \"8080/udp\", not \"%.40s\"",
                    port);
  int rc = csn_session_get(all, key, &s, err);
  if (rc) return rc;
  rc = look(all, s, name, control, out, err);
  csn_session_put(all, s);
  return rc;
}

cJSON *csn_session_ports(struct csn_sessions *all, const char *container,
                         const struct csn_control *control) {
  struct csn_container found CSN_CLEANUP_CONTAINER = {0};
  struct csn_error err;
  if (csn_container_inspect(all->engine, container, control, &found, &err))
    return cJSON_CreateObject();
  return csn_ports_mapped(found.raw, all->settings->ports_host);
}
