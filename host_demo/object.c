/* SPDX-License-Identifier: Apache-2.0 */
/* object.c: dlopen by descriptor. By its path the file could be another one by now; and glibc hands
 * out what it once loaded under a name for as long as that is mapped (which for a plugin that is
 * linked with -z nodelete is for ever), so a new version under an old path would never be loaded.
 * /proc/self/fd/N names exactly the file that is open, and stays unique while the descriptor is
 * kept. So one descriptor is kept for each file that is mapped, and no more. */
#include "object.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct csn_object {
  struct csn_object *next;
  void *handle; /* of dlopen, which was called `uses` times */
  unsigned uses;
  int fd;
  struct stat file; /* as it was when it was loaded */
  char name[32];
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct csn_object *objects;

static struct csn_object *find(const struct stat *st) {
  for (struct csn_object *o = objects; o; o = o->next)
    if (o->file.st_dev == st->st_dev && o->file.st_ino == st->st_ino)
      return o;
  return NULL;
}

static struct csn_object *keep(int fd, const struct stat *st) {
  struct csn_object *object = malloc(sizeof *object);
  if (!object)
    return NULL;
  *object = (struct csn_object){.next = objects, .file = *st};
  object->fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
  if (object->fd < 0) {
    free(object);
    return NULL;
  }
  (void)snprintf(object->name, sizeof object->name, "/proc/self/fd/%d", object->fd);
  objects = object;
  return object;
}

static void forget(struct csn_object *object) {
  struct csn_object **at = &objects;
  while (*at != object)
    at = &(*at)->next;
  *at = object->next;
  (void)close(object->fd);
  free(object);
}

/* True while its name is taken in the dynamic linker, for then it must name nothing else. */
static int is_mapped(const struct csn_object *object) {
  void *handle = dlopen(object->name, RTLD_NOW | RTLD_LOCAL | RTLD_NOLOAD);
  if (handle)
    (void)dlclose(handle);
  return handle != NULL;
}

static void forget_unmapped(struct csn_object *object) {
  if (object->uses == 0 && !is_mapped(object))
    forget(object);
}

static int same_content(const struct stat *a, const struct stat *b) {
  return a->st_size == b->st_size && a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
         a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/* The linker's words, without the name that we gave it. */
static void explain(const struct csn_object *object, char why[CSN_LOADER_MESSAGE]) {
  const char *words = dlerror();
  size_t n = strlen(object->name);
  if (words && strncmp(words, object->name, n) == 0 && words[n] == ':')
    words += n + strspn(words + n, ": ");
  (void)csn_why(why, "it cannot be loaded: %.2048s%s", words ? words : "no reason is given",
                access("/proc/self/fd", F_OK) == 0 ? "" : " (/proc is not mounted)");
}

static struct csn_object *open_locked(int fd, char why[CSN_LOADER_MESSAGE]) {
  struct stat st;
  if (fstat(fd, &st) < 0) {
    (void)csn_why(why, "%s", strerror(errno));
    return NULL;
  }
  struct csn_object *object = find(&st);
  if (!object && !(object = keep(fd, &st))) {
    (void)csn_why(why, "%s", strerror(errno));
    return NULL;
  }
  if (!same_content(&object->file, &st)) {
    (void)csn_why(why, "it was overwritten in place since it was loaded, which damages what runs. "
                       "Put a new version into a file of its own");
    return NULL;
  }
  /* RTLD_NOW: a symbol that is missing shows here and not in the middle of a call. RTLD_LOCAL: its
   * symbols are nobody else's. */
  void *handle = dlopen(object->name, RTLD_NOW | RTLD_LOCAL);
  if (!handle) {
    explain(object, why);
    forget_unmapped(object);
    return NULL;
  }
  if (object->uses++ == 0)
    object->handle = handle;
  return object;
}

struct csn_object *csn_object_open(int fd, char why[CSN_LOADER_MESSAGE]) {
  (void)pthread_mutex_lock(&lock);
  struct csn_object *object = open_locked(fd, why);
  (void)pthread_mutex_unlock(&lock);
  return object;
}

caisson_entry_fn *csn_object_entry(const struct csn_object *object, char why[CSN_LOADER_MESSAGE]) {
  caisson_entry_fn *entry = NULL;
  struct link_map *own = NULL, *where = NULL;
  Dl_info info;
  void *found = dlsym(object->handle, CAISSON_ENTRY_SYMBOL);
  if (!found) {
    (void)csn_why(why, "it does not export " CAISSON_ENTRY_SYMBOL ". It is another kind of "
                       "library, or a plugin of another major version of the ABI");
    return NULL;
  }
  /* dlsym also finds what a library that the object needs exports. */
  if (dlinfo(object->handle, RTLD_DI_LINKMAP, &own) < 0 ||
      dladdr1(found, &info, (void **)&where, RTLD_DL_LINKMAP) == 0 || where != own) {
    (void)csn_why(why, "its " CAISSON_ENTRY_SYMBOL " is not its own but lies in %.1024s",
                  where ? where->l_name : "no loaded object");
    return NULL;
  }
  /* ISO C has no cast from an object pointer to a function's; POSIX has this. */
  *(void **)&entry = found;
  return entry;
}

void csn_object_close(struct csn_object *object) {
  if (!object)
    return;
  (void)pthread_mutex_lock(&lock);
  (void)dlclose(object->handle);
  object->uses--;
  forget_unmapped(object);
  (void)pthread_mutex_unlock(&lock);
}
