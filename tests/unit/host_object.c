/* SPDX-License-Identifier: Apache-2.0 */
/* Loading by descriptor: one object for one file, another for a new file under the old path, and no
 * descriptor more than there are files mapped. */
#include <cjson/cJSON.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <unistd.h>

#include "host_demo/object.h"
#include "support/process.h"
#include "tap.h"

static char folder[] = "/tmp/caisson-object-XXXXXX";
static char path[64], other[64], why[CSN_LOADER_MESSAGE];

static void copy(const char *from, const char *to) {
  char bytes[65536];
  size_t n;
  FILE *in = fopen(from, "rbe"), *out = fopen(to, "wbe");
  if (!in || !out) BAIL_OUT("copy of %s to %s", from, to);
  while ((n = fread(bytes, 1, sizeof bytes, in)) > 0)
    if (fwrite(bytes, 1, n, out) != n) BAIL_OUT("copy of %s to %s", from, to);
  (void)fclose(in);
  (void)fclose(out);
}

static struct csn_object *load(const char *file) {
  int fd = open(file, O_RDONLY | O_CLOEXEC);
  if (fd < 0) BAIL_OUT("%s", file);
  struct csn_object *object = csn_object_open(fd, why);
  (void)close(fd);
  return object;
}

/* A library that can be unloaded: nothing is left of it. */
static void test_unloaded(const char *library) {
  int before = process_fds();
  copy(library, path);
  copy(library, other);
  struct csn_object *a = load(path), *again = load(path), *b = load(other);
  if (!ok(a && b, "two files are loaded")) diag("%s", why);
  ok(a == again, "the same file again is the same object");
  ok(a != b, "a copy is another one");
  is_int(process_fds(), before + 2, "a descriptor is kept for each file");
  ok(!csn_object_entry(a, why) && strstr(why, CAISSON_ENTRY_SYMBOL), "which is no plugin");
  csn_object_close(again);
  csn_object_close(b);
  is_int(process_fds(), before + 1, "and closed with the last use of it");
  csn_object_close(a);
  is_int(process_fds(), before, "none is left");
}

/* The plugin stays mapped, so that its name in the linker must not become another file's. */
static void test_kept(const char *plugin) {
  int before = process_fds();
  copy(plugin, path);
  struct csn_object *old = load(path);
  caisson_entry_fn *entry = old ? csn_object_entry(old, why) : NULL;
  if (!ok(entry && entry()->magic == CAISSON_MAGIC, "the plugin is loaded")) diag("%s", why);
  csn_object_close(old);
  is_int(process_fds(), before + 1, "it stays, and with it its descriptor");
  copy(plugin, other);
  ok(rename(other, path) == 0, "a new version replaces the file");
  struct csn_object *new = load(path);
  caisson_entry_fn *newer = new ? csn_object_entry(new, why) : NULL;
  ok(newer && newer != entry, "under the same path the new one is loaded");
  is_int(process_fds(), before + 2, "with a descriptor of its own");
  for (int i = 0; i < 100; i++) csn_object_close(load(path));
  is_int(process_fds(), before + 2, "and no more, however often it is loaded");
  csn_object_close(new);
}

static void test_overwritten(const char *library) {
  copy(library, other);
  struct csn_object *object = load(other);
  FILE *file = fopen(other, "abe");
  if (!object || !file || fputs("more", file) < 0 || fclose(file) != 0) BAIL_OUT("append");
  ok(!load(other) && strstr(why, "overwritten in place"), "a file that was overwritten is refused");
  csn_object_close(object);
  object = load(other);
  ok(object, "and loaded anew once it is not in use");
  csn_object_close(object);
  csn_object_close(NULL);
}

static void test_refused(void) {
  int before = process_fds();
  FILE *file = fopen(other, "wbe");
  if (!file || fputs("text", file) < 0 || fclose(file) != 0) BAIL_OUT("write");
  ok(!load(other) && strstr(why, "cannot be loaded"), "what is no object is refused");
  ok(!strstr(why, "/proc/self/fd"), "without the name that the linker knows it by");
  is_int(process_fds(), before, "and leaves no descriptor");
}

int main(void) {
  Dl_info library;
  const char *plugin = getenv("CAISSON_PLUGIN");
  if (!plugin || !dladdr((const void *)(uintptr_t)cJSON_Version, &library) || !mkdtemp(folder))
    BAIL_OUT("set-up");
  (void)snprintf(path, sizeof path, "%s/a.so", folder);
  (void)snprintf(other, sizeof other, "%s/b.so", folder);
  test_unloaded(library.dli_fname);
  test_overwritten(library.dli_fname);
  test_refused();
  test_kept(plugin);
  (void)unlink(path);
  (void)unlink(other);
  (void)rmdir(folder);
  return done_testing();
}
