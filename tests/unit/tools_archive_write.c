/* SPDX-License-Identifier: Apache-2.0 */
/* What a helper may not do to whoever makes an archive of its entries. */
#include "tools/archive_write.h"

#include <string.h>

#include "tap.h"
#include "wire/entry.h"

static const char *const formats[] = {"tar", "tar.gz", "zip"};
static uint8_t stream[1 << 16];
static size_t stream_size;
static int rounds; /* of looking at the control */

static int is_cancelled(void *ctx) {
  (void)ctx;
  return ++rounds > 3;
}

static void add_head(uint8_t type, const char *path, int64_t mtime, uint64_t size) {
  const struct csn_entry entry = {
      .type = type, .mode = 0644, .mtime = mtime, .size = size, .path = path, .target = ""};
  stream_size += csn_entry_put_head(&entry, stream + stream_size);
}

static void add_hole(uint64_t size) {
  stream_size += csn_entry_put_hole(size, stream + stream_size);
}

static void add_end(void) {
  stream_size += csn_entry_put_end(stream + stream_size);
}

static int write_all(const char *format, uint64_t entries, uint64_t bytes,
                     const struct csn_control *control, struct csn_error *err) {
  const struct csn_archive_order order = {
      .format = format, .max_entries = entries, .max_bytes = bytes, .control = control};
  struct csn_archive_writer *writer = NULL;
  csn_error_clear(err);
  if (csn_archive_create(&order, &writer, err)) BAIL_OUT("%s", err->message);
  int rc = csn_archive_take(writer, stream, stream_size, err);
  if (rc == 0) rc = csn_archive_finish(writer, err);
  csn_archive_free(writer);
  return rc;
}

static void test_limits(const char *format) {
  const struct csn_control none = CSN_CONTROL_NONE;
  struct csn_error err;
  stream_size = 0;
  add_head(CSN_ENTRY_FILE, "a", 0, 100);
  add_hole(100);
  add_head(CSN_ENTRY_FILE, "b", 0, 50);
  add_end();
  is_int(write_all(format, 2, 150, &none, &err), 0, "%s: as much as is allowed", format);
  is_int(write_all(format, 1, 150, &none, &err), CAISSON_E_LOST, "an entry more");
  is_str(err.reason, CAISSON_REASON_HELPER_PROTOCOL, "is the helper's fault");
  is_int(write_all(format, 2, 149, &none, &err), CAISSON_E_LOST, "a byte more");
  is_str(err.reason, CAISSON_REASON_HELPER_PROTOCOL, "as well");
}

static void test_times(const char *format) {
  static const int64_t times[] = {INT64_MIN, -1, 0, INT64_C(1) << 31, INT64_C(1) << 62, INT64_MAX};
  const struct csn_control none = CSN_CONTROL_NONE;
  struct csn_error err;
  for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
    stream_size = 0;
    add_head(CSN_ENTRY_FILE, "a", times[i], 0);
    add_head(CSN_ENTRY_DIRECTORY, "d", times[i], 0);
    add_end();
    is_int(write_all(format, 9, 9, &none, &err), 0, "%s: the time %lld", format,
           (long long)times[i]);
  }
}

/* Zeros without end, in a hole or left for the next entry, end when the call does. */
static void test_holes(const char *format) {
  const struct csn_control control = {CSN_NEVER, -1, is_cancelled, NULL};
  struct csn_error err;
  for (int in_hole = 0; in_hole < 2; in_hole++) {
    rounds = 0;
    stream_size = 0;
    add_head(CSN_ENTRY_FILE, "a", 0, INT64_MAX / 2);
    if (in_hole) add_hole(INT64_MAX / 2);
    add_end();
    is_int(write_all(format, 9, UINT64_MAX, &control, &err), CAISSON_E_CANCELLED,
           "%s: a cancel in the middle of zeros", format);
  }
}

int main(void) {
  for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
    test_limits(formats[i]);
    test_times(formats[i]);
    test_holes(formats[i]);
  }
  return done_testing();
}
