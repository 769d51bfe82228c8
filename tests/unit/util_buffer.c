/* SPDX-License-Identifier: Apache-2.0 */
/* Buffers: never beyond their maximum, always ended by a NUL, unchanged by what fails. */
#include "util/buffer.h"

#include <string.h>

#include "tap.h"
#include "util/alloc.h"

static void test_growing(void) {
  struct csn_buffer b = CSN_BUFFER(10);
  is_str(csn_buffer_text(&b), "", "an empty buffer is an empty text");
  is_int(csn_buffer_addz(&b, "hello"), 0, "a text");
  is_int(csn_buffer_addf(&b, " %d", 42), 0, "a format");
  is_str(csn_buffer_text(&b), "hello 42", "one after the other");
  is_int(csn_buffer_addz(&b, "xyz"), CAISSON_E_LIMIT, "one byte too many");
  is_int(csn_buffer_addf(&b, "%s", "xyz"), CAISSON_E_LIMIT, "also by a format");
  is_str(csn_buffer_text(&b), "hello 42", "adds none of it");
  is_int(csn_buffer_add(&b, "!!", 2), 0, "up to the last byte");
  is_int(csn_buffer_add(&b, NULL, 0), 0, "nothing always fits");
  is_int(csn_buffer_add(&b, "x", SIZE_MAX), CAISSON_E_LIMIT, "a size that would overflow");
  is_int(b.size, 10, "ten bytes");
  csn_buffer_consume(&b, 6);
  is_str(csn_buffer_text(&b), "42!!", "the first ones dropped");
  csn_buffer_consume(&b, 100);
  is_int(b.size, 0, "more than there is: all of it");
  csn_buffer_add(&b, "a\0b", 3);
  is_int(b.size, 3, "a NUL is a byte like others");
  csn_buffer_reset(&b);
  is_str(csn_buffer_text(&b), "", "reset");
  csn_buffer_free(&b);
  csn_buffer_free(&b);
  ok(!b.data, "freed, twice");
}

static void test_reserve_and_steal(void) {
  struct csn_buffer b = CSN_BUFFER(1000);
  char *text = csn_buffer_steal(&b);
  is_str(text, "", "the bytes of an empty buffer");
  csn_free(text);
  is_int(csn_buffer_reserve(&b, 500), 0, "room");
  memset(b.data, 'x', 500);
  b.size = 400;
  is_int(csn_buffer_add(&b, "y", 1), 0, "and one more");
  is_int(strlen(b.data), 401, "is ended by a NUL");
  text = csn_buffer_steal(&b);
  ok(!b.data && !b.size, "handed over, it is empty");
  is_int(text[400], 'y', "with what was in it");
  csn_free(text);
}

static void test_many(void) {
  struct csn_buffer b = CSN_BUFFER(100000);
  int wrong = 0;
  for (int i = 0; i < 20000; i++) wrong += csn_buffer_add(&b, "abcde", 5) != 0;
  is_int(wrong, 0, "20,000 pieces");
  is_int(b.size, 100000, "to the maximum");
  is_int(csn_buffer_addz(&b, "x"), CAISSON_E_LIMIT, "and no further");
  ok(b.capacity <= b.max + 1, "no more memory than the maximum needs");
  csn_buffer_free(&b);
}

static void test_no_memory(void) {
  struct csn_buffer b = CSN_BUFFER(1000);
  csn_alloc_fail_after(1);
  is_int(csn_buffer_addz(&b, "x"), CAISSON_E_NOMEM, "no memory to begin with");
  csn_alloc_fail_after(0);
  csn_buffer_addz(&b, "kept");
  csn_alloc_fail_after(1);
  is_int(csn_buffer_reserve(&b, 900), CAISSON_E_NOMEM, "none to grow");
  csn_alloc_fail_after(0);
  is_str(csn_buffer_text(&b), "kept", "and nothing is lost");
  csn_buffer_free(&b);
  csn_alloc_fail_after(1);
  ok(!csn_buffer_steal(&b), "none even for an empty text");
  csn_alloc_fail_after(0);
}

static void test_alloc(void) {
  char *text = csn_asprintf("%s-%d", "a", 7);
  is_str(text, "a-7", "a formatted string");
  csn_free(text);
  text = csn_strndup("abcdef", 3);
  is_str(text, "abc", "a part of a string");
  csn_free(text);
  ok(!csn_strndup("x", SIZE_MAX), "a length that would overflow");
  csn_alloc_fail_after(2);
  void *first = csn_alloc(1), *second = csn_alloc(1), *third = csn_calloc(1, 1);
  ok(first && !second && third, "the second allocation fails and only that");
  csn_alloc_fail_after(0);
  csn_free(first);
  csn_free(third);
}

int main(void) {
  test_growing();
  test_reserve_and_steal();
  test_many();
  test_no_memory();
  test_alloc();
  return done_testing();
}
