/* SPDX-License-Identifier: Apache-2.0 */
/* See image_name.h. */
#include "engine/image_name.h"

#include <string.h>

#include "util/alloc.h"

#define ID_PREFIX "sha256:"

/* The first part of a path is a registry only if it looks like a host, as Docker has it. */
static int is_host(const char *text, size_t n) {
  if (n == strlen("localhost") && strncmp(text, "localhost", n) == 0) return 1;
  for (size_t i = 0; i < n; i++)
    if (text[i] == '.' || text[i] == ':' || (text[i] >= 'A' && text[i] <= 'Z')) return 1;
  return 0;
}

static char *registry_of(const char *text) {
  const char *slash = strchr(text, '/');
  size_t n = slash ? (size_t)(slash - text) : 0;
  if (!slash || !is_host(text, n)) return csn_strdup(CSN_DOCKER_HUB);
  if (n == strlen("index.docker.io") && strncmp(text, "index.docker.io", n) == 0)
    return csn_strdup(CSN_DOCKER_HUB);
  return csn_strndup(text, n);
}

static int is_id(const char *text) {
  size_t prefix = strlen(ID_PREFIX);
  return strncmp(text, ID_PREFIX, prefix) == 0 && strlen(text) == prefix + 64 &&
         strspn(text + prefix, "0123456789abcdef") == 64;
}

int csn_image_name_parse(const char *text, struct csn_image_name *out, struct csn_error *err) {
  const char *digest = strchr(text, '@');
  size_t n = digest ? (size_t)(digest - text) : strlen(text), end = n;
  while (end > 0 && text[end - 1] != ':' && text[end - 1] != '/') end--;
  int has_tag = end > 0 && text[end - 1] == ':';
  *out = (struct csn_image_name){.has_digest = digest != NULL, .is_id = is_id(text)};
  out->registry = registry_of(text);
  out->repository = csn_strndup(text, has_tag ? end - 1 : n);
  if (digest)
    out->tag = csn_strdup(digest + 1);
  else
    out->tag = has_tag ? csn_strndup(text + end, n - end) : csn_strdup("latest");
  if (out->registry && out->repository && out->tag) return 0;
  csn_image_name_free(out);
  return csn_fail_nomem(err);
}

void csn_image_name_free(struct csn_image_name *name) {
  csn_free(name->registry);
  csn_free(name->repository);
  csn_free(name->tag);
  memset(name, 0, sizeof *name);
}
