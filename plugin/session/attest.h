/* SPDX-License-Identifier: Apache-2.0 */
/* Attestation: what an engine and a kernel made of a sandbox, held against what it was to be. This
 * header is the pure half, JSON in and a list of findings out; attest.md has the why and the
 * table. */
#ifndef CSN_SESSION_ATTEST_H
#define CSN_SESSION_ATTEST_H

#include <cjson/cJSON.h>
#include <stddef.h>
#include <stdint.h>

#include "util/error.h"

#define CSN_ATTEST_NAME 96
#define CSN_ATTEST_TEXT 200
#define CSN_ATTEST_MAX 1024 /* findings; what is beyond is a difference of its own */

enum csn_attest_source { CSN_BY_ENGINE, CSN_BY_KERNEL };
enum csn_attest_verdict { CSN_HELD, CSN_DIFFERS, CSN_NOT_SHOWN };

/* Why a thing may be as wanted although it cannot be seen; bits. */
#define CSN_UNSEEN_GVISOR 1u  /* the runtime is a kernel of its own that shows less */
#define CSN_UNSEEN_DIALECT 2u /* the engine's answer has no such member, as Podman's */
#define CSN_UNSEEN_MEMORY 4u  /* the engine cannot limit it, and says so, as is these four */
#define CSN_UNSEEN_SWAP 8u
#define CSN_UNSEEN_PIDS 16u
#define CSN_UNSEEN_CPU 32u

struct csn_finding {
  char name[CSN_ATTEST_NAME]; /* of the item, as attest.md lists them */
  enum csn_attest_source source;
  enum csn_attest_verdict verdict;
  unsigned unseen; /* of one that differs: what would explain it */
  char wanted[CSN_ATTEST_TEXT], found[CSN_ATTEST_TEXT];
};

struct csn_attestation {
  enum csn_attest_source source; /* of what is added */
  struct csn_finding *items;
  size_t count, capacity;
  int failed; /* no memory */
};
void csn_attestation_free(struct csn_attestation *a);
#define CSN_CLEANUP_ATTESTATION __attribute__((cleanup(csn_attestation_free)))

/* Adds what was found of an item. `unseen` is why it may differ and yet be as wanted; else 0. */
void csn_attest_add(struct csn_attestation *a, const char *name, int is_held, unsigned unseen,
                    const char *wanted, const char *found);
/* A value as text: strings without their quotes, "nothing" for what is empty. Cut to fit. */
void csn_attest_say(char text[CSN_ATTEST_TEXT], const cJSON *value);
/* Null, false, 0, "", [] and {} are one: what is not asked for. */
int csn_attest_is_empty(const cJSON *value);
/* The member of a member: "HostConfig.LogConfig.Type"; NULL where there is none. */
const cJSON *csn_attest_at(const cJSON *value, const char *path);

/* What is wanted of a sandbox. */
struct csn_attest_wanted {
  const cJSON *body; /* the create body: the one that was sent, or one made again */
  int is_sent;       /* it is the very one, so that all of it counts */
};

/* Holds the engine's inspect answer against it. */
void csn_attest_inspect(const struct csn_attest_wanted *w, const cJSON *inspect,
                        struct csn_attestation *a);
/* Holds the helper's report (guest/report.md) against it. The report is foreign: nothing in it is
 * taken for granted. */
void csn_attest_report(const struct csn_attest_wanted *w, const cJSON *inspect,
                       const cJSON *report, struct csn_attestation *a);
/* The part about what is mounted, by either. */
void csn_attest_engine_mounts(const struct csn_attest_wanted *w, const cJSON *inspect,
                              struct csn_attestation *a);
void csn_attest_kernel_mounts(const struct csn_attest_wanted *w, const cJSON *inspect,
                              const cJSON *mounts, struct csn_attestation *a);
/* attest_seccomp.c: is the profile that the engine has (NULL: none) the one that is wanted? Each is a
 * text or, where the engine takes files, a path. *words says which it is. 1, 0, or -1: no memory. */
int csn_attest_profile(const char *wanted, const char *found, int is_sent, int takes_files,
                       const char **words);
/* What every version of Docker masks in /proc and /sys, and what it makes read-only. NULL-ended. */
extern const char *const csn_attest_masked[], *const csn_attest_readonly[];
/* Does the engine answer in Podman's way? */
int csn_attest_is_podman(const cJSON *inspect);

/* What differs only because it cannot be seen is "not shown" from now on. */
void csn_attest_excuse(struct csn_attestation *a, unsigned unseen);
/* Which of those would explain a difference. */
unsigned csn_attest_excuses(const struct csn_attestation *a);
size_t csn_attest_count(const struct csn_attestation *a, enum csn_attest_verdict verdict);

/* CAISSON_E_POLICY, with each finding of that verdict in the message as far as there is room. */
int csn_attest_refuse(const struct csn_attestation *a, enum csn_attest_verdict verdict,
                      struct csn_error *err);
/* [{"name", "wanted", "found", "source", "verdict"}]; NULL: no memory. */
cJSON *csn_attest_list(const struct csn_attestation *a);

#endif
