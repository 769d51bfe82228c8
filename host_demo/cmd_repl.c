/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_repl.c: an interactive session. Each line is a command for the sandbox's shell; those that
 * begin with a colon are for the host. Each runs as a call of its own. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "help.h"
#include "interrupt.h"
#include "json.h"
#include "lines.h"
#include "own_session.h"
#include "reload.h"
#include "report.h"
#include "text.h"
#include "ui.h"

#define PROMPT_COLUMNS 60
#define LEAVE (-1) /* from a colon command */

struct repl {
  struct csn_host host;
  const struct csn_options *options;
  struct csn_lines *lines;
  char *session;
  char *cwd; /* NULL: the workspace */
  int code;  /* of the last command */
  bool told_of_cd;
};

/* ---- calls ----------------------------------------------------------------------------------- */

static int run(struct repl *r, const char *tool, const char *args, bool live,
               struct csn_reply *reply) {
  const struct csn_call call = {
      .name = tool,
      .args = args,
      .session = r->session,
      .timeout_ms = r->options->timeout_ms,
      .input = -1,
      .live = live,
  };
  csn_host_call(&r->host, &call, reply);
  return csn_report_exit(reply);
}

static int run_and_show(struct repl *r, const char *tool, const char *args) {
  struct csn_reply reply;
  (void)run(r, tool, args, true, &reply);
  if (reply.line_open && csn_lines_interactive(r->lines))
    (void)putchar('\n'); /* so that the prompt starts a line */
  int code = csn_report_call(&reply, false, r->options->verbose);
  csn_reply_free(&reply);
  return code;
}

/* {NAME: TEXT} and, where one was chosen, the working directory. malloc'd. */
static char *arguments(const struct repl *r, const char *name, const char *text) {
  cJSON *object = csn_must(cJSON_CreateObject());
  (void)csn_must(cJSON_AddStringToObject(object, name, text));
  if (r->cwd)
    (void)csn_must(cJSON_AddStringToObject(object, "cwd", r->cwd));
  char *json = csn_must(cJSON_PrintUnformatted(object));
  cJSON_Delete(object);
  return json;
}

/* What the tool is called here, malloc'd. A disabled one keeps its name, so that the refusal names
 * it. */
static char *tool_name(struct repl *r, const char *factory_name) {
  char *name = csn_host_tool_name(&r->host, factory_name);
  return name ? name : csn_must(strdup(factory_name));
}

static int shell_line(struct repl *r, const char *command) {
  char *args = arguments(r, "command", command), *shell = tool_name(r, "shell");
  int code = run_and_show(r, shell, args);
  free(shell);
  free(args);
  bool is_cd = strncmp(command, "cd", 2) == 0 && (command[2] == '\0' || command[2] == ' ');
  if (is_cd && csn_lines_interactive(r->lines) && !r->told_of_cd) {
    csn_ui_say("each line is a shell of its own; `:cd DIR` holds for all that follow");
    r->told_of_cd = true;
  }
  return code;
}

/* ---- colon commands: each takes the rest of its line, and returns an exit code or LEAVE ------ */

/* The sandbox itself says where the directory is and whether it is there. */
static int colon_cd(struct repl *r, const char *rest) {
  struct csn_reply reply;
  if (!*rest) {
    free(r->cwd);
    r->cwd = NULL;
    return 0;
  }
  static const char start[] = "cd -- \"";
  char *command = csn_must(malloc(strlen(rest) * 2 + 32)), *to = command + sizeof start - 1;
  memcpy(command, start, sizeof start - 1);
  /* In double quotes only these four would mean something. */
  for (const char *c = rest; *c; c++) {
    if (strchr("\"\\$`", *c))
      *to++ = '\\';
    *to++ = *c;
  }
  (void)strcpy(to, "\" && pwd");
  char *args = arguments(r, "command", command), *shell = tool_name(r, "shell");
  int code = run(r, shell, args, false, &reply);
  const char *where = csn_json_string(csn_reply_structured(&reply), "stdout");
  const char *said = csn_json_string(csn_reply_structured(&reply), "stderr");
  if (code == 0 && where && *where == '/') {
    free(r->cwd);
    r->cwd = csn_must(strndup(where, strcspn(where, "\n")));
  } else {
    csn_report_failure(&reply);
    if (said)
      csn_ui_say("%.*s", (int)strcspn(said, "\n"), said);
  }
  csn_reply_free(&reply);
  free(shell);
  free(args);
  free(command);
  return code;
}

/* The lines up to a lone "." or the end of the input; NULL where Ctrl-C threw them away. */
static char *read_program(struct repl *r) {
  char *program = csn_must(calloc(1, 1));
  size_t used = 0;
  const char *line = NULL;
  enum csn_lines_end end;
  while ((end = csn_lines_read(r->lines, "... ", &line)) == CSN_LINES_LINE &&
         strcmp(line, ".") != 0) {
    size_t n = strlen(line);
    program = csn_must(realloc(program, used + n + 2));
    memcpy(program + used, line, n);
    memcpy(program + used + n, "\n", 2);
    used += n + 1;
  }
  if (end == CSN_LINES_CLEARED) {
    free(program);
    return NULL;
  }
  return program;
}

static int colon_python(struct repl *r, const char *rest) {
  if (!*rest && csn_lines_interactive(r->lines))
    csn_ui_say("a program; a line with a lone . runs it, Ctrl-C throws it away");
  char *program = *rest ? csn_must(strdup(rest)) : read_program(r);
  if (!program)
    return CAISSON_EXIT_CANCELLED;
  char *args = csn_json_pair("code", program), *python = tool_name(r, "run_python");
  int code = run_and_show(r, python, args);
  free(python);
  free(args);
  free(program);
  return code;
}

static int colon_call(struct repl *r, const char *rest) {
  size_t n = strcspn(rest, " \t");
  const char *text = rest + n + strspn(rest + n, " \t");
  char *tool = csn_must(strndup(rest, n));
  char *args = *text ? csn_tool_arguments(&r->host, tool, text) : NULL;
  int code = CSN_EXIT_USAGE;
  if (n == 0)
    csn_ui_say(":call TOOL [JSON]; `:tools` lists them");
  else
    code = run_and_show(r, tool, args);
  free(args);
  free(tool);
  return code;
}

static int colon_session(struct repl *r, const char *rest) {
  if (!*rest) {
    char *safe = csn_text_line(r->session);
    (void)puts(safe);
    free(safe);
    return 0;
  }
  free(r->session);
  free(r->cwd);
  r->session = csn_must(strdup(rest));
  r->cwd = NULL;
  return 0;
}

static int colon_rm(struct repl *r, const char *rest) {
  return csn_rm_one(&r->host, r->options, *rest ? rest : r->session);
}

static int colon_tools(struct repl *r, const char *rest) {
  (void)rest;
  return csn_tools_print(&r->host);
}

static int colon_sessions(struct repl *r, const char *rest) {
  (void)rest;
  return csn_sessions_print(&r->host, r->options, false);
}

static int colon_version(struct repl *r, const char *rest) {
  struct csn_version v;
  (void)rest;
  csn_slot_version(csn_host_slot(&r->host), &v);
  (void)printf("%s %s, build %s, %s\n", v.id, v.version, v.build_id, v.path);
  return 0;
}

static int colon_swap(struct repl *r, const char *rest) {
  return csn_reload_now(&r->host, *rest ? rest : NULL, r->options->grace_ms) < 0 ? CSN_EXIT_FAILED
                                                                                 : 0;
}

static int colon_help(struct repl *r, const char *rest) {
  (void)r;
  (void)rest;
  (void)fputs(csn_help_repl, stdout);
  return 0;
}

static int colon_quit(struct repl *r, const char *rest) {
  (void)r;
  (void)rest;
  return LEAVE;
}

static const struct {
  const char *name;
  int (*run)(struct repl *r, const char *rest);
} colons[] = {
    {"cd", colon_cd},           {"python", colon_python}, {"call", colon_call},
    {"tools", colon_tools},     {"session", colon_session}, {"sessions", colon_sessions},
    {"rm", colon_rm},           {"version", colon_version}, {"swap", colon_swap},
    {"help", colon_help},       {"quit", colon_quit},
};

/* ---- the loop -------------------------------------------------------------------------------- */

static int colon_line(struct repl *r, const char *line) {
  size_t n = strcspn(line, " \t");
  const char *rest = line + n + strspn(line + n, " \t");
  for (size_t i = 0; i < sizeof colons / sizeof colons[0]; i++)
    if (strlen(colons[i].name) == n && strncmp(colons[i].name, line, n) == 0)
      return colons[i].run(r, rest);
  csn_ui_say("there is no :%.*s (`:help` lists what there is)", (int)n, line);
  return CSN_EXIT_USAGE;
}

/* ": text" with a blank is the shell's own no-op, so only ":text" is ours. */
static int one_line(struct repl *r, const char *line) {
  line += strspn(line, " \t");
  if (!*line)
    return r->code;
  if (csn_lines_interactive(r->lines) && (strcmp(line, "exit") == 0 || strcmp(line, "quit") == 0))
    return LEAVE;
  if (*line == ':' && isalpha((unsigned char)line[1]))
    return colon_line(r, line + 1);
  return shell_line(r, line);
}

static char *make_prompt(const struct repl *r) {
  char *session = csn_text_line(r->session);
  char *cwd = csn_text_line(r->cwd ? r->cwd : "");
  size_t room = strlen(session) + strlen(cwd) + 8;
  char *prompt = csn_must(malloc(room));
  csn_text_shorten(session, PROMPT_COLUMNS / 2);
  csn_text_shorten(cwd, PROMPT_COLUMNS / 2);
  (void)snprintf(prompt, room, "%s%s%s> ", session, *cwd ? ":" : "", cwd);
  free(session);
  free(cwd);
  return prompt;
}

static void loop(struct repl *r) {
  const char *line = NULL;
  for (;;) {
    char *prompt = make_prompt(r);
    enum csn_lines_end end = csn_lines_read(r->lines, prompt, &line);
    free(prompt);
    if (end == CSN_LINES_END) {
      if (csn_lines_interactive(r->lines))
        (void)putchar('\n');
      return;
    }
    if (end == CSN_LINES_CLEARED)
      continue;
    /* The editor's line is overwritten by the lines of a program. */
    char *own = csn_must(strdup(line));
    int code = one_line(r, own);
    free(own);
    (void)fflush(stdout); /* whoever sends lines by a pipe may wait for the answer */
    if (code == LEAVE)
      return;
    r->code = code;
    if (csn_interrupt_leaving())
      return;
  }
}

/* A session of its own for --ephemeral: an empty key would be a new sandbox for each line. */
static char *session_key(const struct csn_options *options) {
  return *options->session ? csn_must(strdup(options->session)) : csn_own_session_key("repl");
}

int csn_cmd_repl(const struct csn_options *options) {
  struct repl r = {.options = options};
  csn_reload_expect();
  int code = csn_host_start(&r.host, options, false);
  if (code)
    return code;
  r.session = session_key(options);
  char *first = csn_must(strdup(r.session));
  csn_reload_begin(&r.host, options->grace_ms);
  r.lines = csn_lines_open();
  if (csn_lines_interactive(r.lines))
    csn_ui_say("each line runs in the sandbox of the session; :help says what else there is");
  loop(&r);
  csn_lines_close(r.lines);
  csn_reload_end();
  csn_interrupt_enter(CSN_INTERRUPT_CALL);
  if (options->given & CSN_OPT_EPHEMERAL)
    csn_own_session_remove(&r.host, first);
  csn_host_stop(&r.host);
  free(first);
  free(r.session);
  free(r.cwd);
  return csn_interrupt_leaving() ? csn_interrupt_leaving() : r.code;
}
