/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `service_log`: what the service printed, from an offset on or its last bytes, as far as the ring
 * still has that. Operands: offset or tail_bytes, limit, wait_ms. For hosts; no sign of life.
 */
#include "guest/basics.h"
#include "guest/files/service_client.h"
#include "util/utf8.h"

#include <time.h>

#define LIMIT_MAX (512u << 10)   /* bytes; as JSON they must fit into a report */
#define WAIT_MAX_MS 60000u
#define LOOK_NS 20000000

static bool may_print(const struct csn_hub_answer *answer) {
  return answer->service.state != CSN_HUB_SERVICE_ENDED;
}

/* Wait for something to be there from `offset` on. */
static int await_news(struct csn_op *op, struct csn_service_client *client, uint64_t offset) {
  const struct timespec pause = {0, LOOK_NS};
  uint64_t wait = csn_op_number(op, "wait_ms", 0);
  uint64_t end = csn_guest_now() + (wait < WAIT_MAX_MS ? wait : WAIT_MAX_MS) * CSN_MS_IN_NS;
  while (csn_ring_total(&client->log) <= offset && may_print(&client->answer) &&
         csn_guest_now() < end) {
    nanosleep(&pause, NULL);
    if (csn_service_ask_state(op, client) < 0) return -1;
  }
  return 0;
}

/* A character that the piece ends in the middle of is left for the next one, if it may yet come. */
static size_t without_half(const char *bytes, size_t n) {
  for (size_t back = 1; back <= 3 && back <= n; back++) {
    unsigned char c = (unsigned char)bytes[n - back];
    if (c < 0x80) break;
    if (c < 0xc0) continue;
    size_t need = c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : 2;
    return need > back && n > back ? n - back : n;
  }
  return n;
}

/* What the ring begins with in the middle of a character is left out too. */
static size_t half_at_start(const char *bytes, size_t n) {
  size_t skip = 0;
  while (skip < n && skip < 3 && ((unsigned char)bytes[skip] & 0xc0) == 0x80) skip++;
  return skip;
}

static int put_piece(struct csn_op *op, const struct csn_service_client *client, uint64_t wanted,
                     bool is_tail, size_t limit) {
  struct csn_buffer text = CSN_BUFFER(3 * LIMIT_MAX + 48), bytes = CSN_BUFFER(LIMIT_MAX + 16);
  uint64_t from = wanted;
  int rc = csn_buffer_reserve(&bytes, limit + 1);
  if (rc != 0) return csn_op_fail(op, CSN_OP_MEMORY, "", "out of memory in the sandbox");
  size_t n = csn_ring_copy(&client->log, &from, bytes.data, limit);
  size_t skip = is_tail || from > wanted ? half_at_start(bytes.data, n) : 0;
  if (from == 0) skip = 0;
  if (may_print(&client->answer)) n = without_half(bytes.data, n);
  if (n < skip) n = skip;
  if (csn_utf8_repair(bytes.data + skip, n - skip, &text) != 0) op->answer.failed = true;
  csn_answer_bytes(&op->answer, "text", csn_buffer_text(&text), text.size);
  csn_answer_number(&op->answer, "offset", (int64_t)(from + skip));
  csn_answer_number(&op->answer, "next_offset", (int64_t)(from + n));
  csn_answer_number(&op->answer, "lost_bytes", is_tail ? 0 : (int64_t)(from - wanted));
  csn_answer_bool(&op->answer, "more", from + n < csn_ring_total(&client->log));
  csn_buffer_free(&text);
  csn_buffer_free(&bytes);
  return 0;
}

static int read_log(struct csn_op *op, struct csn_service_client *client) {
  if (csn_service_ask_state(op, client) < 0) return -1;
  if (client->log.head == NULL)
    return csn_op_fail(op, CSN_OP_SERVICE_NONE, "", "this sandbox has no service");
  uint64_t total = csn_ring_total(&client->log), limit = csn_op_number(op, "limit", LIMIT_MAX);
  uint64_t tail = csn_op_number(op, "tail_bytes", LIMIT_MAX);
  bool is_tail = csn_op_text(op, "offset") == NULL;
  uint64_t from = csn_op_number(op, "offset", total > tail ? total - tail : 0);
  if (limit < 16) limit = 16;
  if (limit > LIMIT_MAX) limit = LIMIT_MAX;
  if (from > total)
    return csn_op_fail(op, CSN_OP_INVALID, "",
                       "offset %llu is beyond the %llu bytes that the service has printed",
                       (unsigned long long)from, (unsigned long long)total);
  if (await_news(op, client, from) < 0) return -1;
  csn_service_report(&op->answer, &client->answer);
  return put_piece(op, client, from, is_tail, (size_t)limit);
}

int csn_op_service_log(struct csn_op *op) {
  struct csn_service_client client = {0};
  int rc = read_log(op, &client);
  csn_ring_unmap(&client.log);
  return rc;
}
