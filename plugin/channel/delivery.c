/* SPDX-License-Identifier: Apache-2.0 */
#include "channel/delivery.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "engine/archive.h"
#include "engine/containers.h"
#include "engine/volumes.h"
#include "guest_hash.h"
#include "util/alloc.h"
#include "util/json.h"
#include "util/random.h"

/* A file that may not be read makes its process non-dumpable from its first instruction on, so
 * nothing in the sandbox can open or trace it while it starts. */
#define HELPER_MODE 0111
/* gVisor opens what it executes with the sandbox's own rights. It also lets nobody inside trace or
 * open another's process without them. */
#define READABLE_MODE 0555
#define READABLE_SUFFIX "-readable"

#define ASK_EVERY (5 * CSN_MS)
#define REMOVE_NS (10 * CSN_SECOND)
/* Those that were built in. Their names come from what they hold, so all fit into one volume. */
struct guest {
  const char *arch;
  const char *start, *end;
  const char *path, *readable_path;
};
#define DECLARE(arch, name) extern const char csn_guest_##arch##_start[], csn_guest_##arch##_end[];
#define DESCRIBE(arch, name)                                                  \
  {#arch, csn_guest_##arch##_start, csn_guest_##arch##_end, CSN_DELIVERY_MOUNT "/" name, \
   CSN_DELIVERY_MOUNT "/" name READABLE_SUFFIX},
CSN_GUESTS(DECLARE)
static const struct guest guests[] = {CSN_GUESTS(DESCRIBE)};
#define GUESTS (sizeof guests / sizeof *guests)

static int no_guest_for(const char *arch, struct csn_error *err) {
  char known[128] = "";
  for (size_t i = 0; i < GUESTS; i++) {
    size_t n = strlen(known);
    snprintf(known + n, sizeof known - n, "%s%s", i ? ", " : "", guests[i].arch);
  }
  return csn_fail(err, CAISSON_E_ENGINE, CAISSON_REASON_ENGINE_PLATFORM,
                  "the engine's machine is \"%s\", and this caisson.so has a helper for %s; use an "
                  "engine of that architecture, or a caisson.so that was built with "
                  "GUEST_ARCHS=\"... %s\"",
                  arch, known, arch);
}

static int choose(struct csn_delivery *delivery, struct csn_engine *engine,
                  const struct csn_control *control, struct csn_error *err) {
  char arch[CSN_ENGINE_ARCH_SIZE];
  int rc = csn_engine_arch(engine, control, arch, err);
  if (rc) return rc;
  for (size_t i = 0; i < GUESTS; i++) {
    if (strcmp(guests[i].arch, arch) != 0) continue;
    atomic_store(&delivery->guest, (int)i + 1);
    return 0;
  }
  return no_guest_for(arch, err);
}

/* One asks for all who want to know: the question can be a heavy one for the engine. */
int csn_delivery_choose(struct csn_delivery *delivery, struct csn_engine *engine,
                        const struct csn_control *control, struct csn_error *err) {
  int rc = 0;
  while (rc == 0 && !atomic_load(&delivery->guest)) {
    if (atomic_exchange(&delivery->is_asking, 1)) {
      rc = csn_control_poll(control, NULL, 0, csn_clock_after(ASK_EVERY), err);
      continue;
    }
    if (!atomic_load(&delivery->guest)) rc = choose(delivery, engine, control, err);
    atomic_store(&delivery->is_asking, 0);
  }
  return rc;
}

void csn_delivery_recognise(struct csn_delivery *delivery, const char *path) {
  for (size_t i = 0; i < GUESTS; i++) {
    int is_readable = strcmp(path, guests[i].readable_path) == 0;
    if (!is_readable && strcmp(path, guests[i].path) != 0) continue;
    if (is_readable) atomic_store(&delivery->is_readable, 1);
    atomic_store(&delivery->guest, (int)i + 1);
  }
}

/* NULL before it is chosen. */
static const struct guest *guest_of(const struct csn_delivery *delivery) {
  int guest = atomic_load(&delivery->guest);
  return guest ? &guests[guest - 1] : NULL;
}

const char *csn_delivery_path(const struct csn_delivery *delivery) {
  const struct guest *guest = guest_of(delivery);
  if (!guest) return "";
  return delivery->is_readable ? guest->readable_path : guest->path;
}

/* Do the engine's words name the helper, and say that? */
static int is_said(const struct csn_delivery *delivery, const struct csn_error *err,
                   const char *words) {
  const struct guest *guest = guest_of(delivery);
  return guest && strstr(err->message, guest->path) && strstr(err->message, words);
}

int csn_delivery_learns(struct csn_delivery *delivery, const struct csn_error *err) {
  if (!is_said(delivery, err, "permission denied")) return 0;
  if (strstr(err->message, READABLE_SUFFIX)) return 0;
  atomic_store(&delivery->is_readable, 1);
  return 1;
}

int csn_delivery_is_missing(const struct csn_delivery *delivery, const struct csn_error *err) {
  return is_said(delivery, err, "no such file");
}

void csn_delivery_add_mount(struct csn_body *b, cJSON *mounts, int is_read_only) {
  cJSON *mount = csn_body_entry(b, mounts);
  csn_body_text(b, mount, "Type", "volume");
  csn_body_text(b, mount, "Source", CSN_DELIVERY_VOLUME);
  csn_body_text(b, mount, "Target", CSN_DELIVERY_MOUNT);
  csn_body_flag(b, mount, "ReadOnly", is_read_only);
  csn_body_flag(b, csn_body_object(b, mount, "VolumeOptions"), "NoCopy", 1);
}

static cJSON *carrier_body(const char *entrypoint, const char *image) {
  struct csn_body b = {0};
  cJSON *body = cJSON_CreateObject();
  csn_body_text(&b, body, "Image", image);
  csn_body_text(&b, body, "User", "0:0"); /* Podman would look for the image's own */
  csn_body_item(&b, csn_body_array(&b, body, "Entrypoint"), entrypoint);
  cJSON *host = csn_body_object(&b, body, "HostConfig");
  csn_body_text(&b, host, "NetworkMode", "none");
  csn_delivery_add_mount(&b, csn_body_array(&b, host, "Mounts"), 0);
  if (!b.failed) return body;
  cJSON_Delete(body);
  return NULL;
}

/* Unless it is seen to be there: names come from what files hold. */
static int put_once(struct csn_engine *engine, const char *container, const char *file,
                    const void *bytes, size_t n, unsigned mode, const struct csn_control *control,
                    struct csn_error *err) {
  struct csn_path_stat stat;
  char *path CSN_CLEANUP_FREE = csn_asprintf(CSN_DELIVERY_MOUNT "/%s", file);
  if (!path) return csn_fail_nomem(err);
  int rc = csn_archive_stat(engine, container, path, control, &stat, err);
  if (rc == 0 && stat.size == (int64_t)n) return 0;
  if (csn_is_stop(rc)) return rc;
  return csn_archive_put_file(engine, container, CSN_DELIVERY_MOUNT, file, bytes, n, mode, control,
                              err);
}

int csn_delivery_put(const struct csn_delivery *delivery, struct csn_engine *engine,
                     const char *image, const char *file, const void *bytes, size_t n,
                     unsigned mode, const struct csn_control *control, struct csn_error *err) {
  char name[64] = "caisson-delivery.", id[CSN_CONTAINER_ID_SIZE];
  int rc = csn_random_hex(name + strlen(name), 8, err);
  if (rc == 0) rc = csn_volume_create(engine, CSN_DELIVERY_VOLUME, NULL, control, err);
  if (rc) return rc;
  cJSON *body CSN_CLEANUP_JSON = carrier_body(csn_delivery_path(delivery), image);
  if (!body) return csn_fail_nomem(err);
  rc = csn_container_make(engine, name, body, control, id, err);
  if (rc) return rc;
  rc = put_once(engine, id, file, bytes, n, mode, control, err);
  /* Whatever the call's own control says by now, the carrier must not stay behind. */
  struct csn_control cleanup = CSN_CONTROL_NONE;
  struct csn_error ignored;
  cleanup.deadline = csn_clock_after(REMOVE_NS);
  csn_container_remove(engine, id, CSN_REMOVE_FORCE | CSN_REMOVE_VOLUMES, &cleanup, &ignored);
  return rc;
}

int csn_delivery_deliver(const struct csn_delivery *delivery, struct csn_engine *engine,
                         const char *image, const struct csn_control *control,
                         struct csn_error *err) {
  const struct guest *guest = guest_of(delivery);
  const char *name = csn_delivery_path(delivery) + sizeof CSN_DELIVERY_MOUNT;
  int rc = csn_delivery_put(delivery, engine, image, name, guest->start,
                            (size_t)(guest->end - guest->start),
                            delivery->is_readable ? READABLE_MODE : HELPER_MODE, control, err);
  if (rc && !csn_is_stop(rc)) csn_error_wrap(err, "deliver the helper to the engine");
  return rc;
}
