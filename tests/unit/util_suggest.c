/* SPDX-License-Identifier: Apache-2.0 */
/* Which name a mistyped one is taken for, and which ones are too far off to guess. */
#include "util/suggest.h"

#include "tap.h"

static const char *const names[] = {"command", "timeout_ms", "cwd", "env", "stdin", "run_python",
                                    "session.list"};

int main(void) {
  static const struct {
    const char *word, *want;
  } rows[] = {
      {"comand", "command"},        {"commadn", "command"},     {"Command", "command"},
      {"commands", "command"},      {"cmd", "command"},         {"timeout", "timeout_ms"},
      {"timeoutMs", "timeout_ms"},  {"timeout-ms", "timeout_ms"}, {"cdw", "cwd"},
      {"environment", "env"},       {"std_in", "stdin"},        {"runpython", "run_python"},
      {"run-python", "run_python"}, {"session_list", "session.list"}, {"banana", NULL},
      {"", NULL},                   {"x", NULL},                {"ab", NULL},
      {"evn", "env"},               {"dwc", NULL},
      {"a_name_that_is_longer_than_anything_that_anybody_would_ever_mistype", NULL},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    is_str(csn_suggest(rows[i].word, names, sizeof names / sizeof *names), rows[i].want,
           "\"%s\"", rows[i].word);
  is_str(csn_suggest("comand", names, 0), NULL, "no names");
  return done_testing();
}
