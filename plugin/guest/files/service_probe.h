/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One look whether somebody serves a port of the sandbox's own loopback: a TCP connect, or an HTTP
 * request and the status that comes back.
 */
#ifndef CSN_GUEST_FILES_SERVICE_PROBE_H
#define CSN_GUEST_FILES_SERVICE_PROBE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct csn_service_probe {
  uint16_t port;
  const char *path;   /* of HTTP; NULL: the connect is enough */
  int status;         /* that it must have; 0: any from 200 to 399 */
};

/* True: it answered as it should, by `end` (csn_guest_now()). Else `why` says what is missing. */
bool csn_service_probe(const struct csn_service_probe *probe, uint64_t end, char *why, size_t size);

/* The status in the first bytes of an HTTP answer: -1 that is none, 0 more is needed. Pure. */
int csn_service_probe_status(const char *bytes, size_t n);

#endif
