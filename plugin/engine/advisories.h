/* SPDX-License-Identifier: Apache-2.0 */
/* Known holes in engines and runtimes that matter for sandboxes: a table of what is vulnerable up
 * to which release, and what that means here. Pure; README.md says what is in it and what not. */
#ifndef CSN_ENGINE_ADVISORIES_H
#define CSN_ENGINE_ADVISORIES_H

#include <cjson/cJSON.h>

/* Appends a sentence for each that an engine with this GET /version has, as far as its version
 * tells: a distribution may have mended it in an old one. 0 or CAISSON_E_NOMEM. */
int csn_advisories_find(const cJSON *version, cJSON *array);

#endif
