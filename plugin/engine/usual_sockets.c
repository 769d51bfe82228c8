/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/usual_sockets.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "transport/http.h"
#include "transport/probe.h"
#include "util/alloc.h"

/* For an engine that lives to say so. */
#define ANSWER_NS (500 * CSN_MS)

/* ---- where ----------------------------------------------------------------------------------- */

static const struct usual {
  const char *name;
  const char *base; /* a variable of the environment with the folder, or none; else no such row */
  const char *path;
} table[] = {
    {"Docker", NULL, "/var/run/docker.sock"},
    {"rootless Docker", "XDG_RUNTIME_DIR", "/docker.sock"},
    {"Docker Desktop", "HOME", "/.docker/run/docker.sock"},
    {"Docker Desktop", "HOME", "/.docker/desktop/docker.sock"},
    {"Colima", "COLIMA_HOME", "/default/docker.sock"},
    {"OrbStack", "HOME", "/.orbstack/run/docker.sock"},
    {"Podman", NULL, "/run/podman/podman.sock"},
    {"rootless Podman", "XDG_RUNTIME_DIR", "/podman/podman.sock"},
    {"socktainer", "HOME", "/.socktainer/container.sock"},
};
#define COUNT (sizeof table / sizeof *table)

/* What stands for a variable that is not set: a server started by no login has no XDG_RUNTIME_DIR,
 * though its user may have an engine. 0 with *base NULL where nothing does. */
static int base_of(const char *variable, char **base) {
  const char *value = getenv(variable), *home = getenv("HOME");
  if (value && *value)
    *base = csn_strdup(value);
  else if (strcmp(variable, "XDG_RUNTIME_DIR") == 0)
    *base = csn_asprintf("/run/user/%u", (unsigned)geteuid());
  else if (strcmp(variable, "COLIMA_HOME") == 0 && home && *home)
    *base = csn_asprintf("%s/.colima", home);
  else
    return 0;
  return *base ? 0 : CAISSON_E_NOMEM;
}

/* 0 with *path NULL where the row has none. */
static int path_of(const struct usual *row, char **path) {
  char *base CSN_CLEANUP_FREE = NULL;
  *path = NULL;
  if (row->base && base_of(row->base, &base)) return CAISSON_E_NOMEM;
  if (row->base && !base) return 0;
  *path = csn_asprintf("%s%s", base ? base : "", row->path);
  return *path ? 0 : CAISSON_E_NOMEM;
}

/* ---- how they are ---------------------------------------------------------------------------- */

enum state { ABSENT, CLOSED, DEAF, SILENT, ACCEPTS, STATES };

static const char *const words_of[STATES] = {
    [ABSENT] = "not there",
    [CLOSED] = "no permission",
    [DEAF] = "nothing listens",
    [SILENT] = "accepts connections but does not answer",
    [ACCEPTS] = "accepts connections",
};

static enum state state_of(const char *path) {
  int code = csn_probe_socket(path);
  if (code == 0 || code == EAGAIN) return ACCEPTS;
  if (code == EACCES || code == EPERM) return CLOSED;
  return code == ECONNREFUSED ? DEAF : ABSENT;
}

int csn_usual_sockets_each(int (*each)(void *ctx, const char *path, const char *name,
                                       const char *state),
                           void *ctx) {
  for (size_t i = 0; i < COUNT; i++) {
    char *path CSN_CLEANUP_FREE = NULL;
    int rc = path_of(&table[i], &path);
    enum state state = rc || !path ? ABSENT : state_of(path);
    if (rc == 0 && state != ABSENT) rc = each(ctx, path, table[i].name, words_of[state]);
    if (rc) return rc;
  }
  return 0;
}

/* 1 if an engine answers, 0 if nobody does in time, or negative: the caller's own stop, no memory. */
static int answers(const char *path, const struct csn_control *control, struct csn_error *err) {
  struct csn_http_response response CSN_CLEANUP_HTTP_RESPONSE = {0};
  const struct csn_http_request ping = {.method = "GET", .path = "/_ping", .max_body = 4096};
  struct csn_control own = csn_control_within(control, ANSWER_NS);
  struct csn_transport *transport = NULL;
  char *endpoint CSN_CLEANUP_FREE = csn_asprintf("unix://%s", path);
  if (!endpoint) return csn_fail_nomem(err);
  int rc = csn_transport_new(endpoint, NULL, &transport, err);
  if (rc == 0) rc = csn_http_do(transport, &ping, &own, &response, err);
  int good = rc == 0 && response.status == 200 && csn_http_head_get(&response.head, "Api-Version");
  csn_transport_free(transport);
  return rc == CAISSON_E_CANCELLED || rc == CAISSON_E_NOMEM ? rc : good;
}

/* ---- which one ------------------------------------------------------------------------------- */

struct look {
  char *path[COUNT];
  enum state state[COUNT];
};

static void look_free(struct look *look) {
  for (size_t i = 0; i < COUNT; i++) csn_free(look->path[i]);
}

static int look_at_all(struct look *look, struct csn_error *err) {
  for (size_t i = 0; i < COUNT; i++) {
    if (path_of(&table[i], &look->path[i])) return csn_fail_nomem(err);
    look->state[i] = look->path[i] ? state_of(look->path[i]) : ABSENT;
  }
  return 0;
}

/* Which row: COUNT for none, or negative. */
static int choose(struct look *look, const struct csn_control *control, struct csn_error *err) {
  int first = COUNT;
  for (int i = 0; i < (int)COUNT; i++) {
    if (look->state[i] != ACCEPTS) continue;
    if (first == COUNT) first = i;
    int rc = answers(look->path[i], control, err);
    if (rc) return rc < 0 ? rc : i;
    look->state[i] = SILENT;
  }
  return first;
}

/* "not there: /a, /b; no permission: /c" */
static void list(const struct look *look, char *text, size_t size) {
  size_t n = 0;
  text[0] = '\0';
  for (int state = ABSENT; state < STATES; state++) {
    int first = 1;
    for (size_t i = 0; i < COUNT; i++) {
      if (!look->path[i] || (int)look->state[i] != state || n >= size) continue;
      const char *separator = !first ? ", " : n ? "; " : "";
      n += (size_t)snprintf(text + n, size - n, "%s%s%s%s", separator,
                            first ? words_of[state] : "", first ? ": " : "", look->path[i]);
      first = 0;
    }
  }
}

static int none(const struct look *look, struct csn_error *err) {
  char all[640];
  int closed = 0;
  list(look, all, sizeof all);
  for (size_t i = 0; i < COUNT; i++) closed |= look->state[i] == CLOSED;
  int rc = csn_fail(err, CAISSON_E_ENGINE,
                    closed ? CAISSON_REASON_ENGINE_PERMISSION : CAISSON_REASON_ENGINE_UNREACHABLE,
                    "no container engine was found. The configuration names none, nor DOCKER_HOST, "
                    "nor a Docker context; of the usual sockets: %s. Do this: %s, or name one at "
                    "engine.endpoint",
                    all,
                    closed ? "add this user to the group that owns the socket (sudo usermod -aG "
                             "docker NAME)"
                           : "start one (sudo systemctl start docker)");
  if (err && !closed) err->flags = CAISSON_ERROR_RETRYABLE;
  return rc;
}

int csn_usual_sockets_find(const struct csn_control *control, char **path, char *why,
                           size_t why_size, struct csn_error *err) {
  struct look look __attribute__((cleanup(look_free))) = {0};
  int rc = look_at_all(&look, err);
  int row = rc ? rc : choose(&look, control, err);
  if (row < 0) return row;
  if (row == (int)COUNT) return none(&look, err);
  snprintf(why, why_size, "the first of the usual sockets that %s: %s",
           look.state[row] == SILENT ? "accepts connections, though none answers yet" : "answers",
           table[row].name);
  *path = CSN_STEAL(look.path[row]);
  return 0;
}
