#!/usr/bin/env python3
# Calls that never pause while two builds of the plugin take turns: none fails, none is lost, and
# what the process holds does not grow. Times are only reported; `make bench` has more swaps.
import os
import signal
import time

from host_support import PATIENCE, finish, host, start
from tap import diag, done_testing, is_, ok

OTHER = os.environ["CAISSON_OTHER_PLUGIN"]
SANITIZED = "/asan/" in OTHER or "/tsan/" in OTHER
# That one swap of 100 kB that stay behind shows; threads' own arenas come and go.
GROWTH_KB = 8 * 1024


def trial(threads, count):
    done = host("swap", "--json", OTHER, "--threads", str(threads), "--count", str(count))
    if done.code not in (0, 1) or not done.out:
        ok(False, "%d swaps under %d threads" % (count, threads)) or diag(done.err)
        return
    found = done.json()
    is_([found["swaps"], found["threads"]], [count, threads],
        "%d swaps under %d threads" % (count, threads))
    is_([found["failed"], found["lost"]], [0, 0], "no call fails, none is lost") or diag(
        found["first_failure"])
    ok(found["quiet"]["count"] > 0 and found["beside"]["count"] >= count * threads,
       "calls came before, during and after") or diag(done.out)
    before, after = found["before"], found["after"]
    is_(after["descriptors"], before["descriptors"], "as many descriptors as before")
    # A sanitizer keeps what was freed.
    ok(SANITIZED or after["memory_kb"] - before["memory_kb"] < GROWTH_KB,
       "and about as much memory") or diag(done.out)
    ok(found["was"]["build_id"] != found["is"]["build_id"], "between two builds")
    diag("%d calls, %d made anew; ms p50/p99/max: quiet %s, beside a swap %s, a swap %s" % (
        found["calls"], found["retried"], *(
            "%.1f/%.1f/%.1f" % (t["p50_ms"], t["p99_ms"], t["max_ms"])
            for t in (found["quiet"], found["beside"], found["swap"]["whole"]))))


def sessions():
    return host("sessions", "--json").json()["structuredContent"]["sessions"]


def test_cancel():
    process = start("swap", OTHER, "--threads", "4", "--count", "100000")
    end = time.monotonic() + PATIENCE
    while len(sessions()) < 4 and time.monotonic() < end:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    is_(finish(process).code, 130, "SIGINT ends it")
    is_(sessions(), [], "and its sessions are removed")


def test_own_call():
    done = host("swap", "--json", OTHER, "--threads", "2", "--count", "2", "--session", "mine",
                "shell", "exit 3")
    found = done.json()
    ok(done.code == 1 and found["failed"] == found["calls"] and "code 3" in found["first_failure"],
       "a call that fails is reported, with how it failed") or diag(done.out)
    is_([s["key"] for s in sessions()], ["mine"], "a session that was named is not removed")
    host("rm", "mine")


trial(16, 4)
trial(2, 30)
test_cancel()
test_own_call()
done_testing()
