/* SPDX-License-Identifier: Apache-2.0 */
/* Why an image could not be had: an engine's or a registry's own words made into a stable reason
 * and words that say what to do. Pure. */
#ifndef CSN_ENGINE_IMAGE_FAILURE_H
#define CSN_ENGINE_IMAGE_FAILURE_H

#include "util/error.h"

/* Fills in *err by what the words say. `image` is the whole name, `registry` its registry. Words
 * that are not known become image.failed with the words themselves. Returns CAISSON_E_ENGINE. */
int csn_image_failure(const char *image, const char *registry, const char *words,
                      struct csn_error *err);

/* The same for an error of an operation, whose message has the words: an engine that cannot be
 * reached, a cancel and the like stay what they are. Returns err->code. */
int csn_image_failure_of(const char *image, const char *registry, struct csn_error *err);

#endif
