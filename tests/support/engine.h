/* The engine itself, asked past the plugin: to see what is there, and to do to containers what an
 * operator or an accident would. And a proxy in front of it that puts faults into its answers. */
#ifndef SUPPORT_ENGINE_H
#define SUPPORT_ENGINE_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <sys/types.h>

#include "support/host.h"

/* One request to the engine of $DOCKER_HOST (a unix socket), by a path such as
 * "/containers/x/json". Returns the HTTP status; *answer, unless NULL, gets the JSON of the body
 * (the caller's) or NULL. Ends the program if no engine answers. */
int engine_ask(const char *method, const char *path, const char *body, cJSON **answer);

/* The name of a session's container where the key can be read in it; in a buffer that eight share. */
const char *engine_container(const struct box *box, const char *key);

/* POST /containers/NAME/ACTION: "start", "kill", "pause", "stop?t=0", ...; ends the program if the
 * engine refuses. */
void engine_do(const char *container, const char *action);
/* Removes it by force and waits until it is gone; it may be gone already. */
void engine_remove(const char *container);
/* "running", "created", ...; "" if there is none. In a buffer of this thread's. */
const char *engine_state(const char *container);
/* The whole answer to inspect as text, the caller's to free; NULL if there is none. */
char *engine_inspect(const char *container);
/* Containers that carry this instance's name, in any state. */
int engine_count(const char *instance);
/* Waits until the container is gone. */
bool engine_wait_gone(const char *container, int ms);

/* ---- a proxy -------------------------------------------------------------------------------- */

struct proxy {
  pid_t pid;
  char dir[64];
  char endpoint[128];
  char settings[192]; /* for box_open(): {"engine": {"endpoint": ...}} */
};

/* Starts one with a scenario of tests/fake_engine/fake_engine.py, with the real engine behind it
 * or, with `alone`, nothing. From the main thread only: it dies with it. */
struct proxy *proxy_start(const char *scenario);
struct proxy *proxy_start_alone(const char *scenario);
/* Nothing moves any more, until it is called again. */
void proxy_freeze(struct proxy *p);
/* How many exchanges that have ended had that method and that text in their target. */
int proxy_count(const struct proxy *p, const char *method, const char *text);
/* Has one of the scenario's rules been used? An exchange that hangs counts once its client has
 * left. */
bool proxy_met(struct proxy *p);
void proxy_stop(struct proxy *p);

#endif
