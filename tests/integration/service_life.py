#!/usr/bin/env python3
# A service's life: started again when it fails, gone into the background, printing more than is kept,
# and no reason for its sandbox to stay.
import os
import pty
import subprocess
import time

from host_support import HOST, PATIENCE, finish, host, start
from service_support import ensure, error, inspect, named, op, settings, shell, wait_for
from tap import diag, done_testing, is_, ok

MARK = "x%d" % os.getpid()


def test_restarts():
    script = "n=$(cat n 2>/dev/null || echo 0); echo $((n+1)) >n; echo run $n; " \
             "until rm die 2>/dev/null; do sleep 0.1; done; exit 5"
    env = settings({"command": ["bash", "-c", script]})
    ensure("again", env)
    for restarts in (1, 2):
        shell("again", "touch die", env)
        found = wait_for("again", env, lambda s: s.get("restarts") == restarts and s.get("ready"))
    is_(found["restarts"], 2, "one that fails is started again")
    text = op("service.log", "again", env)["text"]
    is_(text.split("\n")[:2], ["run 0", "run 1"], "its log goes on over its runs")
    env = settings({"command": ["bash", "-c", script], "restart": "never"})
    ensure("never", env)
    shell("never", "touch die", env)
    found = wait_for("never", env, lambda s: s.get("state") == "failed")
    is_((found.get("exit_code"), found.get("restarts"), found.get("end")), (5, 0, "exit code 5"),
        "or stays as it ended, if that is wanted")
    is_(shell("never", "cat n", env), "1\n", "calls go on in its sandbox")
    is_(ensure("never", env).get("service", {}).get("state"), "running", "session.ensure starts it again")
    is_(shell("never", "cat n", env), "2\n", "in the same sandbox")
    env = settings({"command": ["bash", "-c", "trap '' TERM; echo $$ >pid; sleep 1000 & wait; sleep 1000"]})
    first = ensure("killed", env)["service"]["pid"]
    shell("killed", "kill -9 $(cat pid)", env)
    found = wait_for("killed", env, lambda s: s.get("state") == "running" and s.get("pid") != first)
    is_(found["restarts"], 1, "one that was killed comes back")
    ok(wait_for("killed", env, lambda s: s.get("ready"))["restarts"] == 1, "and is ready again")
    is_(len(named("killed", "sleep", env)), 1,
        "and what it had left is gone")
    keeper, = named("killed", "caisson-job", env)
    host("--session", "killed", "call", "shell", "kill -9 %s; sleep 5" % keeper, env=env)
    found = wait_for("killed", env, lambda s: s.get("restarts", 0) >= 2 and s.get("state") == "running")
    ok(found["restarts"] >= 2, "so does one whose keeper was killed")


def test_daemon():
    env = settings({"command": ["sh", "-c", "sleep 1000 & exit 0"]})
    ensure("daemon", env)
    found = inspect("daemon", env)["service"]
    is_((found.get("state"), found.get("exit_code")), ("running", 0),
        "one that goes into the background runs") or diag(found)
    shell("daemon", "kill -9 %s" % " ".join(named("daemon", "sleep", env)), env)
    found = wait_for("daemon", env, lambda s: s.get("state") != "running")
    is_(found.get("state"), "exited", "until the last of it has ended")


def test_log():
    env = settings({"command": ["sh", "-c", "seq 1 400000; echo %s; sleep 1000" % MARK],
                    "log_size": "64k"})
    ensure("log", env)
    wait_for("log", env, lambda s: s.get("log_bytes", 0) >= 2688895)
    log = op("service.log", "log", env, {"tail_bytes": 30})
    ok(log["text"].endswith("400000\n%s\n" % MARK) and len(log["text"]) == 30, "a log ends as it ends")
    log = op("service.log", "log", env, {"offset": 0})
    lines = log["text"].split("\n")
    ok(log["lost_bytes"] > 2000000 and len(log["text"]) == 65536, "and has its tail") or diag(log)
    is_([int(n) for n in lines[1:-2]], list(range(int(lines[1]), 400001)), "whole")
    is_(log["next_offset"], inspect("log", env)["service"]["log_bytes"], "up to its end")
    more = op("service.log", "log", env, {"offset": log["next_offset"], "wait_ms": 100})
    is_((more["text"], more["more"]), ("", False), "behind which there is nothing yet")
    is_(error(op("service.log", "log", env, {"offset": 1 << 40})).get("reason"), "arguments.invalid",
        "an offset beyond is refused")


def on_terminal(env, *args):
    """What the program writes to a terminal."""
    ours, theirs = pty.openpty()
    done = subprocess.run([HOST, *args], env=env, stdin=subprocess.DEVNULL, stdout=theirs,
                          stderr=subprocess.PIPE, timeout=PATIENCE)
    os.close(theirs)
    if done.returncode:
        diag(done.stderr)
    said = os.read(ours, 65536).decode()
    os.close(ours)
    return said.replace("\r\n", "\n")


def test_logs_command():
    env = settings({"command": ["bash", "-c", "echo begun; until [ -e go ]; do sleep 0.1; done; "
                                "printf 'ended\\033]0;x\\n'"], "restart": "never"})
    ensure("logs", env)
    is_(host("logs", "logs", env=env).out, "begun\n", "`caisson-host logs` shows what there is")
    run = start("logs", "logs", "--follow", env=env)
    is_(os.read(run.stdout.fileno(), 100), b"begun\n", "with --follow at once")
    shell("logs", "touch go", env)
    done = finish(run)
    is_((done.out, done.code), ("ended\033]0;x\n", 0), "then what comes, until it ends") or diag(done.err)
    is_(on_terminal(env, "logs", "logs"), "begun\nended\\x1b]0;x\n",
        "which can do nothing to a terminal")
    is_(host("logs", "nothing", env=env).code, 125, "a session that is not there is a failure")


def test_idle():
    env = settings(["sleep", "1000"], idle_ttl_s=2, nofile=64)
    ensure("idle", env)
    until = time.monotonic() + PATIENCE
    while inspect("idle", env).get("found") and time.monotonic() < until:
        time.sleep(0.1)
    is_(inspect("idle", env).get("found"), False, "a service alone keeps no sandbox alive")


test_restarts()
test_daemon()
test_log()
test_logs_command()
test_idle()
done_testing()
