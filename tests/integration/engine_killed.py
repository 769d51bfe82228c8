#!/usr/bin/env python3
# An engine that is killed, restarted or hangs in the middle of a call; and one on which the helper has
# never been, or from which it was taken. All on an engine of this test's own.
import json
import os
import signal
import subprocess
import threading
import time

from private_engine import PATIENCE, PrivateEngine, command_lines, need_root, seconds_until, with_marker

need_root()

from host_support import HOST, configuration, environment, finish, host, read_until, start
from tap import diag, done_testing, is_, ok

SLOW = int(os.environ.get("CAISSON_SLOW", "1"))
# Words of command lines that nobody else uses.
MARK = "98%d" % os.getpid()


def on(engine, **members):
    """The environment of a host that uses this engine."""
    members.setdefault("engine", {"endpoint": engine.endpoint})
    name = "private%d.json" % len(members)
    return environment(CAISSON_CONFIG=configuration(name, **members))


def document(done):
    return done.json()["structuredContent"]


def volumes(engine):
    return [v["Name"] for v in json.loads(engine.ask("GET", "/volumes"))["Volumes"] or []]


# ---- the helper's delivery ----------------------------------------------------------------------


def test_first_calls(engine):
    """Several hosts at once on an engine that has never seen the helper."""
    is_(volumes(engine), [], "an engine without the helper's volume")
    running = [start("--session", "first%d" % i, "call", "shell", "echo fine", env=on(engine))
               for i in range(4)]
    done = [finish(p) for p in running]
    ok(all(d.code == 0 and d.out == "fine\n" for d in done), "four hosts start sessions at once") or \
        diag([d.err for d in done])
    is_(volumes(engine), ["caisson-guest"], "the helper is delivered, into one volume")
    is_(len(engine.containers()), 4, "and what carried it there is gone")
    is_(host("shutdown", "--all", env=on(engine)).code, 0, "they are shut down")


def test_delivered_again(engine):
    engine.ask("DELETE", "/volumes/caisson-guest")
    done = host("--session", "again", "call", "shell", "echo fine", env=on(engine))
    is_(done.out, "fine\n", "a volume that was removed while nothing used it is made again")
    is_(host("shutdown", "--all", env=on(engine)).code, 0, "and so on")


def other_build():
    """The other one of the two builds, whose helper is another file: as good as another version."""
    folder = os.path.dirname(HOST)
    other = os.path.join(folder, "asan") if os.path.basename(folder) != "asan" else \
        os.path.dirname(folder)
    return {"CAISSON_HOST": os.path.join(other, "caisson-host"),
            "CAISSON_PLUGIN": os.path.join(other, "caisson.so")}


def test_other_version(engine):
    """A plugin with another helper adopts what this one started."""
    made = host("--session", "version", "call", "shell", "echo kept > file", env=on(engine))
    is_(made.code, 0, "a session of this version")
    other = other_build()
    env = dict(on(engine), **other)
    done = subprocess.run([other["CAISSON_HOST"], "--session", "version", "call", "--json", "shell",
                           "cat file"], env=env, capture_output=True, timeout=PATIENCE, check=False)
    found = json.loads(done.stdout or b"{}").get("structuredContent", {})
    is_(found.get("stdout"), "kept\n", "another version adopts it, files and all") or diag(done.stderr)
    ok("recreated" not in found and "created" not in found, "without making it anew")
    back = host("--session", "version", "call", "shell", "cat file", env=on(engine))
    is_(back.out, "kept\n", "and this one can go on with it")
    begun = document(host("--session", "version", "call", "--json", "shell", "-", env=on(engine),
                          stdin=b'{"command": "echo begun; sleep 600", "background": true}'))

    def by_other(tool, **arguments):
        ended = subprocess.run([other["CAISSON_HOST"], "--session", "version", "call", "--json",
                                tool, "-"], env=env, capture_output=True, timeout=PATIENCE,
                               input=json.dumps(arguments).encode(), check=False)
        return json.loads(ended.stdout or b"{}").get("structuredContent", {})

    found = by_other("shell_output", job_id=begun.get("job_id"), wait_ms=10000)
    is_((found.get("status"), found.get("new_stdout")), ("running", "begun\n"),
        "a background job of this version is read by the other") or diag(begun, found)
    found = by_other("shell_kill", job_id=begun.get("job_id"))
    is_((found.get("status"), found.get("survivors")), ("killed", 0), "and ended by it") or diag(found)


# ---- killed in the middle of a call -------------------------------------------------------------


def begun(engine, session, mark, *options, env=None):
    """A call in the middle of a command that has left the process group and ignores SIGTERM."""
    tree = "echo kept > file; (trap '' TERM; setsid sleep {0}) & sleep {0} & wait".format(mark)
    process = start("--session", session, *options, "call", "--json", "shell", tree,
                    env=env or on(engine))
    found = seconds_until(lambda: len(with_marker(mark)) >= 2, PATIENCE)
    assert found is not None, "the command does not start"
    return process


def check_lost(process, what):
    done = finish(process)
    found = document(done)
    is_(found["outcome"], "lost", "%s: the call is lost" % what)
    is_(found["error"]["reason"], "engine.unreachable", "because of the engine")
    return done


def test_killed(engine):
    mark = MARK + ".1"
    process = begun(engine, "k", mark)
    engine.kill()
    killed = time.monotonic()
    check_lost(process, "an engine killed in the middle of a call")
    ok(time.monotonic() - killed < 8 * SLOW, "at once (%.1f s)" % (time.monotonic() - killed))
    failed = host("--session", "k", "call", "--json", "shell", "true", env=on(engine))
    is_(failed.code, 125, "while it is gone the next call fails")
    ok("engine" in failed.err, "and says why") or diag(failed.err)
    dead = seconds_until(lambda: not with_marker(mark), 25 * SLOW)
    took = time.monotonic() - killed
    ok(dead is not None and took < 20 * SLOW, "the command is dead within 20 s (%.1f s)" % took)
    engine.start()
    again = host("--session", "k", "--timeout", "60", "call", "--json", "shell", "echo fine",
                 env=on(engine))
    is_(again.code, 0, "once it is back the next call works") or diag(again.err)


def test_killed_in_an_upload(engine):
    """Nothing half done is in the sandbox, seen from outside: nobody can ask it any more."""
    process = start("--session", "uploading", "op", "--json", "--input", "-", "file.upload",
                    '{"name": "half", "path": "."}', env=on(engine), stdin=subprocess.PIPE)
    process.stdin.write(bytes(8 << 20))   # far more than all that lies between holds
    process.stdin.flush()
    inside = [pid for pid, words in command_lines() if b"--key\0uploading\0" in words]
    engine.kill()
    check_lost(process, "an engine killed in the middle of an upload")
    # Process 1, and the two that are at work for the call until they find themselves alone.
    ok(len(inside) >= 2, "a helper was at work") or diag(inside)
    alone = seconds_until(lambda: len([pid for pid, words in command_lines()
                                       if b"--key\0uploading\0" in words]) <= 1, 40 * SLOW)
    ok(alone is not None, "which gives up by itself")
    is_(os.listdir("/proc/%d/root/workspace" % min(inside)), [], "and leaves no file of any name")
    engine.start()


def test_killed_under_a_living_host(engine):
    """The same host process goes on afterwards: it must notice that what it holds is gone."""
    repl = start("--session", "living", "repl", env=on(engine), stdin=subprocess.PIPE)

    def line(text, wanted):
        repl.stdin.write(text.encode() + b"\n")
        repl.stdin.flush()
        return read_until(repl.stdout, wanted)

    line("echo one > file; echo $((40 + 1))", b"41\n")
    engine.kill()
    engine.start()
    line("echo $((40 + 2))", b"42\n")
    ok(True, "a host that lives through a restart of the engine goes on")
    line("ls; echo $((40 + 3))", b"43\n")
    repl.stdin.close()
    repl.stdin = None
    done = finish(repl)
    is_(done.code, 0, "without an error")
    ok(done.seconds < 30 * SLOW, "or a hang")


# ---- an engine that hangs -----------------------------------------------------------------------


def test_hangs(engine):
    mark = MARK + ".2"
    process = begun(engine, "h", mark)
    engine.signal(signal.SIGSTOP)
    stopped = time.monotonic()
    ended = []
    waiter = threading.Thread(target=lambda: ended.append(finish(process)))
    waiter.start()
    dead = seconds_until(lambda: not with_marker(mark), 30 * SLOW)
    took = time.monotonic() - stopped
    ok(dead is not None and took < 20 * SLOW,
       "an engine that hangs in the middle of a call: the command is dead within 20 s (%.1f s)" % took)
    waiter.join(timeout=60 * SLOW)
    took = time.monotonic() - stopped
    ok(ended and took < 35 * SLOW, "and the call is over (%.1f s)" % took)
    if ended:
        is_(document(ended[0])["outcome"], "lost", "as lost")
    engine.signal(signal.SIGCONT)
    kept = host("--session", "h", "call", "shell", "cat file", env=on(engine))
    is_(kept.out, "kept\n", "when it goes on the session is there, files and all")


def test_hangs_past_a_deadline(engine):
    mark = MARK + ".3"
    process = begun(engine, "d", mark, "--timeout", "2")
    engine.signal(signal.SIGSTOP)
    stopped = time.monotonic()
    done = finish(process)
    took = time.monotonic() - stopped
    ok(took < 16 * SLOW, "a deadline while the engine hangs: it ends in bounded time (%.1f s)" % took)
    ok(document(done)["outcome"] in ("lost", "deadline"), "and says how") or diag(done.out)
    engine.signal(signal.SIGCONT)
    dead = seconds_until(lambda: not with_marker(mark), 20 * SLOW)
    ok(dead is not None, "the command is dead too")


# ---- the end ------------------------------------------------------------------------------------


def test_nothing_left(engine):
    is_(host("shutdown", "--all", env=on(engine)).code, 0, "all sessions are shut down")
    gone = seconds_until(lambda: not engine.containers(), 20 * SLOW)
    ok(gone is not None, "no container is left") or diag(engine.containers())
    ok(not [p for n in (1, 2, 3) for p in with_marker("%s.%d" % (MARK, n))], "and no process")


def main():
    engine = PrivateEngine()
    engine.import_image()
    test_first_calls(engine)
    test_delivered_again(engine)
    test_other_version(engine)
    test_killed(engine)
    test_killed_in_an_upload(engine)
    test_killed_under_a_living_host(engine)
    test_hangs(engine)
    test_hangs_past_a_deadline(engine)
    test_nothing_left(engine)
    done_testing()


main()
