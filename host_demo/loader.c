/* SPDX-License-Identifier: Apache-2.0 */
/* loader.c: finds a plugin, loads it and makes sure that it is one that this host can work with,
 * before anything in it is called. Every refusal says what was wrong with which file. */
#include "loader.h"

#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PLUGIN_FILE "caisson.so"
/* Where the build says that it will be installed. */
#ifndef CSN_PLUGIN_PATH
#define CSN_PLUGIN_PATH "/usr/local/lib/caisson/" PLUGIN_FILE
#endif

/* The directory of this program, without a slash at its end. Empty where it cannot be known. */
static void own_directory(char out[PATH_MAX]) {
  ssize_t n = readlink("/proc/self/exe", out, PATH_MAX - 1);
  out[n > 0 ? n : 0] = '\0';
  char *slash = strrchr(out, '/');
  if (slash)
    *slash = '\0';
}

/* Writes the first place that has a file to `found`; returns -1 and names them all if none has. */
static int search(char found[CSN_LOADER_PATH], char why[CSN_LOADER_MESSAGE]) {
  char places[3][CSN_LOADER_PATH + 64], directory[PATH_MAX];
  own_directory(directory);
  (void)snprintf(places[0], sizeof places[0], "%s/%s", directory, PLUGIN_FILE);
  (void)snprintf(places[1], sizeof places[1], "%s/../lib/caisson/%s", directory, PLUGIN_FILE);
  (void)snprintf(places[2], sizeof places[2], "%s", CSN_PLUGIN_PATH);
  for (size_t i = 0; i < 3; i++)
    if (access(places[i], F_OK) == 0 && strlen(places[i]) < CSN_LOADER_PATH) {
      memcpy(found, places[i], strlen(places[i]) + 1);
      return 0;
    }
  (void)snprintf(why, CSN_LOADER_MESSAGE,
                 "found no plugin. It is none of\n  %.1024s\n  %.1024s\n  %.1024s\n"
                 "Name it with --plugin PATH or in $CAISSON_PLUGIN",
                 places[0], places[1], places[2]);
  return -1;
}

/* dlopen looks a name without a slash up in the library path, so it is made absolute. */
static int make_absolute(const char *path, char out[CSN_LOADER_PATH],
                         char why[CSN_LOADER_MESSAGE]) {
  char *real = realpath(path, NULL);
  if (!real || strlen(real) >= CSN_LOADER_PATH) {
    (void)snprintf(why, CSN_LOADER_MESSAGE, "plugin %.1024s: %s", path,
                   real ? "its path is too long" : strerror(errno));
    free(real);
    return -1;
  }
  memcpy(out, real, strlen(real) + 1);
  free(real);
  return 0;
}

/* The first function that this host needs and the table has not, or NULL. */
static const char *missing_member(const caisson_plugin *p) {
#define HAVE(member) (CAISSON_HAS(p, member) && p->member)
  const struct {
    const char *name;
    int there;
  } needed[] = {
      {"id", HAVE(id)},
      {"version", HAVE(version)},
      {"build_id", HAVE(build_id)},
      {"create", HAVE(create)},
      {"describe", HAVE(describe)},
      {"call_open", HAVE(call_open)},
      {"call_run", HAVE(call_run)},
      {"call_close", HAVE(call_close)},
      {"drain", HAVE(drain)},
      {"destroy", HAVE(destroy)},
  };
#undef HAVE
  for (size_t i = 0; i < sizeof needed / sizeof needed[0]; i++)
    if (!needed[i].there)
      return needed[i].name;
  return NULL;
}

static int check_table(const caisson_plugin *p, const char *path, char why[CSN_LOADER_MESSAGE]) {
  if (!p || !CAISSON_HAS(p, magic) || p->magic != CAISSON_MAGIC) {
    (void)snprintf(why, CSN_LOADER_MESSAGE,
                   "plugin %s: it exports " CAISSON_ENTRY_SYMBOL " but its table is not a Caisson "
                   "plugin's (wrong magic number)",
                   path);
    return -1;
  }
  if (CAISSON_HAS(p, needs_host_minor) && p->needs_host_minor > CAISSON_ABI_MINOR) {
    (void)snprintf(why, CSN_LOADER_MESSAGE,
                   "plugin %s: it needs a host of ABI %d.%u or newer, and this one is %d.%d. Use a "
                   "newer caisson-host or an older plugin",
                   path, CAISSON_ABI_MAJOR, p->needs_host_minor, CAISSON_ABI_MAJOR,
                   CAISSON_ABI_MINOR);
    return -1;
  }
  const char *missing = missing_member(p);
  if (missing) {
    (void)snprintf(why, CSN_LOADER_MESSAGE,
                   "plugin %s: its table (%u bytes) lacks `%s`, which every plugin of ABI %d has",
                   path, p->struct_size, missing, CAISSON_ABI_MAJOR);
    return -1;
  }
  return 0;
}

static int load(struct csn_loaded *loaded, char why[CSN_LOADER_MESSAGE]) {
  /* RTLD_NOW: a symbol that is missing shows here and not in the middle of a call. */
  loaded->object = dlopen(loaded->path, RTLD_NOW | RTLD_LOCAL);
  if (!loaded->object) {
    (void)snprintf(why, CSN_LOADER_MESSAGE, "plugin %s cannot be loaded: %.2048s", loaded->path,
                   dlerror());
    return -1;
  }
  caisson_entry_fn *entry = NULL;
  /* ISO C has no cast from an object pointer to a function's; POSIX has this. */
  *(void **)&entry = dlsym(loaded->object, CAISSON_ENTRY_SYMBOL);
  if (!entry) {
    (void)snprintf(why, CSN_LOADER_MESSAGE,
                   "plugin %s: it does not export " CAISSON_ENTRY_SYMBOL ". It is another kind of "
                   "library, or a plugin of another major version of the ABI",
                   loaded->path);
    return -1;
  }
  loaded->plugin = entry();
  return check_table(loaded->plugin, loaded->path, why);
}

int csn_loader_open(const char *path, struct csn_loaded *loaded, char why[CSN_LOADER_MESSAGE]) {
  char found[CSN_LOADER_PATH];
  *loaded = (struct csn_loaded){.object = NULL};
  if (!path)
    path = getenv("CAISSON_PLUGIN");
  if (!path || *path == '\0') {
    if (search(found, why) < 0)
      return -1;
    path = found;
  }
  if (make_absolute(path, loaded->path, why) < 0)
    return -1;
  if (load(loaded, why) < 0) {
    csn_loader_close(loaded);
    return -1;
  }
  return 0;
}

void csn_loader_close(struct csn_loaded *loaded) {
  if (loaded->object)
    (void)dlclose(loaded->object);
  loaded->object = NULL;
  loaded->plugin = NULL;
}
