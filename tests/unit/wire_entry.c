/* SPDX-License-Identifier: Apache-2.0 */
/* Entries: what is written is read again however it is cut, and what is malformed is refused. */
#include "wire/entry.h"

#include <string.h>

#include "tap.h"

static uint8_t stream[3 * CSN_ENTRY_HEAD_MAX];

static size_t make_stream(void) {
  const struct csn_entry entries[] = {
      {CSN_ENTRY_DIRECTORY, 0755, -5, 0, 0, "dir", ""},
      {CSN_ENTRY_SYMLINK, 0777, 7, 999999999, 0, "dir/l", "../x"},
      {CSN_ENTRY_FILE, 0640, 1, 2, 7, "dir/\xff", ""},
  };
  size_t n = 0;
  for (size_t i = 0; i < sizeof entries / sizeof *entries; i++)
    n += csn_entry_put_head(&entries[i], stream + n);
  n += csn_entry_put_data(3, stream + n);
  memcpy(stream + n, "abc", 3);
  n += 3;
  n += csn_entry_put_hole(4, stream + n);
  return n + csn_entry_put_end(stream + n);
}

/* A line that says all that was read. */
static const char *read_all(const uint8_t *bytes, size_t size, size_t piece) {
  static char text[600];
  static struct csn_entry_reader reader;
  struct csn_entry_event e;
  size_t used = 0;
  int rc = 0;
  csn_entry_reader_init(&reader);
  text[0] = '\0';
  for (size_t at = 0; at < size && rc >= 0; at += piece) {
    const uint8_t *from = bytes + at;
    size_t left = size - at < piece ? size - at : piece;
    while ((rc = csn_entry_read(&reader, &from, &left, &e)) > 0) {
      char *to = text + used;
      size_t room = sizeof text - used;
      if (e.type == CSN_ENTRY_DATA)
        used += (size_t)snprintf(to, room, "%.*s", (int)e.size, (const char *)e.bytes);
      else if (e.type < CSN_ENTRY_DATA)
        used += (size_t)snprintf(to, room, "[%d %o %d.%u %s>%s %d]", e.type, e.entry.mode,
                                 (int)e.entry.mtime, e.entry.mtime_ns, e.entry.path,
                                 e.entry.target, (int)e.entry.size);
      else
        used += (size_t)snprintf(to, room, "<%d %d>", e.type, (int)e.size);
    }
  }
  return rc < 0 ? reader.error : text;
}

static void test_cuts(void) {
  static const char wanted[] = "[2 755 -5.0 dir> 0][3 777 7.999999999 dir/l>../x 0]"
                               "[1 640 1.2 dir/\xff> 7]abc<6 4><7 0>";
  size_t n = make_stream();
  for (size_t piece = 1; piece <= n; piece += piece < 40 ? 1 : 37)
    is_str(read_all(stream, n, piece), wanted, "in pieces of %zu", piece);
}

static void test_malformed(void) {
  static const struct {
    size_t at;
    uint8_t value;
    const char *words;
  } flaws[] = {
      {0, 0, "type"},  {0, 9, "type"},      {2, 2, "mode"},   {14, 0xff, "time"},
      {23, 0, "path"}, {24, 0x10, "path"},  {25, 1, "link"},  {27, 0, "NUL"},
      {0, 3, "link"},  {0, 5, "no file"},
  };
  for (size_t i = 0; i < sizeof flaws / sizeof *flaws; i++) {
    size_t n = make_stream();
    stream[flaws[i].at] = flaws[i].value;
    const char *found = read_all(stream, n, n);
    ok(strstr(found, flaws[i].words), "byte %zu as %u: %s", flaws[i].at, flaws[i].value, found);
  }
  size_t n = make_stream();
  stream[n] = CSN_ENTRY_END;
  ok(strstr(read_all(stream, n + 1, 1), "follows"), "nothing follows the end");
  const struct csn_entry file = {CSN_ENTRY_FILE, 0, 0, 0, 0, "f", ""};
  n = csn_entry_put_head(&file, stream);
  n += csn_entry_put_data(CSN_ENTRY_DATA_MAX + 1, stream + n);
  ok(strstr(read_all(stream, n, n), "too much"), "a piece is not too large");
}

int main(void) {
  test_cuts();
  test_malformed();
  return done_testing();
}
