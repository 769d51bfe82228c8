/* Time: monotonic for waiting, wall clock for people. */
#ifndef CSN_UTIL_CLOCK_H
#define CSN_UTIL_CLOCK_H

#include <stdint.h>

#define CSN_NEVER INT64_MAX
#define CSN_MS INT64_C(1000000)
#define CSN_SECOND INT64_C(1000000000)

int64_t csn_clock_now(void); /* ns, CLOCK_MONOTONIC */

/* now + ns, but never past CSN_NEVER. */
int64_t csn_clock_after(int64_t ns);

/* "2026-01-31T12:00:00Z" of the wall clock. */
#define CSN_CLOCK_TEXT 32
void csn_clock_text(char text[CSN_CLOCK_TEXT]);

#endif
