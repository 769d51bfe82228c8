/* SPDX-License-Identifier: Apache-2.0 */
/* object.h: dlopen of an open descriptor, so that what is loaded is what was checked. */
#ifndef HOST_OBJECT_H
#define HOST_OBJECT_H

#include "caisson.h"
#include "why.h"

struct csn_object;

/* Loads the file that is open as `fd`, which stays the caller's. The same file again is the same
 * object, counted; another one under the same path is another. Returns NULL with the reason in
 * `why` (to follow the file's name). Any thread. */
struct csn_object *csn_object_open(int fd, char why[CSN_LOADER_MESSAGE]);

/* The object's own entry point, or NULL with the reason in `why`. */
caisson_entry_fn *csn_object_entry(const struct csn_object *object, char why[CSN_LOADER_MESSAGE]);

/* Takes NULL. Any thread. */
void csn_object_close(struct csn_object *object);

#endif
