#!/usr/bin/env python3
# Background jobs, end to end: they outlive the host that started them, however it ends, lose and
# repeat nothing of what they print, keep their sandbox alive while they run, and are killed whole.
import json
import os
import random
import signal
import time

from host_support import PATIENCE, configuration, environment, host, start
from private_engine import seconds_until, with_marker
from tap import diag, done_testing, is_, ok

# Words of command lines that nobody else uses: processes are looked for on the machine itself.
MARK = "96%d" % os.getpid()
IMAGE = os.environ.get("CAISSON_IMAGE", "caisson-python:local")


def call(session, tool, under=None, **args):
    """The structuredContent of a call, and its text; `under` is the host's own environment."""
    done = host("--session", session, "call", "--json", tool, "-", stdin=json.dumps(args).encode(),
                env=under)
    result = done.json()
    return result["structuredContent"], result["content"][0]["text"]


def begin(session, command, under=None, **args):
    found, text = call(session, "shell", under, command=command, background=True, **args)
    assert "job_id" in found, text
    return found["job_id"]


def output(session, job, env=None, **args):
    return call(session, "shell_output", env, job_id=job, **args)[0]


def until(session, job, status, env=None):
    """Reads the job's output until it has that status; returns the pieces and the last answer."""
    pieces, end = [], time.monotonic() + PATIENCE
    while time.monotonic() < end:
        found = output(session, job, env, wait_ms=2000)
        pieces.append(found["new_stdout"])
        if found["status"] == status and not found["more"]:
            return pieces, found
    raise AssertionError("%s does not become %s: %s" % (job, status, found))


def inspect(session, env=None):
    return host("inspect", session, "--json", env=env).json()["structuredContent"]


def short(**sandbox):
    """The environment of a host with these settings of the sandbox."""
    name = "-".join("%s%s" % item for item in sorted(sandbox.items())) + ".json"
    return environment(CAISSON_CONFIG=configuration(name, sandbox=dict(sandbox, image=IMAGE)))


def test_answers():
    found, text = call("a", "shell", command="echo out; echo err >&2; exit 7", background=True)
    is_((found["job_id"], found["outcome"], found["exit_code"]), ("job-1", "exited", 0),
        "a job starts")
    ok("shell_output" in text and "shell_kill" in text and "job-1" in text,
       "the text says what to do")
    pieces, found = until("a", "job-1", "exited")
    is_(("".join(pieces), found["command_exit_code"], found["exit_code"]), ("out\n", 7, 0),
        "its end is told, and no failure of the question")
    _, text = call("a", "shell_output", job_id="job-1", out_offset=0, err_offset=0)
    ok(text.startswith("out\n[stderr]\nerr\n[job-1 ended: exit 7 after "), "in words") or diag(text)
    found, text = call("a", "shell_output", job_id="job-2")
    is_(found["error"]["reason"], "job.not_found", "an unknown job is refused")
    ok("job-1" in text, "with those that exist")
    found, text = call("a", "shell_kill", job_id="job-1")
    ok(found["had_ended"] and "ended already" in text, "to kill one that has ended is no error")
    job = begin("a", "cat; pwd", cwd="/tmp", stdin="given ")
    pieces, _ = until("a", job, "exited")
    is_("".join(pieces), "given /tmp\n", "stdin and cwd are as for any command")
    long = "echo " + "x" * 200000
    pieces, _ = until("a", begin("a", long), "exited")
    is_(len("".join(pieces)), 200001, "a command line may be long")
    found, _ = call("a", "shell", command="true", background=True, timeout_ms=10 ** 12)
    is_(found["error"]["reason"], "arguments.invalid", "its time has a limit")
    found, text = call("a", "shell", command="true", timeout_ms=700000)
    ok("background" in text, "what is too long for a call is told of jobs") or diag(text)


def test_kill():
    mark = MARK + ".1"
    job = begin("k", "trap '' TERM; (setsid sh -c 'trap \"\" TERM; sleep {0} & sleep {0}' &); "
                     "(sleep {0} &); sleep {0}".format(mark))
    ok(seconds_until(lambda: len(with_marker(mark)) >= 4, PATIENCE) is not None, "a tree")
    other = begin("k", "sleep %s.2" % MARK)
    found, text = call("k", "shell_kill", job_id=job)
    is_((found["status"], found["survivors"]), ("killed", 0), "is killed, with proof") or diag(text)
    is_(with_marker(mark), [], "none of it is left")
    is_(output("k", other)["status"], "running", "another job is not touched")
    jobs = {j["job_id"]: j for j in inspect("k")["jobs"]}
    is_((jobs[job]["status"], jobs[other]["status"]), ("killed", "running"),
        "session.inspect lists both")
    ok(jobs[other]["command"].startswith("sleep 96") and "started_at" in jobs[other],
       "with what they are")
    host("rm", "k")
    ok(seconds_until(lambda: not with_marker(MARK + ".2"), PATIENCE) is not None,
       "a job ends with its session")
    ok("jobs" not in inspect("nobody") and not inspect("nobody")["found"],
       "looking makes no session")


def test_bomb():
    """A job that takes all processes there are can be ended all the same."""
    env = short(pids=40)
    job = begin("p", "echo up; while :; do sleep 600 & done 2>/dev/null", env)
    full = seconds_until(lambda: call("p", "shell", env, command="true")[0].get("error", {})
                         .get("reason") == "sandbox.processes", PATIENCE)
    ok(full is not None, "a job can take all processes that there are")
    killed = seconds_until(lambda: call("p", "shell_kill", env, job_id=job)[0].get("status")
                           == "killed", PATIENCE)
    ok(killed is not None, "a job that holds all processes is killed, if not at the first try")
    found, _ = call("p", "shell", env, command="echo fine")
    is_(found.get("stdout"), "fine\n", "then commands run again")


# Lines with characters of one to four bytes; the number makes each one unlike all others.
COUNT = ("import sys, time\n"
         "for i in range({0}):\n"
         "    sys.stdout.write('%d a\\u00e4\\u20ac\\U0001f600 \\n' % i)\n"
         "    sys.stdout.flush()\n"
         "    if i % {1} == 0: time.sleep(0.05)\n")


def expected(n):
    return "".join("%d a\u00e4\u20ac\U0001f600 \n" % i for i in range(n))


def test_restart():
    """The host that started it is killed; the next one reads all of it."""
    code = COUNT.format(3000, 30)
    call("r", "run_python", code="open('count.py', 'w').write(%r)" % code)
    process = start("--session", "r", "call", "shell", "sleep 600")
    job = begin("r", "python3 count.py")
    first = output("r", job, wait_ms=5000)["new_stdout"]
    process.send_signal(signal.SIGKILL)
    process.wait()
    pieces, found = until("r", job, "exited")
    whole = first + "".join(pieces)
    is_(whole == expected(3000), True, "nothing is lost or repeated over many hosts") or \
        diag("%d of %d characters" % (len(whole), len(expected(3000))))
    is_(found["command_exit_code"], 0, "and the job ended by itself")
    again = output("r", job)["new_stdout"]
    is_(again, "", "all of it was shown")


def test_offsets():
    """A reader with offsets of its own, and small limits."""
    chance = random.Random(5)
    code = COUNT.format(2000, 100)
    env = environment(CAISSON_CONFIG=configuration("small.json", tools={"output_limit": 1000}))
    call("o", "run_python", env, code="open('count.py', 'w').write(%r)" % code)
    job = begin("o", "python3 count.py; python3 count.py >&2", env)
    text, errors, out, err, turns = "", "", 0, 0, 0
    while turns < 400:
        turns += 1
        found = output("o", job, env, out_offset=out, err_offset=err,
                       wait_ms=chance.choice([0, 10, 1000]))
        ok_size = len(found["new_stdout"].encode()) + len(found["new_stderr"].encode()) <= 1000
        text, errors = text + found["new_stdout"], errors + found["new_stderr"]
        out, err = found["out_offset"], found["err_offset"]
        if not ok_size or (found["status"] == "exited" and not found["more"]):
            break
    ok(ok_size, "no answer is longer than the limit")
    is_((text == expected(2000), errors == expected(2000)), (True, True),
        "its pieces are the whole, both streams, in %d turns" % turns)
    is_(out, len(expected(2000).encode()), "the last offset is the size")
    first = output("o", job, env)
    ok(expected(2000).startswith(first["new_stdout"]) and first["more"],
       "and a reader without offsets starts at the beginning")


def test_cancelled_wait():
    job = begin("c", "while [ ! -e go ]; do sleep 0.1; done; echo late; sleep 600")
    begun = time.monotonic()
    done = host("--session", "c", "--timeout", "0.3", "call", "--json", "shell_output",
                json.dumps({"job_id": job, "wait_ms": 60000}))
    is_(done.json()["structuredContent"]["outcome"], "deadline", "a wait can be ended")
    ok(time.monotonic() - begun < 30, "at once")
    call("c", "shell", command="touch go")
    is_(output("c", job, wait_ms=30000)["new_stdout"], "late\n", "and nothing was taken by it")
    is_(call("c", "shell_kill", job_id=job)[0]["status"], "killed", "the job was not ended by it")


def test_limit():
    env = environment(CAISSON_CONFIG=configuration("two.json", jobs={
        "max_running": 2, "output_max": 2000, "timeout_ms": 15000}))
    jobs = [begin("l", "head -c 5000 /dev/zero; sleep 600", env) for _ in range(2)]
    found, text = call("l", "shell", env, command="true", background=True)
    is_(found["error"]["reason"], "job.limit", "one more than may run is refused")
    ok("shell_kill" in text, "and the text says what to do") or diag(text)
    pieces, found = until("l", jobs[0], "timed_out", env)
    is_(found["survivors"], 0, "a job that takes too long is killed")
    is_((found["out_offset"], found["dropped_bytes"]), (2000, 3000),
        "of its output the limit is kept")
    until("l", jobs[1], "timed_out", env)
    is_(begin("l", "true", env), "job-3", "then the next one starts")


def test_idle():
    env = short(idle_ttl_s=3)
    mark = MARK + ".3"
    begin("i", "while [ ! -e end ]; do sleep 0.1; done; : %s" % mark, env)
    identity = inspect("i", env)["container_id"]
    time.sleep(6)
    found = inspect("i", env)
    is_((found["container_id"], found["idle_ms"]), (identity, 0), "a job is a sign of life")
    call("i", "shell", env, command="touch end")
    gone = seconds_until(lambda: not host("inspect", "i", "--json", env=env).json()
                         ["structuredContent"]["found"], PATIENCE)
    ok(gone is not None, "when it has ended the sandbox ends too")


def test_env():
    """As for any command."""
    found, _ = call("e", "shell", command="echo $A; echo $HOME", env={"A": "given"},
                    background=True)
    pieces, _ = until("e", found["job_id"], "exited")
    is_("".join(pieces), "given\n/workspace\n", "the environment is that of any command")


def test_images():
    for image, works in (("CAISSON_BUSYBOX_IMAGE", True), ("CAISSON_EMPTY_IMAGE", False)):
        env = environment(CAISSON_CONFIG=configuration(image + ".json", sandbox={
            "image": os.environ[image]}))
        found, text = call(image[8:12], "shell", env, command="echo here", background=True)
        if not works:
            ok("not found in the sandbox" in text, "without a shell it is refused") or diag(text)
            continue
        pieces, _ = until(image[8:12], found["job_id"], "exited", env)
        is_("".join(pieces), "here\n", "a job needs no more than a shell")


def main():
    for test in (test_answers, test_kill, test_bomb, test_restart, test_offsets,
                 test_cancelled_wait, test_limit, test_idle, test_env, test_images):
        test()
    done_testing()


main()
