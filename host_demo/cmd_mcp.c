/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_mcp.c: the Model Context Protocol on stdin and stdout, from the first line to the last. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "commands.h"
#include "interrupt.h"
#include "mcp.h"
#include "mcp_in.h"
#include "own_session.h"
#include "reload.h"
#include "ui.h"

/* Of a client that has closed our input, to read what was left to say. */
#define LAST_WORDS_MS 2000
#define WARNING 4 /* of syslog: what a client is told that has set no level */

/* One that a client has closed would be taken by the next thing that is opened. */
static void fill_in(int fd, int flags) {
  if (fcntl(fd, F_GETFD) >= 0)
    return;
  int null = open("/dev/null", flags | O_CLOEXEC);
  if (null >= 0 && null != fd) {
    (void)dup2(null, fd);
    (void)close(null);
  }
}

/* stdout is for messages of the protocol alone. Whatever else is written there by whomever goes to
 * stderr. Returns the descriptor for them, or -1. */
static int take_stdout(void) {
  int fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
  fill_in(STDIN_FILENO, O_RDONLY);
  fill_in(STDERR_FILENO, O_WRONLY);
  if (fd < 0 || dup2(STDERR_FILENO, STDOUT_FILENO) < 0)
    csn_ui_say("stdout: %s", strerror(errno));
  return fd;
}

static void loop(struct csn_mcp *mcp) {
  struct csn_in in = {.fd = STDIN_FILENO, .ending = csn_out_broken(&mcp->out)};
  const char *line = NULL;
  size_t n = 0;
  for (;;) {
    switch (csn_in_read(&in, &line, &n)) {
    case CSN_IN_LINE: csn_mcp_take(mcp, line, n); break;
    case CSN_IN_TOO_LONG:
      csn_mcp_refuse(mcp, CSN_RPC_INVALID_REQUEST,
                     "the message is longer than 32 MiB; upload large files by other means");
      break;
    case CSN_IN_END:
    case CSN_IN_INTERRUPTED: csn_in_free(&in); return;
    }
  }
}

static void serve(struct csn_mcp *mcp) {
  csn_reload_notify(csn_mcp_tools_changed, mcp);
  csn_reload_begin(&mcp->host, mcp->options->grace_ms);
  csn_interrupt_enter(CSN_INTERRUPT_LINE); /* a signal ends the loop, and then the program */
  loop(mcp);
  if (csn_interrupt_pressed())
    csn_out_hurry(&mcp->out);
  csn_interrupt_enter(CSN_INTERRUPT_CALL); /* another one does not wait for what follows */
  csn_mcp_flights_land(mcp);
  csn_reload_end();
}

int csn_cmd_mcp(const struct csn_options *options) {
  static struct csn_mcp mcp; /* its thread may stay in a write to a client that does not read */
  int fd = take_stdout();
  if (fd < 0)
    return CSN_EXIT_FAILED;
  bool named = (options->given & CSN_OPT_SESSION) != 0;
  char *own = named ? NULL : csn_own_session_key("mcp");
  mcp.options = options;
  mcp.session = named ? options->session : own;
  mcp.log_level = WARNING;
  csn_host_notify_log(csn_mcp_logged, &mcp);
  (void)pthread_mutex_init(&mcp.mutex, NULL);
  (void)pthread_cond_init(&mcp.landed, NULL);
  csn_out_open(&mcp.out, fd, STDIN_FILENO);
  csn_reload_expect();
  /* Without an engine there are tools all the same, and each call says what is missing. */
  int code = csn_host_start(&mcp.host, options, true);
  if (code == 0) {
    serve(&mcp);
    if (own)
      csn_own_session_remove(&mcp.host, own);
    csn_host_stop(&mcp.host);
    code = csn_interrupt_leaving();
  }
  (void)csn_out_close(&mcp.out, LAST_WORDS_MS);
  free(own);
  return code;
}
