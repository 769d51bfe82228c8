/* SPDX-License-Identifier: Apache-2.0 */
/* Whether anybody listens at a unix socket, without asking anything. */
#ifndef CSN_TRANSPORT_PROBE_H
#define CSN_TRANSPORT_PROBE_H

/* 0 where a connection was accepted, else errno: ENOENT, EACCES, ECONNREFUSED, EAGAIN (its backlog
 * is full). Never blocks. */
int csn_probe_socket(const char *path);

#endif
