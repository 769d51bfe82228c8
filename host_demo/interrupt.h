/* SPDX-License-Identifier: Apache-2.0 */
/* interrupt.h: what Ctrl-C and the signals that end a program do here.
 *
 *   while               SIGINT                              SIGTERM, SIGHUP
 *   nothing runs        ends the program                    end the program
 *   a call runs         cancels it; again: ends at once     cancel it, then end the program
 *   a line is edited    clears the line                     end the program
 *
 * In a mode that runs for long SIGHUP is no end: see csn_interrupt_on_hangup(). */
#ifndef HOST_INTERRUPT_H
#define HOST_INTERRUPT_H

#include <semaphore.h>
#include <signal.h>
#include <stdbool.h>

enum csn_interrupt_state { CSN_INTERRUPT_IDLE, CSN_INTERRUPT_CALL, CSN_INTERRUPT_LINE };

/* Installs the handlers. A signal that was ignored when the program started stays ignored. */
void csn_interrupt_install(void);

/* Says what the program does from now on; forgets earlier Ctrl-Cs. */
void csn_interrupt_enter(enum csn_interrupt_state state);

/* True if a signal arrived since then. */
bool csn_interrupt_pressed(void);

/* 128 + the signal where the program has to end, else 0. */
int csn_interrupt_leaving(void);

/* From now on SIGHUP posts this semaphore and does nothing else, also where it was ignored when the
 * program started (nohup). Only if stdin is a terminal and that has hung up it means what it always
 * did: nobody is there any more. NULL, after that: it means what it did when the program started. */
void csn_interrupt_on_hangup(sem_t *asked);

/* The signals handled here, to block while a wait is prepared. */
void csn_interrupt_signals(sigset_t *set);

#endif
