/* SPDX-License-Identifier: Apache-2.0 */
/* chat_transcript.c: each message is written when it is there, in one piece, so that a program that
 * is killed leaves whole lines. */
#include "chat_transcript.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "file.h"
#include "ui.h"

int csn_transcript_open(const char *path) {
  int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0)
    csn_ui_say("--transcript %s: %s", path, strerror(errno));
  return fd;
}

static cJSON *now(void) {
  char text[32];
  struct tm parts;
  time_t seconds = time(NULL);
  (void)strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&seconds, &parts));
  return csn_must(cJSON_CreateString(text));
}

void csn_transcript_add(int fd, const cJSON *message) {
  char *line = NULL;
  if (fd < 0)
    return;
  cJSON *timed = csn_must(cJSON_Duplicate(message, true));
  (void)cJSON_AddItemToObject(timed, "time", now());
  char *text = csn_must(cJSON_PrintUnformatted(timed));
  if (asprintf(&line, "%s\n", text) < 0)
    line = csn_must(NULL);
  int failed = csn_file_write(fd, line, strlen(line), NULL);
  if (failed)
    csn_ui_say("--transcript: a message is not in it: %s", strerror(failed));
  free(line);
  free(text);
  cJSON_Delete(timed);
}
