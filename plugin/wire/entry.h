/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Entries: how files and trees travel between the two ends, in either direction, inside an
 * operation's input or output. Plain on purpose: whoever unpacks it needs to know no archive
 * format. Pure, as frames are: no I/O, no allocation.
 *
 *   head   u8 type | u16 mode | i64 mtime | u32 nanoseconds | u64 size | u16 path size |
 *          u16 target size | path | target                    (all little-endian)
 *   data   u8 type | u32 size | bytes                         of the file whose head came last
 *   hole   u8 type | u64 size                                 as many zeros
 *   end    u8 type                                            all of it came; nothing follows
 *
 * A stream that stops before its end is no whole one, whatever it holds: that is how the receiver
 * tells a sender that went away from one that has finished.
 */
#ifndef CSN_WIRE_ENTRY_H
#define CSN_WIRE_ENTRY_H

#include <stddef.h>
#include <stdint.h>

#define CSN_ENTRY_FILE 1u
#define CSN_ENTRY_DIRECTORY 2u
#define CSN_ENTRY_SYMLINK 3u    /* `target` is its text */
#define CSN_ENTRY_HARDLINK 4u   /* `target` is the path of an earlier file */
#define CSN_ENTRY_DATA 5u
#define CSN_ENTRY_HOLE 6u
#define CSN_ENTRY_END 7u

#define CSN_ENTRY_PATH_MAX 4095u        /* bytes of a path, and of a target; neither holds a NUL */
#define CSN_ENTRY_DATA_MAX (1u << 20)   /* bytes of one piece */
#define CSN_ENTRY_FIXED 27u             /* bytes of a head before its path */
#define CSN_ENTRY_HEAD_MAX (CSN_ENTRY_FIXED + 2 * CSN_ENTRY_PATH_MAX)
#define CSN_ENTRY_DATA_HEAD 5u
#define CSN_ENTRY_HOLE_SIZE 9u
#define CSN_ENTRY_SIZE_UNKNOWN UINT64_MAX

struct csn_entry {
  uint8_t type;
  uint16_t mode;       /* of rwxrwxrwx; no other bit */
  int64_t mtime;
  uint32_t mtime_ns;
  uint64_t size;       /* what is expected of a file, or CSN_ENTRY_SIZE_UNKNOWN */
  const char *path;    /* NUL-terminated; any other bytes */
  const char *target;  /* of a link, else "" */
};

/* ---- writing: each returns the bytes it wrote ---------------------------------------------- */

size_t csn_entry_put_head(const struct csn_entry *entry, uint8_t out[CSN_ENTRY_HEAD_MAX]);
size_t csn_entry_put_data(uint32_t size, uint8_t out[CSN_ENTRY_DATA_HEAD]);
size_t csn_entry_put_hole(uint64_t size, uint8_t out[CSN_ENTRY_HOLE_SIZE]);
size_t csn_entry_put_end(uint8_t out[1]);

/* ---- reading ------------------------------------------------------------------------------- */

struct csn_entry_event {
  uint8_t type;            /* CSN_ENTRY_* */
  struct csn_entry entry;  /* of a head; its texts are good until the next call */
  const uint8_t *bytes;    /* of data: whatever piece of it is there, never empty */
  uint64_t size;           /* of data and holes */
};

struct csn_entry_reader {
  uint8_t head[CSN_ENTRY_FIXED];
  size_t head_size;
  char path[CSN_ENTRY_PATH_MAX + 1], target[CSN_ENTRY_PATH_MAX + 1];
  size_t path_size, target_size;   /* expected */
  size_t gathered;                 /* of both */
  uint64_t data_left;
  uint8_t in_file, ended;
  const char *error;               /* static text, once malformed */
};

void csn_entry_reader_init(struct csn_entry_reader *reader);

/* Takes bytes from the slice, which it advances, up to the next event: 1 with *event; 0: more bytes
 * are needed; -1: malformed, with reader->error, and so it stays. */
int csn_entry_read(struct csn_entry_reader *reader, const uint8_t **bytes, size_t *size,
                   struct csn_entry_event *event);

#endif
