/* SPDX-License-Identifier: Apache-2.0 */
/* A program of the host's machine that answers one question: text in, text out, bounded in time and
 * size. The host's signals, descriptors and children are left alone. */
#ifndef CSN_UTIL_CHILD_H
#define CSN_UTIL_CHILD_H

#include "util/buffer.h"
#include "util/control.h"

/* Where nobody can tell, since the host lets the kernel or its own handler reap its children. */
#define CSN_CHILD_STATUS_UNKNOWN (-1)

/* Runs argv[0] as PATH finds it with `input` on its stdin, its stdout into `output` (which has a
 * maximum), its stderr nowhere, and no other descriptor. *status is its exit code, 128 and the
 * signal that ended it, or CSN_CHILD_STATUS_UNKNOWN. 0, what the control says, CAISSON_E_NOMEM,
 * CAISSON_E_LIMIT for too much output, or CAISSON_E_INTERNAL with sys_errno where it cannot be
 * started; whatever it is, the program has ended. */
int csn_child_ask(const char *const *argv, const char *input, const struct csn_control *control,
                  struct csn_buffer *output, int *status, struct csn_error *err);

#endif
