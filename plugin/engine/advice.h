/* SPDX-License-Identifier: Apache-2.0 */
/* What an operator should know of an engine before sandboxes are trusted to it: a table of
 * conditions, each with the words for it, and its known holes (advisories.h). Pure but for the
 * client certificate's file. */
#ifndef CSN_ENGINE_ADVICE_H
#define CSN_ENGINE_ADVICE_H

#include "engine/engine.h"

struct csn_engine_subject {
  const struct csn_engine_info *info;
  const struct csn_engine_found *found;
  int helper_readable; /* the runtime executes no file that cannot be read */
  int64_t now;         /* seconds since 1970 */
};

/* Appends a sentence for each condition that holds. 0 or CAISSON_E_NOMEM. */
int csn_engine_advise(const struct csn_engine_subject *subject, cJSON *array);

#endif
