#!/usr/bin/env python3
# What Ctrl-C and its like do to caisson-host while a call runs.
import signal
import time

from host_support import (INSTANCE, Terminal, engine, finish, host, processes_inside, read_until,
                          start)
from tap import diag, done_testing, is_, ok

# Children that leave the group, ignore SIGTERM, and one that stops itself.
TREE = ("(setsid sleep 654 &) ; (trap '' TERM; sleep 655) & sh -c 'kill -STOP $$' & "
        "echo begun; wait; sleep 656")


def begun(*args, command=TREE):
    process = start(*args, "call", "shell", command)
    read_until(process.stdout, b"begun\n")
    return process


def test_cancel():
    host("call", "shell", "echo kept > file")
    process = begun()
    process.send_signal(signal.SIGINT)
    done = finish(process)
    is_(done.code, 130, "SIGINT cancels the call")
    ok(done.seconds < 10, "promptly")
    ok("cancelled" in done.err, "and says so")
    left = processes_inside("default")
    ok("sleep 65" not in left and "STOP" not in left, "all that it started is dead") or diag(left)
    is_(host("call", "shell", "cat file").out, "kept\n", "the session and its files stay")


def test_json():
    process = start("call", "--json", "shell", "echo begun > begun; sleep 600")
    while process.poll() is None and host("call", "shell", "cat begun").out != "begun\n":
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    done = finish(process)
    ok(done.code == 130 and done.json()["isError"],
       "a cancelled call has its result with --json") or diag(done.err)


def test_terminate():
    process = begun("--session", "term")
    process.send_signal(signal.SIGTERM)
    is_(finish(process).code, 130, "SIGTERM cancels it as well")
    ok("sleep 65" not in processes_inside("term"), "and leaves nothing")


def test_before():
    process = start("--session", "early", "call", "shell", "sleep 600")
    process.send_signal(signal.SIGINT)
    done = finish(process)
    ok(done.code in (130, -signal.SIGINT) and done.seconds < 20,
       "SIGINT while a session starts ends it too")
    is_(host("--session", "early", "call", "shell", "echo fine").out, "fine\n", "and harms nothing")


def test_terminal():
    terminal = Terminal("call", "shell", TREE)
    terminal.expect("begun")
    terminal.type("\003")
    terminal.expect("cancel")
    is_(terminal.close(), 130, "Ctrl-C on a terminal")


def test_ephemeral():
    process = start("call", "--ephemeral", "shell", "echo begun; sleep 600")
    read_until(process.stdout, b"begun\n")
    process.send_signal(signal.SIGINT)
    is_(finish(process).code, 130, "a cancelled call in a sandbox of its own")
    listed = host("sessions", "--json").json()["structuredContent"]["sessions"]
    ok(all(s["key"] in ("default", "term", "early") for s in listed),
       "leaves no sandbox") or diag(listed)


def test_twice():
    """A sandbox that is frozen cannot confirm a cancel, and so the call goes on for a while."""
    process = start("--session", "twice", "call", "shell", "echo begun; sleep 600")
    read_until(process.stdout, b"begun\n")
    engine("POST", "/containers/caisson-%s-twice/pause" % INSTANCE)
    try:
        process.send_signal(signal.SIGINT)
        time.sleep(1)
        ok(process.poll() is None, "a cancel waits until what the call started is dead")
        process.send_signal(signal.SIGINT)
        done = finish(process)
        ok(done.code == 130 and done.seconds < 1, "a second one leaves at once")
    finally:
        engine("POST", "/containers/caisson-%s-twice/unpause" % INSTANCE)
    ok("sleep 600" not in wait_for_quiet("twice"), "and the command ends without us")


def wait_for_quiet(session):
    for _ in range(100):
        left = processes_inside(session)
        if "sleep 600" not in left:
            return left
        time.sleep(0.1)
    return left


test_cancel()
test_json()
test_terminate()
test_before()
test_terminal()
test_ephemeral()
test_twice()
done_testing()
