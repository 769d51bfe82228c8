/* SPDX-License-Identifier: Apache-2.0 */
/* shell and run_python: what they ask of a session for each of their arguments. */
#include "tools/command.h"

#include <string.h>

#include "tap.h"
#include "tools/manifest.h"
#include "tools/run_python.h"
#include "tools/shell.h"
#include "tools_fake_session.h"
#include "tools_definition.h"
#include "util/alloc.h"
#include "util/json.h"

static cJSON *manifest;
static const struct csn_tool_settings settings = {50000, 120000, 600000, 33554432,
                                                  {8, 32, 8388608, 3600000, 86400000}};
static struct csn_error err;

/* A call with these arguments and options, each JSON text or NULL. */
struct setting {
  const char *args, *env, *secrets, *options;
  int64_t (*input)(void *ctx, void *buffer, uint64_t capacity);
  int (*output)(void *ctx, int stream, const void *bytes, size_t n);
  const struct csn_tool_settings *settings;
  uint64_t output_limit;
};

static struct csn_tool_result result;

static int run_tool(csn_tool_fn *tool, const struct setting *s) {
  CSN_CLEANUP_JSON cJSON *args = cJSON_Parse(s->args), *env = cJSON_Parse(s->env ? s->env : "");
  CSN_CLEANUP_JSON cJSON *secrets = cJSON_Parse(s->secrets ? s->secrets : "");
  CSN_CLEANUP_JSON cJSON *options = cJSON_Parse(s->options ? s->options : "");
  const struct csn_session_want want = {.key = "s", .options = options};
  const struct csn_tool_call call = {
      .args = args,
      .env = env,
      .secrets = secrets,
      .want = &want,
      .settings = s->settings ? s->settings : &settings,
      .output_limit = s->output_limit ? s->output_limit : 50000,
      .input = s->input,
      .output = s->output,
  };
  if (!args) BAIL_OUT("%s", s->args);
  cJSON_Delete(result.json);
  memset(&result, 0, sizeof result);
  csn_error_clear(&err);
  return tool(&call, &result, &err);
}

static int run(csn_tool_fn *tool, const char *args) {
  const struct setting s = {.args = args};
  return run_tool(tool, &s);
}

static int was_asked(const char *line) {
  size_t n = strlen(line);
  for (const char *p = csn_buffer_text(&fake.asked); p;
       p = strchr(p, '\n') ? strchr(p, '\n') + 1 : NULL)
    if (strncmp(p, line, n) == 0 && (p[n] == '\n' || !p[n])) return 1;
  return 0;
}

static void asked(const char *line) {
  if (!ok(was_asked(line), "asked for: %s", line)) diag("%s", csn_buffer_text(&fake.asked));
}

static void not_asked(const char *line) {
  ok(!was_asked(line), "not asked for: %s", line);
}

/* ---- shell ----------------------------------------------------------------------------------- */

static void test_shell(void) {
  fake_reset();
  is_int(run(csn_tool_shell, "{\"command\":\"echo hi\"}"), 0, "a command");
  asked("program bash");
  asked("program sh");
  asked("arg -c");
  asked("arg echo hi");
  asked("cwd /workspace");
  asked("timeout 120000");
  asked("spill 50000 of 33554432");
  asked("env HOME=/workspace");
  ok(!strstr(csn_buffer_text(&fake.asked), "env PATH="), "PATH is left to the image");
  ok(!strstr(csn_buffer_text(&fake.asked), "stdin"), "no stdin");
  ok(!strstr(csn_buffer_text(&fake.asked), "PYTHON"), "nothing of Python");
  is_int(result.exit_code, 0, "its exit code");
  ok(result.json, "its document");
}

static void test_timeouts(void) {
  static const struct csn_tool_settings low = {50000, 120000, 60000, 0, {0}};
  const struct setting s = {.args = "{\"command\":\"x\"}", .settings = &low, .output_limit = 777};
  fake_reset();
  run(csn_tool_shell, "{\"command\":\"x\",\"timeout_ms\":1500}");
  asked("timeout 1500");
  fake_reset();
  run_tool(csn_tool_shell, &s);
  asked("timeout 60000");
  asked("spill 777 of 0");
}

static void test_long_command(void) {
  struct csn_buffer args = CSN_BUFFER(1 << 20);
  csn_buffer_addz(&args, "{\"command\":\"");
  for (int i = 0; i < 131070; i++) csn_buffer_addz(&args, "x");
  size_t length = args.size;
  csn_buffer_addz(&args, "\"}");
  fake_reset();
  run(csn_tool_shell, args.data);
  asked("arg -c");
  args.size = length;
  csn_buffer_addz(&args, "y\"}");
  fake_reset();
  run(csn_tool_shell, args.data);
  asked("arg " CSN_RUN_SCRIPT);
  not_asked("arg -c");
  ok(strstr(csn_buffer_text(&fake.asked), "script command.sh: xxxx"),
     "too long for an argument: a file");
  csn_buffer_free(&args);
}

static void test_cwd(void) {
  static const struct {
    const char *workdir, *cwd, *line;
  } rows[] = { /* the sandbox's, or NULL; the argument; what comes of them */
      {NULL, "", "cwd /workspace"},
      {NULL, "a/b", "cwd /workspace/a/b"},
      {NULL, "/usr/lib", "cwd /usr/lib"},
      {NULL, ".", "cwd /workspace"},
      {NULL, "a/../b/./c//d/", "cwd /workspace/b/c/d"},
      {NULL, "..", "cwd /"},
      {NULL, "../../..", "cwd /"},
      {NULL, "/", "cwd /"},
      {NULL, "//a//", "cwd /a"},
      {NULL, "...", "cwd /workspace/..."},
      {NULL, "/procedure", "cwd /procedure"},
      {"/srv/app", "", "cwd /srv/app"},
      {"/srv/app/", "x", "cwd /srv/app/x"},
      {"/", "x", "cwd /x"},
      {NULL, "/workspace/proc", "cwd /workspace/proc"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    char args[200];
    snprintf(args, sizeof args, "{\"command\":\"x\",\"cwd\":\"%s\"}", rows[i].cwd);
    fake_reset();
    if (rows[i].workdir) fake.view.workdir = rows[i].workdir;
    is_int(run(csn_tool_shell, args), 0, "cwd \"%s\"", rows[i].cwd);
    asked(rows[i].line);
  }
  static const char *const refused[] = {"/proc", "/proc/self/cwd", "//proc/", "../proc/1",
                                        "/x/../proc"};
  for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
    char args[200];
    snprintf(args, sizeof args, "{\"command\":\"x\",\"cwd\":\"%s\"}", refused[i]);
    fake_reset();
    is_int(run(csn_tool_shell, args), CAISSON_E_POLICY, "%s is refused", refused[i]);
    is_str(err.reason, CAISSON_REASON_POLICY, "by policy");
    is_int(fake.calls, 0, "nothing was run");
    if (refused[i][0] == '/') is_int(fake.sessions, 0, "nor was there a need for a sandbox");
    ok(!result.json, "no document");
  }
}

/* The call's own options win over what its sandbox was made with. */
static void test_workdir(void) {
  const struct setting own = {.args = "{\"command\":\"x\",\"cwd\":\"a\"}",
                              .options = "{\"workdir\":\"/mine\"}"};
  const struct setting other = {.args = "{\"command\":\"x\"}", .options = "{\"env\":{}}"};
  fake_reset();
  fake.view.workdir = "/theirs";
  run_tool(csn_tool_shell, &own);
  asked("cwd /mine/a");
  fake_reset();
  fake.view.workdir = "/theirs";
  run_tool(csn_tool_shell, &other);
  asked("cwd /theirs");
  fake_reset();
  fake.view.workdir = "/proc";
  is_int(run(csn_tool_shell, "{\"command\":\"x\",\"cwd\":\"self\"}"), CAISSON_E_POLICY,
         "/proc is refused as a sandbox's directory too");
  is_int(fake.calls, 0, "so nothing was run");
}

/* A sandbox that had just ended: the next one may be made of something else. */
static void test_retry(void) {
  CSN_CLEANUP_JSON cJSON *first = cJSON_Parse("{\"HOME\":\"/first\",\"PYTHONUTF8\":\"0\"}");
  CSN_CLEANUP_JSON cJSON *second = cJSON_Parse("{\"TERM\":\"vt100\",\"PYTHONPATH\":\"/second\"}");
  fake_reset();
  fake.view = (struct csn_session_view){.workdir = "/one", .env = first};
  fake.retried = (struct csn_session_view){.workdir = "/two", .env = second};
  is_int(run(csn_tool_run_python, "{\"code\":\"x\"}"), 0, "prepared for one sandbox and another");
  asked("cwd /two");
  asked("env HOME=/workspace");
  asked("env PYTHONUTF8=1");
  asked("env PYTHONPATH=/two:/second");
  ok(!strstr(csn_buffer_text(&fake.asked), "env TERM="), "nothing of the first is left");
}

static void test_path_length(void) {
  char path[CSN_PATH_SIZE + 10], out[CSN_PATH_SIZE];
  memset(path, 'x', sizeof path);
  path[0] = '/';
  path[CSN_PATH_SIZE - 1] = '\0';
  is_int(csn_command_path("/", path, out, &err), 0, "the longest path");
  is_int(strlen(out), CSN_PATH_SIZE - 1, "is taken whole");
  path[CSN_PATH_SIZE - 1] = 'x';
  path[CSN_PATH_SIZE] = '\0';
  is_int(csn_command_path("/", path, out, &err), CAISSON_E_ARGUMENTS, "one byte more is not");
  is_str(err.message, "the path is too long: at most 4095 bytes", "in words");
  path[CSN_PATH_SIZE - 3] = '\0';
  is_int(csn_command_path("/workspace", path + 1, out, &err), CAISSON_E_ARGUMENTS,
         "nor with the working directory");
}

/* ---- the environment ------------------------------------------------------------------------- */

static void test_env(void) {
  const struct setting s = {
      .args =
          "{\"command\":\"x\",\"env\":{\"B\":\"arg\",\"C\":\"arg\",\"S\":\"arg\",\"USER\":\"me\"}}",
      .env = "{\"A\":\"host\",\"B\":\"host\",\"LANG\":\"xx\"}",
      .secrets = "{\"S\":\"secret\",\"C\":\"secret\"}",
  };
  CSN_CLEANUP_JSON cJSON *sandbox = cJSON_Parse("{\"TERM\":\"vt100\",\"HOME\":\"/x\",\"A\":\"1\"}");
  fake_reset();
  fake.view.env = sandbox;
  is_int(run_tool(csn_tool_shell, &s), 0, "all kinds of variables");
  asked("env A=host");
  asked("env B=arg");
  asked("env C=secret");
  asked("env S=secret");
  asked("env USER=me");
  asked("env LANG=xx");
  ok(!strstr(csn_buffer_text(&fake.asked), "env TERM=") &&
         !strstr(csn_buffer_text(&fake.asked), "env HOME="),
     "what the sandbox was made with stays the container's");
  char *printed = csn_json_print(result.json);
  ok(!strstr(printed, "secret"), "no secret in the result");
  csn_free(printed);
}

/* ---- stdin ----------------------------------------------------------------------------------- */

static int64_t host_input(void *ctx, void *buffer, uint64_t capacity) {
  static int sent;
  (void)ctx, (void)capacity;
  if (sent++) return CAISSON_INPUT_END;
  memcpy(buffer, "host", 4);
  return 4;
}

static void test_stdin(void) {
  const struct setting both = {.args = "{\"command\":\"x\",\"stdin\":\"model\"}",
                               .input = host_input};
  fake_reset();
  run(csn_tool_shell, "{\"command\":\"x\",\"stdin\":\"a longer text than one piece\"}");
  asked("stdin a longer text than one piece end 0");
  fake_reset();
  run(csn_tool_shell, "{\"command\":\"x\",\"stdin\":\"\"}");
  ok(!strstr(csn_buffer_text(&fake.asked), "stdin"), "an empty stdin is none");
  fake_reset();
  run_tool(csn_tool_shell, &both);
  asked("stdin host end 0");
}

/* ---- output and ends ------------------------------------------------------------------------- */

static struct csn_buffer heard = CSN_BUFFER(1000);

static int listen_to(void *ctx, int stream, const void *bytes, size_t n) {
  (void)ctx;
  csn_buffer_addf(&heard, "%d:%.*s ", stream, (int)n, (const char *)bytes);
  return heard.size > 12;
}

static void test_output(void) {
  static const struct fake_chunk chunks[] = {
      {1, "out\xe2", 0}, {2, "err", 0}, {1, "\x82\xac\n", 0}, {0, NULL, 0}};
  const struct setting s = {.args = "{\"command\":\"x\"}", .output = listen_to};
  fake_reset();
  fake.chunks = chunks;
  fake.result.exit_code = 3;
  is_int(run_tool(csn_tool_shell, &s), 0, "a command with output");
  is_str(csn_buffer_text(&heard), "1:out\xe2 2:err 1:\x82\xac\n ", "the host hears it as it comes");
  ok(fake.output_said != 0, "and can say stop");
  const cJSON *structured = csn_json_get(result.json, "structuredContent");
  is_str(csn_json_string(structured, "stdout", NULL), "out\xe2\x82\xac\n", "put together again");
  is_str(csn_json_string(structured, "stderr", NULL), "err", "each stream by itself");
  is_int(result.exit_code, 3, "the exit code");
  is_int(result.bytes_out, 10, "all bytes");
  fake_reset();
  fake.chunks = chunks;
  run(csn_tool_shell, "{\"command\":\"x\"}");
  is_int(fake.output_said, 0, "nobody has to listen");
  csn_buffer_free(&heard);
}

static void test_ends(void) {
  fake_reset();
  fake.rc = CAISSON_E_CANCELLED;
  is_int(run(csn_tool_shell, "{\"command\":\"x\"}"), 0, "stopped before the start");
  is_int(result.outcome, CAISSON_OUTCOME_CANCELLED, "is an outcome");
  is_int(result.exit_code, 130, "with its exit code");
  fake_reset();
  fake.rc = CAISSON_E_DEADLINE;
  is_int(run(csn_tool_run_python, "{\"code\":\"x\"}"), 0, "too late before the start");
  is_int(result.outcome, CAISSON_OUTCOME_DEADLINE, "likewise");
  fake_reset();
  fake.rc = CAISSON_E_ENGINE;
  csn_fail(&fake.err, CAISSON_E_ENGINE, CAISSON_REASON_ENGINE_UNREACHABLE, "no engine");
  is_int(run(csn_tool_shell, "{\"command\":\"x\"}"), CAISSON_E_ENGINE, "what fails is passed on");
  is_str(err.message, "no engine", "with its words");
  ok(!result.json, "and no document");
  fake_reset();
  fake.flags = CAISSON_RESULT_CREATED;
  run(csn_tool_shell, "{\"command\":\"x\"}");
  is_int(result.flags, CAISSON_RESULT_CREATED, "the session's flags are in the result");
}

/* ---- run_python ------------------------------------------------------------------------------ */

static void test_python(void) {
  fake_reset();
  is_int(run(csn_tool_run_python, "{\"code\":\"print(1)\\n\",\"args\":[\"-x\",\"a b\"]}"), 0,
         "a program");
  asked("program python3");
  asked("program python");
  ok(strstr(csn_buffer_text(&fake.asked), "arg -u\narg " CSN_RUN_SCRIPT "\narg -x\narg a b\n"),
     "unbuffered, the script, its arguments");
  ok(strstr(csn_buffer_text(&fake.asked), "script script.py: print(1)\n\n"), "the script's text");
  asked("env PYTHONPATH=/workspace");
  asked("env PYTHONUNBUFFERED=1");
  asked("env PYTHONUTF8=1");
  asked("cwd /workspace");
  asked("timeout 120000");

  const struct setting s = {.args = "{\"code\":\"x\"}",
                            .env = "{\"PYTHONPATH\":\"/mine\",\"PYTHONUTF8\":\"0\"}"};
  CSN_CLEANUP_JSON cJSON *sandbox =
      cJSON_Parse("{\"PYTHONUNBUFFERED\":\"\",\"PYTHONPATH\":\"/theirs\"}");
  fake_reset();
  fake.view = (struct csn_session_view){.workdir = "/srv", .env = sandbox};
  run_tool(csn_tool_run_python, &s);
  asked("env PYTHONPATH=/srv:/mine");
  asked("env PYTHONUTF8=0");
  not_asked("env PYTHONUNBUFFERED=1");
  fake_reset();
  fake.view.env = sandbox;
  run(csn_tool_run_python, "{\"code\":\"x\"}");
  asked("env PYTHONPATH=/workspace:/theirs");
}

static void test_no_python(void) {
  fake_reset();
  fake.rc = CAISSON_E_SANDBOX;
  csn_fail(&fake.err, CAISSON_E_SANDBOX, CAISSON_REASON_EXEC_NOT_FOUND,
           "python3, python: not found");
  is_int(run(csn_tool_run_python, "{\"code\":\"x\"}"), CAISSON_E_SANDBOX,
         "an image without Python");
  is_str(err.message,
         "this sandbox has no Python: its image has neither python3 nor python in PATH. Use "
         "a shell command, or ask for an image that has Python",
         "says so");
  is_str(err.reason, CAISSON_REASON_EXEC_NOT_FOUND, "with the reason");
  fake_reset();
  fake.rc = CAISSON_E_SANDBOX;
  csn_fail(&fake.err, CAISSON_E_SANDBOX, CAISSON_REASON_PROCESS_LIMIT, "no process");
  run(csn_tool_run_python, "{\"code\":\"x\"}");
  is_str(err.message, "no process", "other failures keep their words");
}

/* ---- every argument counts ------------------------------------------------------------------- */

/* For each property of each tool's input: leaving it out or changing it changes what is asked for.
 */
static const struct {
  const char *tool, *property, *value;
} samples[] = {
    {"shell", "command", "\"other\""}, {"shell", "timeout_ms", "7"},
    {"shell", "background", "true"},
    {"shell", "cwd", "\"sub\""},       {"shell", "env", "{\"A\":\"1\"}"},
    {"shell", "stdin", "\"text\""},    {"run_python", "code", "\"other\""},
    {"run_python", "args", "[\"1\"]"}, {"run_python", "stdin", "\"text\""},
    {"run_python", "timeout_ms", "7"},
};

static const char *sample_for(const char *tool, const char *property) {
  for (size_t i = 0; i < sizeof samples / sizeof *samples; i++)
    if (strcmp(samples[i].tool, tool) == 0 && strcmp(samples[i].property, property) == 0)
      return samples[i].value;
  return NULL;
}

static void test_every_argument(const char *name, csn_tool_fn *tool, const char *required) {
  const cJSON *input = csn_json_get(definition_of(manifest, "tools", name), "inputSchema"), *p;
  char base[100], args[200];
  snprintf(base, sizeof base, "{\"%s\":\"x\"}", required);
  fake_reset();
  run(tool, base);
  CSN_CLEANUP_FREE char *without = csn_strdup(csn_buffer_text(&fake.asked));
  cJSON_ArrayForEach(p, csn_json_get(input, "properties")) {
    const char *sample = sample_for(name, p->string);
    if (!ok(sample, "%s: there is a sample for %s", name, p->string)) continue;
    if (strcmp(p->string, required) == 0)
      snprintf(args, sizeof args, "{\"%s\":%s}", required, sample);
    else
      snprintf(args, sizeof args, "{\"%s\":\"x\",\"%s\":%s}", required, p->string, sample);
    fake_reset();
    /* The fake's sandbox writes no report, which the start of a job is to have. */
    int is_job = strcmp(p->string, "background") == 0;
    is_int(run(tool, args), is_job ? CAISSON_E_LOST : 0, "%s with %s", name, p->string);
    ok(strcmp(csn_buffer_text(&fake.asked), without) != 0, "%s: %s makes a difference", name,
       p->string);
  }
}

static void test_no_memory(void) {
  int failed = 0, wrong = 0;
  for (long nth = 1; nth <= 25; nth++) {
    fake_reset();
    csn_buffer_reserve(&fake.asked, 4096);
    const struct setting s = {.args = "{\"code\":\"x\"}"};
    csn_alloc_fail_after(nth);
    int rc = run_tool(csn_tool_run_python, &s);
    csn_alloc_fail_after(0);
    failed += rc == CAISSON_E_NOMEM;
    wrong += (rc == 0) != (result.json != NULL);
  }
  ok(failed >= 10 && !wrong, "without memory it says so, %d times", failed);
}

int main(void) {
  if (csn_manifest_parse(&manifest, &err)) BAIL_OUT("%s", err.message);
  test_shell();
  test_timeouts();
  test_long_command();
  test_cwd();
  test_path_length();
  test_workdir();
  test_retry();
  test_env();
  test_stdin();
  test_output();
  test_ends();
  test_python();
  test_no_python();
  test_every_argument("shell", csn_tool_shell, "command");
  test_every_argument("run_python", csn_tool_run_python, "code");
  test_no_memory();
  cJSON_Delete(result.json);
  cJSON_Delete(manifest);
  csn_buffer_free(&fake.asked);
  return done_testing();
}
