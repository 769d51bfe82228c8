/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Taking apart what the kernel writes in /proc and in control groups: status, mountinfo, cgroup,
 * numbers. Pure: texts come in, slices of them go out; nothing is opened and nothing is written.
 */
#ifndef CSN_GUEST_REPORT_TEXT_H
#define CSN_GUEST_REPORT_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct csn_report_slice {
  const char *bytes;
  size_t size;
};

#define CSN_REPORT_GROUPS_MAX 64u
#define CSN_REPORT_CAPS_SIZE 17u   /* sixteen hexadecimal digits and a NUL */

enum csn_report_capset {
  CSN_CAP_INHERITABLE,
  CSN_CAP_PERMITTED,
  CSN_CAP_EFFECTIVE,
  CSN_CAP_BOUNDING,
  CSN_CAP_AMBIENT,
  CSN_CAP_SETS
};

/* What /proc/PID/status says of privileges. What it does not say is not has_... or empty. */
struct csn_report_status {
  int64_t uid[4], gid[4];   /* real, effective, saved, of the file system */
  int64_t groups[CSN_REPORT_GROUPS_MAX];
  size_t group_count;
  char caps[CSN_CAP_SETS][CSN_REPORT_CAPS_SIZE];
  int64_t no_new_privs, seccomp, seccomp_filters;
  bool has_uid, has_gid, has_groups, has_no_new_privs, has_seccomp, has_seccomp_filters;
  bool cut;                 /* more groups than there is room for */
};

void csn_report_read_status(struct csn_report_slice text, struct csn_report_status *out);

/* One line of mountinfo, as it stands there: unescape what is a path or a source. */
struct csn_report_mount {
  struct csn_report_slice root, target, options, type, source, super;
};

/* Takes the next line off the text: 1 it is in *out, 0 the text is over, -1 the line is none of
 * mountinfo's. */
int csn_report_next_mount(struct csn_report_slice *text, struct csn_report_mount *out);

/* Undoes mountinfo's octal escapes. The bytes written, at most `capacity`; *cut where there were
 * more. */
size_t csn_report_unescape(struct csn_report_slice text, char *out, size_t capacity, bool *cut);

/* Is `word` one of the words of a list that `separator` divides? */
bool csn_report_has_word(struct csn_report_slice list, char separator, const char *word);
bool csn_report_equals(struct csn_report_slice slice, const char *text);

/* The path of a controller's group in /proc/PID/cgroup; controller NULL: that of version 2. */
bool csn_report_cgroup_path(struct csn_report_slice text, const char *controller,
                            struct csn_report_slice *path);

/* A whole number, possibly negative, that may be followed by space; "max" is -1. False: it is
 * none. */
bool csn_report_to_number(struct csn_report_slice text, int64_t *out);
/* Takes the next word off the text, where words are divided by spaces and tabs; empty: none. */
struct csn_report_slice csn_report_next_word(struct csn_report_slice *text);

#endif
