/* SPDX-License-Identifier: Apache-2.0 */
/* The note in caisson.so: what the table says of its version, where a host can read it before it
 * loads anything. The layout is caisson.h's. */
#include <stdint.h>

#include "caisson.h"
#include "entry/version.h"

static const struct {
  uint32_t name_size, content_size, type;
  char name[sizeof CAISSON_NOTE_NAME];
  caisson_note content;
} note __attribute__((section(".note.caisson"), aligned(4), used)) = {
    .name_size = sizeof CAISSON_NOTE_NAME,
    .content_size = sizeof(caisson_note),
    .type = CAISSON_NOTE_TYPE,
    .name = CAISSON_NOTE_NAME,
    .content = {.struct_size = sizeof(caisson_note),
                .abi_major = CAISSON_ABI_MAJOR,
                .abi_minor = CAISSON_ABI_MINOR,
                .needs_host_minor = CSN_NEEDS_HOST_MINOR,
                .version = CSN_VERSION,
                .build_id = CSN_BUILD_ID},
};

_Static_assert(sizeof CSN_VERSION <= CAISSON_NOTE_VERSION_SIZE, "the version fits with its NUL");
_Static_assert(sizeof CSN_BUILD_ID <= CAISSON_NOTE_BUILD_ID_SIZE, "so does the build id");
