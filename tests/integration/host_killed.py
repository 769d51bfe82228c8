#!/usr/bin/env python3
# A host that dies or falls silent in the middle of a call: what it started ends by itself, what it left
# in the background stays until the sandbox has been idle too long, and the next host finds its files.
import json
import os
import random
import signal
import threading
import time
import traceback

from host_support import PATIENCE, configuration, engine, environment, host, start
from private_engine import seconds_until, with_marker
from tap import diag, done_testing, is_, ok

SLOW = int(os.environ.get("CAISSON_SLOW", "1"))
# How much later than it should a thing may happen before it is wrong: on a machine that is busy with other
# things all of this is late, and what the limits tell apart lies further away (15 s of silence, a default
# idle_ttl of 900 s).
LATE = 10 * SLOW
# Words of command lines that nobody else uses: processes are looked for on the machine itself.
MARK = "97%d" % os.getpid()
IMAGE = os.environ.get("CAISSON_IMAGE", "caisson-python:local")

TREE = ("echo kept > file; (setsid sleep {0} &); (trap '' TERM; sleep {0}) & "
        "sh -c 'kill -STOP $$; exec sleep {0}' {0} & "
        "python3 -c 'import os, time; os.fork() or os.setsid() or os.fork() or time.sleep(600)' {0} & "
        "wait; sleep {0}")


def short(**sandbox):
    """The environment of a host with these settings of the sandbox."""
    name = "-".join("%s%s" % item for item in sorted(sandbox.items())) + ".json"
    return environment(CAISSON_CONFIG=configuration(name, sandbox=dict(sandbox, image=IMAGE)))


def begun(session, mark, command, least=1, env=None):
    """A host in the middle of a call; returns once the command's processes are there."""
    process = start("--session", session, "call", "shell", command, env=env or environment())
    found = seconds_until(lambda: len(with_marker(mark)) >= least, PATIENCE)
    assert found is not None, "the command does not start"
    return process


def container_of(session, env=None):
    return host("inspect", session, "--json", env=env).json()["structuredContent"]


def is_there(identity):
    filters = "%7B%22id%22%3A%5B%22" + identity + "%22%5D%7D"  # {"id":["..."]}
    return bool(json.loads(engine("GET", "/containers/json?all=1&filters=" + filters)))


def kill(process):
    process.kill()
    process.wait()
    return time.monotonic()


def test_killed():
    """SIGKILL to the host; nobody else ever asks for the session again."""
    env = short(idle_ttl_s=3)
    mark = MARK + ".1"
    process = begun("killed", mark, TREE.format(mark), 4, env)
    identity = container_of("killed", env)["container_id"]
    killed = kill(process)
    dead = seconds_until(lambda: not with_marker(mark), PATIENCE)
    took = time.monotonic() - killed
    ok(dead is not None and took < LATE,
       "a killed host's command is dead at once, not after a silence (%.2f s)" % took)
    gone = seconds_until(lambda: not is_there(identity), PATIENCE)
    took = time.monotonic() - killed
    ok(gone is not None and took < 3 + 2 * LATE,
       "and its sandbox is gone once it has been idle for idle_ttl (%.1f s)" % took)


def test_restarted():
    """The next host comes sooner."""
    mark = MARK + ".2"
    left = MARK + ".3"
    host("--session", "restart", "call", "shell",
         "sleep %s >/dev/null 2>&1 & echo started" % left)
    process = begun("restart", mark, TREE.format(mark), 4)
    identity = container_of("restart")["container_id"]
    kill(process)
    next_one = host("--session", "restart", "call", "--json", "shell", "cat file")
    found = next_one.json()["structuredContent"]
    is_(found["stdout"], "kept\n", "a host that comes back sooner finds the files")
    ok("created" not in found and "recreated" not in found, "in the session that it left")
    is_(container_of("restart")["container_id"], identity, "which is the same")
    ok(seconds_until(lambda: not with_marker(mark), LATE) is not None, "the command is dead")
    is_(len(with_marker(left)), 1, "what an earlier call left in the background runs on")
    host("rm", "restart")
    ok(seconds_until(lambda: not with_marker(left), PATIENCE) is not None,
       "until the session is removed")


def test_background_is_idle():
    """A job in the background keeps nothing alive when the host is gone and nobody calls."""
    env = short(idle_ttl_s=2)
    mark = MARK + ".4"
    job = "sleep %s >/dev/null 2>&1 & echo made" % mark
    made = host("--session", "idle", "call", "shell", job, env=env)
    is_(made.out, "made\n", "a job in the background, and no host any more")
    gone = seconds_until(lambda: not with_marker(mark), PATIENCE)
    ok(gone is not None and gone < 2 + 2 * LATE, "ends with its idle sandbox (%.1f s)" % (gone or -1))


def test_calls_keep_it():
    """A call that lasts longer than idle_ttl is no idleness."""
    env = short(idle_ttl_s=2)
    done = host("--session", "busy", "call", "shell", "sleep 5; echo still here", env=env)
    is_(done.out, "still here\n", "a call that lasts longer than idle_ttl goes on")


def test_lifetime():
    env = short(max_lifetime_s=3)
    done = host("--session", "old", "call", "--json", "shell", "echo begun; sleep 600", env=env)
    found = done.json()["structuredContent"]
    is_(found["outcome"], "lost", "max_lifetime ends a sandbox, busy or not")
    is_(found["error"]["reason"], "session.lost", "as the result says")
    ok("max_lifetime" in found["error"]["message"], "by name") or diag(found)
    ok(done.seconds < 3 + 2 * LATE, "in time (%.1f s)" % done.seconds)
    following = host("--session", "old", "call", "shell", "echo fine", env=env)
    is_(following.out, "fine\n", "the next call works")


def test_silent():
    """A host that is stopped: it is there, and says nothing any more."""
    mark = MARK + ".5"
    process = begun("silent", mark, TREE.format(mark), 4)
    process.send_signal(signal.SIGSTOP)
    stopped = time.monotonic()
    dead = seconds_until(lambda: not with_marker(mark), PATIENCE)
    took = time.monotonic() - stopped
    ok(dead is not None and took < 15 + 2 * LATE,
       "the command of a host that fell silent is dead after 15 s of silence (%.1f s)" % took)
    process.send_signal(signal.SIGCONT)
    process.wait(timeout=PATIENCE)
    kept = host("--session", "silent", "call", "shell", "cat file")
    is_(kept.out, "kept\n", "the session and its files stay")


def test_while_starting():
    """Killed at any point of a session's start: the next host gets it to work all the same."""
    chance = random.Random(1)
    for i in range(6):
        session = "start%d" % i
        process = start("--session", session, "call", "shell", "sleep 600")
        time.sleep(chance.uniform(0.01, 0.3))
        kill(process)
    for i in range(6):
        done = host("--session", "start%d" % i, "--timeout", "60", "call", "shell", "echo fine")
        is_(done.out, "fine\n", "a host killed while it starts a session: the next one can use it") or \
            diag(done.err)


def guarded(test):
    """On a thread nothing else would turn an exception into a failure."""
    try:
        test()
    except Exception:
        ok(False, "%s runs to its end" % test.__name__)
        diag(traceback.format_exc())


def main():
    slow = [threading.Thread(target=guarded, args=(f,)) for f in (test_silent, test_killed)]
    for thread in slow:
        thread.start()
    test_restarted()
    test_background_is_idle()
    test_calls_keep_it()
    test_lifetime()
    test_while_starting()
    for thread in slow:
        thread.join()
    left = sum((with_marker("%s.%d" % (MARK, n)) for n in range(1, 6)), [])
    is_(left, [], "no process is left")
    done_testing()


main()
