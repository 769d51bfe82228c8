/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages: the frames that carry fields, as structs, both ways. Used by the host to read what the
 * guest says and to make a request, by the guest the other way round. Pure, like frame.h. Texts are
 * slices of the frame they were read from and live as long as it does.
 */
#ifndef CSN_WIRE_MESSAGE_H
#define CSN_WIRE_MESSAGE_H

#include "wire/frame.h"
#include "wire/protocol.h"

struct csn_wire_text {
  const char *bytes;   /* not NUL-terminated; NULL when absent */
  size_t size;
};

/* HELLO from the guest (all fields) and STATUS (those that are about the sandbox). */
struct csn_wire_status {
  struct csn_wire_text build;   /* HELLO only */
  uint64_t pid, uid, gid;       /* HELLO only */
  uint64_t busy_others, channels_others;
  uint64_t age_ms, idle_ms;
  struct csn_wire_text key;
};

/* EXIT, field by field; see protocol.h. */
struct csn_wire_exit {
  uint64_t outcome, how, status;
  uint64_t duration_ns;
  uint64_t out_bytes, err_bytes;
  struct csn_wire_text spill_path;
  uint64_t spill_bytes, spill_whole;
  uint64_t still_running;
  uint64_t survivors;
  struct csn_wire_text survivor_text;
  uint64_t oom;
  uint64_t kill_rounds;
};

/* ERROR and LOST. */
struct csn_wire_fault {
  struct csn_wire_text reason;
  uint64_t number;              /* errno */
  struct csn_wire_text text;
};

/* A request without its ARG, ENV and OPERAND strings, which are only counted here. */
struct csn_wire_run {
  const char *programs[CSN_RUN_PROGRAMS_MAX];
  size_t program_count, arg_count, env_count, operand_count;
  const char *cwd;
  uint64_t timeout_ms, spill_after, spill_max, stdin_follows;
  uint64_t script_size;
  const char *script_name, *script_mark;
  const char *operation;
};

/* Read the payload of a frame of the matching type. 0, or -1 with a sentence in `error`
 * (CSN_FRAME_ERROR_MAX bytes). A field that may not stand there, or stands twice, is an error.
 * For HELLO `hello` is true and the payload starts with the version byte (which the reader has
 * checked). */
int csn_wire_get_status(const uint8_t *payload, size_t size, bool hello,
                        struct csn_wire_status *out, char *error);
int csn_wire_get_exit(const uint8_t *payload, size_t size, struct csn_wire_exit *out, char *error);
int csn_wire_get_fault(const uint8_t *payload, size_t size, struct csn_wire_fault *out,
                       char *error);

/* Read a whole request (all RUN_PARTs and RUN joined). Strings point into it. */
int csn_wire_get_run(const uint8_t *request, size_t size, struct csn_wire_run *out, char *error);

/* Collect the strings of one tag, ARG, ENV or OPERAND, of a request that csn_wire_get_run accepted,
 * in order. Returns how many there are; writes at most `capacity`. */
size_t csn_wire_get_run_strings(const uint8_t *request, size_t size, uint16_t tag,
                                const char **strings, size_t capacity);

/* Append a whole frame. Texts longer than their field allows are cut. */
void csn_wire_put_hello_host(struct csn_wire_out *out);
void csn_wire_put_status(struct csn_wire_out *out, bool hello,
                         const struct csn_wire_status *status);
void csn_wire_put_exit(struct csn_wire_out *out, const struct csn_wire_exit *exit);
void csn_wire_put_fault(struct csn_wire_out *out, uint8_t type, const struct csn_wire_fault *fault);

/* Append a request, made with csn_field_put_*, as RUN_PART* RUN. */
void csn_wire_put_request(struct csn_wire_out *out, const void *request, size_t size);

/* Frames with fixed payloads. */
/* PING PONG STDIN_WANT */
void csn_wire_put_u64(struct csn_wire_out *out, uint8_t type, uint64_t value);
void csn_wire_put_cancel(struct csn_wire_out *out, uint8_t why);
/* BYE STAT STDIN_END STDIN_CLOSED */
void csn_wire_put_empty(struct csn_wire_out *out, uint8_t type);

#endif
