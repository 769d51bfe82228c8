/* SPDX-License-Identifier: Apache-2.0 */
/* mcp_progress.c: a small buffer and a clock. "progress" only counts: what a command prints has no
 * total, and MCP wants a number that grows each time. */
#include "mcp_progress.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "mcp_rpc.h"
#include "text.h"
#include "ui.h"

static uint64_t now_ms(void) {
  struct timespec now;
  (void)clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void send(struct csn_progress *p, const char *text) {
  size_t n;
  cJSON *params = csn_must(cJSON_CreateObject());
  (void)csn_must(cJSON_AddRawToObject(params, "progressToken", p->token));
  (void)csn_must(cJSON_AddNumberToObject(params, "progress", ++p->sent));
  (void)csn_must(cJSON_AddStringToObject(params, "message", text));
  char *line = csn_rpc_notification("notifications/progress", params, &n);
  (void)csn_out_offer(p->out, line, n);
  p->last_ms = now_ms();
}

/* What waits, but for the beginning of a character whose rest is still to come. */
static void flush(struct csn_progress *p, int last) {
  size_t rest = 0;
  char *text = csn_text_repair(p->text, p->n, last ? NULL : &rest), *whole = text;
  if (p->left_out && asprintf(&whole, "%s\n[%zu bytes of output not shown here]\n", text,
                              p->left_out) < 0)
    whole = csn_must(NULL);
  if (*whole)
    send(p, whole);
  memmove(p->text, p->text + p->n - rest, rest);
  p->n = rest;
  p->left_out = 0;
  if (whole != text)
    free(whole);
  free(text);
}

void csn_progress_tick(struct csn_progress *p) {
  if (p->token && p->n > 0 && now_ms() - p->last_ms >= CSN_PROGRESS_EVERY_MS)
    flush(p, 0);
}

void csn_progress_output(struct csn_progress *p, const char *bytes, size_t n) {
  if (!p->token || n == 0)
    return;
  size_t room = p->left_out ? 0 : sizeof p->text - p->n, taken = n < room ? n : room;
  memcpy(p->text + p->n, bytes, taken);
  p->n += taken;
  p->left_out += n - taken;
  csn_progress_tick(p);
}

void csn_progress_note(struct csn_progress *p, int32_t permille, const char *note, size_t n) {
  char percent[16] = "";
  if (!p->token)
    return;
  if (p->n > 0)
    flush(p, 1);
  if (permille >= 0)
    (void)snprintf(percent, sizeof percent, " %d%%", (int)permille / 10);
  char *safe = csn_text_repair(note ? note : "", note ? n : 0, NULL), *text = NULL;
  if (asprintf(&text, "%s%s", safe, percent) < 0)
    text = csn_must(NULL);
  send(p, text);
  free(text);
  free(safe);
}

void csn_progress_end(struct csn_progress *p) {
  if (p->token && p->n > 0)
    flush(p, 1);
}
