/* SPDX-License-Identifier: Apache-2.0 */
/* For tests of the operations on files: a folder of its own, one operation at a time in this very
 * process, and what came of it: its text, its report and its exit code.
 *   files_begin(); put_text("a.txt", "hello\n"); run_op("read", "path=a.txt");
 *   is_int(did.code, 0, ...); is_str(did.text, ...); report_string("kind"); files_end(); */
#ifndef CSN_TESTS_FILES_FIXTURE_H
#define CSN_TESTS_FILES_FIXTURE_H

#include <cjson/cJSON.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "guest/files/op.h"
#include "guest/files/seen.h"
#include "tap.h"

#define FILES_UNUSED __attribute__((unused))

static char files_dir[64];   /* where relative paths begin, and where the test's files lie */
static char files_state[80]; /* in place of /tmp/.caisson */

static struct {
  int code;
  char *text; /* NUL-terminated, whatever is in it */
  size_t size;
  cJSON *report; /* NULL: it is no JSON */
} did FILES_UNUSED;

/* ---- the folder ------------------------------------------------------------------------------ */

FILES_UNUSED static const char *path_of(const char *name) {
  static char paths[4][4096];
  static unsigned next;
  char *path = paths[next++ % 4];
  snprintf(path, sizeof paths[0], "%s/%s", files_dir, name);
  return path;
}

static int files_remove_one(const char *path, const struct stat *st, int kind, struct FTW *at) {
  (void)st, (void)kind, (void)at;
  return remove(path);
}

FILES_UNUSED static void files_begin(void) {
  snprintf(files_dir, sizeof files_dir, "/tmp/caisson-files-XXXXXX");
  if (!mkdtemp(files_dir)) BAIL_OUT("no folder under /tmp");
  snprintf(files_state, sizeof files_state, "%s/.state", files_dir);
  csn_seen_home = files_state;
}

FILES_UNUSED static void files_end(void) {
  free(did.text);
  cJSON_Delete(did.report);
  memset(&did, 0, sizeof did);
  nftw(files_dir, files_remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

FILES_UNUSED static void put_bytes(const char *name, const void *bytes, size_t n) {
  int fd = open(path_of(name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (fd < 0 || write(fd, bytes, n) != (ssize_t)n) BAIL_OUT("cannot write %s", name);
  close(fd);
}

FILES_UNUSED static void put_text(const char *name, const char *text) {
  put_bytes(name, text, strlen(text));
}

FILES_UNUSED static void put_dir(const char *name) {
  if (mkdir(path_of(name), 0755) < 0) BAIL_OUT("cannot make %s", name);
}

/* All that is in an open file, NUL-terminated; to be freed. */
static char *files_take(int fd, size_t *size) {
  struct stat st;
  if (fstat(fd, &st) < 0) BAIL_OUT("fstat");
  char *bytes = malloc((size_t)st.st_size + 1);
  ssize_t got = bytes ? pread(fd, bytes, (size_t)st.st_size, 0) : -1;
  if (got != st.st_size) BAIL_OUT("cannot read back");
  bytes[got] = '\0';
  *size = (size_t)got;
  return bytes;
}

/* A file's bytes, NUL-terminated; NULL where there is none. Valid until the next call. */
FILES_UNUSED static const char *get_file(const char *name, size_t *size) {
  static char *bytes;
  size_t n;
  free(bytes);
  bytes = NULL;
  int fd = open(path_of(name), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return NULL;
  bytes = files_take(fd, size ? size : &n);
  close(fd);
  return bytes;
}

/* ---- an operation ---------------------------------------------------------------------------- */

typedef int files_run_fn(const char *name, const char *base, const char *const *operands,
                         const int streams[3]);

FILES_UNUSED static int run_op_by(files_run_fn *run, const char *name,
                                  const char *const *operands, const void *input, size_t n) {
  int streams[3];
  char *report;
  size_t report_size;
  for (int i = 0; i < 3; i++) {
    streams[i] = memfd_create("stream", MFD_CLOEXEC);
    if (streams[i] < 0) BAIL_OUT("memfd_create");
  }
  if (n > 0 && pwrite(streams[0], input, n, 0) != (ssize_t)n) BAIL_OUT("cannot give input");
  free(did.text);
  cJSON_Delete(did.report);
  did.code = run(name, files_dir, operands, streams);
  did.text = files_take(streams[1], &did.size);
  report = files_take(streams[2], &report_size);
  did.report = cJSON_ParseWithLength(report, report_size);
  free(report);
  for (int i = 0; i < 3; i++) close(streams[i]);
  return did.code;
}

FILES_UNUSED static int run_op_with(const char *name, const char *const *operands,
                                    const void *input, size_t n) {
  return run_op_by(csn_op_run, name, operands, input, n);
}

/* run_op("read", "path=a", "limit=3") */
#define run_op(name, ...) \
  run_op_with(name, (const char *const[]){__VA_ARGS__, NULL}, NULL, 0)

/* ---- its report ------------------------------------------------------------------------------ */

FILES_UNUSED static const cJSON *report_get(const char *member) {
  return cJSON_GetObjectItemCaseSensitive(did.report, member);
}

/* "" where it is missing or no string; -1 where it is no number; 0 where it is not true. */
FILES_UNUSED static const char *report_string(const char *member) {
  const char *text = cJSON_GetStringValue(report_get(member));
  return text ? text : "";
}

FILES_UNUSED static long long report_int(const char *member) {
  const cJSON *m = report_get(member);
  return cJSON_IsNumber(m) ? (long long)m->valuedouble : -1;
}

FILES_UNUSED static int report_bool(const char *member) {
  return cJSON_IsTrue(report_get(member));
}

/* Of a refusal: "reason", "message" or "hint". */
FILES_UNUSED static const char *refusal(const char *member) {
  const char *text =
      cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(report_get("error"), member));
  return text ? text : "";
}

#endif
