/* SPDX-License-Identifier: Apache-2.0 */
/* Containers: from create to remove, and attach. */
#ifndef CSN_ENGINE_CONTAINERS_H
#define CSN_ENGINE_CONTAINERS_H

#include <stddef.h>
#include <stdint.h>

#include "engine/engine.h"
#include "transport/stream.h"

#define CSN_CONTAINER_ID_SIZE 65 /* 64 hex digits and a NUL */

enum csn_container_state {
  CSN_CONTAINER_UNKNOWN, /* a word that this version does not know */
  CSN_CONTAINER_CREATED,
  CSN_CONTAINER_RUNNING,
  CSN_CONTAINER_PAUSED,
  CSN_CONTAINER_RESTARTING,
  CSN_CONTAINER_REMOVING,
  CSN_CONTAINER_EXITED,
  CSN_CONTAINER_DEAD,
};
const char *csn_container_state_text(enum csn_container_state state);

struct csn_container {
  char id[CSN_CONTAINER_ID_SIZE];
  const char *name; /* without the leading slash; in raw */
  enum csn_container_state state;
  int exit_code;          /* inspect only; of the last run, 0 before it */
  int oom_killed;         /* inspect only */
  int pid;                /* inspect only; on the engine's host, 0 unless it runs */
  const char *started_at; /* inspect only; RFC 3339, "0001-01-01T00:00:00Z" before; in raw */
  int64_t created;        /* list only; seconds since 1970 */
  const char *image;      /* as it was named at create; in raw */
  const char *image_id;   /* in raw */
  const cJSON *labels;    /* in raw; may be NULL */
  cJSON *raw;             /* the answer; of a list, borrowed from it */
};
void csn_container_free(struct csn_container *container);
#define CSN_CLEANUP_CONTAINER __attribute__((cleanup(csn_container_free)))
/* NULL if it has no such label. */
const char *csn_container_label(const struct csn_container *container, const char *name);

struct csn_container_list {
  struct csn_container *items; /* not to be freed one by one */
  size_t count;
  cJSON *raw;
};
void csn_container_list_free(struct csn_container_list *list);
#define CSN_CLEANUP_CONTAINER_LIST __attribute__((cleanup(csn_container_list_free)))

/* body is a create body of the API. An image that is not there is image.missing, a name that is
 * taken is engine.conflict. After any other error too it may exist: look it up by its name.
 * (60 s) */
int csn_container_create(struct csn_engine *engine, const char *name, const cJSON *body,
                         const struct csn_control *control, char id[CSN_CONTAINER_ID_SIZE],
                         struct csn_error *err);
/* The same, but one that fails or is stopped leaves no container behind: ours is one of that name
 * that has the labels of the body, so let them or the name be nobody else's. A stop may take a
 * quarter of a second. */
int csn_container_make(struct csn_engine *engine, const char *name, const cJSON *body,
                       const struct csn_control *control, char id[CSN_CONTAINER_ID_SIZE],
                       struct csn_error *err);
/* 0 too when it runs already. (60 s) */
int csn_container_start(struct csn_engine *engine, const char *container,
                        const struct csn_control *control, struct csn_error *err);
/* (10 s) */
int csn_container_inspect(struct csn_engine *engine, const char *container,
                          const struct csn_control *control, struct csn_container *out,
                          struct csn_error *err);
/* Those that have all of the n labels, each "name" or "name=value", whatever state they are in.
 * (20 s) */
int csn_container_list(struct csn_engine *engine, const char *const *labels, size_t n,
                       const struct csn_control *control, struct csn_container_list *out,
                       struct csn_error *err);

#define CSN_REMOVE_FORCE 1U   /* kill it first */
#define CSN_REMOVE_VOLUMES 2U /* its anonymous volumes too */
/* 0 too when it is gone already or is being removed. (60 s) */
int csn_container_remove(struct csn_engine *engine, const char *container, unsigned flags,
                         const struct csn_control *control, struct csn_error *err);
/* engine.conflict when the name is taken. (10 s) */
int csn_container_rename(struct csn_engine *engine, const char *container, const char *name,
                         const struct csn_control *control, struct csn_error *err);
/* "KILL", "TERM", ... engine.conflict when it does not run. (10 s) */
int csn_container_kill(struct csn_engine *engine, const char *container, const char *signal,
                       const struct csn_control *control, struct csn_error *err);

#define CSN_WAIT_NOT_RUNNING "not-running"
#define CSN_WAIT_NEXT_EXIT "next-exit"
#define CSN_WAIT_REMOVED "removed"
/* Waits for the condition as long as the control lets it. *exit_code may be NULL. */
int csn_container_wait(struct csn_engine *engine, const char *container, const char *condition,
                       const struct csn_control *control, int *exit_code, struct csn_error *err);

/* A stream to its process 1's stdin, and of its output, to be taken apart by csn_demux_next().
 * Works before the start too, which loses nothing of what it prints. (10 s) */
int csn_container_attach(struct csn_engine *engine, const char *container,
                         const struct csn_control *control, struct csn_stream **stream,
                         struct csn_error *err);

#endif
