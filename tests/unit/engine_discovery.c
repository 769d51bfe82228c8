/* SPDX-License-Identifier: Apache-2.0 */
/* Which engine it is to be, as far as files and the environment say so, and what else there is.
 * What the usual sockets add is tests/integration/engine_discovery.py's. */
#include "engine/discovery.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tap.h"
#include "transport_server.h"
#include "util/json.h"
#include "util/sha256.h"

static char folder[] = "/tmp/caisson-discovery-XXXXXX";
static const struct csn_control no_control = CSN_CONTROL_NONE;
static const struct csn_engine_wanted nothing;

/* ---- a home ---------------------------------------------------------------------------------- */

static void write_file(const char *name, const char *text) {
  char path[256], command[512];
  snprintf(path, sizeof path, "%s/%s", folder, name);
  snprintf(command, sizeof command, "mkdir -p \"$(dirname %s)\"", path);
  if (system(command)) BAIL_OUT("%s", command);
  FILE *f = fopen(path, "w");
  if (!f || fputs(text, f) < 0 || fclose(f)) BAIL_OUT("%s", path);
}

static void write_context(const char *name, const char *meta) {
  char digest[CSN_SHA256_HEX], path[200];
  csn_sha256_hex(name, strlen(name), digest);
  snprintf(path, sizeof path, "docker/contexts/meta/%s/meta.json", digest);
  write_file(path, meta);
}

static void write_pem(const char *context, const char *name) {
  char digest[CSN_SHA256_HEX], path[200];
  csn_sha256_hex(context, strlen(context), digest);
  snprintf(path, sizeof path, "docker/contexts/tls/%s/docker/%s", digest, name);
  write_file(path, "-----BEGIN THING-----\n");
}

static void make_home(void) {
  static const char *const unset[] = {"DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_TLS_VERIFY",
                                      "DOCKER_CERT_PATH", "COLIMA_HOME"};
  char path[64];
  if (!mkdtemp(folder)) BAIL_OUT("mkdtemp");
  for (size_t i = 0; i < sizeof unset / sizeof *unset; i++) unsetenv(unset[i]);
  setenv("HOME", folder, 1);
  setenv("XDG_RUNTIME_DIR", folder, 1);
  snprintf(path, sizeof path, "%s/docker", folder);
  setenv("DOCKER_CONFIG", path, 1);
  write_context("plain",
                "{\"Name\":\"plain\",\"Endpoints\":{\"docker\":{\"Host\":\"unix:///ctx\"}}}");
  write_context("secure", "{\"Endpoints\":{\"docker\":{\"Host\":\"tcp://h:1\"}}}");
  write_pem("secure", "ca.pem");
  write_pem("secure", "cert.pem");
  write_pem("secure", "key.pem");
  write_context("skips",
                "{\"Endpoints\":{\"docker\":{\"Host\":\"tcp://h:2\",\"SkipTLSVerify\":true}}}");
  write_pem("skips", "ca.pem");
  write_context("bare", "{\"Endpoints\":{\"docker\":{\"Host\":\"tcp://h:3\"}}}");
  write_context("local", "{\"Endpoints\":{\"docker\":{}}}");
  write_context("odd", "{\"Endpoints\":{\"kubernetes\":{}}}");
  write_context("list", "[]");
  write_context("broken", "{\"Endpoints\":");
  write_context("typed", "{\"Endpoints\":{\"docker\":{\"Host\":17}}}");
}

/* ---- finding --------------------------------------------------------------------------------- */

static struct csn_engine_found found;
static struct csn_error err;

static int find(const struct csn_engine_wanted *wanted) {
  csn_engine_found_free(&found);
  csn_error_clear(&err);
  return csn_discovery_find(wanted, &no_control, &found, &err);
}

static void is_found(const struct csn_engine_wanted *wanted, const char *source,
                     const char *endpoint, const char *what) {
  is_int(find(wanted), 0, "%s: %s", what, err.message);
  is_str(found.source, source, "by which way");
  is_str(found.endpoint, endpoint, "where");
  ok(found.why[0], "and why: %s", found.why);
}

static void test_order(void) {
  const struct csn_engine_wanted endpoint = {.endpoint = "unix:///configured"};
  const struct csn_engine_wanted context = {.context = "plain"};
  write_file("docker/config.json", "{\"currentContext\": \"plain\"}");
  is_found(&nothing, "context", "unix:///ctx", "config.json's current context");
  setenv("DOCKER_CONTEXT", "bare", 1);
  is_found(&nothing, "context", "tcp://h:3", "DOCKER_CONTEXT goes before it");
  ok(!found.has_tls, "without TLS, as it has no files for that");
  setenv("DOCKER_HOST", "unix:///host", 1);
  is_found(&nothing, "DOCKER_HOST", "unix:///host", "DOCKER_HOST before that");
  is_found(&endpoint, "configuration", "unix:///configured", "engine.endpoint before all");
  is_found(&context, "configuration", "unix:///ctx", "and so engine.context");
  setenv("DOCKER_HOST", "", 1);
  is_found(&nothing, "context", "tcp://h:3", "an empty DOCKER_HOST is none");
  unsetenv("DOCKER_HOST");
  unsetenv("DOCKER_CONTEXT");
}

static void test_contexts(void) {
  static const struct {
    const char *name, *words;
  } wrong[] = {{"nowhere", "does not exist"}, {"odd", "names no docker engine"},
               {"list", "is no object"},      {"broken", "meta.json"},
               {"../..", "does not exist"}};
  struct csn_engine_wanted wanted = {.context = "secure"};
  is_found(&wanted, "configuration", "tcp://h:1", "a context with TLS");
  ok(found.has_tls && found.tls.ca && found.tls.cert && found.tls.key && !found.tls.insecure,
     "has all of it");
  ok(strstr(found.tls.origin, "secure"), "and its failures will name it: %s", found.tls.origin);
  wanted.context = "skips";
  is_found(&wanted, "configuration", "tcp://h:2", "a context that skips verification");
  ok(found.has_tls && found.tls.insecure && !found.tls.ca, "does");
  wanted.context = "local";
  is_found(&wanted, "configuration", "unix:///var/run/docker.sock", "a context without a host");
  wanted.context = "typed";
  is_found(&wanted, "configuration", "unix:///var/run/docker.sock", "or with no text for one");
  wanted.context = "default";
  is_found(&wanted, "configuration", "unix:///var/run/docker.sock", "the default one");
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    wanted.context = wrong[i].name;
    is_int(find(&wanted), CAISSON_E_CONFIG, "the context %s is refused", wrong[i].name);
    ok(strstr(err.message, wrong[i].words), "in words: %s", err.message);
  }
  setenv("DOCKER_CONTEXT", "nowhere", 1);
  is_int(find(&nothing), CAISSON_E_CONFIG, "DOCKER_CONTEXT with no such context");
  ok(strstr(err.message, "DOCKER_CONTEXT") && strstr(err.message, "docker context ls"),
     "says who named it, and what to do: %s", err.message);
  unsetenv("DOCKER_CONTEXT");
  write_file("docker/config.json", "{");
  is_int(find(&nothing), CAISSON_E_CONFIG, "a broken config.json is not passed over");
  ok(strstr(err.message, "docker/config.json"), "and named: %s", err.message);
  write_file("docker/config.json", "{}");
}

static void test_environment(void) {
  char certs[64];
  snprintf(certs, sizeof certs, "%s/certs", folder);
  setenv("DOCKER_HOST", "tcp://h:1", 1);
  is_found(&nothing, "DOCKER_HOST", "tcp://h:1", "DOCKER_HOST alone");
  ok(!found.has_tls, "is no TLS");
  setenv("DOCKER_TLS_VERIFY", "1", 1);
  is_int(find(&nothing), CAISSON_E_CONFIG, "DOCKER_TLS_VERIFY without a ca.pem");
  ok(strstr(err.message, "no ca.pem in") && strstr(err.message, "docker"), "is refused: %s",
     err.message);
  setenv("DOCKER_CERT_PATH", certs, 1);
  write_file("certs/ca.pem", "x");
  is_found(&nothing, "DOCKER_HOST", "tcp://h:1", "with one in DOCKER_CERT_PATH");
  ok(found.has_tls && strstr(found.tls.ca, certs) && !found.tls.cert && !found.tls.insecure,
     "it is TLS");
  unsetenv("DOCKER_TLS_VERIFY");
  is_found(&nothing, "DOCKER_HOST", "tcp://h:1", "DOCKER_CERT_PATH alone");
  ok(found.has_tls && !found.tls.insecure, "is TLS, and verified");
  setenv("DOCKER_HOST", "unix:///x", 1);
  is_found(&nothing, "DOCKER_HOST", "unix:///x", "a socket");
  ok(!found.has_tls, "needs none");
  unsetenv("DOCKER_HOST");
  unsetenv("DOCKER_CERT_PATH");
}

/* ---- others ---------------------------------------------------------------------------------- */

static const cJSON *other_at(const cJSON *all, const char *endpoint) {
  const cJSON *other;
  cJSON_ArrayForEach(other, all) {
    if (strcmp(csn_json_string(other, "endpoint", ""), endpoint) == 0) return other;
  }
  return NULL;
}

static int listen_at(const char *name) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  write_file(name, "");
  snprintf(address.sun_path, sizeof address.sun_path, "%s/%s", folder, name);
  unlink(address.sun_path);
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (bind(fd, (const struct sockaddr *)&address, sizeof address) || listen(fd, 8))
    BAIL_OUT("%s", address.sun_path);
  return fd;
}

static void test_others(void) {
  char podman[128], colima[128];
  cJSON *all = cJSON_CreateArray();
  int listening = listen_at("podman/podman.sock"), closed = listen_at(".colima/default/docker.sock");
  close(closed);
  setenv("DOCKER_HOST", "tcp://elsewhere:1", 1);
  setenv("DOCKER_CONTEXT", "plain", 1);
  is_int(csn_discovery_others("unix:///chosen", all), 0, "what else there is");
  snprintf(podman, sizeof podman, "unix://%s/podman/podman.sock", folder);
  snprintf(colima, sizeof colima, "unix://%s/.colima/default/docker.sock", folder);
  is_str(csn_json_string(other_at(all, podman), "state", ""), "accepts connections", "Podman's");
  is_str(csn_json_string(other_at(all, podman), "name", ""), "rootless Podman", "by its name");
  is_str(csn_json_string(other_at(all, colima), "state", ""), "nothing listens", "Colima's, dead");
  is_str(csn_json_string(other_at(all, "tcp://elsewhere:1"), "source", ""), "DOCKER_HOST", "the "
                                                                       "environment's");
  is_str(csn_json_string(other_at(all, "unix:///ctx"), "name", ""), "plain", "the context's");
  cJSON_Delete(all);
  all = cJSON_CreateArray();
  is_int(csn_discovery_others(podman, all), 0, "where one of them was chosen");
  ok(!other_at(all, podman), "it is no other");
  cJSON_Delete(all);
  close(listening);
}

int main(void) {
  char command[64];
  make_home();
  test_order();
  test_contexts();
  test_environment();
  test_others();
  csn_engine_found_free(&found);
  snprintf(command, sizeof command, "rm -rf %s", folder);
  if (system(command)) BAIL_OUT("%s", command);
  return done_testing();
}
