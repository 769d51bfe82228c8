/* SPDX-License-Identifier: Apache-2.0 */
/* See result_text.h. Every note says what happened and, where something can be done, what. */
#include "tools/result_text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

void csn_result_group(uint64_t n, char text[CSN_GROUPED_SIZE]) {
  char plain[24];
  int digits = snprintf(plain, sizeof plain, "%" PRIu64, n);
  char *out = text;
  for (int i = 0; i < digits; i++) {
    if (i > 0 && (digits - i) % 3 == 0) *out++ = ',';
    *out++ = plain[i];
  }
  *out = '\0';
}

int csn_result_text_gap(struct csn_buffer *text, uint64_t omitted,
                        const struct csn_run_result *ended) {
  char bytes[CSN_GROUPED_SIZE];
  csn_result_group(omitted, bytes);
  if (!ended->spill_path[0])
    return csn_buffer_addf(
        text, "\n... [%s bytes omitted; to see them, print less at a time] ...\n", bytes);
  return csn_buffer_addf(text, "\n... [%s bytes omitted; %s of the output is in %s] ...\n", bytes,
                         ended->spill_whole ? "all" : "the first part", ended->spill_path);
}

/* "120 s", "2.5 s", "40 ms" */
struct duration {
  char text[32];
};

static struct duration duration(uint64_t ns) {
  struct duration d;
  uint64_t ms = ns / (uint64_t)CSN_MS;
  if (ms < 1000)
    snprintf(d.text, sizeof d.text, "%" PRIu64 " ms", ms);
  else if (ms % 1000 < 100 || ms >= 100000)
    snprintf(d.text, sizeof d.text, "%" PRIu64 " s", ms / 1000);
  else
    snprintf(d.text, sizeof d.text, "%" PRIu64 ".%" PRIu64 " s", ms / 1000, ms % 1000 / 100);
  return d;
}

static const char *signal_name(int number) {
  static const struct {
    int number;
    const char *name;
  } names[] = {{1, "SIGHUP"},   {2, "SIGINT"},   {3, "SIGQUIT"},  {4, "SIGILL"},   {5, "SIGTRAP"},
               {6, "SIGABRT"},  {7, "SIGBUS"},   {8, "SIGFPE"},   {9, "SIGKILL"},  {10, "SIGUSR1"},
               {11, "SIGSEGV"}, {12, "SIGUSR2"}, {13, "SIGPIPE"}, {14, "SIGALRM"}, {15, "SIGTERM"},
               {24, "SIGXCPU"}, {25, "SIGXFSZ"}, {31, "SIGSYS"}};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (names[i].number == number) return names[i].name;
  return "a signal";
}

/* ---- one note for each outcome --------------------------------------------------------------- */

static int note_exited(struct csn_buffer *text, const struct csn_result_words *w) {
  if (w->ended->exit_code == 0) return 0;
  if (w->ended->term_signal)
    return csn_buffer_addf(text, "[exit %d: ended by signal %d, %s]\n", w->ended->exit_code,
                           w->ended->term_signal, signal_name(w->ended->term_signal));
  return csn_buffer_addf(text, "[exit %d]\n", w->ended->exit_code);
}

static int note_cancelled(struct csn_buffer *text, const struct csn_result_words *w) {
  return csn_buffer_addf(text, "[cancelled after %s; everything it had started was killed]\n",
                         duration(w->ended->duration_ns).text);
}

static int note_deadline(struct csn_buffer *text, const struct csn_result_words *w) {
  uint64_t timeout = w->run->timeout_ms * (uint64_t)CSN_MS;
  uint64_t most = w->call->settings->max_timeout_ms;
  /* The host's deadline for the whole call may come first; then a longer timeout is no help. */
  int is_host = !timeout || w->ended->duration_ns < timeout;
  int rc = csn_buffer_addf(text, "[timed out after %s; everything it had started was killed. ",
                           duration(is_host ? w->ended->duration_ns : timeout).text);
  if (is_host)
    rc = rc ? rc : csn_buffer_addz(text, "That is the host's limit for this call: do it in smaller "
                                         "steps]\n");
  else if (!w->run->operation && w->run->timeout_ms < most)
    rc = rc ? rc : csn_buffer_addf(text, "Give a larger timeout_ms (at most %" PRIu64
                                         ") or do it in smaller steps]\n", most);
  else
    rc = rc ? rc : csn_buffer_addz(text, "No more time can be asked for: do it in smaller "
                                         "steps]\n");
  return rc;
}

static int note_oom(struct csn_buffer *text, const struct csn_result_words *w) {
  (void)w;
  return csn_buffer_addz(text, "[out of memory: it reached the sandbox's memory limit (files in "
                               "/workspace and /tmp count) and was killed. Use less memory, work "
                               "on smaller pieces, or delete files]\n");
}

static int note_lost(struct csn_buffer *text, const struct csn_result_words *w) {
  return csn_buffer_addf(text, "[lost: %s. It may or may not have had its effect: look before you "
                               "run it again]\n",
                         w->ended->message[0] ? w->ended->message : "the sandbox went away");
}

static const struct {
  int outcome;
  int (*add)(struct csn_buffer *text, const struct csn_result_words *w);
} outcome_notes[] = {
    {CAISSON_OUTCOME_EXITED, note_exited},     {CAISSON_OUTCOME_CANCELLED, note_cancelled},
    {CAISSON_OUTCOME_DEADLINE, note_deadline}, {CAISSON_OUTCOME_OOM, note_oom},
    {CAISSON_OUTCOME_LOST, note_lost},
};

/* ---- the rest -------------------------------------------------------------------------------- */

static int note_processes(struct csn_buffer *text, const struct csn_result_words *w) {
  const struct csn_run_result *e = w->ended;
  int rc = 0;
  if (e->survivors)
    rc = csn_buffer_addf(text, "[%" PRIu32 " %s not be killed: %s]\n", e->survivors,
                         e->survivors == 1 ? "process could" : "processes could",
                         e->survivors_text);
  if (!rc && e->still_running)
    rc = csn_buffer_addf(text, "[%" PRIu32 " %s in the background]\n", e->still_running,
                         e->still_running == 1 ? "process that it started still runs"
                                               : "processes that it started still run");
  return rc;
}

static int note_session(struct csn_buffer *text, const struct csn_result_words *w) {
  if (!(w->flags & CAISSON_RESULT_RECREATED)) return 0;
  return csn_buffer_addz(text, "[this session's sandbox is a new one: files and processes of "
                               "earlier calls are gone, but for a workspace that is kept]\n");
}

static int end_line(struct csn_buffer *text) {
  if (!text->size || text->data[text->size - 1] == '\n') return 0;
  return csn_buffer_addz(text, "\n");
}

static int add_notes(struct csn_buffer *text, const struct csn_result_words *w) {
  int rc = 0;
  for (size_t i = 0; !rc && i < sizeof outcome_notes / sizeof *outcome_notes; i++)
    if (outcome_notes[i].outcome == w->ended->outcome) rc = outcome_notes[i].add(text, w);
  if (!rc) rc = note_processes(text, w);
  return rc ? rc : note_session(text, w);
}

int csn_result_text(struct csn_buffer *text, const struct csn_result_words *w) {
  CSN_CLEANUP_BUFFER struct csn_buffer notes = CSN_BUFFER(16384);
  int rc = add_notes(&notes, w);
  if (!rc && !w->out[0] && !w->err[0]) rc = csn_buffer_addz(text, "(no output)");
  if (!rc) rc = csn_buffer_addz(text, w->out);
  if (!rc && w->err[0]) rc = end_line(text);
  if (!rc && w->err[0]) rc = csn_buffer_addz(text, "[stderr]\n");
  if (!rc) rc = csn_buffer_addz(text, w->err);
  if (rc || !notes.size) return rc;
  rc = end_line(text);
  /* The notes end the text, so the newline after the last one is left off. */
  return rc ? rc : csn_buffer_add(text, notes.data, notes.size - 1);
}
