/* SPDX-License-Identifier: Apache-2.0 */
/* Every kind of call, with what comes of it: for tests that put a host into some condition and see that
 * all is as ever. They are one after the other in one session, which the last one removes. */
#ifndef COEXIST_CALLS_H
#define COEXIST_CALLS_H

#include "integration/coexist_support.h"

#include <archive.h>
#include <archive_entry.h>

enum input { NONE, BYTES, SEVEN_ZIP, ZIP, XZ, ZSTD };

#define NESTED "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]"

TAP_UNUSED static const struct kind {
  const char *name, *args;
  bool is_operation;
  enum input input;
  int32_t status, exit_code;
} kinds[] = {
    {"engine.info", "{}", true, NONE, CAISSON_OK, 0},
    {"image.ensure", "{}", true, NONE, CAISSON_OK, 0},
    {"session.ensure", "{}", true, NONE, CAISSON_OK, 0},
    {"shell", "{\"command\":\"yes | head -c 300000; exit 3\"}", false, NONE, CAISSON_OK, 3},
    {"shell", "{\"command\":\"cat\",\"stdin\":\"in\"}", false, NONE, CAISSON_OK, 0},
    {"run_python", "{\"code\":\"print(6*7)\"}", false, NONE, CAISSON_OK, 0},
    {"write", "{\"path\":\"a.txt\",\"content\":\"one\\ntwo\\n\"}", false, NONE, CAISSON_OK, 0},
    {"read", "{\"path\":\"a.txt\"}", false, NONE, CAISSON_OK, 0},
    {"edit", "{\"path\":\"a.txt\",\"old_string\":\"two\",\"new_string\":\"2\"}", false, NONE,
     CAISSON_OK, 0},
    {"edit", "{\"path\":\"a.txt\",\"old_string\":\"onne\",\"new_string\":\"2\"}", false, NONE,
     CAISSON_OK, 1},
    {"glob", "{\"pattern\":\"**/*\"}", false, NONE, CAISSON_OK, 0},
    {"grep", "{\"pattern\":\"o.e\",\"output_mode\":\"content\"}", false, NONE, CAISSON_OK, 0},
    {"list", "{}", false, NONE, CAISSON_OK, 0},
    {"shell", "{\"command\":\"true\",\"background\":true}", false, NONE, CAISSON_OK, 0},
    {"file.upload", "{\"name\":\"up.txt\"}", true, BYTES, CAISSON_OK, 0},
    {"archive.put", "{\"path\":\"a\"}", true, SEVEN_ZIP, CAISSON_OK, 0},
    {"archive.put", "{\"path\":\"b\"}", true, ZIP, CAISSON_OK, 0},
    {"archive.put", "{\"path\":\"c\"}", true, XZ, CAISSON_OK, 0},
    {"archive.put", "{\"path\":\"d\"}", true, ZSTD, CAISSON_OK, 0},
    {"archive.get", "{\"path\":\"a\",\"format\":\"tar.gz\"}", true, NONE, CAISSON_OK, 0},
    {"archive.get", "{\"path\":\"a\",\"format\":\"zip\"}", true, NONE, CAISSON_OK, 0},
    {"session.inspect", "{}", true, NONE, CAISSON_OK, 0},
    {"session.list", "{}", true, NONE, CAISSON_OK, 0},
    {"session.reap", "{}", true, NONE, CAISSON_OK, 0},
    {"shel", "{}", false, NONE, CAISSON_E_NOT_FOUND, CAISSON_EXIT_UNKNOWN},
    {"shell", "{\"cpmnamd\":\"true\"}", false, NONE, CAISSON_E_ARGUMENTS, CAISSON_EXIT_UNKNOWN},
    {"shell", "{\"command\":" NESTED "}", false, NONE, CAISSON_E_ARGUMENTS, CAISSON_EXIT_UNKNOWN},
    {"session.remove", "{}", true, NONE, CAISSON_OK, 0},
};

#define KINDS (sizeof kinds / sizeof *kinds)

struct source {
  char bytes[65536];
  size_t size, at;
};

TAP_UNUSED static int64_t give(void *ctx, void *buffer, uint64_t capacity) {
  struct source *s = ctx;
  size_t left = s->size - s->at, n = left < capacity ? left : (size_t)capacity;
  memcpy(buffer, s->bytes + s->at, n);
  s->at += n;
  return (int64_t)n;
}

/* One file of some lines. */
TAP_UNUSED static void make_archive(enum input kind, struct source *to) {
  static const char text[] = "one\ntwo\n";
  struct archive *a = archive_write_new();
  struct archive_entry *e = archive_entry_new();
  if (kind == SEVEN_ZIP) archive_write_set_format_7zip(a);
  if (kind == ZIP) archive_write_set_format_zip(a);
  if (kind == XZ || kind == ZSTD) archive_write_set_format_ustar(a);
  if (kind == XZ) archive_write_add_filter_xz(a);
  if (kind == ZSTD) archive_write_add_filter_zstd(a);
  archive_entry_set_pathname(e, "folder/file");
  archive_entry_set_filetype(e, AE_IFREG);
  archive_entry_set_perm(e, 0644);
  archive_entry_set_size(e, sizeof text - 1);
  if (archive_write_open_memory(a, to->bytes, sizeof to->bytes, &to->size) != ARCHIVE_OK ||
      archive_write_header(a, e) != ARCHIVE_OK || archive_write_data(a, text, sizeof text - 1) < 0 ||
      archive_write_close(a) != ARCHIVE_OK)
    BAIL_OUT("no archive: %s", archive_error_string(a));
  archive_entry_free(e);
  archive_write_free(a);
}

TAP_UNUSED static struct call *make_call(struct box *box, const struct kind *kind, struct source *source) {
  struct call *c = call_new(box, "s", kind->name);
  c->raw_args = kind->args;
  c->flags = kind->is_operation ? CAISSON_REQUEST_HOST : 0;
  *source = (struct source){.bytes = "some bytes", .size = 10};
  if (kind->input == NONE) return c;
  if (kind->input != BYTES) make_archive(kind->input, source);
  c->input = give;
  c->input_ctx = source;
  return c;
}

TAP_UNUSED static bool is_right(const struct call *c, const struct kind *kind) {
  return c->status == kind->status && c->result.exit_code == kind->exit_code;
}

#endif
