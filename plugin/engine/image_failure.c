/* SPDX-License-Identifier: Apache-2.0 */
/* See image_failure.h. */
#include "engine/image_failure.h"

#include <string.h>

#include "util/alloc.h"
#include "util/ascii.h"
#include "util/utf8.h"

#define WORDS_MAX 300 /* characters of theirs, so that ours fit beside them */

static const struct rule {
  const char *words;  /* NULL: any */
  const char *reason;
  uint32_t flags;
  const char *says; /* of the image; then of the registry, if it has a second %s */
} rules[] = {
#define RATE CAISSON_REASON_IMAGE_RATE_LIMITED, CAISSON_ERROR_RETRYABLE, \
  "the image \"%s\" cannot be pulled now, since the registry %s limits how many pulls it allows; " \
  "wait, or log in there (docker login) for a higher limit"
    {"toomanyrequests", RATE},
    {"too many requests", RATE},
#undef RATE
#define PLATFORM CAISSON_REASON_IMAGE_PLATFORM, 0, \
  "the image \"%s\" is not made for the platform that is needed; choose another image, or set " \
  "sandbox.platform to one that it has and the engine can run"
    {"no matching manifest for", PLATFORM},
    {"does not match the specified platform", PLATFORM},
    {"no image found in manifest list", PLATFORM},
#undef PLATFORM
    {"no space left on device", CAISSON_REASON_DISK_FULL, 0,
     "there is no room for the image \"%s\"; free space on the engine's disk (docker system df "
     "shows what uses it)"},
#define DENIED CAISSON_REASON_IMAGE_DENIED, 0, \
  "the image \"%s\" may not be pulled from the registry %s as who we are there: log in with an " \
  "account that may (docker login), as the user that this process runs as, or correct the name"
    {"pull access denied", DENIED},
    {"unauthorized", DENIED},
    {"authentication required", DENIED},
    {"no basic auth credentials", DENIED},
    {"incorrect username or password", DENIED},
    {"access forbidden", DENIED},
    {"denied", DENIED},
#undef DENIED
#define NOT_FOUND CAISSON_REASON_IMAGE_NOT_FOUND, 0, \
  "there is no image \"%s\" in the registry %s; correct its name or tag"
    {"manifest unknown", NOT_FOUND},
    {"name unknown", NOT_FOUND},
    {"manifest for", NOT_FOUND},
    {"repository does not exist", NOT_FOUND},
#undef NOT_FOUND
#define REGISTRY CAISSON_REASON_IMAGE_REGISTRY, CAISSON_ERROR_RETRYABLE, \
  "the image \"%s\" cannot be pulled, since the engine does not reach the registry %s; check the " \
  "engine's network, DNS and proxy, or give it the image by `docker load`"
    {"no such host", REGISTRY},
    {"connection refused", REGISTRY},
    {"connection reset", REGISTRY},
    {"network is unreachable", REGISTRY},
    {"no route to host", REGISTRY},
    {"i/o timeout", REGISTRY},
    {"deadline exceeded", REGISTRY},
    {"client.timeout", REGISTRY},
    {"tls handshake", REGISTRY},
    {"x509", REGISTRY},
    {"http response to https client", REGISTRY},
    {"unexpected eof", REGISTRY},
    {"server misbehaving", REGISTRY},
#undef REGISTRY
    {NULL, CAISSON_REASON_IMAGE_FAILED, 0, "the image \"%s\" could not be had"},
};

static const struct rule *rule_for(const char *words) {
  const struct rule *r = rules;
  while (r->words && !csn_ascii_holds(words, r->words)) r++;
  return r;
}

/* What `says` has of the image and of the registry, in its place. */
static char *sentence(const struct rule *r, const char *image, const char *registry) {
  const char *first = strstr(r->says, "%s"), *second = strstr(first + 2, "%s");
  if (!second)
    return csn_asprintf("%.*s%.200s%s", (int)(first - r->says), r->says, image, first + 2);
  return csn_asprintf("%.*s%.200s%.*s%.100s%s", (int)(first - r->says), r->says, image,
                      (int)(second - first - 2), first + 2, registry, second + 2);
}

int csn_image_failure(const char *image, const char *registry, const char *words,
                      struct csn_error *err) {
  const struct rule *r = rule_for(words);
  CSN_CLEANUP_FREE char *said = sentence(r, image, registry);
  CSN_CLEANUP_FREE char *clean = csn_utf8_repaired(words, strlen(words));
  if (!said || !clean) return csn_fail_nomem(err);
  size_t n = strlen(clean);
  if (n > WORDS_MAX) n = csn_utf8_valid_prefix(clean, WORDS_MAX);
  int rc = csn_fail(err, CAISSON_E_ENGINE, r->reason, "%s (%.*s)", said, (int)n, clean);
  if (err) err->flags = r->flags;
  return rc;
}

int csn_image_failure_of(const char *image, const char *registry, struct csn_error *err) {
  static const char *const theirs[] = {CAISSON_REASON_ENGINE_REFUSED,
                                       CAISSON_REASON_ENGINE_NOT_FOUND,
                                       CAISSON_REASON_ENGINE_CONFLICT, CAISSON_REASON_DISK_FULL};
  for (size_t i = 0; err->code == CAISSON_E_ENGINE && i < sizeof theirs / sizeof *theirs; i++) {
    if (strcmp(err->reason, theirs[i]) != 0) continue;
    struct csn_error before = *err;
    return csn_image_failure(image, registry, before.message, err);
  }
  return err->code;
}
