/* SPDX-License-Identifier: Apache-2.0 */
/* See mask.h. The texts are an automaton of Aho and Corasick ("Efficient String Matching", 1975),
 * whose state is the longest beginning of a text that the last bytes are: bytes before it are
 * settled. Children are lists, since a long text has one at each place; but the root's is a table,
 * by which bytes that begin no text are passed over. */
#include "util/mask.h"

#include <stdatomic.h>
#include <string.h>

#include "util/alloc.h"
#include "util/buffer.h"

#define OUT_SIZE ((size_t)64 << 10)

struct node {
  uint32_t child, sibling; /* 0: none; the root is nobody's */
  uint32_t fail;           /* the longest proper end of it that is a beginning too */
  uint32_t depth;
  uint32_t match; /* the length of the longest text that ends here; 0: none does */
  unsigned char byte;
};

struct csn_mask {
  atomic_uint refs;
  struct csn_buffer texts; /* each with its NUL */
  struct node *nodes;      /* the first is the root */
  uint32_t count;
  uint32_t longest;
  uint32_t root[256];
  int only; /* the one byte that texts begin with, or -1 */
};

struct csn_mask_byte {
  char byte;
  uint32_t match; /* of the longest text found to begin with it; 0: none */
};

/* ---- the texts ------------------------------------------------------------------------------- */

static int add_text(struct csn_mask *mask, const char *text, size_t n) {
  int rc = csn_buffer_add(&mask->texts, text, n);
  return rc ? rc : csn_buffer_add(&mask->texts, "", 1);
}

/* Without the blanks round it: a file's last newline is seldom printed with what it ends. */
static int add_trimmed(struct csn_mask *mask, const char *text, const char *end, size_t least) {
  static const char blanks[] = " \t\r\n";
  while (text < end && strchr(blanks, *text)) text++;
  while (end > text && strchr(blanks, end[-1])) end--;
  size_t n = (size_t)(end - text);
  return n < least ? 0 : add_text(mask, text, n);
}

static int add_lines(struct csn_mask *mask, const char *text) {
  int rc = 0;
  while (*text && !rc) {
    const char *end = text + strcspn(text, "\n");
    rc = add_trimmed(mask, text, end, CSN_MASK_LINE_MIN);
    text = *end ? end + 1 : end;
  }
  return rc;
}

static int add_whole(struct csn_mask *mask, const char *text) {
  int rc = add_trimmed(mask, text, text + strlen(text), CSN_MASK_MIN);
  return rc || !strchr(text, '\n') ? rc : add_lines(mask, text);
}

/* ---- the automaton --------------------------------------------------------------------------- */

static uint32_t find_child(const struct csn_mask *mask, uint32_t at, unsigned char byte) {
  if (at == 0) return mask->root[byte];
  uint32_t child = mask->nodes[at].child;
  while (child && mask->nodes[child].byte != byte) child = mask->nodes[child].sibling;
  return child;
}

static uint32_t next_state(const struct csn_mask *mask, uint32_t state, unsigned char byte) {
  for (;;) {
    uint32_t next = find_child(mask, state, byte);
    if (next || state == 0) return next;
    state = mask->nodes[state].fail;
  }
}

static void insert(struct csn_mask *mask, const char *text) {
  uint32_t at = 0;
  for (const char *p = text; *p; p++) {
    unsigned char byte = (unsigned char)*p;
    uint32_t child = find_child(mask, at, byte);
    if (!child) {
      child = mask->count++;
      mask->nodes[child] = (struct node){.sibling = mask->nodes[at].child,
                                         .depth = mask->nodes[at].depth + 1,
                                         .byte = byte};
      mask->nodes[at].child = child;
      if (at == 0) mask->root[byte] = child;
    }
    at = child;
  }
  mask->nodes[at].match = mask->nodes[at].depth;
  if (mask->nodes[at].depth > mask->longest) mask->longest = mask->nodes[at].depth;
}

/* By breadth, so that what a node falls back to is ready; `queue` has room for every node. */
static void link_failures(struct csn_mask *mask, uint32_t *queue) {
  uint32_t head = 0, tail = 0;
  queue[tail++] = 0;
  while (head < tail) {
    uint32_t at = queue[head++];
    for (uint32_t c = mask->nodes[at].child; c; c = mask->nodes[c].sibling) {
      struct node *node = &mask->nodes[c];
      node->fail = at ? next_state(mask, mask->nodes[at].fail, node->byte) : 0;
      if (!node->match) node->match = mask->nodes[node->fail].match;
      queue[tail++] = c;
    }
  }
}

static int has_text(const struct csn_mask *mask, const char *text) {
  uint32_t at = 0;
  for (const char *p = text; *p; p++)
    if (!(at = find_child(mask, at, (unsigned char)*p))) return 0;
  return mask->nodes[at].match == mask->nodes[at].depth;
}

static int find_only(const struct csn_mask *mask) {
  int only = -1;
  for (int b = 0; b < 256; b++) {
    if (!mask->root[b]) continue;
    if (only >= 0) return -1;
    only = b;
  }
  return only;
}

static int build(struct csn_mask *mask) {
  size_t most = mask->texts.size + 1;
  mask->nodes = csn_calloc(most, sizeof *mask->nodes);
  uint32_t *queue CSN_CLEANUP_FREE = csn_calloc(most, sizeof *queue);
  if (!mask->nodes || !queue) return CAISSON_E_NOMEM;
  const char *at = csn_buffer_text(&mask->texts), *end = at + mask->texts.size;
  mask->count = 1;
  for (; at < end; at += strlen(at) + 1) insert(mask, at);
  link_failures(mask, queue);
  mask->only = find_only(mask);
  return 0;
}

/* ---- made and shared ------------------------------------------------------------------------- */

static struct csn_mask *start(void) {
  struct csn_mask *mask = csn_calloc(1, sizeof *mask);
  if (!mask) return NULL;
  atomic_init(&mask->refs, 1);
  mask->texts.max = CSN_MASK_MAX;
  return mask;
}

static void wipe(void *bytes, size_t n) {
  if (bytes) explicit_bzero(bytes, n);
}

void csn_mask_drop(struct csn_mask *mask) {
  if (!mask || atomic_fetch_sub(&mask->refs, 1) != 1) return;
  wipe(mask->texts.data, mask->texts.size);
  wipe(mask->nodes, mask->count * sizeof *mask->nodes);
  csn_buffer_free(&mask->texts);
  csn_free(mask->nodes);
  csn_free(mask);
}

struct csn_mask *csn_mask_hold(struct csn_mask *mask) {
  if (mask) atomic_fetch_add(&mask->refs, 1);
  return mask;
}

/* Takes the mask, also where it fails. */
static int finish(struct csn_mask *mask, int rc, struct csn_mask **out, struct csn_error *err) {
  if (rc == 0 && mask->texts.size) rc = build(mask);
  if (rc == 0 && mask->texts.size) {
    *out = mask;
    return 0;
  }
  csn_mask_drop(mask);
  if (rc == CAISSON_E_LIMIT)
    return csn_fail(err, rc, CAISSON_REASON_OPTIONS,
                    "secrets and mask: together they may have at most %zu bytes", CSN_MASK_MAX);
  return rc ? csn_fail_nomem(err) : 0;
}

int csn_mask_new(const char *const *texts, size_t count, struct csn_mask **out,
                 struct csn_error *err) {
  struct csn_mask *mask = start();
  *out = NULL;
  if (!mask) return csn_fail_nomem(err);
  int rc = 0;
  for (size_t i = 0; i < count && !rc; i++) rc = add_whole(mask, texts[i]);
  return finish(mask, rc, out, err);
}

/* Those that `known` (NULL: none) has not. */
static int add_others(struct csn_mask *mask, const struct csn_mask *from,
                      const struct csn_mask *known) {
  const char *at = csn_buffer_text(&from->texts), *end = at + from->texts.size;
  int rc = 0;
  for (; at < end && !rc; at += strlen(at) + 1)
    if (!known || !has_text(known, at)) rc = add_text(mask, at, strlen(at));
  return rc;
}

static int has_all(const struct csn_mask *mask, const struct csn_mask *others) {
  const char *at = csn_buffer_text(&others->texts), *end = at + others->texts.size;
  for (; at < end; at += strlen(at) + 1)
    if (!has_text(mask, at)) return 0;
  return 1;
}

int csn_mask_join(struct csn_mask *a, struct csn_mask *b, struct csn_mask **out,
                  struct csn_error *err) {
  struct csn_mask *whole = !b || (a && has_all(a, b)) ? a : !a || has_all(b, a) ? b : NULL;
  *out = csn_mask_hold(whole);
  if (whole || (!a && !b)) return 0;
  struct csn_mask *mask = start();
  if (!mask) return csn_fail_nomem(err);
  int rc = add_others(mask, b, NULL);
  if (rc == 0) rc = add_others(mask, a, b);
  if (rc != CAISSON_E_LIMIT) return finish(mask, rc, out, err);
  csn_mask_drop(mask);
  *out = csn_mask_hold(b);
  return 0;
}

/* ---- a stream -------------------------------------------------------------------------------- */

int csn_mask_begin(struct csn_mask_stream *s, const struct csn_mask *mask, csn_mask_sink_fn *sink,
                   void *ctx, struct csn_error *err) {
  *s = (struct csn_mask_stream){.mask = mask, .sink = sink, .ctx = ctx};
  if (!mask) return 0;
  s->held = csn_calloc((size_t)mask->longest + 1, sizeof *s->held);
  s->out = csn_alloc(OUT_SIZE);
  if (s->held && s->out) return 0;
  csn_mask_free(s);
  return csn_fail_nomem(err);
}

void csn_mask_free(struct csn_mask_stream *s) {
  if (s->held) wipe(s->held, ((size_t)s->mask->longest + 1) * sizeof *s->held);
  csn_free(s->held);
  csn_free(s->out);
  *s = (struct csn_mask_stream){.mask = NULL};
}

static void hand_over(struct csn_mask_stream *s) {
  if (s->out_size && !s->stopped) s->stopped = s->sink(s->ctx, s->out, s->out_size);
  s->out_size = 0;
}

static void put(struct csn_mask_stream *s, const char *bytes, size_t n) {
  while (n) {
    if (s->out_size == OUT_SIZE) hand_over(s);
    size_t room = OUT_SIZE - s->out_size, part = n < room ? n : room;
    memcpy(s->out + s->out_size, bytes, part);
    s->out_size += part;
    bytes += part;
    n -= part;
  }
}

/* The first held byte is settled: no text that is not found yet can begin with it or before it. */
static void settle_first(struct csn_mask_stream *s) {
  const struct csn_mask_byte *b = &s->held[s->first];
  if (b->match > s->covered) s->covered = b->match;
  if (!s->covered)
    put(s, &b->byte, 1);
  else if (!s->in_mask)
    put(s, CSN_MASK_TEXT, sizeof CSN_MASK_TEXT - 1);
  s->in_mask = s->covered > 0;
  if (s->covered) s->covered--;
  s->first = s->first == s->mask->longest ? 0 : s->first + 1;
  s->count--;
}

static struct csn_mask_byte *held_at(const struct csn_mask_stream *s, size_t i) {
  size_t size = (size_t)s->mask->longest + 1, at = s->first + i;
  return &s->held[at < size ? at : at - size];
}

static void take(struct csn_mask_stream *s, char byte) {
  s->state = next_state(s->mask, s->state, (unsigned char)byte);
  const struct node *node = &s->mask->nodes[s->state];
  *held_at(s, s->count++) = (struct csn_mask_byte){byte, 0};
  if (node->match) held_at(s, s->count - node->match)->match = node->match;
  while (s->count > node->depth) settle_first(s);
}

/* Up to the next byte that texts begin with. */
static size_t find_first(const struct csn_mask *mask, const char *bytes, size_t n) {
  if (mask->only >= 0) {
    const char *hit = memchr(bytes, mask->only, n);
    return hit ? (size_t)(hit - bytes) : n;
  }
  size_t i = 0;
  while (i < n && !mask->root[(unsigned char)bytes[i]]) i++;
  return i;
}

/* How many bytes from here on begin no text; most that could are told by the byte behind them. */
static size_t count_plain(const struct csn_mask *mask, const char *bytes, size_t n) {
  size_t i = find_first(mask, bytes, n);
  while (i + 1 < n && !find_child(mask, mask->root[(unsigned char)bytes[i]],
                                  (unsigned char)bytes[i + 1]))
    i += 1 + find_first(mask, bytes + i + 1, n - i - 1);
  return i;
}

int csn_mask_add(struct csn_mask_stream *s, const void *bytes, size_t n) {
  const char *p = bytes, *end = p + n;
  if (!s->mask) return s->stopped ? s->stopped : (s->stopped = s->sink(s->ctx, bytes, n));
  while (p < end) {
    size_t plain = s->count ? 0 : count_plain(s->mask, p, (size_t)(end - p));
    if (plain) {
      put(s, p, plain);
      s->in_mask = 0;
      p += plain;
    } else {
      take(s, *p++);
    }
  }
  hand_over(s);
  return s->stopped;
}

static int finish_stream(struct csn_mask_stream *s, int is_cut) {
  uint32_t begun = s->mask ? s->mask->nodes[s->state].depth : 0;
  if (is_cut && begun >= CSN_MASK_MIN && held_at(s, s->count - begun)->match < begun)
    held_at(s, s->count - begun)->match = begun;
  while (s->count) settle_first(s);
  hand_over(s);
  s->state = 0;
  s->covered = 0;
  s->in_mask = 0;
  return s->stopped;
}

int csn_mask_end(struct csn_mask_stream *s) { return finish_stream(s, 0); }

/* ---- a text ---------------------------------------------------------------------------------- */

/* What was masked is never longer, and no byte comes out before it went in. */
static int put_back(void *ctx, const void *bytes, size_t n) {
  char **at = ctx;
  memmove(*at, bytes, n);
  *at += n;
  return 0;
}

void csn_mask_text(struct csn_mask_stream *s, char *text, int is_cut) {
  if (!s->mask) return;
  char *at = text;
  s->sink = put_back;
  s->ctx = &at;
  csn_mask_add(s, text, strlen(text));
  finish_stream(s, is_cut);
  *at = '\0';
}
