/* SPDX-License-Identifier: Apache-2.0 */
/* generation.h: one version of a plugin at work, from the file to the instance and back. Knows
 * nothing of other versions but the one that it is to replace. */
#ifndef HOST_GENERATION_H
#define HOST_GENERATION_H

#include <cjson/cJSON.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "caisson.h"
#include "loader.h"

struct csn_generation;
struct csn_failure;

/* What a plugin is started with. All of it is borrowed. */
struct csn_setup {
  const char *plugin;        /* NULL: looked for, see csn_loader_open() */
  const char *sha256;        /* that the plugin must have; NULL: any */
  const char *config;        /* a file, read anew for each generation; NULL: the defaults */
  bool trusted_config;       /* and refused where others could change it */
  bool lazy;                 /* ask the engine at the first call, whatever is configured */
  const caisson_host *offer; /* stays valid until the last generation has ended */
  /* Asked last before a generation takes the place of another: whether it suits the rest of the
   * host. 0, or -1 with the reason in `failure`. NULL: any does. */
  int (*suits)(void *ctx, const struct csn_generation *g, struct csn_failure *failure);
  void *suits_ctx;
};

/* Why a generation did not come to be. */
enum csn_step { CSN_STEP_LOAD, CSN_STEP_CREATE, CSN_STEP_TEST };

struct csn_failure {
  enum csn_step step;
  int32_t status; /* of the ABI; CAISSON_E_INVALID where the loader refused the file */
  char reason[CAISSON_REASON_SIZE]; /* "" where the plugin gave none */
  char message[CSN_LOADER_MESSAGE];
};

struct csn_generation {
  struct csn_loaded loaded;
  uint64_t instance; /* 0: none */
  cJSON *offered;    /* describe(), parsed; NULL where that failed */
  bool lazy;         /* by the setup or by the configuration */
  unsigned number;   /* which one of its slot's: 1, 2, ... */
  atomic_uint pins;  /* slot.c's: who works with it */
};

/* "load", "create", "self-test". */
const char *csn_step_name(enum csn_step step);

/* The steps, in this order. Each returns 0, or -1 with the reason in `failure`; what earlier steps
 * made is then still to be ended. */
int csn_generation_load(struct csn_generation *g, const struct csn_setup *setup,
                        struct csn_failure *failure);
int csn_generation_create(struct csn_generation *g, const struct csn_setup *setup,
                          struct csn_failure *failure);

/* Would it do in the place of `before`? That its description is whole, that it has the same
 * sessions, and, unless it is lazy, that the engine answers it. */
int csn_generation_test(const struct csn_generation *g, const struct csn_generation *before,
                        struct csn_failure *failure);

/* Ends whatever steps were taken; sessions live on. */
void csn_generation_end(struct csn_generation *g);

/* The offered tool of this name, or NULL; as long as the generation lives. */
const cJSON *csn_generation_tool(const struct csn_generation *g, const char *name);

#endif
