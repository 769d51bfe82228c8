#!/usr/bin/env python3
# How caisson-host changes the version of a plugin: what it refuses, and calls that meet the change.
import os
import signal

from host_support import host, path
from host_support.repl import Repl, point_to
from host_support.versions import STRICT, TOOL, build, fake_config
from tap import diag, done_testing, is_, ok


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
                        (["swap", ""], "empty"),
                        (["swap", NEW, "--threads", "300"], "256"),
                        (["swap", NEW, "--threads", "2", "--count", "-1"], "number")):
        done = host("--plugin", OLD, *args, env=fake_config())
        name = "a mistake in `swap %s` is explained" % " ".join(args[2:])
        ok(done.code == 2 and words in done.err, name) or diag(done.err)
    for option in ("--plugin", "--plugins"):
        done = host(option, "", "tools", env=fake_config())
        ok(done.code == 2 and "empty" in done.err, "%s without a path as well" % option)


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
    ok("the same build" in repl.says("anew"),
       "SIGHUP without another version reads the configuration")
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
    is_([found["swaps"], found["failed"]], [100, 0],
        "100 swaps: no call reaches a version that is gone")
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


def let_go(name):
    with open(path(name + "/go"), "w"):
        pass


def test_slow():
    """A version whose create does not return keeps nobody waiting but the end of the program."""
    slow = build("slow", waits=3)
    point_to(OLD)
    repl = begin()
    repl.line("x")
    repl.prints("old\n")
    point_to(slow)
    repl.hang_up()
    repl.says("slow lingers")
    repl.line("x")
    repl.prints("old\n")
    ok(True, "while a new version is made the old one goes on")
    repl.process.stdin.close()
    ok("still under way" in repl.says("at once)"), "the end of the program says what it waits for")
    let_go("slow")
    repl.says("slow is gone")
    is_(repl.process.wait(), 0, "and comes when that is over")


def test_early():
    """Whoever asks a program that has just started does not know that it has not yet a plugin."""
    point_to(build("early", waits=3))
    repl = begin()
    repl.says("early lingers")
    repl.hang_up()
    let_go("early")
    ok("the same build" in repl.says("anew"), "SIGHUP while the program starts is answered then")
    repl.line("x")
    repl.prints("early\n")
    is_(repl.end().code, 0, "and does not end it")


def test_leaving():
    point_to(build("tidy", waits=4))
    repl = begin(preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN))
    repl.process.stdin.close()
    repl.says("tidy lingers")
    repl.hang_up()
    let_go("tidy")
    is_(repl.process.wait(), 0, "where SIGHUP was ignored it does not disturb the program's end")


test_refusals()
test_accepted()
test_usage()
test_signal()
test_late_calls()
test_races()
test_ignored()
test_slow()
test_early()
test_leaving()
done_testing()
