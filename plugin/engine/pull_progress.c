/* SPDX-License-Identifier: Apache-2.0 */
/* See pull_progress.h. */
#include "engine/pull_progress.h"

#include <stdio.h>
#include <string.h>

#include "util/json.h"

enum state { WAITING, DOWNLOADING, DOWNLOADED, UNPACKING, DONE, PRESENT };

/* Of a layer's work, in thousandths, the part that is its download. */
#define DOWNLOAD_SHARE 800u
#define MB 1000000.0

void csn_pull_progress_init(struct csn_pull_progress *p) {
  memset(p, 0, sizeof *p);
  p->permille = -1;
}

static const struct {
  const char *status;
  enum state state;
} states[] = {
    {"Pulling fs layer", WAITING},     {"Waiting", WAITING},
    {"Downloading", DOWNLOADING},      {"Verifying Checksum", DOWNLOADED},
    {"Download complete", DOWNLOADED}, {"Extracting", UNPACKING},
    {"Pull complete", DONE},           {"Already exists", PRESENT},
};

static struct csn_pull_layer *layer_of(struct csn_pull_progress *p, const char *id) {
  for (unsigned i = 0; i < p->count; i++)
    if (strcmp(p->layers[i].id, id) == 0) return &p->layers[i];
  if (p->count == CSN_PULL_LAYERS_MAX || strlen(id) >= sizeof p->layers[0].id) return NULL;
  struct csn_pull_layer *layer = &p->layers[p->count++];
  strcpy(layer->id, id);
  return layer;
}

static uint64_t bytes_of(const cJSON *detail, const char *name) {
  int64_t n = csn_json_int(detail, name, 0);
  return n > 0 ? (uint64_t)n : 0;
}

static void take_detail(struct csn_pull_layer *layer, enum state state, const cJSON *detail) {
  uint64_t current = bytes_of(detail, "current"), total = bytes_of(detail, "total");
  if (current > total) current = total;
  if (state == DOWNLOADING && total) {
    layer->size = total;
    layer->got = current;
  }
  if (state >= DOWNLOADED) layer->got = layer->size;
  if (state == UNPACKING && total)
    layer->unpacked = (unsigned)((double)current / (double)total * 1000);
}

int csn_pull_progress_take(struct csn_pull_progress *p, const cJSON *message) {
  const char *id = csn_json_string(message, "id", "");
  const char *status = csn_json_string(message, "status", "");
  for (size_t i = 0; i < sizeof states / sizeof *states; i++) {
    if (strcmp(states[i].status, status) != 0) continue;
    struct csn_pull_layer *layer = *id ? layer_of(p, id) : NULL;
    if (!layer) return 0;
    int before = layer->state;
    layer->state = (unsigned char)states[i].state;
    take_detail(layer, states[i].state, csn_json_get(message, "progressDetail"));
    return layer->state != before;
  }
  return 0;
}

/* ---- what it comes to ------------------------------------------------------------------------ */

static unsigned layer_permille(const struct csn_pull_layer *layer) {
  if (layer->state == DONE) return 1000;
  unsigned permille =
      layer->size ? (unsigned)((double)layer->got / (double)layer->size * DOWNLOAD_SHARE) : 0;
  if (layer->state == DOWNLOADED || layer->state == UNPACKING) permille = DOWNLOAD_SHARE;
  if (layer->state == UNPACKING) permille += layer->unpacked * (1000 - DOWNLOAD_SHARE) / 1000;
  return permille;
}

struct sums {
  unsigned done, sized, unsized; /* layers */
  double size, got;              /* bytes, of those whose size is known */
};

static struct sums add_up(const struct csn_pull_progress *p) {
  struct sums s = {0};
  for (unsigned i = 0; i < p->count; i++) {
    const struct csn_pull_layer *layer = &p->layers[i];
    s.done += layer->state >= DONE;
    if (layer->state == PRESENT) continue;
    s.sized += layer->size > 0;
    s.unsized += layer->size == 0;
    s.size += (double)layer->size;
    s.got += (double)layer->got;
  }
  return s;
}

/* By size, where a layer whose size is not known yet counts as an average one. */
static int permille_of(const struct csn_pull_progress *p, const struct sums *s) {
  double average = s->sized ? s->size / s->sized : 1, all = s->size + average * s->unsized, sum = 0;
  if (p->count == 0) return -1;
  for (unsigned i = 0; i < p->count; i++) {
    const struct csn_pull_layer *layer = &p->layers[i];
    if (layer->state == PRESENT) continue;
    sum += layer_permille(layer) * (layer->size ? (double)layer->size : average);
  }
  return all > 0 ? (int)(sum / all) : 1000;
}

void csn_pull_progress_note(struct csn_pull_progress *p, const char *image, char *note,
                            unsigned size) {
  struct sums s = add_up(p);
  int permille = permille_of(p, &s);
  if (permille > p->permille) p->permille = permille;
  if (p->count == 0)
    snprintf(note, size, "pulling %.200s", image);
  else if (s.size > 0)
    snprintf(note, size, "pulling %.200s: %u of %u layers, %.0f of %.0f MB", image, s.done,
             p->count, s.got / MB, s.size / MB);
  else
    snprintf(note, size, "pulling %.200s: %u of %u layers", image, s.done, p->count);
}
