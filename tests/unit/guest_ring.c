/* SPDX-License-Identifier: Apache-2.0 */
/* The ring: it keeps the tail, offsets count everything, and a reader beside the writer never gets
 * a byte that does not belong where it says. */
#include "guest/ring.h"

#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tap.h"

#define CAPACITY 4096u

static struct csn_ring ring;
static int fd = -1;

static void open_ring(void) {
  fd = csn_ring_make(CAPACITY);
  if (fd < 0 || csn_ring_map(&ring, fd, true) < 0) BAIL_OUT("no ring");
}

static void close_ring(void) {
  csn_ring_unmap(&ring);
  close(fd);
}

static void test_tail(void) {
  static char bytes[3 * CAPACITY], out[3 * CAPACITY];
  uint64_t offset = 0;
  open_ring();
  is_int(csn_ring_copy(&ring, &offset, out, sizeof out), 0, "an empty one has nothing");
  csn_ring_add(&ring, "hello", 5);
  is_int(csn_ring_copy(&ring, &offset, out, sizeof out), 5, "what was added is there");
  ok(memcmp(out, "hello", 5) == 0, "as it was");
  offset = 2;
  is_int(csn_ring_copy(&ring, &offset, out, 2), 2, "from any offset, as much as is wanted");
  ok(memcmp(out, "ll", 2) == 0 && offset == 2, "that part");
  for (size_t i = 0; i < sizeof bytes; i++) bytes[i] = (char)(i * 7 + i / 251);
  csn_ring_add(&ring, bytes, CAPACITY - 1);
  csn_ring_add(&ring, bytes + CAPACITY - 1, sizeof bytes - (CAPACITY - 1));
  is_int(csn_ring_total(&ring), 5 + sizeof bytes, "it counts all");
  offset = 0;
  is_int(csn_ring_copy(&ring, &offset, out, sizeof out), CAPACITY, "and has its capacity");
  is_int(offset, 5 + sizeof bytes - CAPACITY, "of the end");
  ok(memcmp(out, bytes + sizeof bytes - CAPACITY, CAPACITY) == 0, "byte for byte");
  offset = 1 << 30;
  is_int(csn_ring_copy(&ring, &offset, out, sizeof out), 0, "beyond the end there is nothing");
  is_int(offset, 5 + sizeof bytes, "and that is where the next begins");
  close_ring();
}

/* Every byte says its offset, in seven bits. */
static char expected(uint64_t offset) { return (char)((offset / 3 + offset) & 127); }

static _Noreturn void write_for_ever(void) {
  char bytes[1000];
  uint64_t at = 0;
  for (size_t size = 1;; size = size % sizeof bytes + 1) {
    for (size_t i = 0; i < size; i++) bytes[i] = expected(at + i);
    csn_ring_add(&ring, bytes, size);
    at += size;
  }
}

static void test_beside_a_writer(void) {
  static char out[CAPACITY];
  uint64_t wrong = 0, read_bytes = 0, last = 0;
  open_ring();
  pid_t writer = fork();
  if (writer == 0) write_for_ever();
  while (csn_ring_total(&ring) < 50u << 20) {
    uint64_t offset = last;
    size_t n = csn_ring_copy(&ring, &offset, out, sizeof out);
    for (size_t i = 0; i < n; i++) wrong += out[i] != expected(offset + i);
    wrong += offset < last;
    read_bytes += n;
    last = offset + n;
  }
  kill(writer, SIGKILL);
  waitpid(writer, NULL, 0);
  is_int(wrong, 0, "beside a writer no byte is another's");
  ok(read_bytes > 0, "and there are some");
  close_ring();
}

static void test_refusals(void) {
  int ends[2];
  if (pipe(ends) < 0) BAIL_OUT("no pipe");
  is_int(csn_ring_map(&ring, ends[0], false), -1, "a pipe is no ring");
  close(ends[0]);
  close(ends[1]);
}

int main(void) {
  test_tail();
  test_beside_a_writer();
  test_refusals();
  return done_testing();
}
