/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The protocol between the plugin and the helper in the container: what each frame means, which
 * fields it has, and in which order frames go. frame.h says how the bytes lie, message.h turns the
 * frames with fields into structs and back. Nothing here does I/O.
 *
 * A CHANNEL is a byte stream each way to one `caisson-guest serve`. It carries one call at a time.
 *
 *   guest                                   host
 *   HELLO  ------------------------------>           at once, without waiting
 *          <------------------------------  HELLO    at once; RUN may follow in the same write
 *          <------------------------------  RUN_PART* RUN [SCRIPT*]
 *   OUT, ERR, STDIN_WANT, STDIN_CLOSED -->
 *          <------------------------------  STDIN* STDIN_END, PING (every 5 s), CANCEL, STAT
 *          <------------------------------  TAKE, RETIRE, INSPECT   between calls only
 *   PONG, STATUS, REPORT ---------------->
 *   EXIT | ERROR | LOST ----------------->           exactly one of them ends the call
 *          <------------------------------  RUN ...  the next call, or BYE
 *
 * The rules:
 * - A call begins with the first RUN_PART or RUN and ends with exactly one of EXIT, ERROR or LOST.
 *   After EXIT and ERROR the channel is ready for the next RUN. After LOST the guest closes it.
 * - EXIT follows the last OUT and ERR of its call, and usually comes in the same write.
 * - The host may still have STDIN, STDIN_END, SCRIPT or CANCEL under way when a call ends; between
 *   calls the guest drops these without a word. The host sends none of them once it has seen the
 *   end.
 * - PING and STAT are answered at any time. Several PINGs may be answered by one PONG, the last
 *   one's.
 * - During a call the guest must hear something from the host every CSN_SILENCE_MS; PING is for
 *   that. If it hears nothing it kills the call, sends EXIT (cancelled) and ends the channel. So
 *   pings must not stop because the host's user is slow to take output.
 * - The guest never stops reading because it cannot write: CANCEL and PING are seen even while
 *   nobody reads its output. While its output is not read it stops reading the command's, which
 *   then waits.
 * - STDIN never blocks the stream: the host sends at most CSN_STDIN_GRANT bytes, then as many more
 *   as STDIN_WANT grants. More than that is malformed.
 * - End-of-file on the guest's input means that the host is gone: the running call's tree is killed
 *   and the guest ends. BYE is the same, said politely.
 * - A malformed frame ends the channel: the guest kills the running call (EXIT, cancelled) and says
 *   LOST with reason `wire.malformed`, then closes.
 * - Everything from the guest is hostile input to the host: text may be any bytes, numbers any
 *   number.
 */
#ifndef CSN_WIRE_PROTOCOL_H
#define CSN_WIRE_PROTOCOL_H

/* The first byte of HELLO's payload, each way. Both sides are built together; another version is an
 * error, never a negotiation. */
#define CSN_WIRE_VERSION 1

/* ---- frame types --------------------------------------------------------------------------- */

/* Both: the first frame, once. Payload: u8 CSN_WIRE_VERSION, then fields; from the host none,
 * from the guest those of STATUS plus BUILD, PID, UID and GID. */
#define CSN_FRAME_HELLO 0x01
/* Host: 8 bytes of the host's choice. Guest: the same 8 bytes back in PONG. */
#define CSN_FRAME_PING 0x02
#define CSN_FRAME_PONG 0x03
/* Host: close. Payload empty. The guest kills what this channel still runs, and ends. */
#define CSN_FRAME_BYE 0x04
/* Host: ask for STATUS. Payload empty. */
#define CSN_FRAME_STAT 0x05
/* Guest: BUSY_OTHERS, CHANNELS_OTHERS, AGE_MS, IDLE_MS, KEY as they are now. */
#define CSN_FRAME_STATUS 0x06
/* Host: a sandbox that was started ahead gets its session's key: the payload. Answered by
 * STATUS, whose KEY then is that one; any other means that it had one already. */
#define CSN_FRAME_TAKE 0x07
/* Host: 8 bytes, little-endian: end the sandbox if no call runs there, no job, and none has for
 * so many milliseconds. Answered by STATUS where it goes on, else by the end of the channel. */
#define CSN_FRAME_RETIRE 0x08
/* Host: ask for REPORT. Payload empty. */
#define CSN_FRAME_INSPECT 0x09
/* Guest: what it finds of itself and the sandbox, a JSON object (guest/report.md). */
#define CSN_FRAME_REPORT 0x0a

/* Host: a request is one string of fields of at most CSN_RUN_MAX bytes, cut into frames
 * anywhere: all but the last piece in RUN_PART (bulk), the last or only one in RUN. Its fields
 * are listed below. */
#define CSN_FRAME_RUN_PART 0x10
#define CSN_FRAME_RUN 0x11
/* Host: the bytes of the script, SCRIPT_SIZE in all (bulk). The command starts after the last. */
#define CSN_FRAME_SCRIPT 0x12
/* Host: bytes for the command's stdin (bulk), within the grant; then its end (payload empty). */
#define CSN_FRAME_STDIN 0x13
#define CSN_FRAME_STDIN_END 0x14
/* Host: kill the call. Payload: u8 why, CSN_CANCEL_*. Answered by the call's EXIT. */
#define CSN_FRAME_CANCEL 0x15

/* Guest: 8 bytes, little-endian: so many more bytes of STDIN are welcome. */
#define CSN_FRAME_STDIN_WANT 0x20
/* Guest: the command takes no more stdin; what still comes is dropped. Payload empty. */
#define CSN_FRAME_STDIN_CLOSED 0x21
/* Guest: what the command wrote to stdout and to stderr (bulk). */
#define CSN_FRAME_OUT 0x22
#define CSN_FRAME_ERR 0x23
/* Guest: the call is over; fields below. */
#define CSN_FRAME_EXIT 0x24
/* Guest: the command could not be started; nothing runs. Fields: REASON, ERRNO, TEXT. */
#define CSN_FRAME_ERROR 0x25
/* Guest: the call cannot be finished: its supervisor died, or process 1 had to kill all.
 * Whatever ran in the sandbox is dead, files are there. Fields: REASON, ERRNO, TEXT. The guest
 * closes the channel after it. Outside a call it says why the channel ends. */
#define CSN_FRAME_LOST 0x26

/* CANCEL's payload; EXIT's OUTCOME answers in kind. */
#define CSN_CANCEL_CANCEL 1
#define CSN_CANCEL_DEADLINE 2

/* ---- fields of HELLO and STATUS ------------------------------------------------------------ */

/* bytes: CSN_GUEST_BUILD of the helper's build, or empty */
#define CSN_FIELD_BUILD 0x0001
#define CSN_FIELD_PID 0x0002              /* number: of this serve, inside */
#define CSN_FIELD_UID 0x0003              /* number */
#define CSN_FIELD_GID 0x0004              /* number */
/* number: other channels that have a call in flight; it counts once it has lasted about 20 ms */
#define CSN_FIELD_BUSY_OTHERS 0x0005
#define CSN_FIELD_CHANNELS_OTHERS 0x0006  /* number: other channels that are open */
#define CSN_FIELD_AGE_MS 0x0007           /* number: since process 1 started */
/* number: since the last sign of a call; 0 while one runs */
#define CSN_FIELD_IDLE_MS 0x0008
#define CSN_FIELD_KEY 0x0009              /* bytes: the session's key as process 1 holds it */

/* ---- fields of a request ------------------------------------------------------------------- */

/* string, 1 to CSN_RUN_PROGRAMS_MAX times: programs to try in this order. One without a slash is
 * looked up in the PATH of this request's ENV (entry by entry, as execvp does); the first that
 * exists and may be executed is run and its name, as given here, is argv[0]. None: ERROR
 * `exec.not_found`. */
#define CSN_FIELD_PROGRAM 0x0010
#define CSN_FIELD_ARG 0x0011          /* string, any number: argv[1], argv[2], ... */
#define CSN_FIELD_ENV 0x0012          /* string, any number: NAME=VALUE; the whole environment */
#define CSN_FIELD_CWD 0x0013          /* string, once: an absolute path that exists */
/* number: the guest kills the call after it; 0 or absent: never */
#define CSN_FIELD_TIMEOUT_MS 0x0014
/* number: once stdout and stderr together are longer than this, all of it goes to a file too; at
 * most CSN_SPILL_AFTER_MAX */
#define CSN_FIELD_SPILL_AFTER 0x0015
#define CSN_FIELD_SPILL_MAX 0x0016    /* number: that file's limit; 0 or absent: no file */
#define CSN_FIELD_STDIN 0x0017        /* number: 1: STDIN frames follow; 0 or absent: /dev/null */
/* number: so many bytes follow in SCRIPT, 0 to CSN_SCRIPT_MAX */
#define CSN_FIELD_SCRIPT_SIZE 0x0018
/* string: the script's file name, no slash. Its presence is what makes a script: the file is
 * made in a directory of its own (0700, file 0600) under /tmp/.caisson and removed when the call
 * ends. */
#define CSN_FIELD_SCRIPT_NAME 0x0019
/* string: each ARG equal to this becomes the script's path; so does an ENV value equal to it. */
#define CSN_FIELD_SCRIPT_MARK 0x001a

/* string, in place of PROGRAM: an operation on files, which the helper carries out itself in a
 * process of its own (guest/files). It is a call like any other: STDIN, OUT, limits, CANCEL and
 * EXIT are as for a command. ERR is its report, one JSON object; exit code 0: done, 1: refused, and
 * the report says why. Operation `job_start` comes with PROGRAM and all that a command has: it
 * starts that as a background job, whose stdin is this call's; `service_start` likewise, as the
 * sandbox's service, which has none. */
#define CSN_FIELD_OPERATION 0x001b
#define CSN_FIELD_OPERAND 0x001c      /* string, any number: NAME=VALUE, for the operation */

/* ---- fields of EXIT ------------------------------------------------------------------------ */

#define CSN_FIELD_OUTCOME 0x0020        /* number: CSN_OUTCOME_* */
#define CSN_FIELD_HOW 0x0021            /* number: CSN_HOW_* */
#define CSN_FIELD_STATUS 0x0022         /* number: the exit code, or the signal's number */
#define CSN_FIELD_DURATION_NS 0x0023    /* number: from the command's start to its end, inside */
#define CSN_FIELD_OUT_BYTES 0x0024      /* number: sent in OUT, in all */
#define CSN_FIELD_ERR_BYTES 0x0025      /* number: sent in ERR, in all */
#define CSN_FIELD_SPILL_PATH 0x0026     /* bytes: where the output lies; absent: no file was made */
#define CSN_FIELD_SPILL_BYTES 0x0027    /* number: the file's size */
#define CSN_FIELD_SPILL_WHOLE 0x0028    /* number: 1: all of the output is in it */
/* number: processes that the command left in the background */
#define CSN_FIELD_STILL_RUNNING 0x0029
/* number: processes that a kill could not end; 0 is proven */
#define CSN_FIELD_SURVIVORS 0x002a
/* bytes: the first few of them, "pid 12 (cc1) state D, ..." */
#define CSN_FIELD_SURVIVOR_TEXT 0x002b
/* number: 1: the kernel killed for memory during the call, and the command did not end with exit
 * code 0 */
#define CSN_FIELD_OOM 0x002c
/* number: times that process 1 was asked to kill; 0: no kill */
#define CSN_FIELD_KILL_ROUNDS 0x002d

/* OUTCOME: what ended the command. */
#define CSN_OUTCOME_EXITED 1      /* ended by itself, by exit or by a signal */
#define CSN_OUTCOME_CANCELLED 2   /* killed: CANCEL (cancel), or the host fell silent */
#define CSN_OUTCOME_DEADLINE 3    /* killed: TIMEOUT_MS, or CANCEL (deadline) */
/* ended by SIGKILL, or with exit code 137 as a shell passes that on, while the kernel counted an
 * OOM kill; never said of a call that we killed */
#define CSN_OUTCOME_OOM 4

/* HOW */
#define CSN_HOW_NOT_STARTED 0   /* cancelled before it ran */
#define CSN_HOW_EXITED 1        /* STATUS is the exit code */
#define CSN_HOW_SIGNALLED 2     /* STATUS is the signal */
#define CSN_HOW_UNKNOWN 3       /* killed, and survived it (see SURVIVORS) */

/* ---- fields of ERROR and LOST -------------------------------------------------------------- */

#define CSN_FIELD_REASON 0x0030   /* bytes: one of the dotted words below */
#define CSN_FIELD_ERRNO 0x0031    /* number: Linux errno, 0 where there is none */
#define CSN_FIELD_TEXT 0x0032     /* bytes: one sentence for people, and what to do */

/* REASON of ERROR */
#define CSN_REASON_NOT_FOUND "exec.not_found"         /* no PROGRAM is there; TEXT names them */
#define CSN_REASON_EXEC "exec.failed"                 /* it is there and cannot be executed */
#define CSN_REASON_TOO_BIG "exec.too_big"             /* arguments and environment: E2BIG */
#define CSN_REASON_CWD "cwd.failed"                   /* CWD missing, no directory, or refused */
#define CSN_REASON_PROCESSES "limit.processes"        /* no process to be had: EAGAIN */
#define CSN_REASON_FILES "limit.files"                /* no descriptor to be had: EMFILE, ENFILE */
#define CSN_REASON_MEMORY "limit.memory"              /* ENOMEM */
#define CSN_REASON_SCRIPT "script.failed"             /* the script's file: ENOSPC, EROFS, ... */
/* no PROGRAM, no CWD, a bad SCRIPT_NAME, ... */
#define CSN_REASON_REQUEST "run.invalid"

/* REASON of LOST */
#define CSN_REASON_SUPERVISOR "lost.supervisor"   /* the command's supervisor was killed */
#define CSN_REASON_PURGED "lost.purged"           /* process 1 killed all; TEXT has its reason */
/* process 1 cannot be reached or does not answer */
#define CSN_REASON_INIT "lost.init"
#define CSN_REASON_KILL "lost.kill"               /* a kill did not converge, so all was killed */
#define CSN_REASON_SQUEEZED "lost.squeezed"       /* somebody changed this helper's limits */
#define CSN_REASON_WIRE "wire.malformed"          /* the host sent something that it must not */

/* ---- limits and times ---------------------------------------------------------------------- */

#define CSN_KEY_SIZE_MAX 256u          /* bytes of a session's key */
#define CSN_RUN_MAX (2u << 20)          /* bytes of a request */
#define CSN_RUN_STRINGS_MAX 8192u       /* ARG, ENV and OPERAND together */
#define CSN_RUN_PROGRAMS_MAX 8u
#define CSN_SCRIPT_MAX (64u << 20)      /* bytes of a script */
#define CSN_STDIN_GRANT (256u << 10)    /* bytes of STDIN that may be sent unasked */
#define CSN_SPILL_AFTER_MAX (1u << 20)
#define CSN_PING_MS 5000u               /* the host pings so often during a call */
#define CSN_SILENCE_MS 15000u           /* the guest takes the host for dead after it */

/* ---- process 1, as the engine and the host see it ------------------------------------------ */

/* Exit codes of `caisson-guest init`, found in the engine's die event. Frozen: they outlive
 * versions. Each comes with a line on stderr that starts with "caisson: init: ". */
#define CSN_INIT_EXIT_IDLE 80       /* no call for --idle-ms */
#define CSN_INIT_EXIT_LIFETIME 81   /* --lifetime-ms is over */
#define CSN_INIT_EXIT_SQUEEZED 82   /* its limits, nice or policy were changed from inside */
#define CSN_INIT_EXIT_INTERNAL 83   /* it could not set itself up or go on */
#define CSN_INIT_EXIT_USAGE 64      /* bad arguments, or not process 1 */

/* Exit codes of `caisson-guest serve`. */
#define CSN_SERVE_EXIT_DONE 0       /* end-of-file or BYE */
#define CSN_SERVE_EXIT_LOST 70      /* after a LOST */

/* Process 1 writes this line to its stderr when the first channel's serve ends, since the engine
 * gives no end-of-file for it: "caisson: serve ended: exit N" or "caisson: serve ended: signal
 * N". It starts at the beginning of a line and ends in a newline; nothing else inside can write
 * there. */
#define CSN_SERVE_ENDED_PREFIX "caisson: serve ended: "

#endif
