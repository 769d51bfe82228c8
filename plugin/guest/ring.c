/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ring: see ring.h. The writer says which bytes it is about to overwrite before it does, and
 * how far it came after; so a reader, who looks at the latter first and at the former last, knows
 * which of what it copied was still whole.
 */
#include "guest/ring.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define HEAD_SIZE 4096u   /* a page, so that the bytes begin at one */

struct csn_ring_head {
  uint64_t begun, done;   /* bytes: those that are being added count in `begun` alone */
};

int csn_ring_make(uint64_t capacity) {
  int fd = memfd_create("caisson-ring", MFD_CLOEXEC);
  if (fd < 0) return -1;
  off_t size = (off_t)(HEAD_SIZE + capacity);
  /* Where a runtime cannot reserve memory, it comes as it is written. */
  if (fallocate(fd, 0, 0, size) == 0) return fd;
  if (errno == EOPNOTSUPP && ftruncate(fd, size) == 0) return fd;
  int why = errno;
  close(fd);
  errno = why;
  return -1;
}

int csn_ring_map(struct csn_ring *ring, int fd, bool writes) {
  struct stat file;
  if (fstat(fd, &file) < 0) return -1;
  if (!S_ISREG(file.st_mode) || file.st_size <= HEAD_SIZE) {
    errno = EINVAL;
    return -1;
  }
  void *all = mmap(NULL, (size_t)file.st_size, writes ? PROT_READ | PROT_WRITE : PROT_READ,
                   MAP_SHARED, fd, 0);
  if (all == MAP_FAILED) return -1;
  *ring = (struct csn_ring){all, (uint8_t *)all + HEAD_SIZE, (uint64_t)file.st_size - HEAD_SIZE};
  return 0;
}

void csn_ring_unmap(struct csn_ring *ring) {
  if (ring->head != NULL) munmap(ring->head, HEAD_SIZE + ring->capacity);
  ring->head = NULL;
}

/* The part of the ring that byte number `at` is in, up to where it wraps. */
static size_t run_at(const struct csn_ring *ring, uint64_t at, size_t size, uint8_t **start) {
  uint64_t place = at % ring->capacity;
  *start = ring->bytes + place;
  return size < ring->capacity - place ? size : (size_t)(ring->capacity - place);
}

void csn_ring_add(struct csn_ring *ring, const void *bytes, size_t size) {
  const uint8_t *from = bytes;
  uint64_t at = ring->head->done;
  uint8_t *to;
  __atomic_store_n(&ring->head->begun, at + size, __ATOMIC_RELAXED);
  __atomic_thread_fence(__ATOMIC_SEQ_CST);
  for (size_t left = size; left > 0;) {
    size_t n = run_at(ring, at, left, &to);
    memcpy(to, from, n);
    from += n;
    at += n;
    left -= n;
  }
  __atomic_store_n(&ring->head->done, at, __ATOMIC_RELEASE);
}

uint64_t csn_ring_total(const struct csn_ring *ring) {
  return __atomic_load_n(&ring->head->done, __ATOMIC_ACQUIRE);
}

static uint64_t oldest(const struct csn_ring *ring, uint64_t end) {
  return end > ring->capacity ? end - ring->capacity : 0;
}

size_t csn_ring_copy(const struct csn_ring *ring, uint64_t *offset, void *out, size_t size) {
  uint64_t end = csn_ring_total(ring), at;
  uint8_t *to = out, *from;
  if (*offset > end) *offset = end;
  if (*offset < oldest(ring, end)) *offset = oldest(ring, end);
  if (size > end - *offset) size = (size_t)(end - *offset);
  at = *offset;
  for (size_t left = size; left > 0;) {
    size_t n = run_at(ring, at, left, &from);
    memcpy(to, from, n);
    to += n;
    at += n;
    left -= n;
  }
  __atomic_thread_fence(__ATOMIC_SEQ_CST);
  uint64_t whole = oldest(ring, __atomic_load_n(&ring->head->begun, __ATOMIC_RELAXED));
  if (whole <= *offset) return size;
  uint64_t torn = whole - *offset < size ? whole - *offset : size;
  memmove(out, (uint8_t *)out + torn, size - torn);
  *offset += torn;
  return size - (size_t)torn;
}
