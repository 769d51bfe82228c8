/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tables of frame types and of field tags: size bounds, senders, kinds. Whoever adds a frame or
 * a field to protocol.h adds its row here, and both sides refuse everything that has none.
 */
#include "wire/frame.h"
#include "wire/protocol.h"

#define ROWS(table) (sizeof(table) / sizeof((table)[0]))

static const struct csn_frame_type frame_types[] = {
  /* type                    sender          bulk   min  max */
  {CSN_FRAME_HELLO,          CSN_FROM_BOTH,  false, 1,   4096,          "HELLO"},
  {CSN_FRAME_PING,           CSN_FROM_HOST,  false, 8,   8,             "PING"},
  {CSN_FRAME_PONG,           CSN_FROM_GUEST, false, 8,   8,             "PONG"},
  {CSN_FRAME_BYE,            CSN_FROM_HOST,  false, 0,   0,             "BYE"},
  {CSN_FRAME_STAT,           CSN_FROM_HOST,  false, 0,   0,             "STAT"},
  {CSN_FRAME_STATUS,         CSN_FROM_GUEST, false, 0,   4096,          "STATUS"},
  {CSN_FRAME_TAKE,           CSN_FROM_HOST,  false, 0,   CSN_KEY_SIZE_MAX, "TAKE"},
  {CSN_FRAME_RETIRE,         CSN_FROM_HOST,  false, 8,   8,             "RETIRE"},
  {CSN_FRAME_INSPECT,        CSN_FROM_HOST,  false, 0,   0,             "INSPECT"},
  {CSN_FRAME_REPORT,         CSN_FROM_GUEST, false, 2,   CSN_FRAME_MAX, "REPORT"},
  {CSN_FRAME_RUN_PART,       CSN_FROM_HOST,  true,  1,   CSN_FRAME_MAX, "RUN_PART"},
  {CSN_FRAME_RUN,            CSN_FROM_HOST,  false, 0,   CSN_FRAME_MAX, "RUN"},
  {CSN_FRAME_SCRIPT,         CSN_FROM_HOST,  true,  1,   CSN_FRAME_MAX, "SCRIPT"},
  {CSN_FRAME_STDIN,          CSN_FROM_HOST,  true,  1,   CSN_FRAME_MAX, "STDIN"},
  {CSN_FRAME_STDIN_END,      CSN_FROM_HOST,  false, 0,   0,             "STDIN_END"},
  {CSN_FRAME_CANCEL,         CSN_FROM_HOST,  false, 1,   1,             "CANCEL"},
  {CSN_FRAME_STDIN_WANT,     CSN_FROM_GUEST, false, 8,   8,             "STDIN_WANT"},
  {CSN_FRAME_STDIN_CLOSED,   CSN_FROM_GUEST, false, 0,   0,             "STDIN_CLOSED"},
  {CSN_FRAME_OUT,            CSN_FROM_GUEST, true,  1,   CSN_FRAME_MAX, "OUT"},
  {CSN_FRAME_ERR,            CSN_FROM_GUEST, true,  1,   CSN_FRAME_MAX, "ERR"},
  {CSN_FRAME_EXIT,           CSN_FROM_GUEST, false, 0,   8192,          "EXIT"},
  {CSN_FRAME_ERROR,          CSN_FROM_GUEST, false, 0,   4096,          "ERROR"},
  {CSN_FRAME_LOST,           CSN_FROM_GUEST, false, 0,   4096,          "LOST"},
};

static const struct csn_field_type field_types[] = {
  /* tag                       kind              max */
  {CSN_FIELD_BUILD,           CSN_FIELD_BYTES,  128,        "BUILD"},
  {CSN_FIELD_PID,             CSN_FIELD_NUMBER, 8,          "PID"},
  {CSN_FIELD_UID,             CSN_FIELD_NUMBER, 8,          "UID"},
  {CSN_FIELD_GID,             CSN_FIELD_NUMBER, 8,          "GID"},
  {CSN_FIELD_BUSY_OTHERS,     CSN_FIELD_NUMBER, 8,          "BUSY_OTHERS"},
  {CSN_FIELD_CHANNELS_OTHERS, CSN_FIELD_NUMBER, 8,          "CHANNELS_OTHERS"},
  {CSN_FIELD_AGE_MS,          CSN_FIELD_NUMBER, 8,          "AGE_MS"},
  {CSN_FIELD_IDLE_MS,         CSN_FIELD_NUMBER, 8,          "IDLE_MS"},
  {CSN_FIELD_KEY,             CSN_FIELD_BYTES,  256,        "KEY"},
  {CSN_FIELD_PROGRAM,         CSN_FIELD_STRING, 4096,       "PROGRAM"},
  {CSN_FIELD_ARG,             CSN_FIELD_STRING, 128u << 10, "ARG"},
  {CSN_FIELD_ENV,             CSN_FIELD_STRING, 128u << 10, "ENV"},
  {CSN_FIELD_CWD,             CSN_FIELD_STRING, 4096,       "CWD"},
  {CSN_FIELD_TIMEOUT_MS,      CSN_FIELD_NUMBER, 8,          "TIMEOUT_MS"},
  {CSN_FIELD_SPILL_AFTER,     CSN_FIELD_NUMBER, 8,          "SPILL_AFTER"},
  {CSN_FIELD_SPILL_MAX,       CSN_FIELD_NUMBER, 8,          "SPILL_MAX"},
  {CSN_FIELD_STDIN,           CSN_FIELD_NUMBER, 8,          "STDIN"},
  {CSN_FIELD_SCRIPT_SIZE,     CSN_FIELD_NUMBER, 8,          "SCRIPT_SIZE"},
  {CSN_FIELD_SCRIPT_NAME,     CSN_FIELD_STRING, 64,         "SCRIPT_NAME"},
  {CSN_FIELD_SCRIPT_MARK,     CSN_FIELD_STRING, 64,         "SCRIPT_MARK"},
  {CSN_FIELD_OPERATION,       CSN_FIELD_STRING, 64,         "OPERATION"},
  {CSN_FIELD_OPERAND,         CSN_FIELD_STRING, CSN_RUN_MAX, "OPERAND"},
  {CSN_FIELD_OUTCOME,         CSN_FIELD_NUMBER, 8,          "OUTCOME"},
  {CSN_FIELD_HOW,             CSN_FIELD_NUMBER, 8,          "HOW"},
  {CSN_FIELD_STATUS,          CSN_FIELD_NUMBER, 8,          "STATUS"},
  {CSN_FIELD_DURATION_NS,     CSN_FIELD_NUMBER, 8,          "DURATION_NS"},
  {CSN_FIELD_OUT_BYTES,       CSN_FIELD_NUMBER, 8,          "OUT_BYTES"},
  {CSN_FIELD_ERR_BYTES,       CSN_FIELD_NUMBER, 8,          "ERR_BYTES"},
  {CSN_FIELD_SPILL_PATH,      CSN_FIELD_BYTES,  256,        "SPILL_PATH"},
  {CSN_FIELD_SPILL_BYTES,     CSN_FIELD_NUMBER, 8,          "SPILL_BYTES"},
  {CSN_FIELD_SPILL_WHOLE,     CSN_FIELD_NUMBER, 8,          "SPILL_WHOLE"},
  {CSN_FIELD_STILL_RUNNING,   CSN_FIELD_NUMBER, 8,          "STILL_RUNNING"},
  {CSN_FIELD_SURVIVORS,       CSN_FIELD_NUMBER, 8,          "SURVIVORS"},
  {CSN_FIELD_SURVIVOR_TEXT,   CSN_FIELD_BYTES,  1024,       "SURVIVOR_TEXT"},
  {CSN_FIELD_OOM,             CSN_FIELD_NUMBER, 8,          "OOM"},
  {CSN_FIELD_KILL_ROUNDS,     CSN_FIELD_NUMBER, 8,          "KILL_ROUNDS"},
  {CSN_FIELD_REASON,          CSN_FIELD_BYTES,  64,         "REASON"},
  {CSN_FIELD_ERRNO,           CSN_FIELD_NUMBER, 8,          "ERRNO"},
  {CSN_FIELD_TEXT,            CSN_FIELD_BYTES,  1024,       "TEXT"},
};

const struct csn_frame_type *csn_frame_type_find(uint8_t type) {
  for (size_t i = 0; i < ROWS(frame_types); i++) {
    if (frame_types[i].type == type)
      return &frame_types[i];
  }
  return NULL;
}

const struct csn_field_type *csn_field_type_find(uint16_t tag) {
  for (size_t i = 0; i < ROWS(field_types); i++) {
    if (field_types[i].tag == tag)
      return &field_types[i];
  }
  return NULL;
}
