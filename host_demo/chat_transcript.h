/* SPDX-License-Identifier: Apache-2.0 */
/* chat_transcript.h: a conversation as JSON Lines: one message a line, with its time. */
#ifndef HOST_CHAT_TRANSCRIPT_H
#define HOST_CHAT_TRANSCRIPT_H

#include <cjson/cJSON.h>

/* A descriptor to append to; a new file is for its owner alone. -1 after saying why. */
int csn_transcript_open(const char *path);

/* -1 for a descriptor: there is none, and nothing is written. Says so where it cannot. */
void csn_transcript_add(int fd, const cJSON *message);

#endif
