/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parts of the report, each of which adds its members to the one object. `limit`: how long the
 * text may become with a part's list, so that no list takes another's room.
 */
#ifndef CSN_GUEST_REPORT_PARTS_H
#define CSN_GUEST_REPORT_PARTS_H

#include "guest/report_json.h"
#include "guest/report_text.h"

/* A file's text in a buffer of the caller's; bytes NULL where it cannot be read. *cut where it is
 * longer than that. */
struct csn_report_slice csn_report_read(const char *path, char *buffer, size_t capacity, bool *cut);

/* report_process.c: what processes are and may do. */
void csn_report_add_given(struct csn_report_json *json);
void csn_report_add_process(struct csn_report_json *json);
void csn_report_add_init(struct csn_report_json *json, bool pid1);
void csn_report_add_limits(struct csn_report_json *json);
void csn_report_add_namespaces(struct csn_report_json *json);

/* report_mounts.c */
void csn_report_add_mounts(struct csn_report_json *json, struct csn_report_slice mountinfo,
                           size_t limit);
/* report_cgroup.c: `groups` is /proc/self/cgroup. */
void csn_report_add_cgroup(struct csn_report_json *json, struct csn_report_slice mountinfo,
                           struct csn_report_slice groups);
/* report_paths.c: masked and read-only paths; device nodes. */
void csn_report_add_paths(struct csn_report_json *json);
void csn_report_add_devices(struct csn_report_json *json, size_t limit);
/* report_network.c: interfaces, routes and rules. */
void csn_report_add_network(struct csn_report_json *json, size_t interfaces, size_t routes,
                            size_t rules);

#endif
