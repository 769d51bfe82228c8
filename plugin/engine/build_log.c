/* SPDX-License-Identifier: Apache-2.0 */
/* See build_log.h. */
#include "engine/build_log.h"

#include <stdio.h>
#include <string.h>

#include "util/ascii.h"

/* Digits, at most 6 of them; 0: none. */
static unsigned take_number(const char **at) {
  unsigned value = 0, digits = 0;
  for (; **at >= '0' && **at <= '9' && digits < 6; digits++)
    value = value * 10 + (unsigned)(*(*at)++ - '0');
  return value;
}

static int take_word(const char **at, const char *word) {
  size_t n = strlen(word);
  if (strncmp(*at, word, n) != 0) return 0;
  *at += n;
  return 1;
}

/* "Step 2/3 : RUN make", or as Podman has it "STEP 2/3: RUN make", of one stage of several
 * "[1/2] STEP 2/3: RUN make". */
static int begins_step(struct csn_build_log *log, const char *text) {
  const char *at = text;
  if (*at == '[') at += strspn(at, "[]/0123456789 ");
  if (!take_word(&at, "Step ") && !take_word(&at, "STEP ")) return 0;
  unsigned step = take_number(&at);
  if (!step || !take_word(&at, "/")) return 0;
  unsigned steps = take_number(&at);
  if (step > steps || (!take_word(&at, " : ") && !take_word(&at, ": "))) return 0;
  size_t n = strcspn(at, "\r\n");
  log->step = step;
  log->steps = steps;
  snprintf(log->what, sizeof log->what, "%.*s", n < 1000 ? (int)n : 1000, at);
  log->tail_size = 0;
  log->tail[0] = '\0';
  return 1;
}

static void keep_tail(struct csn_build_log *log, const char *text, size_t n) {
  size_t room = sizeof log->tail - 1;
  if (n > room) {
    text += n - room;
    n = room;
  }
  size_t drop = log->tail_size + n > room ? log->tail_size + n - room : 0;
  memmove(log->tail, log->tail + drop, log->tail_size - drop);
  log->tail_size -= drop;
  memcpy(log->tail + log->tail_size, text, n);
  log->tail_size += n;
  log->tail[log->tail_size] = '\0';
}

/* Lines as one text: an error has but one. */
static void keep_lines(struct csn_build_log *log, const char *text) {
  while (*text) {
    size_t n = strcspn(text, "\r\n");
    if (n && !log->in_line && log->tail_size) keep_tail(log, " / ", 3);
    keep_tail(log, text, n);
    log->in_line = text[n] == '\0';
    text += n;
    text += strspn(text, "\r\n");
  }
}

/* What the builder says of itself is not the step's. */
static int is_chatter(const char *text) {
  static const char *const starts[] = {" ---> ", "--> ", "Removing intermediate container "};
  for (size_t i = 0; i < sizeof starts / sizeof *starts; i++)
    if (strncmp(text, starts[i], strlen(starts[i])) == 0) return 1;
  return 0;
}

int csn_build_log_take(struct csn_build_log *log, const char *text) {
  size_t n = strlen(text);
  if (n == 0) return 0;
  int begun = !log->in_line && begins_step(log, text);
  if (!begun && !(is_chatter(text) && !log->in_line)) keep_lines(log, text);
  log->in_line = text[n - 1] != '\n';
  return begun;
}

void csn_build_log_base(const struct csn_build_log *log, char *base, size_t size) {
  const char *at = log->what;
  base[0] = '\0';
  if (!csn_ascii_begins(at, "FROM ")) return;
  at += 5;
  at += strspn(at, " \t");
  while (at[0] == '-' && at[1] == '-') { /* --platform=... */
    at += strcspn(at, " \t");
    at += strspn(at, " \t");
  }
  snprintf(base, size, "%.*s", (int)strcspn(at, " \t"), at);
}
