/* SPDX-License-Identifier: Apache-2.0 */
/* interrupt.h: what Ctrl-C and the signals that end a program do here.
 *
 *   while               SIGINT                              SIGTERM, SIGHUP
 *   nothing runs        ends the program                    end the program
 *   a call runs         cancels it; again: ends at once     cancel it, then end the program
 *   a line is edited    clears the line                     end the program */
#ifndef HOST_INTERRUPT_H
#define HOST_INTERRUPT_H

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

/* The signals handled here, to block while a wait is prepared. */
void csn_interrupt_signals(sigset_t *set);

#endif
