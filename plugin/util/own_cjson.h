/* SPDX-License-Identifier: Apache-2.0 */
/* The cJSON that the plugin uses is libcjson's, whatever the host has. A host that carries another
 * version of it inside itself and exports its symbols, as -rdynamic does, would else be found in
 * libcjson's place: those of an executable come before those of any library, RTLD_LOCAL or not, and
 * libcjson's have no versions by which the linker could tell them apart, as libcurl's have. */
#ifndef CSN_UTIL_OWN_CJSON_H
#define CSN_UTIL_OWN_CJSON_H

#include "util/error.h"

/* Finds the library, once. Without it no function of cJSON may be called: CAISSON_E_INTERNAL. */
int csn_own_cjson_find(struct csn_error *err);

#endif
