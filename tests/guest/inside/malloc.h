/* SPDX-License-Identifier: Apache-2.0 */
/* The number of the system call by which a helper asks whether there is memory: no kernel's. */
#ifndef GUEST_INSIDE_MALLOC_H
#define GUEST_INSIDE_MALLOC_H

#define INSIDE_ASKS 1023

#endif
