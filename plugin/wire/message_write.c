/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Structs to frames. Numbers that are 0 and texts that are absent are left out, since that is what
 * a reader takes their absence for.
 */
#include "wire/message.h"

#include <string.h>

static void put_number(struct csn_wire_out *out, uint16_t tag, uint64_t value) {
  if (value != 0)
    csn_field_put_number(out, tag, value);
}

static void put_text(struct csn_wire_out *out, uint16_t tag, struct csn_wire_text text) {
  if (text.bytes == NULL)
    return;
  size_t max = csn_field_type_find(tag)->max;
  csn_field_put_bytes(out, tag, text.bytes, text.size < max ? text.size : max);
}

static void put_version(struct csn_wire_out *out) {
  const uint8_t version = CSN_WIRE_VERSION;
  csn_wire_put(out, &version, 1);
}

void csn_wire_put_hello_host(struct csn_wire_out *out) {
  size_t mark = csn_frame_begin(out, CSN_FRAME_HELLO);
  put_version(out);
  csn_frame_end(out, mark);
}

void csn_wire_put_status(struct csn_wire_out *out, bool hello,
                         const struct csn_wire_status *status) {
  size_t mark = csn_frame_begin(out, hello ? CSN_FRAME_HELLO : CSN_FRAME_STATUS);
  if (hello) {
    put_version(out);
    put_text(out, CSN_FIELD_BUILD, status->build);
    put_number(out, CSN_FIELD_PID, status->pid);
    put_number(out, CSN_FIELD_UID, status->uid);
    put_number(out, CSN_FIELD_GID, status->gid);
  }
  put_number(out, CSN_FIELD_BUSY_OTHERS, status->busy_others);
  put_number(out, CSN_FIELD_CHANNELS_OTHERS, status->channels_others);
  put_number(out, CSN_FIELD_AGE_MS, status->age_ms);
  put_number(out, CSN_FIELD_IDLE_MS, status->idle_ms);
  put_text(out, CSN_FIELD_KEY, status->key);
  csn_frame_end(out, mark);
}

void csn_wire_put_exit(struct csn_wire_out *out, const struct csn_wire_exit *exit) {
  size_t mark = csn_frame_begin(out, CSN_FRAME_EXIT);
  put_number(out, CSN_FIELD_OUTCOME, exit->outcome);
  put_number(out, CSN_FIELD_HOW, exit->how);
  put_number(out, CSN_FIELD_STATUS, exit->status);
  put_number(out, CSN_FIELD_DURATION_NS, exit->duration_ns);
  put_number(out, CSN_FIELD_OUT_BYTES, exit->out_bytes);
  put_number(out, CSN_FIELD_ERR_BYTES, exit->err_bytes);
  put_text(out, CSN_FIELD_SPILL_PATH, exit->spill_path);
  put_number(out, CSN_FIELD_SPILL_BYTES, exit->spill_bytes);
  put_number(out, CSN_FIELD_SPILL_WHOLE, exit->spill_whole);
  put_number(out, CSN_FIELD_STILL_RUNNING, exit->still_running);
  put_number(out, CSN_FIELD_SURVIVORS, exit->survivors);
  put_text(out, CSN_FIELD_SURVIVOR_TEXT, exit->survivor_text);
  put_number(out, CSN_FIELD_OOM, exit->oom);
  put_number(out, CSN_FIELD_KILL_ROUNDS, exit->kill_rounds);
  csn_frame_end(out, mark);
}

void csn_wire_put_fault(struct csn_wire_out *out, uint8_t type,
                        const struct csn_wire_fault *fault) {
  size_t mark = csn_frame_begin(out, type);
  put_text(out, CSN_FIELD_REASON, fault->reason);
  put_number(out, CSN_FIELD_ERRNO, fault->number);
  put_text(out, CSN_FIELD_TEXT, fault->text);
  csn_frame_end(out, mark);
}

void csn_wire_put_request(struct csn_wire_out *out, const void *request, size_t size) {
  const uint8_t *bytes = request;
  while (size > CSN_FRAME_MAX) {
    csn_frame_put(out, CSN_FRAME_RUN_PART, bytes, CSN_FRAME_MAX);
    bytes += CSN_FRAME_MAX;
    size -= CSN_FRAME_MAX;
  }
  csn_frame_put(out, CSN_FRAME_RUN, bytes, size);
}

void csn_wire_put_u64(struct csn_wire_out *out, uint8_t type, uint64_t value) {
  uint8_t bytes[8];
  csn_wire_store(bytes, value, sizeof bytes);
  csn_frame_put(out, type, bytes, sizeof bytes);
}

void csn_wire_put_cancel(struct csn_wire_out *out, uint8_t why) {
  csn_frame_put(out, CSN_FRAME_CANCEL, &why, 1);
}

void csn_wire_put_empty(struct csn_wire_out *out, uint8_t type) {
  csn_frame_put(out, type, NULL, 0);
}
