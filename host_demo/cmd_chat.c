/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_chat.c: a small agent: any endpoint that speaks OpenAI's chat completions, and the plugin's
 * tools. This file has the beginning, the prompts and the end. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "chat.h"
#include "chat_transcript.h"
#include "commands.h"
#include "interrupt.h"
#include "lines.h"
#include "own_session.h"
#include "reload.h"
#include "text.h"
#include "ui.h"

#define OPENAI "https://api.openai.com/v1"
#define KEY "OPENAI_API_KEY"
#define SILENT_MS 60000
#define PRICE_MAX 1e6

#define SYSTEM \
  "You help the user with tools that work in one isolated Linux container. Files stay there from " \
  "one call to the next; each command is a shell of its own. The user sees what the tools print " \
  "as they run. Say what you did and what came of it; do not claim what no tool has shown."

/* ---- what the options say -------------------------------------------------------------------- */

/* "IN/OUT", dollars for a million tokens. */
static int read_price(struct csn_chat *chat, const char *text) {
  char rest = '\0';
  chat->input_price = chat->output_price = -1;
  if (!text)
    return 0;
  if (sscanf(text, "%lf/%lf%c", &chat->input_price, &chat->output_price, &rest) == 2 &&
      chat->input_price >= 0 && chat->input_price <= PRICE_MAX && chat->output_price >= 0 &&
      chat->output_price <= PRICE_MAX)
    return 0;
  return csn_ui_usage("--price %s: give dollars for a million tokens in and out, such as 2.50/10",
                      text);
}

static int check(struct csn_chat *chat) {
  const struct csn_options *options = chat->options;
  if (!options->model || !*options->model)
    return csn_ui_usage("chat: which model? Give --model, and --base-url if it is not at " OPENAI);
  if ((options->given & CSN_OPT_APPROVE) && !(isatty(STDIN_FILENO) && isatty(STDOUT_FILENO)))
    return csn_ui_usage("--approve asks a person at a terminal, and stdin or stdout is none");
  return read_price(chat, options->price);
}

/* The key is taken out of the environment: nothing that is started has use for it. */
static int open_endpoint(struct csn_chat *chat) {
  char why[CSN_LOADER_MESSAGE];
  const struct csn_options *options = chat->options;
  const char *given = getenv(KEY);
  char *key = given && *given ? csn_must(strdup(given)) : NULL;
  (void)unsetenv(KEY);
  chat->http = csn_chat_http_open(options->base_url ? options->base_url : OPENAI, key,
                                  options->timeout_ms ? options->timeout_ms : SILENT_MS, why);
  free(key);
  return chat->http ? 0 : csn_ui_usage("%s", why);
}

static void begin_conversation(struct csn_chat *chat) {
  cJSON *system = csn_must(cJSON_CreateObject());
  chat->messages = csn_must(cJSON_CreateArray());
  chat->allowed = csn_must(cJSON_CreateObject());
  (void)csn_must(cJSON_AddStringToObject(system, "role", "system"));
  (void)csn_must(cJSON_AddStringToObject(system, "content", SYSTEM));
  csn_chat_add(chat, system);
}

/* ---- prompts --------------------------------------------------------------------------------- */

/* malloc'd; NULL at the end, and where a signal says so. */
static char *prompt_from_pipe(struct csn_chat *chat) {
  const char *line = NULL;
  size_t n = 0;
  for (;;) {
    switch (csn_in_read(&chat->in, &line, &n)) {
    case CSN_IN_LINE: return csn_text_repair(line, n, NULL);
    case CSN_IN_TOO_LONG: csn_ui_say("a line is longer than 32 MiB; it is passed over"); break;
    case CSN_IN_END:
    case CSN_IN_INTERRUPTED: return NULL;
    }
  }
}

static char *prompt_from_person(struct csn_lines *lines) {
  const char *line = NULL;
  for (;;) {
    enum csn_lines_end end = csn_lines_read(lines, "> ", &line);
    if (end == CSN_LINES_END) {
      (void)putchar('\n');
      return NULL;
    }
    if (end == CSN_LINES_CLEARED || line[strspn(line, " \t")] == '\0')
      continue;
    if (strcmp(line, "exit") == 0 || strcmp(line, "quit") == 0)
      return NULL;
    return csn_text_repair(line, strlen(line), NULL);
  }
}

/* The exit code of the last turn. */
static int converse(struct csn_chat *chat, struct csn_lines *lines) {
  int code = 0;
  bool person = csn_lines_interactive(lines);
  if (person)
    csn_ui_say("%s with the tools of the sandbox; Ctrl-C ends an answer or a tool, Ctrl-D leaves",
               chat->options->model);
  csn_interrupt_enter(CSN_INTERRUPT_LINE);
  while (!csn_interrupt_leaving()) {
    char *prompt = person ? prompt_from_person(lines) : prompt_from_pipe(chat);
    if (!prompt)
      break;
    code = csn_chat_turn(chat, prompt);
    free(prompt);
  }
  return person ? 0 : code;
}

/* ---- beginning and end ----------------------------------------------------------------------- */

static int run(struct csn_chat *chat) {
  csn_reload_expect();
  int code = csn_host_start(&chat->host, chat->options, true);
  if (code)
    return code;
  bool named = (chat->options->given & CSN_OPT_SESSION) != 0;
  char *own = named ? NULL : csn_own_session_key("chat");
  chat->session = named ? chat->options->session : own;
  csn_reload_begin(&chat->host, chat->options->grace_ms);
  struct csn_lines *lines = csn_lines_open();
  begin_conversation(chat);
  code = converse(chat, lines);
  csn_lines_close(lines);
  csn_reload_end();
  csn_interrupt_enter(CSN_INTERRUPT_CALL); /* another signal does not wait for what follows */
  if (own)
    csn_own_session_remove(&chat->host, own);
  csn_host_stop(&chat->host);
  cJSON_Delete(chat->messages);
  cJSON_Delete(chat->allowed);
  free(own);
  return csn_interrupt_leaving() ? csn_interrupt_leaving() : code;
}

int csn_cmd_chat(const struct csn_options *options) {
  struct csn_chat chat = {.options = options, .transcript = -1};
  chat.in = (struct csn_in){.fd = STDIN_FILENO, .ending = -1};
  int code = check(&chat);
  if (!code)
    code = open_endpoint(&chat);
  if (code)
    return code;
  if (options->transcript && (chat.transcript = csn_transcript_open(options->transcript)) < 0)
    code = CSN_EXIT_FAILED;
  csn_show_open(&chat.show, options->verbose);
  if (!code)
    code = run(&chat);
  csn_in_free(&chat.in);
  csn_chat_http_close(chat.http);
  if (chat.transcript >= 0)
    (void)close(chat.transcript);
  return code;
}
