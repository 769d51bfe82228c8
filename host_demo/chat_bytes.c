/* SPDX-License-Identifier: Apache-2.0 */
/* chat_bytes.c: room that doubles. */
#include "chat_bytes.h"

#include <stdlib.h>
#include <string.h>

#include "ui.h"

#define ROOM_MIN 256

bool csn_bytes_add(struct csn_bytes *to, size_t most, const char *bytes, size_t n) {
  if (n > most || to->n > most - n)
    return false;
  size_t wanted = to->n + n + 1, room = to->room ? to->room : ROOM_MIN;
  while (room < wanted)
    room *= 2;
  if (room != to->room) {
    to->at = csn_must(realloc(to->at, room));
    to->room = room;
  }
  if (n > 0)
    memcpy(to->at + to->n, bytes, n);
  to->n += n;
  to->at[to->n] = '\0';
  return true;
}

const char *csn_bytes_text(const struct csn_bytes *bytes) { return bytes->at ? bytes->at : ""; }

void csn_bytes_clear(struct csn_bytes *bytes) {
  bytes->n = 0;
  if (bytes->at)
    *bytes->at = '\0';
}

void csn_bytes_free(struct csn_bytes *bytes) {
  free(bytes->at);
  *bytes = (struct csn_bytes){.at = NULL};
}
