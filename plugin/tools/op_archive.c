/* SPDX-License-Identifier: Apache-2.0 */
/* archive.put and archive.get: archives at the host's end, plain entries at the helper's. */
#include <stdio.h>
#include <string.h>

#include "tools/archive_read.h"
#include "tools/archive_write.h"
#include "tools/op_files.h"
#include "tools/result.h"
#include "tools/transfer.h"
#include "util/buffer.h"
#include "util/json.h"

#define DEFAULT_ENTRIES 100000
#define DEFAULT_BYTES ((int64_t)1 << 30)
#define DEFAULT_RATIO 200
#define DEFAULT_GET_ENTRIES 1000000
#define DEFAULT_GET_BYTES ((int64_t)16 << 30)

/* ---- archive.put ----------------------------------------------------------------------------- */

struct put {
  struct csn_archive_reader *reader;
  struct csn_transfer transfer;
};

/* A failure of ours is the call's: as soon as there is one, the transfer is told. */
static int64_t give(void *ctx, void *buffer, uint64_t capacity) {
  struct put *put = ctx;
  int64_t n = csn_archive_give(put->reader, buffer, capacity);
  if (n == CAISSON_INPUT_END) put->transfer.failure = *csn_archive_failure(put->reader);
  return n;
}

static int describe_put(void *ctx, cJSON *report, struct csn_buffer *text) {
  struct put *put = ctx;
  uint64_t entries = csn_archive_entries(put->reader), bytes = csn_archive_bytes(put->reader);
  int rc = csn_json_add_uint(report, "entries", entries);
  rc |= csn_json_add_uint(report, "bytes", bytes);
  rc |= csn_json_add_string(report, "format", csn_archive_format(put->reader));
  return rc ? rc
            : csn_buffer_addf(text, "unpacked %llu entries, %llu bytes, into %s",
                              (unsigned long long)entries, (unsigned long long)bytes,
                              csn_json_string(report, "path", "?"));
}

/* The input was at fault before anything was started. */
static int finish_unopened(const struct csn_tool_call *call, int rc, struct csn_tool_result *result,
                           struct csn_error *err) {
  static const struct csn_run run = {.timeout_ms = 0};
  struct csn_command_output nothing;
  if (!csn_is_stop(rc)) return rc;
  if (strcmp(err->reason, CAISSON_REASON_INPUT) != 0)
    return csn_result_from_stop(rc, result, err);
  struct csn_run_result ended = {.outcome = CAISSON_OUTCOME_CANCELLED,
                                 .exit_code = CAISSON_EXIT_CANCELLED,
                                 .reason = CAISSON_REASON_INPUT};
  csn_capture_init(&nothing.out, 0);
  csn_capture_init(&nothing.err, 0);
  rc = csn_result_from_run(call, &run, &ended, 0, &nothing, result, err);
  csn_capture_free(&nothing.out);
  csn_capture_free(&nothing.err);
  return rc;
}

static uint64_t limit_of(const struct csn_tool_call *call, const char *name, int64_t fallback) {
  return (uint64_t)csn_json_int(call->args, name, fallback);
}

int csn_op_archive_put(const struct csn_tool_call *call, struct csn_tool_result *result,
                       struct csn_error *err) {
  const struct csn_archive_limits limits = {
      .entries = limit_of(call, "max_entries", DEFAULT_ENTRIES),
      .bytes = limit_of(call, "max_bytes", DEFAULT_BYTES),
      .ratio = limit_of(call, "max_ratio", DEFAULT_RATIO),
      .strip = (unsigned)limit_of(call, "strip_components", 0),
  };
  struct put put = {.reader = NULL};
  int rc = csn_transfer_need_input(call, err);
  if (rc) return rc;
  rc = csn_archive_open(call, &limits, &put.reader, err);
  if (rc) return finish_unopened(call, rc, result, err);
  put.transfer = (struct csn_transfer){
      .native = {.operation = "unpack", .args = call->args, .input = give, .input_ctx = &put},
      .place = csn_json_string(call->args, "path", "."),
      .describe = describe_put,
      .describe_ctx = &put,
  };
  rc = csn_transfer_run(call, &put.transfer, result, err);
  csn_archive_close(put.reader);
  return rc;
}

/* ---- archive.get ----------------------------------------------------------------------------- */

#define LIMIT_SIZE 40 /* of an operand with a limit */

struct get {
  struct csn_archive_writer *writer;
  struct csn_transfer transfer;
};

static int take(void *ctx, const void *bytes, size_t n) {
  struct get *get = ctx;
  int rc = csn_archive_take(get->writer, bytes, n, &get->transfer.failure);
  return rc != 0;
}

static int describe_get(void *ctx, cJSON *report, struct csn_buffer *text) {
  struct get *get = ctx;
  char sha256[CSN_SHA256_HEX];
  uint64_t size = csn_archive_size(get->writer, sha256);
  int rc = csn_json_add_uint(report, "size", size);
  rc |= csn_json_add_string(report, "sha256", sha256);
  if (!rc)
    rc = csn_buffer_addf(text, "fetched %s: %.0f entries, %.0f bytes, an archive of %llu bytes",
                         csn_json_string(report, "path", "?"), csn_json_number(report, "entries", 0),
                         csn_json_number(report, "bytes", 0), (unsigned long long)size);
  int64_t skipped = csn_json_int(report, "skipped_total", 0);
  if (!rc && skipped)
    rc = csn_buffer_addf(text, "; %lld left out", (long long)skipped);
  return rc;
}

int csn_op_archive_get(const struct csn_tool_call *call, struct csn_tool_result *result,
                       struct csn_error *err) {
  const struct csn_archive_order order = {
      .format = csn_json_string(call->args, "format", "tar.gz"),
      .max_entries = limit_of(call, "max_entries", DEFAULT_GET_ENTRIES),
      .max_bytes = limit_of(call, "max_bytes", DEFAULT_GET_BYTES),
      .control = call->control,
      .output = call->output,
      .output_ctx = call->output_ctx,
  };
  /* The defaults too: the helper knows of none. */
  char entries[LIMIT_SIZE], bytes[LIMIT_SIZE];
  snprintf(entries, sizeof entries, "max_entries=%llu", (unsigned long long)order.max_entries);
  snprintf(bytes, sizeof bytes, "max_bytes=%llu", (unsigned long long)order.max_bytes);
  const char *const limits[] = {entries, bytes, NULL};
  struct get get = {.writer = NULL};
  int rc = csn_archive_create(&order, &get.writer, err);
  if (rc) return rc;
  get.transfer = (struct csn_transfer){
      .native = {.operation = "pack",
                 .args = call->args,
                 .operands = limits,
                 .output = take,
                 .output_ctx = &get},
      .finish = csn_archive_finish,
      .finish_ctx = get.writer,
      .describe = describe_get,
      .describe_ctx = &get,
  };
  rc = csn_transfer_run(call, &get.transfer, result, err);
  csn_archive_free(get.writer);
  return rc;
}
