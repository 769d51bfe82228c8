/* SPDX-License-Identifier: Apache-2.0 */
/* Each exchange with the real engine from a sandbox's start to its removal, the streams of a call
 * among them, cut after any byte: a proxy closes the connection there, whatever the engine did. The
 * call is done right, or ends with a clear error, or is LOST; it does not hang, no container stays
 * that cannot work, and the next call works. Some bytes of each, the same in each run unless
 * CAISSON_FAULTS_SEED says from where on; all of them with CAISSON_FAULTS_ALL=1. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/engine.h"
#include "support/host.h"
#include "support/process.h"
#include "tap.h"

#define USUAL_TRIES 2
#define NEVER 1000000 /* bytes: behind the end of any of them */

static unsigned seed;
static bool wants_all;

struct exchange {
  const char *what, *method, *path;
  enum { STARTS, ADOPTS, REMOVES } when;
};

static const struct exchange exchanges[] = {
    {"the look-up", "GET", "containers/caisson-[^/]+/json$", STARTS},
    {"the list of ids in use", "GET", "/containers/json", STARTS},
    {"the create", "POST", "/containers/create", STARTS},
    {"the stream of the first channel", "POST", "/attach", STARTS},
    {"the start", "POST", "/containers/[0-9a-f]+/start$", STARTS},
    {"the look at what was started", "GET", "containers/[0-9a-f]{64}/json$", STARTS},
    {"the making of an exec", "POST", "/exec$", ADOPTS},
    {"the stream of a later channel", "POST", "/exec/[0-9a-f]+/start$", ADOPTS},
    {"the removal", "DELETE", "/containers/", REMOVES},
};

static struct proxy *proxy_that_cuts(const struct exchange *x, long after) {
  char scenario[512];
  snprintf(scenario, sizeof scenario,
           "{\"rules\":[{\"method\":\"%s\",\"path\":\"%s\",\"times\":1,"
           "\"to_client\":{\"close_after\":%ld}}]}",
           x->method, x->path, after);
  return proxy_start(scenario);
}

/* How many bytes the rule's exchange, which is over, had for the plugin; -1: it never was. */
static long count_sent(const struct proxy *p) {
  char path[96], line[65536];
  long sent = -1;
  snprintf(path, sizeof path, "%s/log", p->dir);
  FILE *f = fopen(path, "re");
  while (f && fgets(line, sizeof line, f)) {
    cJSON *entry = cJSON_Parse(line);
    if (cJSON_IsNumber(cJSON_GetObjectItem(entry, "rule")))
      sent = (long)cJSON_GetNumberValue(cJSON_GetObjectItem(entry, "sent"));
    cJSON_Delete(entry);
  }
  if (f) fclose(f);
  return sent;
}

/* ---- one try --------------------------------------------------------------------------------- */

/* Nothing was done, since the engine or what leads to the helper failed. */
static bool is_clear(const struct call *c) {
  return (c->status == CAISSON_E_ENGINE || c->status == CAISSON_E_LOST) &&
         c->result.outcome == CAISSON_OUTCOME_NONE &&
         strlen(c->err.message) > 20 &&
         (strncmp(c->err.reason, "engine.", 7) == 0 || strncmp(c->err.reason, "helper.", 7) == 0);
}

static bool is_lost(const struct call *c) {
  return call_has_ended(c, CAISSON_OK, CAISSON_OUTCOME_LOST, CAISSON_EXIT_UNKNOWN) &&
         *call_reason(c) && *call_string(c, "error.message");
}

static bool is_done(const struct call *c) {
  return call_has_ended(c, CAISSON_OK, CAISSON_OUTCOME_EXITED, 0);
}

static bool is_good(const struct call *c) {
  return (is_done(c) || is_clear(c) || is_lost(c)) &&
         c->took_ns < (int64_t)host_patience(30000) * 1000000;
}

/* It strikes once: in the first, or, in the stream of a channel, in the next one. */
static const char *judge(const struct call *c, const struct call *next, int left) {
  if (!is_good(c) || !is_good(next)) return "a call ends unclearly, or late";
  if (!is_done(c) && !is_done(next)) return "the next one does not work";
  return left > 0 ? "a container is left" : NULL;
}

static struct call *call_of(struct box *box, const struct exchange *x) {
  return x->when == REMOVES ? operation(box, "session.remove", "s", NULL)
                            : shell(box, "s", "echo fine");
}

/* Whether all was well. `sent`, unless NULL: what the proxy let through. */
static bool try_one(const struct exchange *x, long after, long *sent) {
  struct proxy *proxy = proxy_that_cuts(x, after);
  /* What is adopted was made by another. */
  struct box *maker = x->when == ADOPTS ? box_open_as(".offsets", NULL) : NULL;
  struct box *box = box_open_as(".offsets", proxy->settings);
  if (x->when != STARTS) call_free(shell(maker ? maker : box, "s", "true"));
  CALL c = call_of(box, x);
  CALL look = operation(box, "session.inspect", "s", NULL);
  int left = is_done(c) ? 0 : engine_count(box->name) - call_is_true(look, "ready");
  CALL next = call_of(box, x);
  call_free(operation(box, "session.remove", "s", NULL));
  const char *wrong = judge(c, next, left + engine_count(box->name));
  box_close(box);
  if (maker) box_close(maker);
  if (!proxy_met(proxy)) wrong = "it was never met";
  if (sent) *sent = count_sent(proxy);
  proxy_stop(proxy);
  if (!wrong) return true;
  diag("%s ends after %ld bytes: %s", x->what, after, wrong);
  diag("%s", call_describe(c));
  diag("%s", call_describe(next));
  return false;
}

static void test_exchange(const struct exchange *x) {
  long size = 0, tries = 0, bad = 0;
  bool works = try_one(x, NEVER, &size);
  if (!ok(works && size > 0, "%s: %ld bytes", x->what, size)) return;
  int fds = process_fds();
  long step = wants_all || size < USUAL_TRIES ? 1 : size / USUAL_TRIES;
  for (long k = (long)(seed % (unsigned)step); k < size && bad < 3; k += step, tries++)
    bad += !try_one(x, k, NULL);
  ok(bad == 0, "cut at %ld places", tries);
  is_int(process_fds(), fds, "no descriptor is left");
}

int main(void) {
  const char *given = getenv("CAISSON_FAULTS_SEED");
  wants_all = getenv("CAISSON_FAULTS_ALL") != NULL;
  seed = given ? (unsigned)strtoul(given, NULL, 10) : 0;
  printf("# CAISSON_FAULTS_SEED=%u\n", seed);
  box_close(box_open_as(".offsets", NULL)); /* what is made once in a process */
  for (size_t i = 0; i < sizeof exchanges / sizeof *exchanges; i++) test_exchange(&exchanges[i]);
  return done_testing();
}
