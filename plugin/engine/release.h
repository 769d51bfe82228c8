/* SPDX-License-Identifier: Apache-2.0 */
/* Versions of engines and what they are made of, as texts that distributions have added to:
 * "1.1.5+ds1-1+deb12u1", "1.0.0-rc95", "1.2.0-rc.3", "runc version 1.1.5". Pure. */
#ifndef CSN_ENGINE_RELEASE_H
#define CSN_ENGINE_RELEASE_H

struct csn_release {
  int major, minor, patch;
  int candidate; /* the n of "-rc.n"; INT_MAX: none, which is above all of them */
};

/* Reads the first "x.y" or "x.y.z" of the text. 0, or -1 where there is none. */
int csn_release_read(const char *text, struct csn_release *release);
/* As strcmp(). What a distribution added does not count. */
int csn_release_compare(const struct csn_release *a, const struct csn_release *b);

#endif
