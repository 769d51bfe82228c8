/* SPDX-License-Identifier: Apache-2.0 */
/* How far a pull has come, from the engine's account of each layer. Pure. */
#ifndef CSN_ENGINE_PULL_PROGRESS_H
#define CSN_ENGINE_PULL_PROGRESS_H

#include <cjson/cJSON.h>
#include <stdint.h>

#define CSN_PULL_LAYERS_MAX 512 /* more are not followed: no image has so many */

struct csn_pull_layer {
  char id[24];
  uint64_t size, got;  /* bytes to download; size 0 while it is not known */
  unsigned unpacked;   /* thousandths */
  unsigned char state; /* enum, in pull_progress.c */
};

struct csn_pull_progress {
  struct csn_pull_layer layers[CSN_PULL_LAYERS_MAX];
  unsigned count;
  int permille; /* the most that was ever reached: it never goes back. -1: not known */
};

void csn_pull_progress_init(struct csn_pull_progress *p);
/* One message of the stream; 1 if a layer is at another stage by it. Those that are about no layer
 * change nothing. */
int csn_pull_progress_take(struct csn_pull_progress *p, const cJSON *message);
/* "pulling python:3.12-slim: 3 of 5 layers, 21 of 48 MB" */
void csn_pull_progress_note(struct csn_pull_progress *p, const char *image, char *note,
                            unsigned size);

#endif
