/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `job_output`: what a background job has printed since it was last asked, or from given offsets
 * on. Operands: job_id, wait_ms, out_offset, err_offset, output_limit (of both streams
 * together). Process 1 keeps how far it was read; offsets count the bytes of each stream from
 * its start.
 */
#include "guest/basics.h"
#include "guest/files/job_client.h"
#include "guest/job_dir.h"
#include "util/utf8.h"

#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LIMIT_MAX (512u << 10)   /* bytes; as JSON they must fit into a report */
#define WAIT_MAX_MS 60000u
#define LOOK_NS 20000000

struct piece {
  const char *name;
  int fd;
  uint64_t offset, size;   /* where it starts; of the whole file */
  uint64_t next;           /* where the next one starts */
  struct csn_buffer bytes;
};

struct reading {
  struct csn_job_client client;
  struct piece out, err;
  uint64_t limit;
};

static uint64_t waiting(const struct piece *piece) {
  return piece->size > piece->offset ? piece->size - piece->offset : 0;
}

static void look_at(struct piece *piece, uint32_t number) {
  if (piece->fd >= 0) close(piece->fd);
  piece->fd = csn_job_file_open(number, piece->name, &piece->size);
}

/* A sequence that the text ends in the middle of is left for the next time. */
static size_t without_tail(const struct csn_buffer *bytes) {
  for (size_t back = 1; back <= 3 && back <= bytes->size; back++) {
    unsigned char c = (unsigned char)bytes->data[bytes->size - back];
    if (c < 0x80) break;
    if (c < 0xc0) continue;
    size_t need = c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : 2;
    return need > back ? bytes->size - back : bytes->size;
  }
  return bytes->size;
}

/* Read at most `limit` bytes. `ends`: nothing will follow what the file has now. */
static int fill(struct csn_op *op, struct piece *piece, uint64_t limit, bool ends) {
  uint64_t want = waiting(piece) < limit ? waiting(piece) : limit;
  csn_buffer_reset(&piece->bytes);
  if (csn_buffer_reserve(&piece->bytes, (size_t)want + 1) != 0)
    return csn_op_fail(op, CSN_OP_MEMORY, "", "out of memory in the sandbox");
  while (piece->bytes.size < want) {
    size_t at = piece->bytes.size;
    ssize_t got = pread(piece->fd, piece->bytes.data + at, (size_t)want - at,
                        (off_t)(piece->offset + at));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    piece->bytes.size += (size_t)got;
  }
  bool whole = ends && piece->offset + piece->bytes.size >= piece->size;
  if (!whole) piece->bytes.size = without_tail(&piece->bytes);
  piece->next = piece->offset + piece->bytes.size;
  return 0;
}

/* Half of the limit for each stream, and what the other does not need. */
static int fill_both(struct csn_op *op, struct reading *r) {
  uint64_t half = r->limit / 2, out = waiting(&r->out), err = waiting(&r->err);
  bool ends = !csn_job_runs(&r->client.answer.job);
  uint64_t for_err = out < half ? r->limit - out : r->limit - half;
  uint64_t for_out = err < for_err ? r->limit - err : r->limit - for_err;
  if (fill(op, &r->out, for_out, ends) < 0) return -1;
  return fill(op, &r->err, for_err, ends);
}

/* Process 1 is asked before the files are looked at: when it says that the job has ended, they are
 * whole. */
static int await_news(struct csn_op *op, struct reading *r) {
  const struct timespec pause = {0, LOOK_NS};
  uint32_t number = r->client.answer.job.number;
  uint64_t wait = csn_op_number(op, "wait_ms", 0);
  uint64_t end = csn_guest_now() + (wait < WAIT_MAX_MS ? wait : WAIT_MAX_MS) * CSN_MS_IN_NS;
  for (;;) {
    look_at(&r->out, number);
    look_at(&r->err, number);
    if (fill_both(op, r) < 0) return -1;
    bool is_news = r->out.bytes.size + r->err.bytes.size > 0;
    if (is_news || !csn_job_runs(&r->client.answer.job) || csn_guest_now() >= end) return 0;
    nanosleep(&pause, NULL);
    if (csn_job_look(op, &r->client, number) < 0) return -1;
    if (r->client.answer.job.number != number)
      return csn_op_fail(op, CSN_OP_JOB_NOT_FOUND, "", "the job was forgotten meanwhile");
  }
}

static int put_stream(struct csn_op *op, const struct piece *piece) {
  const struct csn_buffer *bytes = &piece->bytes;
  if (bytes->size == 0) return 0;
  if (csn_op_put(op, bytes->data, bytes->size) < 0) return -1;
  return bytes->data[bytes->size - 1] == '\n' ? 0 : csn_op_put(op, "\n", 1);
}

static bool is_disk_full(const struct csn_hub_job *job) {
  return job->write_error == ENOSPC || job->write_error == EDQUOT;
}

static void put_why_dropped(struct csn_op *op, const struct csn_hub_job *job) {
  if (is_disk_full(job))
    csn_op_putf(op, "[the disk (/tmp) was full: ");
  else if (job->write_error != 0)
    csn_op_putf(op, "[its output could not be written (%s): ", strerror(job->write_error));
  else
    csn_op_putf(op, "[output limit of %llu bytes reached: ", (unsigned long long)job->output_max);
}

static void put_dropped(struct csn_op *op, const struct reading *r) {
  const struct csn_hub_job *job = &r->client.answer.job;
  bool is_at_limit = csn_job_runs(job) && r->out.size + r->err.size >= job->output_max;
  if (job->dropped == 0 && job->write_error == 0 && !is_at_limit) return;
  put_why_dropped(op, job);
  if (job->dropped > 0)
    csn_op_putf(op, "%llu later bytes of output were lost]\n", (unsigned long long)job->dropped);
  else
    csn_op_putf(op, "later output is lost]\n");
}

/* What is not here and will not come: kept nowhere, or gone with its file. */
static void put_losses(struct csn_op *op, const struct reading *r) {
  const struct csn_hub_job *job = &r->client.answer.job;
  put_dropped(op, r);
  if (job->out_bytes > r->out.size || job->err_bytes > r->err.size)
    csn_op_putf(op, "[some of its output is gone: its file was changed from inside]\n");
}

static void put_text(struct csn_op *op, const struct reading *r) {
  uint64_t left = waiting(&r->out) - r->out.bytes.size + waiting(&r->err) - r->err.bytes.size;
  put_stream(op, &r->out);
  if (r->err.bytes.size > 0) csn_op_putf(op, "[stderr]\n");
  put_stream(op, &r->err);
  if (r->out.bytes.size + r->err.bytes.size == 0) csn_op_putf(op, "(no new output)\n");
  if (left > 3 * 2)
    csn_op_putf(op, "[%llu more bytes are there: ask again]\n", (unsigned long long)left);
  put_losses(op, r);
  csn_job_put_status(op, &r->client.answer);
}

/* Without NULs, which the host's strings cannot hold. */
static void report_stream(struct csn_answer *answer, const char *name,
                          const struct csn_buffer *bytes) {
  struct csn_buffer text = CSN_BUFFER(3 * LIMIT_MAX + 48);
  if (csn_utf8_repair(csn_buffer_text(bytes), bytes->size, &text) != 0) answer->failed = true;
  csn_answer_bytes(answer, name, csn_buffer_text(&text), text.size);
  csn_buffer_free(&text);
}

static void put_report(struct csn_op *op, const struct reading *r) {
  struct csn_answer *answer = &op->answer;
  csn_job_report(answer, &r->client.answer);
  report_stream(answer, "new_stdout", &r->out.bytes);
  report_stream(answer, "new_stderr", &r->err.bytes);
  csn_answer_number(answer, "out_offset", (int64_t)r->out.next);
  csn_answer_number(answer, "err_offset", (int64_t)r->err.next);
  csn_answer_bool(answer, "more", r->out.next < r->out.size || r->err.next < r->err.size);
  if (r->client.answer.job.dropped > 0)
    csn_answer_number(answer, "dropped_bytes", (int64_t)r->client.answer.job.dropped);
  if (is_disk_full(&r->client.answer.job)) csn_answer_bool(answer, "disk_full", true);
}

static int read_and_tell(struct csn_op *op, struct reading *r) {
  const struct csn_hub_job *job = &r->client.answer.job;
  if (csn_job_find(op, &r->client) < 0) return -1;
  bool has_own = csn_op_text(op, "out_offset") != NULL || csn_op_text(op, "err_offset") != NULL;
  r->out.offset = csn_op_number(op, "out_offset", job->out_seen);
  r->err.offset = csn_op_number(op, "err_offset", job->err_seen);
  if (await_news(op, r) < 0) return -1;
  put_text(op, r);
  put_report(op, r);
  if (csn_op_flush(op) < 0) return -1;
  if (!has_own) csn_job_tell(CSN_HUB_JOB_SEEN, job->number, r->out.next, r->err.next);
  return 0;
}

int csn_op_job_output(struct csn_op *op) {
  uint64_t limit = csn_op_number(op, "output_limit", LIMIT_MAX);
  struct reading r = {
    .out = {.name = CSN_JOB_OUT, .fd = -1, .bytes = CSN_BUFFER(LIMIT_MAX + 16)},
    .err = {.name = CSN_JOB_ERR, .fd = -1, .bytes = CSN_BUFFER(LIMIT_MAX + 16)},
    .limit = limit < 16 ? 16 : limit > LIMIT_MAX ? LIMIT_MAX : limit,
  };
  int rc = read_and_tell(op, &r);
  csn_buffer_free(&r.out.bytes);
  csn_buffer_free(&r.err.bytes);
  return rc;
}
