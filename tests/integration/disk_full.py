#!/usr/bin/env python3
# No room: in a sandbox's own file systems, and on the engine's disk (an engine of this test's own, whose
# data lie on a small file system). Each says so, and goes on once there is room.
import os

from private_engine import PrivateEngine, Refused, need_root

need_root()

from host_support import configuration, environment, host
from tap import diag, done_testing, is_, ok

IMAGE = os.environ.get("CAISSON_IMAGE", "caisson-python:local")
MEGABYTE = 1 << 20


def document(done):
    return done.json()["structuredContent"]


# ---- a sandbox's own ----------------------------------------------------------------------------


def call(session, tool, arguments, env):
    return host("--session", session, "call", "--json", tool, "-", stdin=arguments.encode(), env=env)


def test_sandbox():
    env = environment(CAISSON_CONFIG=configuration(
        "small.json", sandbox={"image": IMAGE, "tmp": {"size": "2m"}, "workspace": {"size": "2m"}}))
    program = "print('fine')\n" + "#" * (3 * MEGABYTE)
    found = document(call("s", "run_python", program, env))
    is_(found["outcome"], "none", "a program that does not fit into /tmp is not started")
    is_(found["error"]["reason"], "disk.full", "because there is no room")
    ok("/tmp" in found["error"]["message"] + found["error"]["hint"], "in /tmp") or diag(found)
    found = document(call("s", "run_python", "print('fine')", env))
    is_(found["stdout"], "fine\n", "a smaller one runs: nothing of the large one is left there")

    found = document(call("s", "shell", "head -c 4000000 /dev/zero | tr '\\0' 'x'", env))
    is_(found["bytes_total"], 4000000, "more output than /tmp has room for")
    ok(found["truncated"], "is shown in part")
    is_(found.get("spill_whole", False), False, "and the file does not claim to be whole") or diag(found)
    again = "rm -f /tmp/.caisson/*; head -c 1000000 /dev/zero | tr '\\0' 'y'"
    found = document(call("s", "shell", again, env))
    ok(found.get("spill_whole"), "with room again it is whole") or diag(found)

    found = document(call("s", "shell", "head -c 4000000 /dev/zero > file; stat -c %s file", env))
    is_(found["stdout"], "%d\n" % (2 * MEGABYTE), "/workspace is as large as it was made")
    ok("No space left on device" in found["stderr"], "and says so to the command")
    found = document(call("s", "shell", "rm file; echo fine", env))
    is_(found["stdout"], "fine\n", "the session goes on")


# ---- the engine's -------------------------------------------------------------------------------


def fill(engine):
    """Takes all the room that is left for the engine's data."""
    path = os.path.join(engine.data, "filler")
    with open(path, "wb", buffering=0) as f:
        block = bytes(MEGABYTE)
        while block:
            try:
                f.write(block)
            except OSError:
                block = block[:len(block) // 2]
    return path


def test_engine():
    engine = PrivateEngine(tmpfs=400)
    engine.import_image()
    env = environment(CAISSON_CONFIG=configuration("full.json", engine={"endpoint": engine.endpoint}))
    patient = ("--timeout", "60")
    first = host("--session", "first", "call", "shell", "echo kept > file; cat file", env=env)
    is_(first.out, "kept\n", "an engine with room") or diag(first.err)
    filler = fill(engine)
    failed = host("--session", "second", *patient, "call", "--json", "shell", "echo fine", env=env)
    is_(failed.code, 125, "without room a new session cannot start")
    found = document(failed)
    is_(found["error"]["reason"], "disk.full", "because the engine's disk is full") or diag(failed.out)
    ok("no space left" in failed.err.lower() or "full" in failed.err.lower(), "in words") or \
        diag(failed.err)
    running = host("--session", "first", *patient, "call", "shell", "cat file", env=env)
    ok(running.out == "kept\n" or running.code == 125, "one that runs works, or says why not") or \
        diag((running.code, running.out, running.err))
    os.unlink(filler)
    again = host("--session", "second", *patient, "call", "shell", "echo fine", env=env)
    is_(again.out, "fine\n", "with room again it starts") or diag(again.err)
    kept = host("--session", "first", *patient, "call", "shell", "cat file", env=env)
    is_(kept.out, "kept\n", "and the other one goes on")
    host("shutdown", "--all", env=env)
    try:
        engine.ask("DELETE", "/volumes/caisson-guest")
        filler = fill(engine)
        failed = host("--session", "third", *patient, "call", "--json", "shell", "true", env=env)
        is_(document(failed)["error"]["reason"], "disk.full", "nor can the helper be delivered") or \
            diag(failed.out)
        os.unlink(filler)
    except Refused as refused:
        ok(False, "the volume is not in use: %s" % refused)
    again = host("--session", "third", *patient, "call", "shell", "echo fine", env=env)
    is_(again.out, "fine\n", "and with room again it is, whole")
    host("shutdown", "--all", env=env)
    is_(len(engine.containers()), 0, "nothing is left")


test_sandbox()
test_engine()
done_testing()
