/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading entries: see entry.h. Every length is checked before a byte is taken for it.
 */
#include "wire/entry.h"

#include "wire/frame.h"

#include <string.h>

void csn_entry_reader_init(struct csn_entry_reader *reader) {
  memset(reader, 0, sizeof *reader);
}

static int malformed(struct csn_entry_reader *reader, const char *why) {
  reader->error = why;
  return -1;
}

/* Bytes of the fixed part that begins with this type; 0: there is no such type. */
static size_t fixed_size(uint8_t type) {
  static const size_t sizes[] = {
    [CSN_ENTRY_FILE] = CSN_ENTRY_FIXED,      [CSN_ENTRY_DIRECTORY] = CSN_ENTRY_FIXED,
    [CSN_ENTRY_SYMLINK] = CSN_ENTRY_FIXED,   [CSN_ENTRY_HARDLINK] = CSN_ENTRY_FIXED,
    [CSN_ENTRY_DATA] = CSN_ENTRY_DATA_HEAD,  [CSN_ENTRY_HOLE] = CSN_ENTRY_HOLE_SIZE,
    [CSN_ENTRY_END] = 1,
  };
  return type < sizeof sizes / sizeof sizes[0] ? sizes[type] : 0;
}

static void take(const uint8_t **bytes, size_t *size, void *to, size_t n) {
  memcpy(to, *bytes, n);
  *bytes += n;
  *size -= n;
}

/* 1 once the fixed part is whole. */
static int gather_fixed(struct csn_entry_reader *reader, const uint8_t **bytes, size_t *size) {
  while (*size > 0) {
    if (reader->head_size == 0) {
      take(bytes, size, reader->head, 1);
      reader->head_size = 1;
    }
    size_t want = fixed_size(reader->head[0]);
    if (want == 0) return malformed(reader, "an entry of a type that does not exist");
    size_t n = want - reader->head_size;
    if (n > *size) n = *size;
    take(bytes, size, reader->head + reader->head_size, n);
    reader->head_size += n;
    if (reader->head_size == want) return 1;
  }
  return 0;
}

static int is_link(const struct csn_entry_reader *reader) {
  return reader->head[0] == CSN_ENTRY_SYMLINK || reader->head[0] == CSN_ENTRY_HARDLINK;
}

static int check_head(struct csn_entry_reader *reader) {
  const uint8_t *head = reader->head;
  reader->path_size = (size_t)csn_wire_load(head + 23, 2);
  reader->target_size = (size_t)csn_wire_load(head + 25, 2);
  reader->gathered = 0;
  reader->in_file = 0;
  if (csn_wire_load(head + 1, 2) > 0777) return malformed(reader, "an entry's mode has odd bits");
  if (csn_wire_load(head + 11, 4) >= 1000000000)
    return malformed(reader, "an entry's time is none");
  if (reader->path_size == 0 || reader->path_size > CSN_ENTRY_PATH_MAX)
    return malformed(reader, "an entry's path is empty or too long");
  if (reader->target_size > CSN_ENTRY_PATH_MAX || (reader->target_size > 0) != is_link(reader))
    return malformed(reader, "an entry's link is empty, too long or not of a link");
  return 1;
}

static size_t gather_text(struct csn_entry_reader *reader, const uint8_t **bytes, size_t *size,
                          char *text, size_t at, size_t want) {
  size_t n = want - at < *size ? want - at : *size;
  take(bytes, size, text + at, n);
  reader->gathered += n;
  return at + n;
}

/* 1 once path and target are whole. */
static int gather_texts(struct csn_entry_reader *reader, const uint8_t **bytes, size_t *size) {
  size_t at = reader->gathered;
  if (at < reader->path_size)
    at = gather_text(reader, bytes, size, reader->path, at, reader->path_size);
  if (at >= reader->path_size)
    at = reader->path_size + gather_text(reader, bytes, size, reader->target,
                                         at - reader->path_size, reader->target_size);
  if (at < reader->path_size + reader->target_size) return 0;
  reader->path[reader->path_size] = '\0';
  reader->target[reader->target_size] = '\0';
  if (strlen(reader->path) != reader->path_size || strlen(reader->target) != reader->target_size)
    return malformed(reader, "an entry's path holds a NUL");
  return 1;
}

static int finish_head(struct csn_entry_reader *reader, struct csn_entry_event *event) {
  const uint8_t *head = reader->head;
  event->type = head[0];
  event->entry = (struct csn_entry){
    .type = head[0],
    .mode = (uint16_t)csn_wire_load(head + 1, 2),
    .mtime = (int64_t)csn_wire_load(head + 3, 8),
    .mtime_ns = (uint32_t)csn_wire_load(head + 11, 4),
    .size = csn_wire_load(head + 15, 8),
    .path = reader->path,
    .target = reader->target,
  };
  reader->in_file = head[0] == CSN_ENTRY_FILE;
  reader->head_size = 0;
  reader->path_size = 0;
  return 1;
}

/* What has no texts. */
static int finish_fixed(struct csn_entry_reader *reader, struct csn_entry_event *event) {
  uint8_t type = reader->head[0];
  reader->head_size = 0;
  event->type = type;
  if (type == CSN_ENTRY_END) return reader->ended = 1;
  if (!reader->in_file) return malformed(reader, "data that belong to no file");
  event->size = csn_wire_load(reader->head + 1, type == CSN_ENTRY_DATA ? 4 : 8);
  if (event->size == 0 || event->size > INT64_MAX)
    return malformed(reader, "data of a size that is none");
  if (type == CSN_ENTRY_HOLE) return 1;
  if (event->size > CSN_ENTRY_DATA_MAX) return malformed(reader, "too much data at once");
  reader->data_left = event->size;
  return 0;
}

static int read_data(struct csn_entry_reader *reader, const uint8_t **bytes, size_t *size,
                     struct csn_entry_event *event) {
  size_t n = reader->data_left < *size ? (size_t)reader->data_left : *size;
  *event = (struct csn_entry_event){.type = CSN_ENTRY_DATA, .bytes = *bytes, .size = n};
  *bytes += n;
  *size -= n;
  reader->data_left -= n;
  return 1;
}

int csn_entry_read(struct csn_entry_reader *reader, const uint8_t **bytes, size_t *size,
                   struct csn_entry_event *event) {
  int rc = reader->error != NULL ? -1 : 0;
  *event = (struct csn_entry_event){.type = 0};
  while (rc == 0 && *size > 0) {
    if (reader->ended) return malformed(reader, "something follows the end");
    if (reader->data_left > 0) return read_data(reader, bytes, size, event);
    if (reader->path_size == 0) {
      rc = gather_fixed(reader, bytes, size);
      if (rc <= 0) continue;
      rc = fixed_size(reader->head[0]) < CSN_ENTRY_FIXED ? finish_fixed(reader, event)
                                                        : check_head(reader);
      if (rc < 0 || reader->path_size == 0) continue;
    }
    rc = gather_texts(reader, bytes, size);
    if (rc > 0) rc = finish_head(reader, event);
  }
  return rc;
}
