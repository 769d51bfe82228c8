/* SPDX-License-Identifier: Apache-2.0 */
/* What an engine says of a file in the header X-Docker-Container-Path-Stat. Pure. */
#ifndef CSN_ENGINE_PATH_STAT_H
#define CSN_ENGINE_PATH_STAT_H

#include <stdint.h>

#include "util/error.h"

struct csn_path_stat {
  int64_t size;
  uint32_t mode; /* permission bits, 0777 at most */
  int is_directory;
  int is_link;
};

/* The header's value (base64 of JSON), or NULL where there was none: that and all else that is
 * malformed is engine.protocol. */
int csn_path_stat_parse(const char *value, struct csn_path_stat *out, struct csn_error *err);

#endif
