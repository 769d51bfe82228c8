/* SPDX-License-Identifier: Apache-2.0 */
/* chat_bytes.h: bytes that come piece by piece, up to a maximum, with a NUL behind them. */
#ifndef HOST_CHAT_BYTES_H
#define HOST_CHAT_BYTES_H

#include <stdbool.h>
#include <stddef.h>

struct csn_bytes {
  char *at; /* NULL while nothing was added */
  size_t n, room;
};

/* Adds them; false, with nothing added, where that would be more than `most`. */
bool csn_bytes_add(struct csn_bytes *to, size_t most, const char *bytes, size_t n);

/* As a string, "" where there is nothing. */
const char *csn_bytes_text(const struct csn_bytes *bytes);

/* Nothing is there any more; the room stays. */
void csn_bytes_clear(struct csn_bytes *bytes);

void csn_bytes_free(struct csn_bytes *bytes);

#endif
