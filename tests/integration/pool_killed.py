#!/usr/bin/env python3
# A host that is killed: what it kept ready goes with it, what its sessions took lives on.
import json
import signal
import subprocess
import time
import urllib.parse

from host_support import INSTANCE, PATIENCE, configuration, engine, environment, host, start
from tap import done_testing, is_, ok

POOL = environment(CAISSON_CONFIG=configuration("pool.json", pool={"size": 2}))


def names():
    """Of this instance's containers that run."""
    filters = urllib.parse.quote(json.dumps({"label": ["caisson.instance=" + INSTANCE]}))
    return [c["Names"][0].lstrip("/")
            for c in json.loads(engine("GET", "/containers/json?filters=" + filters))]


def spare():
    return [name for name in names() if "-pool." in name]


def becomes(count):
    end = time.monotonic() + PATIENCE
    while len(spare()) != count and time.monotonic() < end:
        time.sleep(0.05)
    return len(spare()) == count


def test_killed():
    process = start("--session", "taken", "repl", env=POOL, stdin=subprocess.PIPE)
    ok(becomes(2), "a host keeps two ready")
    before = set(spare())
    process.stdin.write(b"echo kept > file\n")
    process.stdin.flush()
    end = time.monotonic() + PATIENCE
    while "caisson-%s-taken" % INSTANCE not in names() and time.monotonic() < end:
        time.sleep(0.05)
    ok("caisson-%s-taken" % INSTANCE in names(), "its session takes one")
    ok(becomes(2), "another takes its place")
    is_(len(before & set(spare())), 1, "the one that was left is still there")
    process.send_signal(signal.SIGKILL)
    process.wait()
    ok(becomes(0), "killed, it leaves nothing ready behind")
    is_(names(), ["caisson-%s-taken" % INSTANCE], "but the session's sandbox")
    done = host("--session", "taken", "call", "shell", "cat file")
    is_(done.out, "kept\n", "which the next host finds as it was")
    is_(host("rm", "taken").code, 0, "and removes")


test_killed()
done_testing()
