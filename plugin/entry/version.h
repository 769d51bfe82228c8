/* SPDX-License-Identifier: Apache-2.0 */
/* entry/version.h: what both the table and the note say of this plugin. CSN_VERSION and
 * CSN_BUILD_ID come from the build. */
#ifndef ENTRY_VERSION_H
#define ENTRY_VERSION_H

/* The lowest minor of a host that this plugin works with. */
#define CSN_NEEDS_HOST_MINOR 0

#endif
