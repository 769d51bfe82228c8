/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes what a host reads of a plugin's file before it loads it. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "host_demo/elf_note.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_found(const caisson_note *note) {
  if (note->abi_major != CAISSON_ABI_MAJOR) abort();
  if (strnlen(note->version, sizeof note->version) == sizeof note->version) abort();
  if (strnlen(note->build_id, sizeof note->build_id) == sizeof note->build_id) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct csn_elf_note found;
  char why[CSN_LOADER_MESSAGE] = "";
  int fd = memfd_create("elf", MFD_CLOEXEC);
  if (fd < 0) return 0;
  if (write(fd, data, size) == (ssize_t)size) {
    if (csn_elf_note_read(fd, &found, why) < 0 && *why == '\0') abort();
    if (*why == '\0' && found.found) check_found(&found.note);
  }
  (void)close(fd);
  return 0;
}
