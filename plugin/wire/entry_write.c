/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writing entries: see entry.h.
 */
#include "wire/entry.h"

#include "wire/frame.h"

#include <string.h>

size_t csn_entry_put_head(const struct csn_entry *entry, uint8_t out[CSN_ENTRY_HEAD_MAX]) {
  size_t path = strlen(entry->path), target = strlen(entry->target);
  out[0] = entry->type;
  csn_wire_store(out + 1, entry->mode, 2);
  csn_wire_store(out + 3, (uint64_t)entry->mtime, 8);
  csn_wire_store(out + 11, entry->mtime_ns, 4);
  csn_wire_store(out + 15, entry->size, 8);
  csn_wire_store(out + 23, path, 2);
  csn_wire_store(out + 25, target, 2);
  memcpy(out + CSN_ENTRY_FIXED, entry->path, path);
  memcpy(out + CSN_ENTRY_FIXED + path, entry->target, target);
  return CSN_ENTRY_FIXED + path + target;
}

size_t csn_entry_put_data(uint32_t size, uint8_t out[CSN_ENTRY_DATA_HEAD]) {
  out[0] = CSN_ENTRY_DATA;
  csn_wire_store(out + 1, size, 4);
  return CSN_ENTRY_DATA_HEAD;
}

size_t csn_entry_put_hole(uint64_t size, uint8_t out[CSN_ENTRY_HOLE_SIZE]) {
  out[0] = CSN_ENTRY_HOLE;
  csn_wire_store(out + 1, size, 8);
  return CSN_ENTRY_HOLE_SIZE;
}

size_t csn_entry_put_end(uint8_t out[1]) {
  out[0] = CSN_ENTRY_END;
  return 1;
}
