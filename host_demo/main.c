/* SPDX-License-Identifier: Apache-2.0 */
/* main.c: which command was meant, and whether it was given what it takes. */
#include <errno.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "commands.h"
#include "help.h"
#include "interrupt.h"
#include "options.h"
#include "ui.h"
#include "version.h"

#define CALL_OPTIONS (CSN_OPT_SESSION | CSN_OPT_EPHEMERAL | CSN_OPT_TIMEOUT)
#define ANY_COUNT 1000000

static int cmd_help(const struct csn_options *options);

static const struct command {
  const char *name;
  int (*run)(const struct csn_options *options);
  unsigned options; /* beside the common ones */
  size_t least, most;
  const char *needs; /* said where there are fewer arguments than `least` */
} commands[] = {
    {"call", csn_cmd_call, CALL_OPTIONS | CSN_OPT_JSON | CSN_OPT_INPUT | CSN_OPT_OPTIONS, 1,
     ANY_COUNT, "which tool? (`caisson-host tools` lists them)"},
    {"op", csn_cmd_op, CALL_OPTIONS | CSN_OPT_JSON | CSN_OPT_INPUT | CSN_OPT_OPTIONS, 1, ANY_COUNT,
     "which operation? (such as engine.info)"},
    {"tools", csn_cmd_tools, CSN_OPT_JSON, 0, 0, NULL},
    {"repl", csn_cmd_repl, CALL_OPTIONS | CSN_OPT_GRACE, 0, 0, NULL},
    {"put", csn_cmd_put, CALL_OPTIONS | CSN_OPT_JSON | CSN_OPT_FORCE | CSN_OPT_EXTRACT, 1, 2,
     "which file or folder? (- is stdin)"},
    {"get", csn_cmd_get, CALL_OPTIONS | CSN_OPT_JSON | CSN_OPT_FORCE, 1, 2,
     "which file or folder of the session?"},
    {"image", csn_cmd_image, CSN_OPT_JSON | CSN_OPT_TIMEOUT, 0, 1, NULL},
    {"sessions", csn_cmd_sessions, CSN_OPT_JSON | CSN_OPT_TIMEOUT | CSN_OPT_STATS, 0, 0, NULL},
    {"inspect", csn_cmd_inspect, CSN_OPT_JSON | CSN_OPT_TIMEOUT | CSN_OPT_SESSION, 0, 1, NULL},
    {"logs", csn_cmd_logs, CSN_OPT_JSON | CSN_OPT_TIMEOUT | CSN_OPT_SESSION | CSN_OPT_FOLLOW, 0, 1,
     NULL},
    {"rm", csn_cmd_rm, CSN_OPT_JSON | CSN_OPT_TIMEOUT, 1, ANY_COUNT,
     "which session? (`caisson-host sessions` lists them)"},
    {"reap", csn_cmd_reap, CSN_OPT_JSON | CSN_OPT_TIMEOUT | CSN_OPT_DRY_RUN, 0, 0, NULL},
    {"shutdown", csn_cmd_shutdown, CSN_OPT_JSON | CSN_OPT_TIMEOUT | CSN_OPT_ALL | CSN_OPT_GRACE, 0,
     0, NULL},
    {"swap", csn_cmd_swap,
     CSN_OPT_SESSION | CSN_OPT_TIMEOUT | CSN_OPT_JSON | CSN_OPT_THREADS | CSN_OPT_COUNT |
         CSN_OPT_GRACE,
     1, 3, "which plugin? Give the path of the new version"},
    {"mcp", csn_cmd_mcp, CSN_OPT_SESSION | CSN_OPT_TIMEOUT | CSN_OPT_OPTIONS | CSN_OPT_GRACE, 0, 0,
     NULL},
    {"chat", csn_cmd_chat,
     CSN_OPT_SESSION | CSN_OPT_TIMEOUT | CSN_OPT_OPTIONS | CSN_OPT_GRACE | CSN_OPT_BASE_URL |
         CSN_OPT_MODEL | CSN_OPT_TRANSCRIPT | CSN_OPT_PRICE | CSN_OPT_APPROVE,
     0, 0, NULL},
    {"doctor", csn_cmd_doctor, CSN_OPT_JSON | CSN_OPT_TIMEOUT, 0, 0, NULL},
    {"help", cmd_help, 0, 0, 1, NULL},
};

static int unknown_command(const char *name) {
  return csn_ui_usage("there is no command `%s` (`caisson-host --help` lists them)", name);
}

static int cmd_help(const struct csn_options *options) {
  const char *topic = options->arg_count > 0 ? options->args[0] : NULL;
  const char *text = topic ? csn_help_command(topic) : csn_help_main;
  if (!text)
    return unknown_command(topic);
  (void)fputs(text, stdout);
  return 0;
}

static int run_command(const struct command *command, struct csn_options *options) {
  /* Only a tool's text differs by whether it stands behind a "--". */
  if (command->run != csn_cmd_call)
    csn_options_merge_words(options);
  int failed = csn_options_restrict(options, CSN_OPT_COMMON | command->options);
  if (failed)
    return failed;
  if (options->arg_count < command->least)
    return csn_ui_usage("%s: %s", command->name, command->needs);
  if (options->arg_count > command->most)
    return csn_ui_usage("%s: what is `%s`? (see `caisson-host %s --help`)", command->name,
                        options->args[command->most], command->name);
  return command->run(options);
}

static int dispatch(struct csn_options *options) {
  const char *name = options->command;
  if (options->given & CSN_OPT_VERSION) {
    (void)printf("caisson-host %s, ABI %d.%d\n", CSN_VERSION, CAISSON_ABI_MAJOR,
                 CAISSON_ABI_MINOR);
    return 0;
  }
  if (options->given & CSN_OPT_HELP) {
    const char *text = name ? csn_help_command(name) : NULL;
    (void)fputs(text ? text : csn_help_main, stdout);
    return 0;
  }
  if (!name)
    return csn_ui_usage("which command? Try `caisson-host --help`, or `caisson-host doctor`");
  for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
    if (strcmp(commands[i].name, name) == 0)
      return run_command(&commands[i], options);
  return unknown_command(name);
}

/* A reader that has had enough needs no words, as after a call whose output it closed. */
static int cannot_write(void) {
  if (errno == EPIPE)
    return 128 + SIGPIPE;
  csn_ui_say("the output cannot be written: %s", strerror(errno));
  return CSN_EXIT_FAILED;
}

int main(int argc, char **argv) {
  struct csn_options options;
  (void)setlocale(LC_CTYPE, "");
  csn_interrupt_install();
  int code = csn_options_parse(argc, argv, &options);
  if (!code)
    code = dispatch(&options);
  csn_options_free(&options);
  if ((fflush(stdout) != 0 || ferror(stdout)) && code == 0)
    code = cannot_write();
  return code;
}
