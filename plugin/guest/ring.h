/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The last bytes of something that prints for ever: memory that no file name leads to, written by
 * one process and read by others as it is written. Offsets count all bytes since the beginning.
 */
#ifndef CSN_GUEST_RING_H
#define CSN_GUEST_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct csn_ring {
  struct csn_ring_head *head;   /* what is shared, mapped */
  uint8_t *bytes;
  uint64_t capacity;
};

/* A new one for that many bytes, as a descriptor; all of its memory is taken now, so that writing
 * cannot fail later. -1 with errno. */
int csn_ring_make(uint64_t capacity);

/* Map one. 0, or -1 with errno. It may be mapped for reading while somebody writes. */
int csn_ring_map(struct csn_ring *ring, int fd, bool writes);
void csn_ring_unmap(struct csn_ring *ring);

/* Only ever by one process at a time. */
void csn_ring_add(struct csn_ring *ring, const void *bytes, size_t size);

/* All bytes that were ever added. */
uint64_t csn_ring_total(const struct csn_ring *ring);

/* Copy what is still there from *offset on, at most `size` bytes. *offset moves up to where that
 * begins. Returns how many. */
size_t csn_ring_copy(const struct csn_ring *ring, uint64_t *offset, void *out, size_t size);

#endif
