/* SPDX-License-Identifier: Apache-2.0 */
/* own_session.c: its key is made of the process and the time, which together are nobody else's. */
#include "own_session.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "report.h"
#include "ui.h"

#define REMOVE_MS 20000

char *csn_own_session_key(const char *mode) {
  char key[96];
  struct timespec now;
  (void)clock_gettime(CLOCK_REALTIME, &now);
  (void)snprintf(key, sizeof key, "%.30s-%ld-%lld-%09ld", mode, (long)getpid(),
                 (long long)now.tv_sec, now.tv_nsec);
  return csn_must(strdup(key));
}

/* The signal that ends the program is no reason to leave it behind. Another one ends at once. */
static bool never(void *unused) {
  (void)unused;
  return false;
}

static void ignore_output(void *unused, const char *bytes, size_t n) {
  (void)unused;
  (void)bytes;
  (void)n;
}

static void ignore_progress(void *unused, int32_t permille, const char *note, size_t n) {
  (void)unused;
  (void)permille;
  (void)note;
  (void)n;
}

void csn_own_session_remove(struct csn_host *host, const char *key) {
  const struct csn_watch watch = {never, ignore_output, ignore_progress, NULL};
  const struct csn_call call = {
      .name = "session.remove",
      .args = "{}",
      .session = key,
      .timeout_ms = REMOVE_MS,
      .input = -1,
      .operation = true,
      .beside = true,
      .watch = &watch,
  };
  struct csn_reply reply;
  csn_host_call(host, &call, &reply);
  if (!csn_report_good(&reply))
    csn_report_failure(&reply);
  csn_reply_free(&reply);
}
