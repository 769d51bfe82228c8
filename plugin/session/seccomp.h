/* SPDX-License-Identifier: Apache-2.0 */
/* The seccomp profiles: allow-lists as JSON, inside caisson.so. seccomp.md says what each refuses,
 * and why. */
#ifndef CSN_SESSION_SECCOMP_H
#define CSN_SESSION_SECCOMP_H

/* From the looser to the stricter. */
enum csn_seccomp { CSN_SECCOMP_DEFAULT, CSN_SECCOMP_STRICT, CSN_SECCOMP_COUNT };

/* "default", "strict"; NULL and any other text: default, since the schema admits no other. */
enum csn_seccomp csn_seccomp_of(const char *name);
/* As settings and labels call it. */
const char *csn_seccomp_name(enum csn_seccomp profile);
/* The profile's text. */
const char *csn_seccomp_text(enum csn_seccomp profile);

#define CSN_SECCOMP_FILE 32
/* "seccomp-<16 hex of its SHA-256>.json": each build has its own beside the others. */
void csn_seccomp_file(enum csn_seccomp profile, char name[CSN_SECCOMP_FILE]);

#endif
