/* SPDX-License-Identifier: Apache-2.0 */
/* loader.c: finds a plugin, makes sure that it is one that this host can work with, and loads it:
 * the order of all checks, each of which has its words. How a path is walked, an ELF file read and
 * a descriptor loaded stands in trusted.c, elf_note.c and object.c. */
#include "loader.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "digest.h"
#include "elf_note.h"
#include "object.h"
#include "trusted.h"

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

/* Not by realpath: each link on the way is checked too. */
static int make_absolute(const char *path, char out[CSN_LOADER_PATH],
                         char why[CSN_LOADER_MESSAGE]) {
  char here[PATH_MAX] = "";
  if (*path != '/' && !getcwd(here, sizeof here))
    return csn_why(why, "plugin %.1024s: the current folder: %s", path, strerror(errno));
  int n = snprintf(out, CSN_LOADER_PATH, "%s%s%s", here, *path == '/' ? "" : "/", path);
  if (n < 0 || n >= CSN_LOADER_PATH)
    return csn_why(why, "plugin %.1024s: its path is too long", path);
  return 0;
}

/* ---- the file, before it is loaded ----------------------------------------------------------- */

static int check_minor(uint32_t needs, const char *path, char why[CSN_LOADER_MESSAGE]) {
  if (needs <= CAISSON_ABI_MINOR)
    return 0;
  return csn_why(why,
                 "plugin %s: it needs a host of ABI %d.%u or newer, and this one is %d.%d. Use a "
                 "newer caisson-host or an older plugin",
                 path, CAISSON_ABI_MAJOR, needs, CAISSON_ABI_MAJOR, CAISSON_ABI_MINOR);
}

static int check_digest(int fd, const char *sha256, const char *path,
                        char why[CSN_LOADER_MESSAGE]) {
  char found[CSN_DIGEST_SIZE];
  if (!sha256)
    return 0;
  if (csn_digest_file(fd, found) < 0)
    return csn_why(why, "plugin %s: cannot be read: %s", path, strerror(errno));
  if (strcasecmp(found, sha256) == 0)
    return 0;
  return csn_why(why, "plugin %s: its SHA-256 is %s, and not the one that it is pinned to (%s)",
                 path, found, sha256);
}

/* Whoever says what is wrong with a file that is open does not know its name. */
static int with_path(const char *path, char why[CSN_LOADER_MESSAGE]) {
  char words[CSN_LOADER_MESSAGE];
  (void)snprintf(words, sizeof words, "%s", why);
  return csn_why(why, "plugin %s: %.3000s", path, words);
}

static int check_file(int fd, const char *sha256, const char *path, struct csn_elf_note *note,
                      char why[CSN_LOADER_MESSAGE]) {
  if (check_digest(fd, sha256, path, why) < 0)
    return -1;
  if (csn_elf_note_read(fd, note, why) < 0)
    return with_path(path, why);
  return note->found ? check_minor(note->note.needs_host_minor, path, why) : 0;
}

/* ---- the table, once it is ------------------------------------------------------------------- */

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
  if (!p || !CAISSON_HAS(p, magic) || p->magic != CAISSON_MAGIC)
    return csn_why(why,
                   "plugin %s: it exports " CAISSON_ENTRY_SYMBOL " but its table is not a Caisson "
                   "plugin's (wrong magic number)",
                   path);
  if (CAISSON_HAS(p, needs_host_minor) && check_minor(p->needs_host_minor, path, why) < 0)
    return -1;
  const char *missing = missing_member(p);
  if (missing)
    return csn_why(why,
                   "plugin %s: its table (%u bytes) lacks `%s`, which every plugin of ABI %d has",
                   path, p->struct_size, missing, CAISSON_ABI_MAJOR);
  return 0;
}

/* A note that says something else is another build's, and nothing that was decided by it holds. */
static int check_note(const struct csn_elf_note *found, const caisson_plugin *p, const char *path,
                      char why[CSN_LOADER_MESSAGE]) {
  const caisson_note *note = &found->note;
  if (!found->found ||
      (note->abi_minor == p->abi_minor && note->needs_host_minor == p->needs_host_minor &&
       strcmp(note->version, p->version) == 0 && strcmp(note->build_id, p->build_id) == 0))
    return 0;
  return csn_why(why,
                 "plugin %s: its note says version %s, build %s, ABI minor %u (needs %u), but its "
                 "table says %.64s, %.64s, %u (%u)",
                 path, note->version, note->build_id, note->abi_minor, note->needs_host_minor,
                 p->version, p->build_id, p->abi_minor, p->needs_host_minor);
}

static int load(struct csn_loaded *loaded, int fd, const struct csn_elf_note *note,
                char why[CSN_LOADER_MESSAGE]) {
  loaded->object = csn_object_open(fd, why);
  caisson_entry_fn *entry = loaded->object ? csn_object_entry(loaded->object, why) : NULL;
  if (!entry)
    return with_path(loaded->path, why);
  loaded->plugin = entry();
  if (check_table(loaded->plugin, loaded->path, why) < 0)
    return -1;
  return check_note(note, loaded->plugin, loaded->path, why);
}

static int load_from(const char *path, const char *sha256, struct csn_loaded *loaded,
                     char why[CSN_LOADER_MESSAGE]) {
  struct csn_elf_note note;
  int fd = csn_trusted_open("plugin", path, loaded->path, why);
  if (fd < 0)
    return -1;
  int rc = check_file(fd, sha256, loaded->path, &note, why);
  if (rc == 0 && (rc = load(loaded, fd, &note, why)) < 0)
    csn_loader_close(loaded);
  (void)close(fd);
  return rc;
}

int csn_loader_open(const char *path, const char *sha256, struct csn_loaded *loaded,
                    char why[CSN_LOADER_MESSAGE]) {
  char found[CSN_LOADER_PATH];
  *loaded = (struct csn_loaded){.object = NULL};
  if (path && *path)
    return make_absolute(path, found, why) < 0 ? -1 : load_from(found, sha256, loaded, why);
  /* A program that was given more rights than its user's must not be told by that user. */
  path = secure_getenv("CAISSON_PLUGIN");
  if (path && *path)
    return load_from(path, sha256, loaded, why);
  return search(found, why) < 0 ? -1 : load_from(found, sha256, loaded, why);
}

void csn_loader_close(struct csn_loaded *loaded) {
  csn_object_close(loaded->object);
  loaded->object = NULL;
  loaded->plugin = NULL;
}
