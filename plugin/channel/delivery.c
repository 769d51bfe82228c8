/* SPDX-License-Identifier: Apache-2.0 */
#include "channel/delivery.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "engine/archive.h"
#include "engine/containers.h"
#include "engine/volumes.h"
#include "guest_hash.h"
#include "util/json.h"
#include "util/random.h"

extern const char csn_guest_start[], csn_guest_end[];

/* A file that may not be read makes its process non-dumpable from its first instruction on, so
 * nothing in the sandbox can open or trace it while it starts. */
#define HELPER_MODE 0111
/* gVisor opens what it executes with the sandbox's own rights. It also lets nobody inside trace or
 * open another's process without them. */
#define READABLE_MODE 0555
#define READABLE_NAME CSN_GUEST_NAME "-readable"

const char *csn_delivery_path(const struct csn_delivery *delivery) {
  return delivery->is_readable ? CSN_DELIVERY_MOUNT "/" READABLE_NAME
                               : CSN_DELIVERY_MOUNT "/" CSN_GUEST_NAME;
}

int csn_delivery_learns(struct csn_delivery *delivery, const struct csn_error *err) {
  if (!strstr(err->message, CSN_GUEST_NAME) || !strstr(err->message, "permission denied")) return 0;
  return !atomic_exchange(&delivery->is_readable, 1);
}

int csn_delivery_is_missing(const struct csn_error *err) {
  return strstr(err->message, CSN_GUEST_NAME) && strstr(err->message, "no such file");
}

static cJSON *carrier_body(const char *entrypoint, const char *image) {
  cJSON *body = cJSON_CreateObject();
  cJSON *mount = cJSON_CreateObject();
  cJSON *host = csn_json_add_object(body, "HostConfig");
  cJSON *mounts = csn_json_add_array(host, "Mounts");
  int bad = csn_json_add_string(body, "Image", image) |
            csn_json_append_string(csn_json_add_array(body, "Entrypoint"), entrypoint) |
            csn_json_add_string(host, "NetworkMode", "none") |
            csn_json_add_string(mount, "Type", "volume") |
            csn_json_add_string(mount, "Source", CSN_DELIVERY_VOLUME) |
            csn_json_add_string(mount, "Target", CSN_DELIVERY_MOUNT) |
            csn_json_add_bool(csn_json_add_object(mount, "VolumeOptions"), "NoCopy", 1);
  bad |= csn_json_append(mounts, mount);
  if (!bad) return body;
  cJSON_Delete(body);
  return NULL;
}

static int put(const struct csn_delivery *delivery, struct csn_engine *engine,
               const char *container, const struct csn_control *control, struct csn_error *err) {
  int is_readable = delivery->is_readable;
  return csn_archive_put_file(engine, container, CSN_DELIVERY_MOUNT,
                              is_readable ? READABLE_NAME : CSN_GUEST_NAME, csn_guest_start,
                              (size_t)(csn_guest_end - csn_guest_start),
                              is_readable ? READABLE_MODE : HELPER_MODE, control, err);
}

int csn_delivery_deliver(const struct csn_delivery *delivery, struct csn_engine *engine,
                         const char *image, const struct csn_control *control, struct csn_error *err) {
  char name[64] = "caisson-delivery.", id[CSN_CONTAINER_ID_SIZE];
  int rc = csn_random_hex(name + strlen(name), 8, err);
  if (rc == 0) rc = csn_volume_create(engine, CSN_DELIVERY_VOLUME, NULL, control, err);
  if (rc) return rc;
  cJSON *body CSN_CLEANUP_JSON = carrier_body(csn_delivery_path(delivery), image);
  if (!body) return csn_fail_nomem(err);
  rc = csn_container_create(engine, name, body, control, id, err);
  if (rc == 0) {
    rc = put(delivery, engine, id, control, err);
    /* Whatever the call's own control says by now, the carrier must not stay behind. */
    struct csn_control cleanup = CSN_CONTROL_NONE;
    struct csn_error ignored;
    csn_container_remove(engine, id, CSN_REMOVE_FORCE, &cleanup, &ignored);
  }
  if (rc && !csn_is_stop(rc)) csn_error_wrap(err, "deliver the helper to the engine");
  return rc;
}

int csn_delivery_look(const struct csn_delivery *delivery, struct csn_engine *engine,
                      const char *container, const struct csn_control *control, struct csn_error *err) {
  struct csn_path_stat stat;
  int rc = csn_archive_stat(engine, container, csn_delivery_path(delivery), control, &stat, err);
  if (rc == 0) return stat.size == csn_guest_end - csn_guest_start;
  return csn_engine_is_missing(err) ? 0 : rc;
}
