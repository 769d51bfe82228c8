/* SPDX-License-Identifier: Apache-2.0 */
/* chat_fault.h: an endpoint's refusal, in words for the person. */
#ifndef HOST_CHAT_FAULT_H
#define HOST_CHAT_FAULT_H

#include <stddef.h>

#include "why.h"

struct csn_chat_fault {
  const char *url, *key, *type; /* key and Content-Type: NULL where there is none */
  long status, wait_s;          /* Retry-After, or 0 */
  const char *body;             /* the first of it */
  size_t body_size;
};

/* Writes them and returns -1. Words of the endpoint's that repeat the key are left out. */
int csn_chat_fault(const struct csn_chat_fault *fault, char why[CSN_LOADER_MESSAGE]);

#endif
