/* SPDX-License-Identifier: Apache-2.0 */
/* Who looks on while an image is pulled or built. */
#ifndef CSN_ENGINE_IMAGE_WATCH_H
#define CSN_ENGINE_IMAGE_WATCH_H

#include <stddef.h>

struct csn_image_watch {
  /* How far it has come, in thousandths or -1, and a line of text; may be NULL. */
  void (*progress)(void *ctx, int permille, const char *note);
  void *progress_ctx;
  /* What a build prints; a return other than 0 means that it shall stop. May be NULL. */
  int (*log)(void *ctx, const char *text, size_t n);
  void *log_ctx;
};

#endif
