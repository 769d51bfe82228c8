/* SPDX-License-Identifier: Apache-2.0 */
/* elf_note.h: what a shared object says of itself before any of it is loaded. */
#ifndef HOST_ELF_NOTE_H
#define HOST_ELF_NOTE_H

#include <stdbool.h>

#include "caisson.h"
#include "why.h"

struct csn_elf_note {
  bool found;        /* the rest is set only then */
  caisson_note note; /* of our ABI's major; the strings end with a NUL */
};

/* Reads the headers and notes of an open file that may hold anything. Returns 0, also where it has
 * no note of Caisson's; or -1 with the reason in `why` (to follow the file's name) where it is no
 * shared object for this machine, is damaged, or is a plugin for other majors of the ABI only. */
int csn_elf_note_read(int fd, struct csn_elf_note *out, char why[CSN_LOADER_MESSAGE]);

#endif
