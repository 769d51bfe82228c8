/* SPDX-License-Identifier: Apache-2.0 */
/* lines.c: libedit, its history file, and Ctrl-C at the prompt. Knows nothing of what the lines
 * mean.
 *
 * libedit's own handling of signals sends each one on to the whole process group, so it is not
 * used. While a line is edited, Ctrl-C and Ctrl-Z are keys like others, bound to functions below; a
 * signal sent by somebody else interrupts read_char, which makes a Ctrl-C or the end of it. */
#include "lines.h"

#include <errno.h>
#include <histedit.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <wchar.h>

#include "interrupt.h"
#include "ui.h"

#define HISTORY_LINES 1000
#define CTRL_C 3

struct csn_lines {
  EditLine *editor; /* NULL where no person sits there */
  History *history;
  char history_file[PATH_MAX]; /* "" where there is no place for one */
  const char *prompt;
  char *line; /* the last one */
  size_t room;
  bool cleared;
};

static struct csn_lines *lines_of(EditLine *editor) {
  void *data = NULL;
  (void)el_get(editor, EL_CLIENTDATA, &data);
  return data;
}

static char *prompt_of(EditLine *editor) {
  /* libedit only reads it, but its type says otherwise. */
  union {
    const char *in;
    char *out;
  } prompt = {.in = lines_of(editor)->prompt};
  return prompt.out;
}

/* Ends the line by a newline that the editor reads next, so that it leaves the screen in order. */
static unsigned char clear_line(EditLine *editor, int character) {
  (void)character;
  lines_of(editor)->cleared = true;
  (void)el_insertstr(editor, "^C");
  el_push(editor, "\n");
  return CC_REFRESH;
}

/* Ctrl-Z: the terminal is put in order first, then everything stops as it would have. */
static unsigned char suspend(EditLine *editor, int character) {
  (void)character;
  (void)el_set(editor, EL_PREP_TERM, 0);
  (void)kill(0, SIGTSTP);
  (void)el_set(editor, EL_PREP_TERM, 1);
  return CC_REDISPLAY;
}

/* Waits for one byte, which a signal may interrupt only here. 1, 0 at the end, -1 interrupted. */
static int read_byte(char *byte) {
  struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
  sigset_t blocked, before;
  csn_interrupt_signals(&blocked);
  (void)sigprocmask(SIG_BLOCK, &blocked, &before);
  int ready = csn_interrupt_pressed() ? -1 : ppoll(&input, 1, NULL, &before);
  (void)sigprocmask(SIG_SETMASK, &before, NULL);
  if (ready < 0)
    return csn_interrupt_pressed() ? -1 : read_byte(byte);
  ssize_t n = read(STDIN_FILENO, byte, 1);
  return n < 0 && errno == EINTR ? read_byte(byte) : n == 1;
}

static int read_char(EditLine *editor, wchar_t *character) {
  mbstate_t state;
  char byte = 0;
  (void)editor;
  memset(&state, 0, sizeof state);
  for (;;) {
    int got = read_byte(&byte);
    if (got < 0 && csn_interrupt_leaving())
      return 0;
    if (got < 0) {
      csn_interrupt_enter(CSN_INTERRUPT_LINE);
      *character = CTRL_C;
      return 1;
    }
    if (got == 0)
      return 0;
    size_t n = mbrtowc(character, &byte, 1, &state);
    if (n == (size_t)-1)
      memset(&state, 0, sizeof state); /* no character of this locale: it is dropped */
    else if (n != (size_t)-2)
      return 1;
  }
}

/* ---- history --------------------------------------------------------------------------------- */

/* Makes each directory of the path, as mkdir -p does; the last part is a file's name. */
static void make_parents(char *path) {
  for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
    *slash = '\0';
    (void)mkdir(path, 0700);
    *slash = '/';
  }
}

static void open_history(struct csn_lines *lines) {
  const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
  char *file = lines->history_file;
  HistEvent event;
  int n = 0;
  if (state && *state == '/')
    n = snprintf(file, PATH_MAX, "%s/caisson/history", state);
  else if (home && *home == '/')
    n = snprintf(file, PATH_MAX, "%s/.local/state/caisson/history", home);
  if (n <= 0 || n >= PATH_MAX)
    *file = '\0';
  lines->history = csn_must(history_init());
  (void)history(lines->history, &event, H_SETSIZE, HISTORY_LINES);
  (void)history(lines->history, &event, H_SETUNIQUE, 1);
  if (*file)
    (void)history(lines->history, &event, H_LOAD, file);
}

/* Kept after each line: a second Ctrl-C ends the program without coming back here. */
static void remember(struct csn_lines *lines, const char *line) {
  HistEvent event;
  if (strspn(line, " \t") == strlen(line))
    return;
  (void)history(lines->history, &event, H_ENTER, line);
  if (!*lines->history_file)
    return;
  make_parents(lines->history_file);
  (void)history(lines->history, &event, H_SAVE, lines->history_file);
}

/* ---- lines ----------------------------------------------------------------------------------- */

static void open_editor(struct csn_lines *lines) {
  lines->editor = csn_must(el_init("caisson-host", stdin, stdout, stderr));
  (void)el_set(lines->editor, EL_CLIENTDATA, lines);
  (void)el_set(lines->editor, EL_PROMPT, prompt_of);
  (void)el_set(lines->editor, EL_EDITOR, "emacs");
  (void)el_set(lines->editor, EL_HIST, history, lines->history);
  (void)el_set(lines->editor, EL_GETCFN, read_char);
  /* The narrow el_set copies these texts and never frees them. */
  (void)el_wset(lines->editor, EL_ADDFN, L"clear-line", L"Throw the line away", clear_line);
  (void)el_set(lines->editor, EL_BIND, "^C", "clear-line", NULL);
  (void)el_set(lines->editor, EL_BIND, "^R", "em-inc-search-prev", NULL);
  (void)el_wset(lines->editor, EL_ADDFN, L"suspend", L"Stop until continued", suspend);
  (void)el_set(lines->editor, EL_BIND, "^Z", "suspend", NULL);
  /* No signals by keys while a line is edited: the terminal is in a state then that nobody else
   * should find it in. The keys are bound to functions instead. */
  (void)el_set(lines->editor, EL_SETTY, "-d", "-isig", NULL);
  (void)el_source(lines->editor, NULL); /* ~/.editrc */
}

struct csn_lines *csn_lines_open(void) {
  struct csn_lines *lines = csn_must(calloc(1, sizeof *lines));
  if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
    return lines;
  open_history(lines);
  open_editor(lines);
  return lines;
}

bool csn_lines_interactive(const struct csn_lines *lines) { return lines->editor != NULL; }

static enum csn_lines_end edit_line(struct csn_lines *lines, const char *prompt,
                                    const char **line) {
  int n = 0;
  lines->prompt = prompt;
  lines->cleared = false;
  el_resize(lines->editor); /* the window may have another width by now */
  /* Before the prompt is shown, or a Ctrl-D typed at once would be lost to the terminal's own
   * editing. */
  (void)el_set(lines->editor, EL_PREP_TERM, 1);
  csn_interrupt_enter(CSN_INTERRUPT_LINE);
  const char *text = el_gets(lines->editor, &n);
  csn_interrupt_enter(CSN_INTERRUPT_IDLE);
  if (!text || n <= 0)
    return CSN_LINES_END;
  if (lines->cleared)
    return CSN_LINES_CLEARED;
  free(lines->line);
  lines->line = csn_must(strndup(text, strcspn(text, "\n")));
  remember(lines, lines->line);
  *line = lines->line;
  return CSN_LINES_LINE;
}

enum csn_lines_end csn_lines_read(struct csn_lines *lines, const char *prompt, const char **line) {
  if (lines->editor)
    return edit_line(lines, prompt, line);
  ssize_t n = getline(&lines->line, &lines->room, stdin);
  if (n < 0)
    return CSN_LINES_END;
  lines->line[strcspn(lines->line, "\n")] = '\0';
  *line = lines->line;
  return CSN_LINES_LINE;
}

void csn_lines_close(struct csn_lines *lines) {
  if (lines->editor)
    el_end(lines->editor);
  if (lines->history)
    history_end(lines->history);
  free(lines->line);
  free(lines);
}
