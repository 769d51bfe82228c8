#!/usr/bin/env python3
# Hosts that were built with the header of each release of the ABI (tests/abi/baseline), and one of a
# made-up next minor, do real work with today's caisson.so: output, exit codes, input, cancels,
# refusals, the gate, and options for a session that is made. Their structs end where memory ends.
import json
import os
import subprocess

from host_support import PATIENCE, configuration
from tap import diag, done_testing, is_, ok

PLUGIN = os.environ["CAISSON_PLUGIN"]
PEERS = os.path.join(os.path.dirname(PLUGIN), "abi", "peer")
EXITED, CANCELLED, CREATED = 1, 2, 4


def command(text):
    return json.dumps({"command": text})


def run(name, *steps, options=()):
    with open(configuration(), encoding="utf-8") as f:
        config = f.read()
    done = subprocess.run([os.path.join(PEERS, name, "host"), *options, PLUGIN, config, *steps],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=PATIENCE)
    if not ok(done.returncode == 0, "host %s ends well" % name):
        diag("exit code %d: %s" % (done.returncode, done.stderr.decode(errors="replace")))
    return [json.loads(line) for line in done.stdout.splitlines()]


def is_line(line, name, **wanted):
    got = {key: line.get(key) for key in wanted}
    ok(got == wanted, name) or diag("     got: %r\nexpected: %r\nof: %r" % (got, wanted, line))


def check(name):
    key = "made-by-" + name
    lines = run(name, "run", key, "shell", command("echo $FROM; echo err >&2; exit 3"),
                "feed", key, "shell", command("cat; touch kept"), "bytes for it",
                "late", key, "shell", command("echo started; sleep 600"),
                "poll", key, "shell", command("echo started; sleep 600"),
                "run", key, "shell", '{"command": 1}', "run", key, "read", '{"path": "nowhere"}',
                "op", "engine.info", "{}", "drain",
                options=("-o", json.dumps({"env": {"FROM": "the host"}})))
    if not ok(len(lines) == 10, "host %s: all steps" % name):
        return
    _, first, fed, late, poll, wrong, missing, info, drained, end = lines
    is_line(first, "host %s: a call" % name, status=0, outcome=EXITED, exit_code=3,
            flags=CREATED, bytes=13, verdict="exited")
    is_(sorted(first["output"].split("\n")), ["", "err", "the host"],
        "host %s: its output, with the options that the host gave the session" % name)
    is_(first["json"]["structuredContent"]["stdout"], "the host\n", "host %s: its result" % name)
    is_line(fed, "host %s: input" % name, status=0, exit_code=0, output="bytes for it", flags=0)
    for line, how in ((late, "by call_cancel"), (poll, "by the hook")):
        is_line(line, "host %s: a cancel %s" % (name, how), status=0, outcome=CANCELLED,
                exit_code=130, output="started\n", close=0)
    is_line(wrong, "host %s: wrong arguments" % name, status=-6, reason="arguments.invalid")
    is_line(missing, "host %s: a file that is not there" % name, status=0, exit_code=1)
    is_line(info, "host %s: an operation" % name, status=0, exit_code=0)
    is_line(drained, "host %s: drain" % name, status=0)
    is_line(end, "host %s: destroy" % name, status=0, again=-5)
    ok(end["progresses"] > 0 and end["gates"] == 6, "host %s: its hooks and its gate were called" %
       name) or diag(end)
    is_({line[key] for line in lines[1:8] for key in ("result_next", "hooks_next", "request_next")},
        {-1}, "host %s: what it has and the plugin does not know stays as it was" % name)
    later = run(name, "run", key, "shell", command("ls kept"), options=("-g", "ask first"))[1]
    is_line(later, "host %s: its gate refuses" % name, status=-14, message="ask first")
    later = run(name, "run", key, "shell", command("ls kept"))[1]
    is_line(later, "host %s: the session outlives it" % name, status=0, output="kept\n", flags=0)


names = sorted(os.listdir(PEERS))
ok("1.0" in names and "next" in names, "there are hosts: %s" % ", ".join(names))
for each in names:
    check(each)
done_testing()
