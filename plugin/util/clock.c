#include "util/clock.h"

#include <time.h>

int64_t csn_clock_now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (int64_t)t.tv_sec * CSN_SECOND + t.tv_nsec;
}

int64_t csn_clock_after(int64_t ns) {
  int64_t now = csn_clock_now();
  return ns > CSN_NEVER - now ? CSN_NEVER : now + ns;
}

void csn_clock_text(char text[CSN_CLOCK_TEXT]) {
  time_t now = time(NULL);
  struct tm utc;
  gmtime_r(&now, &utc);
  strftime(text, CSN_CLOCK_TEXT, "%Y-%m-%dT%H:%M:%SZ", &utc);
}
