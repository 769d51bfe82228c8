/* SPDX-License-Identifier: Apache-2.0 */
/* Messages and fields: what is put comes back, and what does not belong is refused with its
 * name. */
#include "tap.h"
#include "wire/message.h"

static uint8_t bytes[8 * CSN_FRAME_MAX];
static char error[CSN_FRAME_ERROR_MAX];

static struct csn_wire_out new_out(void) {
  return (struct csn_wire_out){bytes, sizeof bytes, 0};
}

static struct csn_wire_text text(const char *string) {
  return (struct csn_wire_text){string, strlen(string)};
}

static bool same(struct csn_wire_text got, const char *want) {
  return got.bytes != NULL && got.size == strlen(want) && memcmp(got.bytes, want, got.size) == 0;
}

/* The payload of the single frame in `bytes`; checks its head on the way. */
static const uint8_t *payload(const struct csn_wire_out *out, uint8_t type, size_t *size) {
  *size = (size_t)csn_wire_load(bytes, 4);
  const struct csn_frame_type *row = csn_frame_type_find(type);
  ok(bytes[4] == type && *size == out->size - CSN_FRAME_HEAD && *size <= row->max,
     "%s is one frame within its bounds", row->name);
  return bytes + CSN_FRAME_HEAD;
}

static void test_status(void) {
  const struct csn_wire_status put = {text("build"), 1, 2, 3, 4, 5, 6, 7, text("ses\0sion")};
  struct csn_wire_status got;
  struct csn_wire_out out = new_out();
  size_t size;
  csn_wire_put_status(&out, true, &put);
  const uint8_t *at = payload(&out, CSN_FRAME_HELLO, &size);
  is_int(csn_wire_get_status(at, size, true, &got, error), 0, "HELLO is read");
  ok(got.pid == 1 && got.uid == 2 && got.gid == 3 && got.busy_others == 4 &&
         got.channels_others == 5 && got.age_ms == 6 && got.idle_ms == 7,
     "with its numbers");
  ok(same(got.build, "build") && same(got.key, "ses"), "and texts");
  out = new_out();
  csn_wire_put_status(&out, false, &put);
  at = payload(&out, CSN_FRAME_STATUS, &size);
  is_int(csn_wire_get_status(at, size, false, &got, error), 0, "STATUS is read");
  ok(got.pid == 0 && got.idle_ms == 7, "without what only HELLO has");
  out = new_out();
  csn_field_put_number(&out, CSN_FIELD_PID, 1);
  is_int(csn_wire_get_status(bytes, out.size, false, &got, error), -1,
         "a PID in STATUS is refused");
  is_str(error, "field PID does not belong into this message", "by name");
}

static void test_exit(void) {
  const struct csn_wire_exit put = {
    .outcome = 2, .how = 1, .status = 3, .duration_ns = 4, .out_bytes = 5, .err_bytes = 6,
    .spill_path = text("/tmp/x"), .spill_bytes = 7, .spill_whole = 1, .still_running = 8,
    .survivors = 9, .survivor_text = text("pid 1"), .oom = 1, .kill_rounds = 10};
  struct csn_wire_exit got;
  struct csn_wire_out out = new_out();
  size_t size;
  csn_wire_put_exit(&out, &put);
  const uint8_t *at = payload(&out, CSN_FRAME_EXIT, &size);
  is_int(csn_wire_get_exit(at, size, &got, error), 0, "EXIT is read");
  ok(got.outcome == 2 && got.how == 1 && got.status == 3 && got.duration_ns == 4 &&
         got.out_bytes == 5 && got.err_bytes == 6 && got.spill_bytes == 7 && got.spill_whole == 1 &&
         got.still_running == 8 && got.survivors == 9 && got.oom == 1 && got.kill_rounds == 10,
     "with its numbers");
  ok(same(got.spill_path, "/tmp/x") && same(got.survivor_text, "pid 1"), "and texts");
  out = new_out();
  csn_field_put_number(&out, CSN_FIELD_STATUS, 1);
  csn_field_put_number(&out, CSN_FIELD_STATUS, 2);
  is_int(csn_wire_get_exit(bytes, out.size, &got, error), -1,
         "a field that stands twice is refused");
  is_str(error, "field STATUS stands twice", "by name");
  is_int(csn_wire_get_exit(bytes, 0, &got, error), 0, "an empty EXIT is read");
  ok(got.outcome == 0 && got.spill_path.bytes == NULL, "and all of it is absent");
}

static void test_fault(void) {
  char *lengthy = calloc(1, 5001);
  memset(lengthy, 'x', 5000);
  const struct csn_wire_fault put = {text(CSN_REASON_CWD), 2, text(lengthy)};
  struct csn_wire_fault got;
  struct csn_wire_out out = new_out();
  size_t size;
  csn_wire_put_fault(&out, CSN_FRAME_ERROR, &put);
  const uint8_t *at = payload(&out, CSN_FRAME_ERROR, &size);
  is_int(csn_wire_get_fault(at, size, &got, error), 0, "ERROR is read");
  ok(same(got.reason, CSN_REASON_CWD) && got.number == 2, "with its fields");
  is_int(got.text.size, 1024, "a text that is too long was cut");
  free(lengthy);
}

static void put_request(struct csn_wire_out *out) {
  csn_field_put_string(out, CSN_FIELD_PROGRAM, "bash");
  csn_field_put_string(out, CSN_FIELD_ENV, "A=1");
  csn_field_put_string(out, CSN_FIELD_ARG, "-c");
  csn_field_put_string(out, CSN_FIELD_ARG, "");
  csn_field_put_string(out, CSN_FIELD_PROGRAM, "sh");
  csn_field_put_string(out, CSN_FIELD_CWD, "/");
  csn_field_put_number(out, CSN_FIELD_TIMEOUT_MS, 1000);
  csn_field_put_number(out, CSN_FIELD_STDIN, 1);
}

static void test_run(void) {
  struct csn_wire_out out = new_out();
  struct csn_wire_run run;
  const char *strings[2] = {NULL, NULL};
  put_request(&out);
  is_int(csn_wire_get_run(bytes, out.size, &run, error), 0, "a request is read");
  is_int(run.program_count, 2, "two programs");
  is_str(run.programs[1], "sh", "in order");
  is_int(run.env_count, 1, "one variable");
  ok(run.timeout_ms == 1000 && run.stdin_follows == 1 && run.spill_max == 0, "numbers");
  is_int(csn_wire_get_run_strings(bytes, out.size, CSN_FIELD_ARG, strings, 2), 2, "two arguments");
  is_str(strings[0], "-c", "the first");
  is_str(strings[1], "", "an empty one");
  strings[1] = "untouched";
  is_int(csn_wire_get_run_strings(bytes, out.size, CSN_FIELD_ARG, strings, 1), 2,
         "a short array still learns the count");
  is_str(strings[1], "untouched", "and is not written past");
}

static void refuses(size_t size, const char *words) {
  struct csn_wire_run run;
  uint8_t *exact = malloc(size + !size);
  memcpy(exact, bytes, size);
  error[0] = '\0';
  is_int(csn_wire_get_run(exact, size, &run, error), -1, "refused: %s", words);
  is_str(error, words, "with these words");
  free(exact);
}

static void test_refusals(void) {
  struct csn_wire_out out = new_out();
  csn_field_put_bytes(&out, CSN_FIELD_CWD, "/x", 2);
  refuses(out.size, "field CWD is a string that does not end in its only NUL");
  out = new_out();
  csn_field_put_bytes(&out, CSN_FIELD_CWD, "a\0b", 4);
  refuses(out.size, "field CWD is a string that does not end in its only NUL");
  out = new_out();
  csn_field_put_bytes(&out, CSN_FIELD_CWD, "", 0);
  refuses(out.size, "field CWD is a string that does not end in its only NUL");
  out = new_out();
  csn_field_put_bytes(&out, CSN_FIELD_TIMEOUT_MS, "1234", 4);
  refuses(out.size, "field TIMEOUT_MS is a number that is not 8 bytes long");
  out = new_out();
  csn_field_put_number(&out, 0x7777, 1);
  refuses(out.size, "field 0x7777 is unknown");
  out = new_out();
  csn_field_put_string(&out, CSN_FIELD_CWD, "/long/enough");
  refuses(out.size - 1, "field CWD is cut off");
  refuses(CSN_FIELD_HEAD - 1, "field head is cut off");
  csn_wire_store(bytes + 2, 0xffffffff, 4);
  refuses(out.size, "field CWD is cut off");
  out = new_out();
  for (size_t i = 0; i <= CSN_RUN_PROGRAMS_MAX; i++)
    csn_field_put_string(&out, CSN_FIELD_PROGRAM, "sh");
  refuses(out.size, "field PROGRAM stands too often");
  out = new_out();
  for (size_t i = 0; i <= CSN_RUN_STRINGS_MAX; i++) csn_field_put_string(&out, CSN_FIELD_ARG, "");
  refuses(out.size, "field ARG stands too often");
  out = new_out();
  memset(bytes + CSN_FIELD_HEAD, 'x', 4096);
  out.size = CSN_FIELD_HEAD + 4097;
  csn_wire_store(bytes, CSN_FIELD_CWD, 2);
  csn_wire_store(bytes + 2, 4097, 4);
  refuses(out.size, "field CWD is longer than it may be");
}

/* A request of any size arrives whole through the frames it is cut into. */
static void test_request_frames(void) {
  static uint8_t request[3 * CSN_FRAME_MAX], joined[sizeof request], buffer[CSN_FRAME_MAX];
  const size_t sizes[] = {0, 1, CSN_FRAME_MAX, CSN_FRAME_MAX + 1, sizeof request};
  for (size_t i = 0; i < sizeof request; i++) request[i] = (uint8_t)(i * 31 >> 3);
  for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
    struct csn_frame_reader reader;
    struct csn_wire_out out = new_out();
    struct csn_frame frame;
    csn_wire_put_hello_host(&out);
    csn_wire_put_request(&out, request, sizes[i]);
    csn_frame_reader_init(&reader, CSN_FROM_HOST, buffer);
    const uint8_t *at = bytes;
    size_t size = 0, last = 0;
    while (csn_frame_read(&reader, &at, &out.size, &frame) > 0) {
      last = frame.type;
      if (frame.type == CSN_FRAME_HELLO) continue;
      memcpy(joined + size, frame.bytes, frame.size);
      size += frame.size;
    }
    ok(last == CSN_FRAME_RUN && size == sizes[i] && memcmp(joined, request, size) == 0,
       "a request of %zu bytes", sizes[i]);
  }
}

int main(void) {
  test_status();
  test_exit();
  test_fault();
  test_run();
  test_refusals();
  test_request_frames();
  return done_testing();
}
