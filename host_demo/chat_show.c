/* SPDX-License-Identifier: Apache-2.0 */
/* chat_show.c: lines of several tools, with the name of whoever speaks where that changes. Whatever
 * a container printed is escaped. */
#include "chat_show.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "text.h"
#include "ui.h"

#define ARGUMENTS_COLUMNS 500
#define PIECE 4096

void csn_show_open(struct csn_chat_show *show, bool verbose) {
  (void)pthread_mutex_init(&show->mutex, NULL);
  show->verbose = verbose;
  show->wanted = verbose || isatty(STDERR_FILENO);
}

static void put(struct csn_chat_show *show, const char *text) {
  size_t n = strlen(text);
  if (n == 0)
    return;
  csn_ui_progress_clear();
  (void)fprintf(stderr, "%s%s%s", csn_ui_style(stderr, CSN_UI_FAINT), text,
                csn_ui_style(stderr, CSN_UI_PLAIN));
  (void)fflush(stderr);
  show->line_open = text[n - 1] != '\n';
}

static void close_line(struct csn_chat_show *show) {
  if (show->line_open)
    put(show, "\n");
}

void csn_show_call(struct csn_chat_voice *voice, const char *arguments) {
  struct csn_chat_show *show = voice->show;
  char *line = NULL;
  if (!show->wanted)
    return;
  char *name = csn_text_line(voice->name), *safe = csn_text_line(arguments);
  csn_text_shorten(safe, ARGUMENTS_COLUMNS);
  if (asprintf(&line, "the tool %s %s\n", name, safe) < 0)
    line = csn_must(NULL);
  (void)pthread_mutex_lock(&show->mutex);
  close_line(show);
  put(show, line);
  show->speaker = NULL;
  (void)pthread_mutex_unlock(&show->mutex);
  free(line);
  free(name);
  free(safe);
}

/* Several run at once: whose lines these are. */
static void introduce(struct csn_chat_voice *voice) {
  struct csn_chat_show *show = voice->show;
  if (show->speaker && show->speaker != voice) {
    char *name = csn_text_line(voice->name), *line = NULL;
    if (asprintf(&line, "%s:\n", name) < 0)
      line = csn_must(NULL);
    close_line(show);
    put(show, line);
    free(line);
    free(name);
  }
  show->speaker = voice;
}

static char *drop_returns(char *text) {
  char *to = text;
  for (const char *from = text; *from; from++)
    if (*from != '\r')
      *to++ = *from;
  *to = '\0';
  return text;
}

static void output_piece(struct csn_chat_voice *voice, const char *bytes, size_t n) {
  char piece[PIECE + sizeof voice->rest];
  size_t size = voice->rest_size;
  memcpy(piece, voice->rest, size);
  memcpy(piece + size, bytes, n);
  size += n;
  char *whole = drop_returns(csn_text_repair(piece, size, &voice->rest_size));
  memcpy(voice->rest, piece + size - voice->rest_size, voice->rest_size);
  char *safe = csn_text_escape(whole, strlen(whole), true);
  (void)pthread_mutex_lock(&voice->show->mutex);
  introduce(voice);
  put(voice->show, safe);
  (void)pthread_mutex_unlock(&voice->show->mutex);
  free(safe);
  free(whole);
}

void csn_show_output(struct csn_chat_voice *voice, const char *bytes, size_t n) {
  while (voice->show->wanted && n > 0) {
    size_t piece = n < PIECE ? n : PIECE;
    output_piece(voice, bytes, piece);
    bytes += piece;
    n -= piece;
  }
}

void csn_show_progress(struct csn_chat_voice *voice, int32_t permille, const char *note,
                       size_t n) {
  (void)pthread_mutex_lock(&voice->show->mutex);
  if (!voice->show->line_open)
    csn_ui_progress(voice->show->verbose, permille, note, n);
  (void)pthread_mutex_unlock(&voice->show->mutex);
}

void csn_show_end(struct csn_chat_show *show) {
  (void)pthread_mutex_lock(&show->mutex);
  close_line(show);
  csn_ui_progress_clear();
  show->speaker = NULL;
  (void)pthread_mutex_unlock(&show->mutex);
}

void csn_show_waiting(const char *model) {
  char note[128];
  int n = snprintf(note, sizeof note, "waiting for %.80s", model);
  csn_ui_progress(false, -1, note, (uint64_t)n);
}

void csn_show_answer(const char *text) {
  csn_ui_progress_clear();
  (void)csn_ui_put(stdout, text);
  (void)fflush(stdout);
}
