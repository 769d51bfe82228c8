/* SPDX-License-Identifier: Apache-2.0 */
/* Entries, names and links from anybody. The first byte says how the rest is cut; what comes out
 * must not depend on that, and what is let through must be safe. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tools/archive_path.h"
#include "tools/upload_name.h"
#include "util/utf8.h"
#include "wire/entry.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint64_t mix(uint64_t hash, const void *bytes, size_t n) {
  const uint8_t *p = bytes;
  for (size_t i = 0; i < n; i++) hash = (hash ^ p[i]) * 0x100000001b3u;
  return hash;
}

static uint64_t read_stream(const uint8_t *data, size_t size, size_t step) {
  static struct csn_entry_reader reader;
  uint64_t hash = 0xcbf29ce484222325u;
  int rc = 0;
  csn_entry_reader_init(&reader);
  for (size_t at = 0; at < size && rc >= 0; at += step) {
    const uint8_t *bytes = data + at;
    size_t left = size - at < step ? size - at : step;
    struct csn_entry_event event;
    while ((rc = csn_entry_read(&reader, &bytes, &left, &event)) > 0) {
      if (event.type == CSN_ENTRY_DATA) {
        hash = mix(hash, event.bytes, (size_t)event.size);
      } else if (event.type < CSN_ENTRY_DATA) {
        if (event.entry.mode > 0777 || *event.entry.path == '\0') abort();
        hash = mix(hash, event.entry.path, strlen(event.entry.path) + 1);
        hash = mix(hash, event.entry.target, strlen(event.entry.target) + 1);
      }
    }
  }
  if ((rc < 0) != (reader.error != NULL)) abort();
  return mix(hash, &rc, sizeof rc);
}

static void check_names(const uint8_t *data, size_t size) {
  char name[CSN_UPLOAD_NAME_SIZE], path[CSN_ARCHIVE_PATH_SIZE];
  const char *why = NULL;
  csn_upload_name((const char *)data, size, name);
  if (*name == '\0' || strcmp(name, ".") == 0 || strcmp(name, "..") == 0 || strpbrk(name, "/\\") ||
      !csn_utf8_is_valid(name, strlen(name)))
    abort();
  char *text = calloc(size + 1, 1);
  if (!text) return;
  memcpy(text, data, size);
  int rc = csn_archive_path(text, size & 3, path, &why);
  if (rc > 0 && (*path == '/' || *path == '\0' || strstr(path, "/../") || strstr(path, "//") ||
                 strncmp(path, "../", 3) == 0 || strcmp(path, "..") == 0))
    abort();
  if (rc < 0 && !why) abort();
  (void)csn_archive_symlink("a/b", text, &why);
  free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size < 1) return 0;
  if (read_stream(data + 1, size - 1, size) != read_stream(data + 1, size - 1, data[0] + 1u)) abort();
  check_names(data + 1, size - 1);
  return 0;
}
