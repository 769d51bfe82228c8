/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/archive.h"

#include <string.h>

#include "engine/ask.h"
#include "engine/path_stat.h"
#include "engine/tar.h"
#include "util/alloc.h"
#include "util/random.h"

#define TAR_OVERHEAD ((size_t)16384)

int csn_archive_put(struct csn_engine *engine, const char *container, const char *directory,
                    const void *tar, size_t n, const struct csn_control *control,
                    struct csn_error *err) {
  CSN_ASK_PATH(path);
  int rc = csn_ask_path(&path, "/containers/", container, "/archive?noOverwriteDirNonDir=1", err);
  if (rc == 0) rc = csn_ask_query(&path, "path", directory, err);
  if (rc) return rc;
  struct csn_ask ask = {.method = "PUT",
                        .path = path.data,
                        .bytes = tar,
                        .size = n,
                        .content_type = "application/x-tar",
                        .seconds = 120};
  rc = csn_ask_simple(engine, &ask, control, err);
  return csn_ask_context(rc, err, "put files into container", container);
}

int csn_archive_put_file(struct csn_engine *engine, const char *container, const char *directory,
                         const char *name, const void *bytes, size_t n, unsigned mode,
                         const struct csn_control *control, struct csn_error *err) {
  char random[17];
  struct csn_buffer tar CSN_CLEANUP_BUFFER = CSN_BUFFER(n + TAR_OVERHEAD);
  if (n > SIZE_MAX - TAR_OVERHEAD) return csn_fail_nomem(err);
  int rc = csn_random_hex(random, 8, err);
  if (rc) return rc;
  char *temporary CSN_CLEANUP_FREE = csn_asprintf(".%s.%s", name, random);
  if (!temporary) return csn_fail_nomem(err);
  rc = csn_tar_file(temporary, name, bytes, n, mode, &tar, err);
  if (rc) return rc;
  return csn_archive_put(engine, container, directory, tar.data, tar.size, control, err);
}

static int take(void *ctx, const void *bytes, size_t n, struct csn_error *err) {
  int rc = csn_buffer_add(ctx, bytes, n);
  if (rc == CAISSON_E_LIMIT)
    return csn_fail(err, CAISSON_E_ENGINE, CAISSON_REASON_ENGINE_REFUSED,
                    "it is longer than it may be");
  return rc ? csn_fail_nomem(err) : 0;
}

int csn_archive_get_file(struct csn_engine *engine, const char *container, const char *path,
                         const struct csn_control *control, struct csn_buffer *file,
                         struct csn_error *err) {
  CSN_ASK_PATH(url);
  struct csn_buffer tar CSN_CLEANUP_BUFFER = CSN_BUFFER(file->max + TAR_OVERHEAD);
  struct csn_http_response response CSN_CLEANUP_HTTP_RESPONSE = {0};
  int rc = csn_ask_path(&url, "/containers/", container, "/archive", err);
  if (rc == 0) rc = csn_ask_query(&url, "path", path, err);
  if (rc) return rc;
  struct csn_ask ask = {
      .method = "GET", .path = url.data, .seconds = 30, .on_body = take, .ctx = &tar};
  rc = csn_ask(engine, &ask, control, &response, err);
  if (rc == 0) rc = csn_tar_read_file(csn_buffer_text(&tar), tar.size, file, err);
  return csn_ask_context(rc, err, "read, in a container of the image,", path);
}

int csn_archive_stat(struct csn_engine *engine, const char *container, const char *path,
                     const struct csn_control *control, struct csn_path_stat *out,
                     struct csn_error *err) {
  CSN_ASK_PATH(url);
  struct csn_http_response response CSN_CLEANUP_HTTP_RESPONSE = {0};
  int rc = csn_ask_path(&url, "/containers/", container, "/archive", err);
  if (rc == 0) rc = csn_ask_query(&url, "path", path, err);
  if (rc) return rc;
  struct csn_ask ask = {.method = "HEAD", .path = url.data, .seconds = 10};
  rc = csn_ask(engine, &ask, control, &response, err);
  if (rc == 0)
    rc = csn_path_stat_parse(csn_http_head_get(&response.head, "X-Docker-Container-Path-Stat"), out,
                             err);
  return csn_ask_context(rc, err, "look in a container at", path);
}

/* A directory comes with all that is in it: its own header is the first, and enough. */
#define OWNER_MAX ((size_t)4096)

struct heading {
  struct csn_buffer tar;
  int is_whole;
};

static int take_heading(void *ctx, const void *bytes, size_t n, struct csn_error *err) {
  struct heading *h = ctx;
  size_t room = OWNER_MAX - h->tar.size;
  if (csn_buffer_add(&h->tar, bytes, n < room ? n : room)) return csn_fail_nomem(err);
  h->is_whole = n >= room;
  return h->is_whole ? csn_fail(err, CAISSON_E_CANCELLED, CAISSON_REASON_CANCELLED, "enough") : 0;
}

int csn_archive_owner(struct csn_engine *engine, const char *container, const char *path,
                      const struct csn_control *control, uint32_t *uid, struct csn_error *err) {
  CSN_ASK_PATH(url);
  struct heading h = {CSN_BUFFER(OWNER_MAX), 0};
  struct csn_http_response response CSN_CLEANUP_HTTP_RESPONSE = {0};
  int rc = csn_ask_path(&url, "/containers/", container, "/archive", err);
  if (rc == 0) rc = csn_ask_query(&url, "path", path, err);
  if (rc) return rc;
  struct csn_ask ask = {
      .method = "GET", .path = url.data, .seconds = 10, .on_body = take_heading, .ctx = &h};
  rc = csn_ask(engine, &ask, control, &response, err);
  if (rc == 0 || h.is_whole) {
    if (err) csn_error_clear(err);
    rc = csn_tar_read_owner(h.tar.data, h.tar.size, uid, err);
  }
  csn_buffer_free(&h.tar);
  return csn_ask_context(rc, err, "look in a container at", path);
}
