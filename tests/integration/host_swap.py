#!/usr/bin/env python3
# How caisson-host changes the version of a plugin: what it refuses, and calls that meet the change.
# The versions are made here, one for each way to behave; they need no engine.
import json
import os
import signal
import subprocess

from host_support import environment, host, path
from host_support.repl import Repl, point_to
from tap import diag, done_testing, is_, ok

ABI = os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "..", "abi")

# NAME is what it answers. WAITS: its call_open (1) or call_run (2) waits until it is drained and then
# refuses, as a call finds it that comes a moment too late.
SOURCE = r"""
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "caisson.h"
static atomic_int drained;
static const char described[] = DESCRIBED;
static const char answer[] = "{\"content\": [{\"type\": \"text\", \"text\": \"" NAME "\"}]}";

static int32_t create(const caisson_host *h, const char *c, uint64_t n, uint64_t *i,
                      caisson_error *e) {
  (void)h;
  if (n > 0 && c && strstr(c, "\"for\": \"" NAME "\"")) {
    e->code = CAISSON_E_CONFIG;
    strcpy(e->reason, CAISSON_REASON_CONFIG);
    strcpy(e->message, "/for: not for me");
    return CAISSON_E_CONFIG;
  }
  drained = 0;
  *i = 1;
  return 0;
}
static int32_t describe(uint64_t i, caisson_str *json) {
  (void)i;
  *json = (caisson_str){described, sizeof described - 1};
  return 0;
}
static int32_t refuse(void) {
  fprintf(stderr, NAME " waits\n");
  while (!drained) usleep(1000);
  return CAISSON_E_DRAINING;
}
static int32_t call_open(uint64_t i, const caisson_request *r, uint64_t *c, caisson_error *e) {
  (void)i; (void)e;
  if (r->flags & CAISSON_REQUEST_HOST) {
    if (OPERATION < 0) strcpy(e->message, "no sessions today");
    *c = 7;
    return OPERATION;
  }
  *c = 8;
  return WAITS == 1 ? refuse() : 0;
}
static int32_t call_run(uint64_t i, uint64_t c, const caisson_hooks *h, caisson_result *r,
                        caisson_error *e) {
  (void)i; (void)h; (void)e;
  if (c == 8 && WAITS == 2) return refuse();
  r->outcome = CAISSON_OUTCOME_EXITED;
  r->json = (caisson_str){answer, sizeof answer - 1};
  return 0;
}
static int32_t two(uint64_t i, uint64_t c) { (void)i; (void)c; return 0; }
static int32_t drain(uint64_t i, uint64_t g) { (void)i; (void)g; drained = 1; return 0; }
static int32_t destroy(uint64_t i) { (void)i; fprintf(stderr, NAME " is gone\n"); return 0; }
static const caisson_plugin table = {
  .struct_size = sizeof table, .magic = CAISSON_MAGIC, .id = "fake", .version = "1",
  .build_id = NAME, .manifest_json = "{}", .create = create, .describe = describe,
  .call_open = call_open, .call_run = call_run, .call_cancel = two, .call_close = two,
  .drain = drain, .destroy = destroy};
const caisson_plugin *caisson_plugin_v1(void) { return &table; }
"""

# Answers at once, and knows when it is used as it must not be: a call on an instance that is gone, or
# an end while calls are open. Both would be a call that failed, by its status.
STRICT = r"""
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "caisson.h"
#define MOST 4096
static atomic_ulong last;
static struct { atomic_int alive, draining, open, running; } all[MOST];
static const char described[] = DESCRIBED;
static const char answer[] = "{\"content\": []}";
static int32_t create(const caisson_host *h, const char *c, uint64_t n, uint64_t *i,
                      caisson_error *e) {
  (void)h; (void)c; (void)n; (void)e;
  *i = ++last;
  if (*i >= MOST) return CAISSON_E_LIMIT;
  all[*i].alive = 1;
  return 0;
}
static int32_t describe(uint64_t i, caisson_str *json) {
  *json = (caisson_str){described, sizeof described - 1};
  return all[i].alive ? 0 : CAISSON_E_NOT_FOUND;
}
static int32_t call_open(uint64_t i, const caisson_request *r, uint64_t *c, caisson_error *e) {
  (void)r; (void)e;
  if (!all[i].alive) return CAISSON_E_NOT_FOUND;
  if (all[i].draining) return CAISSON_E_DRAINING;
  all[i].open++;
  *c = 1;
  return 0;
}
static int32_t call_run(uint64_t i, uint64_t c, const caisson_hooks *h, caisson_result *r,
                        caisson_error *e) {
  (void)c; (void)h; (void)e;
  if (!all[i].alive) return CAISSON_E_NOT_FOUND;
  all[i].running++;
  int32_t status = all[i].draining ? CAISSON_E_DRAINING : 0;
  r->outcome = status ? CAISSON_OUTCOME_NONE : CAISSON_OUTCOME_EXITED;
  r->json = (caisson_str){answer, sizeof answer - 1};
  all[i].running--;
  return status;
}
static int32_t cancel(uint64_t i, uint64_t c) { (void)i; (void)c; return 0; }
static int32_t call_close(uint64_t i, uint64_t c) {
  (void)c;
  all[i].open--;
  return all[i].alive ? 0 : CAISSON_E_NOT_FOUND;
}
static int32_t drain(uint64_t i, uint64_t g) {
  (void)g;
  all[i].draining = 1;
  while (all[i].running) usleep(10);
  return 0;
}
static int32_t destroy(uint64_t i) {
  if (all[i].open || !all[i].alive) fprintf(stderr, "ended in use\n");
  all[i].alive = 0;
  return 0;
}
static const caisson_plugin table = {
  .struct_size = sizeof table, .magic = CAISSON_MAGIC, .id = "fake", .version = "1",
  .build_id = NAME, .manifest_json = "{}", .create = create, .describe = describe,
  .call_open = call_open, .call_run = call_run, .call_cancel = cancel, .call_close = call_close,
  .drain = drain, .destroy = destroy};
const caisson_plugin *caisson_plugin_v1(void) { return &table; }
"""

TOOL = {"name": "shell", "inputSchema": {"type": "object", "required": ["command"],
                                         "properties": {"command": {"type": "string"}}},
        "_meta": {"caisson/tool": "shell"}}


def build(name, waits=0, operation=0, described=None, source=SOURCE):
    """A version that answers its name, as FOLDER/NAME/fake.so."""
    document = described if described is not None else {
        "instance": "one", "tools": [TOOL], "operations": [{"name": "session.list"}]}
    text = document if isinstance(document, str) else json.dumps(document)
    os.makedirs(path(name), exist_ok=True)
    so = path(name + "/fake.so")
    with open(path(name + "/fake.c"), "w") as f:
        f.write(source)
    subprocess.run(["cc", "-shared", "-fPIC", "-w", "-I" + ABI, "-DNAME=" + json.dumps(name),
                    "-DDESCRIBED=" + json.dumps(text), "-DWAITS=%d" % waits,
                    "-DOPERATION=%d" % operation, "-o", so, path(name + "/fake.c")], check=True)
    return so


def fake_config(**members):
    with open(path("fake.json"), "w") as f:
        json.dump(members, f)
    return environment(CAISSON_CONFIG=path("fake.json"))


def begin(*args, preexec_fn=None, **config):
    """A repl with the version that the link leads to."""
    return Repl("--plugin", path("plugin.so"), *args, "repl", env=fake_config(**config),
                preexec_fn=preexec_fn)


OLD = build("old")
NEW = build("new")


def is_refused(new, step, words, name, **config):
    """By the dry run, in both its forms, and by a repl, which goes on with the old version."""
    env = fake_config(**config)
    done = host("--plugin", OLD, "swap", new, env=env)
    good = done.code == 1 and step in done.err and words in done.err and not done.out
    ok(good, name + ": the dry run says so") or diag(repr((done.code, done.out, done.err)))
    done = host("--plugin", OLD, "swap", "--json", new, env=env)
    found = done.json()
    ok(done.code == 1 and found["accepted"] is False and found["step"] == step and
       words in found["message"], "also as a document") or diag(done.out)
    point_to(OLD)
    repl = begin(**config)
    repl.line("x")
    repl.prints("old\n")
    point_to(new) if os.path.exists(new) else os.unlink(path("plugin.so"))
    repl.hang_up()
    said = repl.says("goes on")
    ok("(%s)" % step in said and words in said and "build old" in said,
       "and a repl with a SIGHUP") or diag(said)
    repl.line("x")
    repl.prints("old\n")
    is_(repl.end().code, 0, "which goes on with the old version")


def test_refusals():
    is_refused(path("nothing.so"), "load", "No such file", "a file that is not there")
    with open(path("junk.so"), "w") as f:
        f.write("junk")
    is_refused(path("junk.so"), "load", "junk.so", "a file that is no library")
    is_refused(build("picky"), "create", "not for me", "a version that refuses the configuration",
               **{"for": "picky"})
    is_refused(build("mute", described=""), "self-test", "list of tools",
               "one that does not say what it offers")
    is_refused(build("bare", described={"instance": "one", "tools": [{"name": "shell"}]}),
               "self-test", "inputSchema", "a tool without a schema")
    is_refused(build("elsewhere", described={"instance": "two", "tools": [TOOL]}), "self-test",
               "sessions", "one of another instance")
    is_refused(build("broken", operation=-4), "self-test", "no sessions today",
               "one that does not find its sessions")


def test_accepted():
    done = host("--plugin", OLD, "swap", NEW, env=fake_config())
    ok(done.code == 0 and "build old" in done.out and "build new" in done.out and
       "would be taken" in done.out, "a good one would be taken") or diag(done.out + done.err)
    ok(done.err.count("new is gone") == 1, "and is not kept") or diag(done.err)
    broken = build("asleep", operation=-4)
    done = host("--plugin", OLD, "swap", broken, env=fake_config(engine={"lazy": True}))
    is_(done.code, 0, "with a lazy engine it is not asked for sessions")
    found = host("--plugin", OLD, "swap", "--json", NEW, env=fake_config()).json()
    is_([found["accepted"], found["was"]["build_id"], found["is"]["build_id"]],
        [True, "old", "new"], "the document has both versions")


def test_usage():
    for args, words in ((["swap"], "which plugin"), (["swap", NEW, "shell", "id"], "--threads"),
                        (["swap", NEW, "--count", "5"], "--threads"),
                        (["swap", NEW, "--threads", "none"], "number"),
                        (["swap", NEW, "--threads", "300"], "256"),
                        (["swap", NEW, "--threads", "2", "--count", "-1"], "number")):
        done = host("--plugin", OLD, *args, env=fake_config())
        ok(done.code == 2 and words in done.err, "a mistake in `swap %s` is explained" % " ".join(args[2:])) or diag(done.err)


def test_signal():
    point_to(OLD)
    repl = begin()
    repl.line(":version")
    ok("build old" in repl.prints("fake.so"), ":version says which it is")
    point_to(NEW)
    repl.hang_up()
    said = repl.says("the plugin is now")
    ok("old is gone" in said, "SIGHUP: the old one is gone when the new one is named") or diag(said)
    repl.line("x")
    repl.prints("new\n")
    repl.line(":version")
    ok("build new" in repl.prints("fake.so"), ":version says the new one")
    repl.hang_up()
    ok("the same build" in repl.says("anew"), "SIGHUP without another version reads the configuration")
    repl.line(":swap " + OLD)
    repl.says("build old")
    repl.line("x")
    repl.prints("old\n")
    repl.line(":swap")
    repl.says("build new")
    repl.line("x")
    repl.prints("new\n")
    ok(True, ":swap PATH goes to that version, :swap alone to the configured path's")
    repl.line(":swap /nowhere.so")
    repl.says("goes on")
    done = repl.end()
    is_(done.code, 125, "a swap that is refused is a line that failed")
    is_(done.err.count("new is gone"), 1, "at the end the last one is gone")


def test_late_calls():
    """A call that pinned the old version a moment before the change."""
    for waits, name in ((1, "call_open"), (2, "call_run")):
        late = build("late%d" % waits, waits=waits)
        point_to(late)
        repl = begin()
        repl.line("x")
        repl.says("late%d waits\n" % waits)
        point_to(NEW)
        repl.hang_up()
        repl.prints("new\n")
        ok(True, "a call that %s refuses because of the change is made on the new version" % name)
        repl.says("late%d is gone" % waits)
        done = repl.end()
        is_(done.code, 0, "and succeeds") or diag(done.err)


def test_races():
    """Calls that take no time, so that many meet a change at its worst moment."""
    first, second = (build(name, source=STRICT) for name in ("strict1", "strict2"))
    done = host("--plugin", first, "swap", "--json", second, "--threads", "4", "--count", "100",
                "shell", "x", env=fake_config())
    found = done.json()
    is_([found["swaps"], found["failed"]], [100, 0], "100 swaps: no call reaches a version that is gone")
    ok("in use" not in done.err, "and no version ends while a call has it") or diag(done.err)
    diag("%d calls, %d of them made anew" % (found["calls"], found["retried"]))


def test_ignored():
    """nohup leaves SIGHUP ignored; the reload works all the same."""
    point_to(OLD)
    repl = begin(preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN))
    repl.line("x")
    repl.prints("old\n")
    point_to(NEW)
    repl.hang_up()
    repl.says("build new")
    is_(repl.end().code, 0, "SIGHUP that was ignored reloads as well")


test_refusals()
test_accepted()
test_usage()
test_signal()
test_late_calls()
test_races()
test_ignored()
done_testing()
