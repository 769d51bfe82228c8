/* SPDX-License-Identifier: Apache-2.0 */
/* chat_ask.c: --approve. The person sees all of what a tool would be given, not the beginning. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "chat.h"
#include "interrupt.h"
#include "json.h"
#include "text.h"
#include "ui.h"

/* MCP takes for granted of a tool that says nothing: it changes things, and may destroy some. */
static bool is_destructive(const cJSON *tool) {
  const cJSON *annotations = csn_json_get(tool, "annotations");
  return !csn_json_true(annotations, "readOnlyHint") &&
         !cJSON_IsFalse(csn_json_get(annotations, "destructiveHint"));
}

static void put_question(const char *name, const char *arguments) {
  char *safe_name = csn_text_line(name), *safe = csn_text_line(arguments);
  (void)printf("allow %s%s%s %s ? y(es), n(o), a(lways this tool): ",
               csn_ui_style(stdout, CSN_UI_STRONG), safe_name, csn_ui_style(stdout, CSN_UI_PLAIN),
               safe);
  (void)fflush(stdout);
  free(safe_name);
  free(safe);
}

/* 'y', 'n', 'a', 0 for anything else, or -1 for a signal. The end of the input is no consent. */
static int read_answer(struct csn_chat *chat) {
  const char *line = NULL;
  size_t n = 0;
  switch (csn_in_read(&chat->in, &line, &n)) {
  case CSN_IN_LINE: break;
  case CSN_IN_END: return 'n';
  case CSN_IN_INTERRUPTED: return -1;
  case CSN_IN_TOO_LONG: return 0;
  }
  static const char *const words[] = {"yes", "no", "always"};
  while (n > 0 && strchr(" \t\r", line[n - 1]))
    n--;
  for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
    if ((n == 1 || n == strlen(words[i])) && strncasecmp(line, words[i], n) == 0)
      return *words[i];
  return 0;
}

enum csn_chat_consent csn_chat_ask(struct csn_chat *chat, const cJSON *tool,
                                   const char *arguments) {
  const char *name = csn_json_string(tool, "name");
  if (!(chat->options->given & CSN_OPT_APPROVE) || !is_destructive(tool) ||
      csn_json_get(chat->allowed, name))
    return CSN_CHAT_YES;
  int answer;
  csn_interrupt_enter(CSN_INTERRUPT_LINE);
  do {
    put_question(name, arguments);
    answer = read_answer(chat);
  } while (answer == 0);
  if (answer < 0) {
    (void)putchar('\n');
    return CSN_CHAT_STOP;
  }
  csn_interrupt_enter(CSN_INTERRUPT_CALL);
  if (answer == 'a')
    (void)csn_must(cJSON_AddTrueToObject(chat->allowed, name));
  return answer == 'n' ? CSN_CHAT_NO : CSN_CHAT_YES;
}
