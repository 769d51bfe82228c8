/* SPDX-License-Identifier: Apache-2.0 */
/* reload.c: a thread that sleeps until a SIGHUP posts its semaphore, which a handler may do. */
#include "reload.h"

#include <errno.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>

#include "interrupt.h"
#include "ui.h"

#define PATIENCE_S 2 /* of whoever ends the program */

static struct {
  struct csn_host *host;
  uint64_t grace_ms;
  pthread_t thread;
  sem_t asked;
  atomic_bool ending;
  void (*published)(void *ctx);
  void *published_ctx;
} reload;

static int reload_one(struct csn_route *route, const char *plugin, uint64_t grace_ms) {
  struct csn_slot *slot = &route->slot;
  char place[CSN_PLACE_SIZE];
  struct csn_swap swap;
  struct csn_failure failure;
  struct csn_version now;
  const struct csn_version *is = &swap.is, *was = &swap.was;
  csn_routes_place(route->routes, route, place);
  if (csn_slot_swap(slot, plugin, grace_ms ? grace_ms : CSN_GRACE_UNLIMITED, &swap,
                    &failure) < 0) {
    csn_slot_version(slot, &now);
    csn_ui_say("%sthe plugin is not changed (%s): %s\n%s %s, build %s, goes on", place,
               csn_step_name(failure.step), failure.message, now.id, now.version, now.build_id);
    return -1;
  }
  csn_ui_say("%sthe plugin is now %s %s, build %s, %s", place, is->id, is->version, is->build_id,
             is->path);
  if (strcmp(is->build_id, was->build_id) == 0 && strcmp(is->version, was->version) == 0)
    csn_ui_say("note: that is the same build as before; its configuration was read anew");
  if (swap.drained == CAISSON_E_DEADLINE)
    csn_ui_say("note: calls that still ran on the old version were cancelled");
  return 0;
}

int csn_reload_now(struct csn_host *host, const char *plugin, uint64_t grace_ms) {
  struct csn_route *all = host->routes.all;
  int worst = 0;
  if (plugin)
    return reload_one(&all[host->routes.chosen], plugin, grace_ms);
  for (size_t i = 0; i < host->routes.count; i++)
    if (reload_one(&all[i], NULL, grace_ms) < 0)
      worst = -1;
  return worst;
}

static void *wait_for_signals(void *unused) {
  (void)unused;
  for (;;) {
    while (sem_wait(&reload.asked) < 0 && errno == EINTR) {
    }
    /* Several signals that came meanwhile are one. */
    while (sem_trywait(&reload.asked) == 0) {
    }
    if (atomic_load(&reload.ending))
      return NULL;
    (void)csn_reload_now(reload.host, NULL, reload.grace_ms);
  }
}

void csn_reload_expect(void) {
  (void)sem_init(&reload.asked, 0, 0);
  csn_interrupt_on_hangup(&reload.asked);
}

void csn_reload_notify(void (*published)(void *ctx), void *ctx) {
  reload.published = published;
  reload.published_ctx = ctx;
}

void csn_reload_begin(struct csn_host *host, uint64_t grace_ms) {
  sigset_t blocked, before;
  reload.host = host;
  reload.grace_ms = grace_ms;
  for (size_t i = 0; i < host->routes.count; i++) {
    host->routes.all[i].slot.published = reload.published;
    host->routes.all[i].slot.published_ctx = reload.published_ctx;
  }
  atomic_store(&reload.ending, false);
  /* Signals are for the thread that reads lines and waits for calls. */
  csn_interrupt_signals(&blocked);
  (void)pthread_sigmask(SIG_BLOCK, &blocked, &before);
  int failed = pthread_create(&reload.thread, NULL, wait_for_signals, NULL);
  (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
  if (failed)
    (void)csn_must(NULL); /* no memory for its stack */
}

/* What a plugin does in create() cannot be cancelled. Whoever waits for it is told. */
static void await_thread(void) {
  struct timespec until;
  (void)clock_gettime(CLOCK_REALTIME, &until);
  until.tv_sec += PATIENCE_S;
  if (pthread_timedjoin_np(reload.thread, NULL, &until) == 0)
    return;
  csn_ui_say("waiting for a change of the plugin that is still under way (Ctrl-C leaves at once)");
  (void)pthread_join(reload.thread, NULL);
}

void csn_reload_end(void) {
  csn_interrupt_on_hangup(NULL);
  atomic_store(&reload.ending, true);
  (void)sem_post(&reload.asked);
  await_thread();
  (void)sem_destroy(&reload.asked);
}
