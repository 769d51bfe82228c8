/* SPDX-License-Identifier: Apache-2.0 */
/* file.upload: the request's input becomes a file in the sandbox. It goes as entries, so that the
 * helper knows an end from a sender that went away. */
#include <string.h>

#include "tools/op_files.h"
#include "tools/transfer.h"
#include "tools/upload_name.h"
#include "util/buffer.h"
#include "util/json.h"
#include "wire/entry.h"

#define UPLOADS "uploads"
/* Below this much room at once a piece is not worth its head. */
#define PIECE_MIN 1024u

struct upload {
  const struct csn_tool_call *call;
  uint8_t waiting[CSN_ENTRY_HEAD_MAX + PIECE_MIN]; /* made and not taken yet */
  size_t at, size;
  int ended;
};

static int64_t take_waiting(struct upload *u, uint8_t *buffer, uint64_t capacity) {
  size_t n = u->size - u->at < capacity ? u->size - u->at : (size_t)capacity;
  memcpy(buffer, u->waiting + u->at, n);
  u->at += n;
  return (int64_t)n;
}

/* A piece of the file behind its head, into `out`. */
static int64_t read_piece(struct upload *u, uint8_t *out, uint64_t capacity) {
  uint64_t room = capacity - CSN_ENTRY_DATA_HEAD;
  if (room > CSN_ENTRY_DATA_MAX) room = CSN_ENTRY_DATA_MAX;
  int64_t n = u->call->input(u->call->input_ctx, out + CSN_ENTRY_DATA_HEAD, room);
  if (n == CAISSON_INPUT_END) {
    u->ended = 1;
    return (int64_t)csn_entry_put_end(out);
  }
  if (n < 0 || (uint64_t)n > room) return n == CAISSON_INPUT_AGAIN ? n : CAISSON_INPUT_ERROR;
  return (int64_t)csn_entry_put_data((uint32_t)n, out) + n;
}

static int64_t give(void *ctx, void *buffer, uint64_t capacity) {
  struct upload *u = ctx;
  if (u->at < u->size) return take_waiting(u, buffer, capacity);
  if (u->ended) return CAISSON_INPUT_END;
  if (capacity >= PIECE_MIN) return read_piece(u, buffer, capacity);
  int64_t n = read_piece(u, u->waiting, PIECE_MIN);
  if (n < 0) return n;
  u->at = 0;
  u->size = (size_t)n;
  return take_waiting(u, buffer, capacity);
}

static int describe(void *ctx, cJSON *report, struct csn_buffer *text) {
  (void)ctx;
  int rc = csn_buffer_addf(text, "uploaded %s, %.0f bytes%s", csn_json_string(report, "path", "?"),
                           csn_json_number(report, "size", 0),
                           csn_json_bool(report, "replaced", 0) ? ", in place of another" : "");
  if (!rc && csn_json_bool(report, "renamed", 0))
    rc = csn_buffer_addz(text, " (its own name was taken)");
  return rc;
}

/* The arguments with a name that is safe and a path. */
static cJSON *make_args(const struct csn_tool_call *call, const char *name) {
  cJSON *args = cJSON_Duplicate(call->args, 1);
  cJSON_DeleteItemFromObjectCaseSensitive(args, "name");
  int rc = csn_json_add_string(args, "name", name);
  if (!csn_json_get(args, "path")) rc |= csn_json_add_string(args, "path", UPLOADS);
  if (!rc) return args;
  cJSON_Delete(args);
  return NULL;
}

int csn_op_file_upload(const struct csn_tool_call *call, struct csn_tool_result *result,
                       struct csn_error *err) {
  char name[CSN_UPLOAD_NAME_SIZE];
  const char *given = csn_json_string(call->args, "name", "");
  int rc = csn_transfer_need_input(call, err);
  if (rc) return rc;
  csn_upload_name(given, strlen(given), name);
  CSN_CLEANUP_JSON cJSON *args = make_args(call, name);
  if (!args) return csn_fail_nomem(err);
  struct upload u = {.call = call};
  struct csn_entry head = {.type = CSN_ENTRY_FILE, .size = CSN_ENTRY_SIZE_UNKNOWN, .path = name,
                           .target = ""};
  u.size = csn_entry_put_head(&head, u.waiting);
  struct csn_transfer transfer = {
      .native = {.operation = "upload", .args = args, .input = give, .input_ctx = &u},
      .place = csn_json_string(args, "path", UPLOADS),
      .describe = describe,
  };
  return csn_transfer_run(call, &transfer, result, err);
}
