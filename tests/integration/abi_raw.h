/* SPDX-License-Identifier: Apache-2.0 */
/* Calls by the bare table, for tests that do with it what no host should. */
#ifndef TESTS_ABI_RAW_H
#define TESTS_ABI_RAW_H

#include "support/host.h"
#include "tap.h"

static const caisson_plugin *p;
static struct box *box;

static caisson_str str(const char *s) {
  return (caisson_str){s, strlen(s)};
}

static caisson_request request_for(const char *session, const char *args) {
  return (caisson_request){.struct_size = sizeof(caisson_request),
                           .name = str("shell"),
                           .args_json = str(args),
                           .session = str(session)};
}

#define EXIT_3 "{\"command\": \"exit 3\"}"

static uint64_t open_call(const char *session, const char *args) {
  caisson_request request = request_for(session, args);
  uint64_t id = 0;
  if (p->call_open(box->id, &request, &id, NULL) != CAISSON_OK) BAIL_OUT("call_open");
  return id;
}

#endif
