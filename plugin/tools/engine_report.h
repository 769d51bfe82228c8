/* SPDX-License-Identifier: Apache-2.0 */
/* The part of engine.info that is about choosing and trusting the engine. */
#ifndef CSN_TOOLS_ENGINE_REPORT_H
#define CSN_TOOLS_ENGINE_REPORT_H

#include "engine/engine.h"

/* Adds how it was found, what else there is, its runtimes and cgroup driver, and warnings. helper
 * is the path of the helper in sandboxes. 0 or CAISSON_E_NOMEM. */
int csn_engine_report(const struct csn_engine *engine, const struct csn_engine_info *info,
                      const char *helper, cJSON *out);

#endif
