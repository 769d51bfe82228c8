/* SPDX-License-Identifier: Apache-2.0 */
/* Further processes in a running container. */
#ifndef CSN_ENGINE_EXEC_H
#define CSN_ENGINE_EXEC_H

#include "engine/containers.h"

struct csn_exec_spec {
  const char *const *argv; /* NULL-terminated */
  const char *const *env;  /* "NAME=value", NULL-terminated; NULL: the container's own */
  const char *user;        /* "uid:gid"; NULL: the container's own */
  const char *workdir;     /* NULL: the container's own */
};

/* Creates and starts it, and returns its hijacked stream (see csn_container_attach). id may be
 * NULL. There is no way to end an exec but from inside. (10 s to create, 30 s to start) */
int csn_exec_open(struct csn_engine *engine, const char *container,
                  const struct csn_exec_spec *spec, const struct csn_control *control,
                  struct csn_stream **stream, char id[CSN_CONTAINER_ID_SIZE],
                  struct csn_error *err);

struct csn_exec_state {
  int running;
  int exit_code; /* -1 while it is not known */
};
/* (10 s) */
int csn_exec_inspect(struct csn_engine *engine, const char *id, const struct csn_control *control,
                     struct csn_exec_state *out, struct csn_error *err);

#endif
