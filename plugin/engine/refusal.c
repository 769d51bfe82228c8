/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/refusal.h"

#include <string.h>

#include <cjson/cJSON.h>

#include "util/alloc.h"
#include "util/ascii.h"
#include "util/json.h"
#include "util/utf8.h"

#define WORDS_MAX 600 /* bytes, so that what was asked and a hint fit beside them */

static const char *phrase(int status) {
  static const struct {
    int status;
    const char *text;
  } known[] = {
      {301, "Moved Permanently"}, {400, "Bad Request"},           {401, "Unauthorized"},
      {403, "Forbidden"},         {404, "Not Found"},             {405, "Method Not Allowed"},
      {409, "Conflict"},          {500, "Internal Server Error"}, {501, "Not Implemented"},
      {503, "Service Unavailable"},
  };
  for (size_t i = 0; i < sizeof known / sizeof *known; i++)
    if (known[i].status == status) return known[i].text;
  return "(unusual status)";
}

/* One line of valid UTF-8: blanks for control characters, and never two together. */
static void clean(char *text) {
  char *out = text;
  for (const char *in = text; *in; in++) {
    char c = (unsigned char)*in <= 0x20 || *in == 0x7f ? ' ' : *in;
    if (c != ' ' || (out > text && out[-1] != ' ')) *out++ = c;
  }
  if (out > text && out[-1] == ' ') out--;
  *out = '\0';
}

/* NULL when out of memory. */
static char *words_of(const void *body, size_t n) {
  cJSON *json CSN_CLEANUP_JSON = cJSON_ParseWithLength(body, n);
  const char *message = csn_json_string(json, "message", NULL);
  char *words = message ? csn_utf8_repaired(message, strlen(message)) : csn_utf8_repaired(body, n);
  if (!words) return NULL;
  clean(words);
  size_t size = strlen(words);
  if (size > WORDS_MAX) {
    size_t end = WORDS_MAX;
    while (end > 0 && ((unsigned char)words[end] & 0xc0) == 0x80) end--;
    memcpy(words + end, "...", sizeof "...");
  }
  return words;
}

struct rule {
  int status;        /* 0: any */
  const char *words; /* NULL: any */
  const char *reason;
  const char *hint;
  uint32_t flags;
};

static const struct rule *rule_for(int status, const char *words) {
  static const struct rule rules[] = {
      {0, "no space left on device", CAISSON_REASON_DISK_FULL,
       "; free space on the engine's disk (docker system df shows what uses it)", 0},
      {0, "disk quota exceeded", CAISSON_REASON_DISK_FULL, "; raise the quota or free space", 0},
      {400, "client version", CAISSON_REASON_ENGINE_VERSION, "", 0},
      /* Podman's 500 for what Docker answers with 409, and, while a removal is under way, with 404. */
      {500, "name is already in use", CAISSON_REASON_ENGINE_CONFLICT, "", 0},
      {500, "no such container", CAISSON_REASON_ENGINE_NOT_FOUND, "", 0},
      {404, NULL, CAISSON_REASON_ENGINE_NOT_FOUND, "", 0},
      {409, NULL, CAISSON_REASON_ENGINE_CONFLICT, "", 0},
      {503, NULL, CAISSON_REASON_ENGINE_REFUSED, "", CAISSON_ERROR_RETRYABLE},
      {0, NULL, CAISSON_REASON_ENGINE_REFUSED, "", 0},
  };
  const struct rule *r = rules;
  while ((r->status && r->status != status) || (r->words && !csn_ascii_holds(words, r->words))) r++;
  return r;
}

int csn_refusal(int status, const void *body, size_t n, struct csn_error *err) {
  char *words CSN_CLEANUP_FREE = words_of(body, n);
  if (!words) return csn_fail_nomem(err);
  const struct rule *rule = rule_for(status, words);
  int rc = csn_fail(err, CAISSON_E_ENGINE, rule->reason, "%d %s%s%s%s", status, phrase(status),
                    words[0] ? ": " : "", words, rule->hint);
  if (err) err->flags = rule->flags;
  return rc;
}
