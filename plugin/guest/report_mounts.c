/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The list of mounts, from the text of mountinfo.
 */
#include "guest/report_parts.h"

#include <string.h>

#define TEXT_MAX 1024u

static void add_unescaped(struct csn_report_json *json, const char *name,
                          struct csn_report_slice text) {
  char plain[TEXT_MAX];
  size_t size = csn_report_unescape(text, plain, sizeof plain, &json->cut);
  csn_report_bytes(json, name, plain, size);
}

/* Where an overlay's layers lie on the engine's machine is not the sandbox's to say, and there may
 * be a great many of them. */
static bool is_layers(const char *option, size_t size) {
  static const char *const names[] = {"lowerdir", "upperdir", "workdir"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    size_t n = strlen(names[i]);
    if (size >= n && memcmp(option, names[i], n) == 0) return true;
  }
  return false;
}

static void add_super(struct csn_report_json *json, struct csn_report_slice super) {
  char kept[TEXT_MAX];
  size_t size = 0, at = 0;
  while (at < super.size) {
    const char *option = super.bytes + at, *comma = memchr(option, ',', super.size - at);
    size_t n = comma ? (size_t)(comma - option) : super.size - at;
    at += n + (comma != NULL);
    if (is_layers(option, n)) continue;
    if (n + 1 > sizeof kept - size) {
      json->cut = true;
      break;
    }
    if (size > 0) kept[size++] = ',';
    memcpy(kept + size, option, n);
    size += n;
  }
  add_unescaped(json, "super", (struct csn_report_slice){kept, size});
}

static void add_mount(struct csn_report_json *json, const struct csn_report_mount *mount) {
  csn_report_object(json, NULL);
  add_unescaped(json, "target", mount->target);
  add_unescaped(json, "root", mount->root);
  add_unescaped(json, "type", mount->type);
  add_unescaped(json, "source", mount->source);
  add_unescaped(json, "options", mount->options);
  add_super(json, mount->super);
  csn_report_end_object(json);
}

void csn_report_add_mounts(struct csn_report_json *json, struct csn_report_slice mountinfo,
                           size_t limit) {
  struct csn_report_mount mount;
  int got;
  if (mountinfo.bytes == NULL) {
    csn_report_null(json, "mounts");
    return;
  }
  csn_report_array(json, "mounts");
  while ((got = csn_report_next_mount(&mountinfo, &mount)) != 0) {
    struct csn_report_mark mark = csn_report_mark(json);
    if (got > 0) add_mount(json, &mount);
    if (got < 0) json->cut = true;
    if (!csn_report_keep(json, mark, limit)) break;
  }
  csn_report_end_array(json);
}
