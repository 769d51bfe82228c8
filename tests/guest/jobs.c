/* SPDX-License-Identifier: Apache-2.0 */
/* Background jobs: they outlive their channel, are killed as whole trees, keep their sandbox alive,
 * have limits, and whatever code inside does to them hurts nobody else for long. */
#include "driver.h"

static struct result result;

/* ---- asking -------------------------------------------------------------------------------- */

struct ask {
  const char *operation;
  const char *operands[8];
  const char *command;        /* for job_start: of a shell */
  const char *input;          /* NULL: none */
  const char *cwd;
};

static void send_ask(struct channel *channel, const struct ask *ask) {
  static uint8_t fields[65536], frames[70000];
  struct csn_wire_out body = {fields, sizeof fields, 0}, out = {frames, sizeof frames, 0};
  csn_field_put_string(&body, CSN_FIELD_OPERATION, ask->operation);
  for (size_t i = 0; i < 8 && ask->operands[i] != NULL; i++)
    csn_field_put_string(&body, CSN_FIELD_OPERAND, ask->operands[i]);
  if (ask->command != NULL) {
    csn_field_put_string(&body, CSN_FIELD_PROGRAM, "bash");
    csn_field_put_string(&body, CSN_FIELD_PROGRAM, "sh");
    csn_field_put_string(&body, CSN_FIELD_ARG, "-c");
    csn_field_put_string(&body, CSN_FIELD_ARG, ask->command);
    csn_field_put_string(&body, CSN_FIELD_ENV, BASIC_PATH);
  }
  csn_field_put_string(&body, CSN_FIELD_CWD, ask->cwd != NULL ? ask->cwd : "/");
  csn_field_put_number(&body, CSN_FIELD_STDIN, ask->input != NULL);
  csn_wire_put_request(&out, fields, body.size);
  must(csn_wire_fits(&out) && send_bytes(channel, frames, out.size), "a request");
  if (ask->input == NULL) return;
  send_frame(channel, CSN_FRAME_STDIN, ask->input, strlen(ask->input));
  send_frame(channel, CSN_FRAME_STDIN_END, NULL, 0);
}

/* The operation's report. */
static const char *answer(struct channel *channel, const struct ask *ask) {
  free_result(&result);
  send_ask(channel, ask);
  finish(channel, &result);
  if (result.type != CSN_FRAME_EXIT) explain(&result);
  return result.err != NULL ? result.err : "";
}

/* With these limits; returns the report. */
static const char *start_with(struct channel *channel, const char *command, const char *timeout,
                              const char *output, const char *running) {
  char operands[4][40];
  (void)snprintf(operands[0], 40, "timeout_ms=%s", timeout);
  (void)snprintf(operands[1], 40, "output_max=%s", output);
  (void)snprintf(operands[2], 40, "running_max=%s", running);
  return answer(channel, &(struct ask){"job_start",
                                       {operands[0], operands[1], operands[2], "kept_max=4",
                                        "command=test"},
                                       .command = command});
}

static const char *start(struct channel *channel, const char *command) {
  return start_with(channel, command, "600000", "1000000", "8");
}

static const char *about(struct channel *channel, const char *operation, const char *id,
                         const char *more) {
  char operand[40];
  (void)snprintf(operand, sizeof operand, "job_id=%s", id);
  return answer(channel, &(struct ask){.operation = operation, .operands = {operand, more}});
}

static bool has(const char *text, const char *part) {
  if (strstr(text, part) != NULL) return true;
  diag("not there: %s", part);
  explain(&result);
  return false;
}

/* Ask until the report about the job says so. */
static bool becomes(struct channel *channel, const char *id, const char *part) {
  for (double end = now_ms() + PATIENCE_MS; now_ms() < end; pause_ms(10)) {
    if (strstr(about(channel, "job_output", id, "out_offset=0"), part) != NULL) return true;
  }
  return has(result.err != NULL ? result.err : "", part);
}

/* How many processes inside hold that word in their command line. */
static int count_marked(struct channel *channel, const char *word) {
  struct result counted = {0};
  char command[400];
  (void)snprintf(command, sizeof command,
                 "n=0; for p in /proc/[0-9]*; do [ $p = /proc/$$ ] && continue; "
                 "tr '\\0' ' ' <$p/cmdline 2>/dev/null | grep -q '[%c]%s' && n=$((n+1)); done; "
                 "echo $n",
                 word[0], word + 1);
  int count = atoi(shell(channel, command, &counted));
  free_result(&counted);
  return count;
}

static bool counts_down(struct channel *channel, const char *word) {
  for (double end = now_ms() + PATIENCE_MS; now_ms() < end; pause_ms(20)) {
    if (count_marked(channel, word) == 0) return true;
  }
  return false;
}

/* ---- the tests ----------------------------------------------------------------------------- */

static void test_life(void) {
  struct sandbox sandbox = new_sandbox();
  struct channel *channel = sandbox.first;
  ok(has(start(channel, "echo one; echo two >&2; exit 3"), "\"job_id\":\"job-1\""),
     "a job starts, and has an id");
  ok(exited(&result, 0), "at once");
  ok(becomes(channel, "job-1", "\"status\":\"exited\",\"command_exit_code\":3"),
     "it ends with its own exit code");
  ok(has(about(channel, "job_output", "job-1", NULL), "\"new_stdout\":\"one\\u000a\""),
     "what it printed is there");
  ok(has(result.err, "\"new_stderr\":\"two\\u000a\""), "from both streams");
  ok(has(about(channel, "job_output", "job-1", NULL), "\"new_stdout\":\"\""), "and shown once");
  ok(has(about(channel, "job_output", "job-1", "out_offset=2"), "\"new_stdout\":\"e\\u000a\""),
     "unless asked for by its offset");
  ok(has(about(channel, "job_kill", "job-1", NULL), "\"had_ended\":true"),
     "to kill it then is no error");
  ok(has(start(channel, "cat"), "job-2"), "ids are not used again");
  ok(becomes(channel, "job-2", "\"status\":\"exited\""), "stdin is empty");
  answer(channel, &(struct ask){"job_start",
                                {"output_max=1000", "running_max=8", "kept_max=8"},
                                .command = "cat; pwd", .input = "given", .cwd = "/tmp"});
  ok(becomes(channel, "job-3", "\"new_stdout\":\"given/tmp\\u000a\""),
     "or what it was given, in the directory that was asked for");
  about(channel, "job_output", "job-9", NULL);
  ok(exited(&result, 1) && has(result.err, "those that exist: job-1, job-2, job-3"),
     "an unknown id is refused with those that exist");
  about(channel, "job_kill", "../../etc", NULL);
  ok(exited(&result, 1) && has(result.err, "job.not_found"), "so is what is none");
  answer(channel, &(struct ask){"job_start", {"running_max=8", "kept_max=8"},
                                .command = "true", .cwd = "/nowhere"});
  ok(exited(&result, 1) && has(result.err, "/nowhere"), "a directory that is not there is named");
  ok(has(answer(channel, &(struct ask){.operation = "job_list"}), "\"job_id\":\"job-3\""),
     "all are listed");
  ok(strstr(result.err, "job-4") == NULL, "but for one that did not start");
  end_sandbox(&sandbox);
}

#define TREE                                                                   \
  "trap '' TERM HUP; (setsid sh -c 'trap \"\" TERM; sleep 777 & sleep 777' &); " \
  "sh -c 'kill -STOP $$; exec sleep 777' & (sleep 777 &) ; echo up; while :; do sleep 777; done"

static void test_kill(void) {
  struct sandbox sandbox = new_sandbox();
  struct channel *channel = sandbox.first;
  start(channel, TREE);
  start(channel, "echo up; sleep 888");
  ok(becomes(channel, "job-1", "up") && becomes(channel, "job-2", "up"), "two jobs run");
  shell(channel, "sleep 889 >/dev/null 2>&1 & echo on", &result);
  is_int(result.exit.still_running, 1, "a call's own leftover is all that it counts");
  ok(has(about(channel, "job_kill", "job-1", NULL),
         "\"status\":\"killed\",\"command_exit_code\":137,\"signal\":9"),
     "a tree that does all to survive is killed");
  ok(has(result.err, "\"survivors\":0"), "with proof");
  is_int(count_marked(channel, "sleep 777"), 0, "nothing of it is left");
  is_int(count_marked(channel, "sleep 888"), 1, "the other job runs on");
  is_int(count_marked(channel, "sleep 889"), 1, "so does what a call left");
  ok(becomes(channel, "job-2", "\"status\":\"running\""), "as process 1 knows");
  start(channel, "sh -c 'sleep 778 & sleep 778 &' & exit 5");
  ok(becomes(channel, "job-3", "\"status\":\"running\",\"command_exit_code\":5"),
     "a job whose command has ended lasts as long as what that started");
  ok(has(about(channel, "job_kill", "job-3", NULL), "\"survivors\":0"), "and can be killed");
  is_int(count_marked(channel, "sleep 778"), 0, "with all of it");
  end_sandbox(&sandbox);
}

static void test_forking(void) {
  struct sandbox sandbox = new_sandbox();
  struct channel *channel = sandbox.first;
  start(channel, "f() { (f &) ; exit; }; (f &); (f &); echo up; while :; do sleep 1; done");
  becomes(channel, "job-1", "up");
  ok(has(about(channel, "job_kill", "job-1", NULL), "\"survivors\":0"),
     "chains of fork and exit are killed, with proof");
  is_int(count_inside(channel), 2, "only helpers are left");
  end_sandbox(&sandbox);
}

static void test_channel_ends(void) {
  struct sandbox sandbox = new_sandbox();
  struct channel *channel = open_channel(&sandbox);
  greet(channel);
  start(channel, "echo up; for i in 1 2 3; do sleep 0.1; echo $i; done; sleep 777");
  close(channel->in);
  channel->in = -1;
  struct csn_frame frame;
  while (next_frame(channel, &frame, PATIENCE_MS) > 0) continue;
  close_channel(channel);
  channel = sandbox.first;
  ok(becomes(channel, "job-1", "\"new_stdout\":\"up\\u000a1\\u000a2\\u000a3\\u000a\""),
     "a job goes on when its channel ends");
  is_int(count_marked(channel, "sleep 777"), 1, "and is alive");
  ok(has(about(channel, "job_kill", "job-1", NULL), "\"survivors\":0"),
     "another channel can end it");
  end_sandbox(&sandbox);
}

static void test_keeper_killed(void) {
  struct sandbox sandbox = new_sandbox();
  struct channel *channel = sandbox.first;
  start(channel, "echo up; sleep 888");
  start(channel, "echo up; (setsid sleep 777 &); while [ ! -e /tmp/go ]; do sleep 0.02; done; "
                 "kill -9 $PPID; sleep 777");
  ok(becomes(channel, "job-2", "up"), "a job");
  shell(channel, "touch /tmp/go; sleep 600", &result);
  ok(result.type == CSN_FRAME_LOST && strcmp(result.reason, CSN_REASON_PURGED) == 0,
     "that kills its keeper makes process 1 kill everything");
  ok(strstr(result.text, "the keeper of job-2 was killed") != NULL, "which is said");
  channel = open_channel(&sandbox);
  greet(channel);
  ok(becomes(channel, "job-2", "\"status\":\"lost\""), "the job is lost");
  ok(counts_down(channel, "sleep 777"), "and dead");
  ok(has(about(channel, "job_output", "job-2", "out_offset=0"), "up\\u000a"),
     "what it printed is there");
  ok(has(about(channel, "job_output", "job-1", NULL), "\"status\":\"lost\""),
     "so are all others: nobody knows whose processes are whose");
  is_int(count_marked(channel, "sleep 888"), 0, "nothing runs unnoticed");
  ok(has(start(channel, "echo again"), "job-3"), "the next job starts");
  ok(becomes(channel, "job-3", "\"status\":\"exited\""), "and works");
  close_channel(channel);
  end_sandbox(&sandbox);
}

static void test_keeper_stopped(void) {
  struct sandbox sandbox = new_sandbox();
  struct channel *channel = sandbox.first;
  start(channel, "echo up; while :; do kill -STOP $PPID; done");
  pause_ms(100);
  ok(has(about(channel, "job_kill", "job-1", NULL), "\"survivors\":0"),
     "a job that stops its keeper is killed all the same");
  end_sandbox(&sandbox);
}

static void test_limits(void) {
  struct sandbox sandbox = new_sandbox();
  struct channel *channel = sandbox.first;
  start_with(channel, "sleep 777", "300", "1000", "8");
  ok(becomes(channel, "job-1", "\"status\":\"timed_out\""), "a job has its time");
  ok(has(result.err, "\"survivors\":0"), "then it is killed, with proof");
  start_with(channel, "head -c 5000 /dev/zero | tr '\\0' x; echo end >&2", "60000", "1000", "8");
  ok(becomes(channel, "job-2", "\"status\":\"exited\""), "one that prints too much goes on");
  ok(has(result.err, "\"out_offset\":1000"), "the beginning is kept");
  ok(has(result.err, "\"dropped_bytes\":4004"), "the rest is counted");
  start_with(channel, "sleep 777", "60000", "1000", "2");
  start_with(channel, "sleep 777", "60000", "1000", "2");
  ok(exited(&result, 0), "as many may run as was said");
  start_with(channel, "sleep 777", "60000", "1000", "2");
  ok(exited(&result, 1) && has(result.err, "job.limit"), "no more");
  about(channel, "job_kill", "job-3", NULL);
  ok(has(start_with(channel, "true", "60000", "1000", "2"), "\"job_id\":\"job-5\""),
     "until one has ended");
  for (int i = 0; i < 6; i++) {
    start(channel, "true");
    char id[16];
    (void)snprintf(id, sizeof id, "job-%d", 6 + i);
    becomes(channel, id, "\"status\":\"exited\"");
  }
  about(channel, "job_output", "job-1", NULL);
  ok(exited(&result, 1) && has(result.err, "job-4, job-7, job-8, job-9, job-10, job-11"),
     "of the ended ones the newest are kept, beside the last");
  is_str(shell(channel, "cd /tmp/.caisson/jobs && echo $(ls | sort -V)", &result),
         "job-4 job-7 job-8 job-9 job-10 job-11\n", "with their files");
  end_sandbox(&sandbox);
}

/* /tmp is a small tmpfs. */
static void test_disk_full(void) {
  struct sandbox sandbox = new_sandbox();
  struct channel *channel = sandbox.first;
  start(channel, "echo one; while [ ! -e /tmp/go ]; do sleep 0.02; done; "
                 "head -c 300000 /dev/zero | tr '\\0' x; "
                 "while [ ! -e /tmp/end ]; do sleep 0.02; done");
  becomes(channel, "job-1", "one");
  shell(channel, "cat /dev/zero >/tmp/fill; touch /tmp/go", &result);
  ok(becomes(channel, "job-1", "\"disk_full\":true"), "a full disk is told while the job runs");
  shell(channel, "touch /tmp/end", &result);
  ok(becomes(channel, "job-1", "\"status\":\"exited\""), "which goes on");
  ok(has(result.err, "\"dropped_bytes\":"), "what is lost is counted");
  ok(has(result.out, "[the disk (/tmp) was full: "), "the text says why");
  ok(strstr(result.out, "limit") == NULL, "and blames no limit");
  end_sandbox(&sandbox);
}

static void test_characters(void) {
  struct sandbox sandbox = new_sandbox();
  struct channel *channel = sandbox.first;
  start(channel, "printf 'a\\303'; sleep 0.5; printf '\\244b'; sleep 777");
  ok(becomes(channel, "job-1", "\"new_stdout\":\"a\""), "half a character is held back");
  ok(becomes(channel, "job-1", "\"new_stdout\":\"a\303\244b\""), "until it is whole");
  start(channel, "printf 'a\\303'");
  ok(becomes(channel, "job-2", "\"new_stdout\":\"a\357\277\275\""), "or nothing more will come");
  end_sandbox(&sandbox);
}

/* Code inside owns the files. */
static void test_files_abused(void) {
  struct sandbox sandbox = new_sandbox();
  struct channel *channel = sandbox.first;
  start(channel, "echo one; while [ ! -e /tmp/go ]; do sleep 0.02; done; echo two");
  becomes(channel, "job-1", "one");
  shell(channel, "cd /tmp/.caisson/jobs/job-1; : > out; touch /tmp/go", &result);
  ok(becomes(channel, "job-1", "\"status\":\"exited\""), "a file that was emptied");
  ok(has(about(channel, "job_output", "job-1", "out_offset=4"), "\"new_stdout\":\"two\\u000a\""),
     "keeps the place of what follows");
  static const char *const abuses[] = {"rm out; mkfifo out", "rm out; ln -s /etc/passwd out",
                                       "rm out; mkdir out", "rm -r ../job-1; ln -s /etc ../job-1",
                                       "rm -r ../job-1; mkfifo ../job-1", "rm -r ../../jobs"};
  for (size_t i = 0; i < sizeof abuses / sizeof abuses[0]; i++) {
    char command[200], id[16];
    start(channel, "echo one");
    (void)snprintf(id, sizeof id, "job-%zu", 2 + i);
    becomes(channel, id, "\"status\":\"exited\"");
    (void)snprintf(command, sizeof command, "mkdir -p /tmp/.caisson/jobs/%s; "
                   "cd /tmp/.caisson/jobs/%s; ln -s . ../job-1x; %s", id, id, abuses[i]);
    for (char *at = strstr(command, "../job-1;"); at != NULL; at = NULL) at[7] = id[4];
    shell(channel, command, &result);
    about(channel, "job_output", id, "out_offset=0");
    ok(exited(&result, 0) && strstr(result.err, "root:") == NULL, "%s: no harm", abuses[i]);
  }
  ok(has(start(channel, "echo fine"), "\"status\""), "the next one starts");
  end_sandbox(&sandbox);
}

/* A start that nobody sees through to its end leaves no job behind. */
static void test_start_cancelled(void) {
  struct sandbox sandbox = new_sandbox();
  struct channel *channel = sandbox.first;
  for (int i = 0; i < 20; i++) {
    free_result(&result);
    send_ask(channel, &(struct ask){"job_start",
                                    {"running_max=8", "kept_max=4", "output_max=1000"},
                                    .command = "sleep 777"});
    pause_ms(i % 5);
    send_cancel(channel);
    finish(channel, &result);
    if (result.exit.outcome == CSN_OUTCOME_EXITED) {
      char *at = strstr(result.err != NULL ? result.err : "", "\"job-"), id[16] = "";
      if (at != NULL) (void)snprintf(id, sizeof id, "%.*s", (int)strcspn(at + 1, "\""), at + 1);
      about(channel, "job_kill", id, NULL);
    }
  }
  ok(counts_down(channel, "sleep 777"), "a start that was cancelled leaves nothing running");
  end_sandbox(&sandbox);
}

static void test_idle(void) {
  static const char *const arguments[] = {"init", "--idle-ms", "1500", NULL};
  struct sandbox sandbox = start_sandbox(arguments);
  greet(sandbox.first);
  start(sandbox.first, "sleep 4");
  double begun = now_ms();
  is_int(await_init(&sandbox, 3500), -1, "a job keeps its sandbox alive");
  int status = await_init(&sandbox, 20000);
  ok(WIFEXITED(status) && WEXITSTATUS(status) == CSN_INIT_EXIT_IDLE, "which then ends, idle");
  ok(now_ms() - begun > 5000, "after the job (%.0f ms)", now_ms() - begun);
  end_sandbox(&sandbox);
}

/* The look that lists is none of the signs of life. */
static void test_list_is_no_life(void) {
  static const char *const arguments[] = {"init", "--idle-ms", "1500", NULL};
  struct sandbox sandbox = start_sandbox(arguments);
  greet(sandbox.first);
  int status = -1;
  for (double end = now_ms() + 20000; status == -1 && now_ms() < end;) {
    struct result ignored = {0};
    send_ask(sandbox.first, &(struct ask){.operation = "job_list"});
    finish(sandbox.first, &ignored);
    free_result(&ignored);
    status = await_init(&sandbox, 100);
  }
  ok(WIFEXITED(status) && WEXITSTATUS(status) == CSN_INIT_EXIT_IDLE,
     "to list jobs keeps no sandbox alive");
  end_sandbox(&sandbox);
}

int main(void) {
  test_life();
  test_kill();
  test_forking();
  test_channel_ends();
  test_keeper_killed();
  test_keeper_stopped();
  test_limits();
  test_disk_full();
  test_characters();
  test_files_abused();
  test_start_cancelled();
  test_idle();
  test_list_is_no_life();
  free_result(&result);
  return done_testing();
}
