/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a file is, by its first bytes: text, an image that a model can look at, or something else
 * that has a name. Pure.
 */
#ifndef CSN_GUEST_FILES_KIND_H
#define CSN_GUEST_FILES_KIND_H

#include <stddef.h>

struct csn_kind {
  const char *mime_type;   /* of an image to be shown; else NULL */
  const char *what;        /* "a PDF document"; NULL: it may be text */
  const char *hint;        /* what to do with it */
};

struct csn_kind csn_kind_of(const void *bytes, size_t n);

#endif
