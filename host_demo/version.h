/* SPDX-License-Identifier: Apache-2.0 */
/* version.h: what this program says it is, unless the build says better. */
#ifndef HOST_VERSION_H
#define HOST_VERSION_H

#ifndef CSN_VERSION
#define CSN_VERSION "0.1.0"
#endif

#endif
