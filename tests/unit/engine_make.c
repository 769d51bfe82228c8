/* SPDX-License-Identifier: Apache-2.0 */
/* A create that is cut short: what the engine made all the same is removed, and nothing else. */
#include "engine_fixture.h"

static const char *labels; /* of the container that is there; NULL: there is none */
static atomic_int removed;

/* Never answers a create, as an engine that is asked and then not waited for. */
static void serve_deaf(struct server *server, int fd, int number) {
  char text[65536], found[512];
  (void)number;
  while (server_read(server, fd, text, sizeof text)) {
    if (strncmp(text, "GET /_ping ", 11) == 0) {
      reply(fd, 200, "Api-Version: 1.41\r\n", "OK");
    } else if (strncmp(text, "GET ", 4) == 0) {
      snprintf(found, sizeof found,
               "{\"Id\":\"" ID "\",\"Name\":\"/n\",\"State\":{\"Status\":\"created\"},"
               "\"Config\":{\"Image\":\"i\",\"Labels\":%s},\"Image\":\"i\"}", labels ? labels : "");
      reply(fd, labels ? 200 : 404, "", labels ? found : "{\"message\":\"no such container\"}");
    } else if (strncmp(text, "DELETE ", 7) == 0) {
      atomic_fetch_add(&removed, 1);
      reply(fd, 204, "", "");
    }
  }
}

static void check(const char *found, const char *ours, int expected, const char *what) {
  struct fixture f = {0};
  char id[CSN_CONTAINER_ID_SIZE];
  cJSON *spec CSN_CLEANUP_JSON = cJSON_Parse("{\"Image\":\"i\"}");
  cJSON_AddItemToObject(spec, "Labels", cJSON_Parse(ours));
  labels = found;
  atomic_store(&removed, 0);
  server_start(&f.server, serve_deaf);
  if (csn_engine_new(f.server.endpoint, &f.engine, &f.err)) BAIL_OUT("%s", f.err.message);
  struct csn_control control = csn_control_within(&no_control, 100 * CSN_MS);
  is_int(csn_container_make(f.engine, "n", spec, &control, id, &f.err), CAISSON_E_DEADLINE,
         "a create that is never answered ends in time");
  is_int(atomic_load(&removed), expected, "%s", what);
  tear_down(&f);
}

int main(void) {
  check("{\"caisson.uid\":\"7\"}", "{\"caisson.uid\":\"7\"}", 1, "what it made is removed");
  check("{\"caisson.uid\":\"7\",\"maintainer\":\"x\"}", "{\"caisson.uid\":\"7\"}", 1,
        "also of an image that has labels");
  check("{\"caisson.uid\":\"8\"}", "{\"caisson.uid\":\"7\"}", 0, "another's of the name stays");
  check("null", "{\"caisson.uid\":\"7\"}", 0, "one without labels too");
  check("{}", "{}", 1, "a name that is nobody else's is enough");
  check(NULL, "{}", 0, "where nothing was made nothing is asked for");
  return done_testing();
}
