/* SPDX-License-Identifier: Apache-2.0 */
/* options_json: what the host asks of a call's session, checked against the manifest's schema. */
#ifndef CSN_ENTRY_OPTIONS_H
#define CSN_ENTRY_OPTIONS_H

#include "entry/instance.h"

/* The document, or NULL where none was given. 0, CAISSON_E_CONFIG (options.invalid) or _NOMEM. */
int csn_options_read(const struct csn_instance *i, const char *json, size_t n, cJSON **out,
                     struct csn_error *err);

enum csn_ensure csn_options_ensure(const cJSON *options);

/* As csn_session_want.ask_options, with the instance as ctx: asks the host's extension. */
int csn_options_ask(void *instance, const char *key, cJSON **out, struct csn_error *err);

#endif
