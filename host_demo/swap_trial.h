/* SPDX-License-Identifier: Apache-2.0 */
/* swap_trial.h: two versions of a plugin that take turns while threads call, and what came of it. */
#ifndef HOST_SWAP_TRIAL_H
#define HOST_SWAP_TRIAL_H

#include "callers.h"

#define CSN_TRIAL_KEY_SIZE 64

/* What this process holds. */
struct csn_held {
  long memory_kb; /* anonymous, in RAM; -1 where it cannot be read */
  unsigned descriptors;
};

struct csn_trial {
  struct csn_host host;
  const struct csn_options *options;
  const char *other;           /* the new version's path */
  char first[CSN_LOADER_PATH]; /* the old one's */
  const char *next;            /* one of them: what was swapped to last */
  char keys[CSN_CALLERS_SESSIONS][CSN_TRIAL_KEY_SIZE];
  struct csn_callers callers;
  struct csn_swap swap; /* the last one */
  unsigned swaps;
  struct csn_times whole, load, create, test, drain, end;
  struct csn_held before, after;
};

/* Swaps to and fro, options->count times, under the load that callers and their sessions are set up
 * for; ends early at a Ctrl-C. 0, or -1 where a version was refused, with the reason. */
int csn_trial_run(struct csn_trial *trial, struct csn_failure *failure);

/* What came of a trial, or of one swap without a load: as text, or as one line of JSON. */
void csn_trial_print(const struct csn_trial *trial);
void csn_trial_print_json(const struct csn_trial *trial, const struct csn_version *was,
                          const struct csn_version *is);

#endif
