/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_call.c: one call of a tool or an operation from the command line: where its arguments and its
 * input come from, and nothing on how it is run or shown. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "commands.h"
#include "file.h"
#include "json.h"
#include "report.h"
#include "ui.h"

#define ARGUMENTS_MAX ((size_t)64 * 1024 * 1024)
#define OPTIONS_MAX ((size_t)2 * 1024 * 1024) /* more than the plugin takes */

/* What the command line gave: text that may be JSON, or that is none whatever it looks like. */
struct given {
  char *text; /* NULL: nothing */
  size_t size;
  bool literal;
};

const char *csn_tool_text_argument(const cJSON *tool) {
  const cJSON *schema = csn_json_get(tool, "inputSchema");
  const cJSON *required = csn_json_get(schema, "required");
  const cJSON *name = cJSON_GetArraySize(required) == 1 ? cJSON_GetArrayItem(required, 0) : NULL;
  if (!cJSON_IsString(name))
    return NULL;
  const cJSON *property = csn_json_get(csn_json_get(schema, "properties"), name->valuestring);
  const char *type = csn_json_string(property, "type");
  return type && strcmp(type, "string") == 0 ? name->valuestring : NULL;
}

char *csn_tool_arguments(struct csn_host *host, const char *tool, const char *text) {
  const cJSON *found;
  struct csn_generation *g = csn_host_pin_tool(host, tool, &found);
  const char *plain = csn_tool_text_argument(found);
  char *args = *text != '{' && plain ? csn_json_pair(plain, text) : csn_must(strdup(text));
  csn_slot_unpin(g);
  return args;
}

/* `call shell -- ls -la`: the words with blanks between them, as ssh has it. */
static char *join_words(const struct csn_options *options, size_t *size) {
  size_t room = 1;
  for (size_t i = 0; i < options->word_count; i++)
    room += strlen(options->words[i]) + 1;
  char *text = csn_must(calloc(room, 1)), *to = text;
  for (size_t i = 0; i < options->word_count; i++) {
    size_t n = strlen(options->words[i]);
    if (i > 0)
      *to++ = ' ';
    memcpy(to, options->words[i], n);
    to += n;
  }
  *size = (size_t)(to - text);
  return text;
}

static int take_given(const struct csn_options *options, struct given *given) {
  bool literal = options->words != NULL;
  *given = (struct given){.literal = literal};
  if (options->arg_count + (literal ? 1 : 0) > 2)
    return csn_ui_usage("too many arguments: put the text in quotes, or behind a --");
  if (literal) {
    given->text = join_words(options, &given->size);
    return 0;
  }
  if (options->arg_count < 2)
    return 0;
  if (strcmp(options->args[1], "-") != 0) {
    given->text = csn_must(strdup(options->args[1]));
    given->size = strlen(given->text);
    return 0;
  }
  if (options->input && strcmp(options->input, "-") == 0)
    return csn_ui_usage("stdin cannot be both the arguments (-) and the input (--input -)");
  given->text = csn_file_read("-", ARGUMENTS_MAX, &given->size);
  if (!given->text)
    return csn_ui_usage("stdin: %s", strerror(errno));
  return 0;
}

/* JSON that begins like an object is an object: a typing mistake in it must not become a command.
 * 1: it is one; 0: it is text; else a usage error. */
static int is_object(const struct given *given) {
  size_t blank = strspn(given->text, " \t\r\n");
  if (given->literal || given->text[blank] != '{')
    return 0;
  cJSON *document = csn_json_parse(given->text, given->size);
  if (!document)
    return csn_ui_usage("the arguments begin with { but are not JSON (plain text that begins so "
                        "goes behind a --)");
  cJSON_Delete(document);
  return 1;
}

/* Text for a tool becomes its one required argument. Returns 0 or a usage error's exit code. */
static int wrap_as(const cJSON *tool, const char *tool_name, struct given *given) {
  const char *name = csn_tool_text_argument(tool);
  if (!tool) {
    /* The plugin knows best what to say of a tool that is not there. */
    free(given->text);
    *given = (struct given){.text = NULL};
    return 0;
  }
  if (!name)
    return csn_ui_usage("%s takes its arguments as a JSON object, such as '{\"name\": \"value\"}' "
                        "(`caisson-host tools` lists them)",
                        tool_name);
  if (strlen(given->text) != given->size)
    return csn_ui_usage("the text holds a NUL byte, which no argument can");
  char *json = csn_json_pair(name, given->text);
  free(given->text);
  given->text = json;
  given->size = strlen(json);
  return 0;
}

static int wrap_text(struct csn_host *host, const char *tool_name, struct given *given) {
  const cJSON *tool;
  struct csn_generation *g = csn_host_pin_tool(host, tool_name, &tool);
  int code = wrap_as(tool, tool_name, given);
  csn_slot_unpin(g);
  return code;
}

static int prepare(struct csn_host *host, const struct csn_options *options, bool operation,
                   struct given *given) {
  if (!given->text)
    return 0;
  int found = is_object(given);
  if (found > 1)
    return found;
  if (found == 1)
    return 0;
  if (operation)
    return csn_ui_usage("an operation takes a JSON object, such as '{\"scope\": \"instance\"}'");
  return wrap_text(host, options->args[0], given);
}

static int open_input(const struct csn_options *options, int *fd) {
  *fd = -1;
  if (!options->input)
    return 0;
  *fd = strcmp(options->input, "-") == 0 ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3)
                                         : open(options->input, O_RDONLY | O_CLOEXEC);
  return *fd < 0 ? csn_ui_usage("--input %s: %s", options->input, strerror(errno)) : 0;
}

/* Whoever lists processes sees a command line, so options with secrets come from a file. */
static int read_options(const struct csn_options *options, char **text) {
  size_t size;
  *text = NULL;
  if (!options->request || *options->request != '@')
    return 0;
  const char *path = options->request + 1;
  bool is_taken = (options->input && strcmp(options->input, "-") == 0) ||
                  (options->arg_count > 1 && strcmp(options->args[1], "-") == 0);
  if (strcmp(path, "-") == 0 && is_taken)
    return csn_ui_usage("stdin cannot be the options (--options @-) and something else (-) too");
  *text = csn_file_read(path, OPTIONS_MAX, &size);
  if (!*text)
    return csn_ui_usage("--options @%s: %s", path, strerror(errno));
  if (strlen(*text) == size)
    return 0;
  return csn_ui_usage("--options @%s: it holds a NUL byte, so it is no JSON", path);
}

static int make_call(struct csn_host *host, const struct csn_options *options, bool operation,
                     const struct given *given, const char *request, int input) {
  struct csn_call call = {
      .name = options->args[0],
      .args = given->text,
      .args_size = given->size,
      .options = request ? request : options->request,
      .session = options->session,
      .timeout_ms = options->timeout_ms,
      .input = input,
      .operation = operation,
      .live = !options->json,
  };
  struct csn_reply reply;
  csn_host_call(host, &call, &reply);
  int code = csn_report_call(&reply, options->json, options->verbose);
  csn_reply_free(&reply);
  return code;
}

static int call_or_op(const struct csn_options *options, bool operation) {
  struct csn_host host;
  struct given given;
  char *request = NULL;
  int input = -1, code = take_given(options, &given);
  if (!code)
    code = read_options(options, &request);
  if (!code)
    code = open_input(options, &input);
  if (!code && !(code = csn_host_start(&host, options, false))) {
    code = prepare(&host, options, operation, &given);
    if (!code)
      code = make_call(&host, options, operation, &given, request, input);
    csn_host_stop(&host);
  }
  if (input >= 0)
    (void)close(input);
  free(given.text);
  free(request);
  return code;
}

int csn_cmd_call(const struct csn_options *options) { return call_or_op(options, false); }

int csn_cmd_op(const struct csn_options *options) { return call_or_op(options, true); }
