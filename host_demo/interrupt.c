/* SPDX-License-Identifier: Apache-2.0 */
/* interrupt.c: signals become flags that the hooks and the line editor look at. call_cancel must
 * not be called from a handler, and hooks.cancelled is polled often enough to need no thread. */
#include "interrupt.h"

#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <stddef.h>
#include <unistd.h>

static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
#define SIGNAL_COUNT (sizeof signals / sizeof signals[0])

/* Written in a handler, read on the threads of calls. */
static atomic_int state;
static atomic_int pressed;
static atomic_int leaving;

/* SIGHUP by word. Both are set before the first can arrive. */
static _Atomic(sem_t *) on_hangup;
static bool stdin_is_terminal;
static struct sigaction before_that;

/* isatty() says no of a terminal that has hung up. */
static bool has_hung_up(void) {
  struct pollfd input = {.fd = STDIN_FILENO};
  return stdin_is_terminal && poll(&input, 1, 0) > 0 && (input.revents & POLLHUP);
}

static bool is_asked(int number) {
  sem_t *asked = number == SIGHUP ? atomic_load(&on_hangup) : NULL;
  int before = errno;
  bool is = asked && !has_hung_up() && sem_post(asked) == 0;
  errno = before;
  return is;
}

static void on_signal(int number) {
  if (is_asked(number))
    return;
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

void csn_interrupt_on_hangup(sem_t *asked) {
  struct sigaction handler = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
  (void)sigemptyset(&handler.sa_mask);
  if (!asked)
    (void)sigaction(SIGHUP, &before_that, NULL);
  stdin_is_terminal = isatty(STDIN_FILENO) != 0;
  atomic_store(&on_hangup, asked);
  /* SA_RESTART: a line that is being read from a pipe must not seem to have ended. */
  if (asked)
    (void)sigaction(SIGHUP, &handler, &before_that);
}

void csn_interrupt_enter(enum csn_interrupt_state next) {
  pressed = leaving != 0;
  state = (int)next;
}

bool csn_interrupt_pressed(void) { return pressed != 0; }

int csn_interrupt_leaving(void) { return leaving; }

void csn_interrupt_signals(sigset_t *set) {
  (void)sigemptyset(set);
  for (size_t i = 0; i < SIGNAL_COUNT; i++)
    (void)sigaddset(set, signals[i]);
}
