#!/usr/bin/env python3
# Hosts and plugins of every release of the ABI, of today and of a made-up next minor, each with
# each, and caisson.so and caisson-host among them: each pair loads, creates, describes, runs,
# cancels, drains and destroys. Each side's structs end where memory ends (tests/abi/peer), so that
# who touches members that the other side does not have crashes. Needs no engine.
import json
import os
import re
import signal
import subprocess
import sys
import tempfile

from abi_header import Header
from tap import diag, done_testing, is_, ok

PLUGIN, HOST = os.environ["CAISSON_PLUGIN"], os.environ["CAISSON_HOST"]
PEERS = os.path.join(os.path.dirname(PLUGIN), "abi", "peer")
NAMES = sorted(os.listdir(PEERS))
CONFIG = json.dumps({"config_version": 1, "instance": "matrix",
                     "engine": {"lazy": True, "endpoint": "unix:///nowhere"}})
NOT_FOUND, ARGUMENTS, ENGINE, DRAINING, REFUSED, VERSION = -5, -6, -4, -11, -14, -16
EXITED, CANCELLED = 1, 2


def peer(name, file):
    return os.path.join(PEERS, name, file)


def run(host, plugin, *steps, options=()):
    """The lines that the small host prints; [] if it died."""
    done = subprocess.run([peer(host, "host"), *options, plugin, CONFIG, *steps],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=300)
    if done.returncode:
        why = ("rule 1: members that the other side does not have were touched"
               if done.returncode == -signal.SIGSEGV else done.stderr.decode(errors="replace"))
        ok(False, "host %s with %s: ends well" % (host, plugin))
        diag("exit code %d: %s\n%s" % (done.returncode, why, done.stdout.decode()))
        return []
    return [json.loads(line) for line in done.stdout.splitlines()]


def is_line(line, name, **wanted):
    """That a line has these values."""
    got = {key: line.get(key) for key in wanted}
    ok(got == wanted, name) or diag("     got: %r\nexpected: %r\nof: %r" % (got, wanted, line))


def check_next(lines, known, name):
    """What only a next minor has: used if both sides are of it, else left as it was."""
    calls = [line for line in lines if "result_next" in line]
    is_([line["result_next"] for line in calls], [1 if known else -1] * len(calls),
        "%s: the result's newest member" % name)
    is_([line["error_next"] for line in calls if line["status"] < 0],
        [1 if known else -1] * sum(line["status"] < 0 for line in calls),
        "%s: the error's newest member" % name)
    is_({line[key] for line in calls for key in ("hooks_next", "request_next")}, {-1},
        "%s: inputs are not written" % name)
    # Of the host, its extension and the table (100), and each call's request, hooks and gate.
    is_(lines[-1]["nexts"], 102 + 3 * len(calls) if known else 0,
        "%s: functions of a next minor that were called" % name)


def check_pair(host, plugin):
    name = "host %s, plugin %s" % (host, plugin)
    lines = run(host, peer(plugin, "plugin.so"), "describe", "run", "key", "echo", '{"a": 1}',
                "early", "key", "echo", "{}", "late", "key", "wait", "{}",
                "poll", "key", "wait", "{}", "feed", "key", "read", "{}", "fed",
                "run", "key", "nope", "{}", "op", "echo", "{}", "drain")
    if not ok(len(lines) == 11, "%s: all steps" % name):
        return
    _, described, echo, early, late, poll, feed, unknown, operation, drained, destroyed = lines
    is_(described["json"]["tools"][0]["name"], "echo", "%s: describe" % name)
    is_line(echo, "%s: a call" % name, status=0, outcome=EXITED, exit_code=3, verdict="exited",
            output='{"a": 1}', bytes=8, close=0, stale=NOT_FOUND)
    is_(echo["json"]["structuredContent"], {"args": {"a": 1}, "session": "key", "flags": 0},
        "%s: its result" % name)
    is_line(early, "%s: a cancel before it runs" % name, status=0, outcome=CANCELLED, output="")
    is_line(late, "%s: a cancel while it runs" % name, status=0, outcome=CANCELLED, exit_code=130)
    is_line(poll, "%s: a cancel by the hook" % name, status=0, outcome=CANCELLED, exit_code=130)
    is_line(feed, "%s: input" % name, status=0, output="fed")
    is_line(unknown, "%s: an unknown tool" % name, status=NOT_FOUND, code=NOT_FOUND,
            reason="tool.unknown", verdict="failed", outcome=0, exit_code=-1)
    is_(operation["json"]["structuredContent"]["flags"], 1, "%s: a flag" % name)
    is_line(drained, "%s: drain" % name, status=0)
    is_line(destroyed, "%s: destroy" % name, status=0, again=NOT_FOUND, logs=1, gates=7,
            progresses=2)
    check_next(lines, host == plugin == "next", name)


def check_caisson(host):
    name = "host %s, caisson.so" % host
    shell = ("key", "shell", '{"command": "true"}')
    lines = run(host, PLUGIN, "describe", "run", *shell, "early", *shell,
                "run", "key", "shell", '{"comand": "true"}', "run", "key", "nope", "{}",
                "op", "session.nope", "{}", "op", "session.list", "{}", "drain", "run", *shell)
    if not ok(len(lines) == 11, "%s: all steps" % name):
        return
    created, described, engine, early, wrong, unknown, operation, listed, drained, late, end = lines
    is_line(created, "%s: create" % name, status=0)
    ok("shell" in [tool["name"] for tool in described["json"]["tools"]], "%s: describe" % name)
    is_line(engine, "%s: no engine" % name, status=ENGINE, code=ENGINE, outcome=0, exit_code=-1,
            reason="engine.unreachable", close=0, stale=NOT_FOUND)
    is_line(early, "%s: a cancel before it runs" % name, status=0, outcome=CANCELLED, exit_code=130)
    is_line(wrong, "%s: wrong arguments" % name, status=ARGUMENTS, reason="arguments.invalid")
    is_line(unknown, "%s: an unknown tool" % name, status=NOT_FOUND, reason="tool.unknown")
    is_line(operation, "%s: an unknown operation" % name, status=NOT_FOUND,
            reason="operation.unknown")
    is_line(listed, "%s: an operation" % name, status=ENGINE, reason="engine.unreachable")
    ok(all(line["json"]["isError"] for line in (engine, early, wrong, unknown, operation, listed)),
       "%s: each leaves a result for the model" % name)
    is_line(drained, "%s: drain" % name, status=0)
    is_line(late, "%s: a call after it" % name, open=DRAINING, reason="instance.draining")
    is_line(end, "%s: destroy" % name, status=0, again=NOT_FOUND, gates=2)
    ok(end["logs"] > 0, "%s: logs" % name)
    check_next(lines, False, name)
    refused = run(host, PLUGIN, "run", *shell, options=("-g", "ask first"))
    is_line(refused[1] if refused else {}, "%s: the gate's refusal" % name, status=REFUSED,
            reason="gate.refused", message="ask first")


def check_unknown_values(host):
    """Rule 9, of a host that is older than what it is given."""
    lines = run(host, peer("next", "plugin.so"), "run", "", "odd", "{}", "run", "", "strange", "{}")
    odd, strange = lines[1:3] if len(lines) == 4 else ({}, {})
    is_line(odd, "host %s: an unknown status is a failure" % host, status=-1000, verdict="failed")
    is_line(strange, "host %s: an unknown outcome is lost, an unknown stream is skipped" % host,
            status=0, outcome=1000, verdict="lost", output="", flags=1 << 30)


def check_demanding(host):
    """A plugin that works with no host older than the next minor."""
    plugin = peer("next", "demanding.so")
    lines, forced = run(host, plugin), run(host, plugin, options=("-f",))
    if host == "next":
        is_line(lines[0] if lines else {}, "it takes a host of that minor", step="create", status=0)
        return
    is_(lines, [{"step": "refused", "why": "needs a newer host"}],
        "host %s refuses a plugin that needs a newer one" % host)
    is_line(forced[0] if forced else {}, "and the plugin refuses host %s" % host, step="create",
            status=VERSION, reason="abi.version")


def demo_host(plugin, *args, **env):
    done = subprocess.run([HOST, "--plugin", plugin, *args], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, timeout=300,
                          env=dict(os.environ, **env))
    return done.returncode, done.stdout.decode(), done.stderr.decode(errors="replace")


def is_demo(got, name, code, out="", err=""):
    good = got[0] == code and out in got[1] and err in got[2] and (not err or got[2].strip())
    ok(good, "caisson-host: " + name) or diag("%r is not %r" % (got, (code, out, err)))


def check_demo_host(plugin):
    so = peer(plugin, "plugin.so")
    is_demo(demo_host(so, "tools"), "%s: tools" % plugin, 0, "echo")
    is_demo(demo_host(so, "call", "echo", '{"a": 1}'), "%s: a call" % plugin, 3, '{"a": 1}')
    is_demo(demo_host(so, "call", "nope", "{}"), "%s: an unknown tool" % plugin, 125,
            err="no such tool")


def check_cut_tables(name):
    """A table that is cut, at the end of memory: refused for a member that it lacks, or taken."""
    with tempfile.TemporaryDirectory() as folder:
        with open(peer(name, "caisson.h"), encoding="utf-8") as f:
            members = list(Header(f.read(), folder).structs["caisson_plugin"])
    so = peer(name, "plugin.so")
    # Four of four bytes, and then all of eight.
    ends = [4 * (i + 1) if i < 4 else 16 + 8 * (i - 3) for i in range(len(members))]
    for size in range(4, ends[-1] + 1, 4):
        code, out, err = demo_host(so, "tools", PEER_TABLE=str(size))
        lacking = [member for member, end in zip(members, ends) if end > size]
        if code == 0:
            words = "echo" in out and set(lacking) <= {"next_number", "next_call"}
        else:
            words = code == 125 and so in err and (
                "magic" in err or any(re.search(r"\b%s\b" % m, err) for m in lacking))
        ok(words, "caisson-host: a table of %s with %d bytes" % (name, size)) or diag(
            "code %d, lacking %s\n%s%s" % (code, lacking, out, err))
    ok(code == 0, "caisson-host: the whole table of %s is taken" % name)


if len(NAMES) < 3:
    sys.exit("Bail out! no peers in %s (make check-programs)" % PEERS)
for each in NAMES:
    for other in NAMES:
        check_pair(each, other)
    check_caisson(each)
    check_unknown_values(each)
    check_demanding(each)
    check_demo_host(each)
check_cut_tables("1.0")
check_cut_tables("next")
is_demo(demo_host(peer("next", "plugin.so"), "call", "odd", "{}"), "an unknown status", 125)
is_demo(demo_host(peer("next", "plugin.so"), "call", "strange", "{}"), "an unknown outcome", 125)
is_demo(demo_host(peer("next", "demanding.so"), "tools"), "a plugin that needs a newer one", 125,
        err="newer")
done_testing()
