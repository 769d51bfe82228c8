/* SPDX-License-Identifier: Apache-2.0 */
/* Starts a program of this machine, without forking the host's process. */
#ifndef CSN_UTIL_SPAWN_H
#define CSN_UTIL_SPAWN_H

#include <sys/types.h>

/* Looks argv[0] up in PATH. `stream` is its stdin and stdout, `words` its stderr (-1: /dev/null); it
 * gets no other descriptor. It has a session of its own, so what is typed at the host's terminal does
 * not reach it and it finds no terminal to ask at, and its signals are as a program expects them,
 * whatever the host blocks or ignores. 0 with *pid, whom the caller has to wait for; or an errno. */
int csn_spawn(const char *const *argv, int stream, int words, pid_t *pid);

#endif
