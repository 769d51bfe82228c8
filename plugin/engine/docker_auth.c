/* SPDX-License-Identifier: Apache-2.0 */
/* See docker_auth.h. */
#include "engine/docker_auth.h"

#include <string.h>

#include "engine/image_name.h"
#include "util/alloc.h"
#include "util/base64.h"
#include "util/json.h"

/* A helper says so instead of a name where the secret is a token. */
#define TOKEN_USER "<token>"

const char *csn_docker_auth_key(const char *registry) {
  return strcmp(registry, CSN_DOCKER_HUB) == 0 ? CSN_DOCKER_HUB_KEY : registry;
}

/* Keys were written in many ways: "https://host/v1/" means host. */
static int is_key_of(const char *key, const char *registry) {
  static const char *const schemes[] = {"https://", "http://"};
  for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++)
    if (strncmp(key, schemes[i], strlen(schemes[i])) == 0) key += strlen(schemes[i]);
  size_t n = strcspn(key, "/");
  if (n == strlen(registry) && strncmp(key, registry, n) == 0) return 1;
  int is_hub = strcmp(registry, CSN_DOCKER_HUB) == 0;
  return is_hub && n == strlen("index.docker.io") && strncmp(key, "index.docker.io", n) == 0;
}

static const cJSON *entry_of(const cJSON *table, const char *registry) {
  const cJSON *exact = csn_json_get(table, csn_docker_auth_key(registry)), *item;
  if (exact) return exact;
  cJSON_ArrayForEach(item, table) {
    if (item->string && is_key_of(item->string, registry)) return item;
  }
  return NULL;
}

const char *csn_docker_auth_helper(const cJSON *config, const char *registry) {
  const cJSON *own = entry_of(csn_json_get(config, "credHelpers"), registry);
  const char *name =
      cJSON_IsString(own) ? own->valuestring : csn_json_string(config, "credsStore", NULL);
  return name && *name ? name : NULL;
}

/* ---- documents ------------------------------------------------------------------------------- */

static cJSON *document_of(const char *registry, const char *user, const char *password,
                          const char *token) {
  cJSON *document = cJSON_CreateObject();
  int bad = csn_json_add_string(document, "serveraddress", csn_docker_auth_key(registry));
  if (user) bad |= csn_json_add_string(document, "username", user);
  if (password) bad |= csn_json_add_string(document, "password", password);
  if (token) bad |= csn_json_add_string(document, "identitytoken", token);
  if (!bad) return document;
  csn_docker_auth_delete(document);
  return NULL;
}

static int malformed(const char *registry, struct csn_error *err) {
  return csn_fail(err, CAISSON_E_CONFIG, CAISSON_REASON_IMAGE_CREDENTIALS,
                  "the docker client's configuration has credentials for \"%.100s\" that make no "
                  "sense; log in there again (docker login)",
                  registry);
}

/* "auth" is base64 of "user:password". */
static int of_auth(const char *auth, const char *token, const char *registry, cJSON **out,
                   struct csn_error *err) {
  size_t n = 0;
  char *text;
  if (csn_base64_decode(auth, &text, &n) == CAISSON_E_NOMEM) return csn_fail_nomem(err);
  char *colon = text ? memchr(text, ':', n) : NULL;
  if (!colon || memchr(text, '\0', n)) {
    csn_docker_auth_wipe(text);
    return malformed(registry, err);
  }
  *colon = '\0';
  *out = document_of(registry, text, token ? NULL : colon + 1, token);
  *colon = ':';
  csn_docker_auth_wipe(text);
  return *out ? 0 : csn_fail_nomem(err);
}

int csn_docker_auth_inline(const cJSON *config, const char *registry, cJSON **out,
                           struct csn_error *err) {
  const cJSON *entry = entry_of(csn_json_get(config, "auths"), registry);
  const char *auth = csn_json_string(entry, "auth", "");
  const char *user = csn_json_string(entry, "username", NULL);
  const char *password = csn_json_string(entry, "password", NULL);
  const char *token = csn_json_string(entry, "identitytoken", NULL);
  *out = NULL;
  if (token && !*token) token = NULL;
  if (*auth) return of_auth(auth, token, registry, out, err);
  if (!token && !(user && password)) return 0;
  *out = document_of(registry, user, token ? NULL : password, token);
  return *out ? 0 : csn_fail_nomem(err);
}

cJSON *csn_docker_auth_of_helper(const cJSON *answer, const char *registry) {
  const char *user = csn_json_string(answer, "Username", NULL);
  const char *secret = csn_json_string(answer, "Secret", NULL);
  if (!user || !secret) return NULL;
  if (strcmp(user, TOKEN_USER) == 0) return document_of(registry, NULL, NULL, secret);
  return document_of(registry, user, secret, NULL);
}

char *csn_docker_auth_encode(const cJSON *document) {
  char *json = csn_json_print(document);
  char *text = json ? csn_base64(json, strlen(json)) : NULL;
  csn_docker_auth_wipe(json);
  for (char *p = text; p && *p; p++) {
    if (*p == '+') *p = '-';
    if (*p == '/') *p = '_';
  }
  return text;
}

/* ---- the end --------------------------------------------------------------------------------- */

void csn_docker_auth_wipe(char *text) {
  if (text) explicit_bzero(text, strlen(text));
  csn_free(text);
}

void csn_docker_auth_delete(cJSON *document) {
  const cJSON *member = NULL;
  while ((member = csn_json_next_string(document, member)) != NULL)
    explicit_bzero(member->valuestring, strlen(member->valuestring));
  cJSON_Delete(document);
}
