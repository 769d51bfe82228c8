/* SPDX-License-Identifier: Apache-2.0 */
/* interrupt.c: signals become flags that the hooks and the line editor look at. call_cancel must
 * not be called from a handler, and hooks.cancelled is polled often enough to need no thread. */
#include "interrupt.h"

#include <stddef.h>
#include <unistd.h>

static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
#define SIGNAL_COUNT (sizeof signals / sizeof signals[0])

static volatile sig_atomic_t state;
static volatile sig_atomic_t pressed;
static volatile sig_atomic_t leaving;

static void on_signal(int number) {
  if (state == CSN_INTERRUPT_IDLE || (state == CSN_INTERRUPT_CALL && pressed))
    _exit(128 + number);
  pressed = 1;
  if (number != SIGINT)
    leaving = 128 + number;
}

void csn_interrupt_install(void) {
  /* No SA_RESTART: a write to a reader that has stopped reading must be interrupted. */
  struct sigaction handler = {.sa_handler = on_signal}, before;
  (void)sigemptyset(&handler.sa_mask);
  for (size_t i = 0; i < SIGNAL_COUNT; i++)
    if (sigaction(signals[i], NULL, &before) == 0 && before.sa_handler != SIG_IGN)
      (void)sigaction(signals[i], &handler, NULL);
  /* A reader that went away is an error of write, so that the call is cancelled and cleaned up. */
  (void)signal(SIGPIPE, SIG_IGN);
}

void csn_interrupt_enter(enum csn_interrupt_state next) {
  pressed = leaving != 0;
  state = (sig_atomic_t)next;
}

bool csn_interrupt_pressed(void) { return pressed != 0; }

int csn_interrupt_leaving(void) { return (int)leaving; }

void csn_interrupt_signals(sigset_t *set) {
  (void)sigemptyset(set);
  for (size_t i = 0; i < SIGNAL_COUNT; i++)
    (void)sigaddset(set, signals[i]);
}
