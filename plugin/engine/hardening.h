/* SPDX-License-Identifier: Apache-2.0 */
/* What the create bodies of all containers that run something have in common: how little the engine
 * is to give them. */
#ifndef CSN_ENGINE_HARDENING_H
#define CSN_ENGINE_HARDENING_H

#include "engine/body.h"

struct csn_hardening {
  const char *seccomp; /* the profile's text, or its path where the engine wants one; NULL: the
                          engine's own */
  const char *network; /* "none", or another NetworkMode */
  int has_writable_root;
  double nofile;
  double nproc; /* 0: the engine's own default */
};

/* Not a small one: it counts a uid in all containers. How many one may have is PidsLimit. */
#define CSN_HARDENING_NPROC 32768

/* Adds it to HostConfig: no capability, no new privileges, namespaces of its own, limits, and no log
 * that outlives it. The container is removed when it ends. Returns SecurityOpt, which may get more. */
cJSON *csn_body_harden(struct csn_body *b, cJSON *host, const struct csn_hardening *hardening);

#endif
