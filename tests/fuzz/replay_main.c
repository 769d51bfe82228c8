/* Runs a fuzz target over every file of its corpus, as a TAP program: what a fuzzer once found must
 * stay harmless. The corpus is the folder in tests/fuzz/corpus that has the target's name without
 * "fuzz_". It knows nothing of what the target does: a failure is a crash or a sanitizer's report. */
#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <sys/stat.h>

#include "tap.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Copied into a block of exactly that size, so that one byte too far is seen. */
static void replay(const char *path, const char *name) {
  struct stat st;
  FILE *file = fopen(path, "rbe");
  if (!file || fstat(fileno(file), &st) != 0) BAIL_OUT("%s: %s", path, strerror(errno));
  size_t size = (size_t)st.st_size;
  uint8_t *data = (uint8_t *)malloc(size ? size : 1);
  if (!data || fread(data, 1, size, file) != size) BAIL_OUT("%s: cannot be read", path);
  (void)fclose(file);
  (void)LLVMFuzzerTestOneInput(data, size);
  free(data);
  ok(true, "%s", name);
}

int main(int argc, char **argv) {
  char folder[512], path[1024];
  const char *name = strstr(argv[0], "/fuzz_");
  if (argc != 1 || !name) BAIL_OUT("to be run without arguments, as .../fuzz_NAME");
  (void)snprintf(folder, sizeof folder, "tests/fuzz/corpus/%s", name + strlen("/fuzz_"));
  DIR *dir = opendir(folder);
  ok(dir, "the corpus %s can be read", folder);
  for (struct dirent *entry; dir && (entry = readdir(dir)) != NULL;) {
    if (entry->d_name[0] == '.') continue;
    (void)snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
    replay(path, entry->d_name);
  }
  if (dir) (void)closedir(dir);
  return done_testing();
}
