#!/usr/bin/env python3
"""Under gVisor, a kernel of its own in user space: every tool works there, a cancel ends all that runs,
and a second host finds the session."""
import json
import os
import time

from host_support import PATIENCE, configuration, environment, host, path
from private_engine import IMAGE, PrivateEngine, need_root
from tap import diag, done_testing, is_, ok

need_root()
RUNTIME = {"path": "/usr/bin/runsc", "runtimeArgs": ["--network=none", "--platform=ptrace"]}
ENGINE = PrivateEngine(settings={"runtimes": {"runsc": RUNTIME}})
ENGINE.import_image()
ENV = environment(CAISSON_CONFIG=configuration(
    "gvisor.json", engine={"endpoint": ENGINE.endpoint},
    sandbox={"image": IMAGE, "runtime": "runsc"}))


def call(tool, **arguments):
    done = host("--session", "g", "call", "--json", tool, "-", stdin=json.dumps(arguments).encode(),
                env=ENV)
    result = json.loads(done.out)
    return result["content"][0]["text"], result["structuredContent"]


def test_commands():
    text, found = call("shell", command="dmesg 2>&1 | head -3; id -u")
    is_(found["exit_code"], 0, "a command runs") or diag(found)
    text, found = call("run_python", code="import os; print(sum(range(10)), os.getuid() > 0)")
    is_(found.get("stdout"), "45 True\n", "a Python program runs") or diag(found)
    text, found = call("shell", command="(setsid sleep 1000 &) ; trap '' TERM; sleep 1000",
                       timeout_ms=1500)
    is_(found["outcome"], "deadline", "a command ends at its deadline") or diag(found)
    is_(found.get("survivors"), 0, "with all that it started")
    ends_with_all("it")


def test_files():
    text, found = call("write", path="dir/a.txt", content="one\ntwo\nthree\n")
    is_(found["exit_code"], 0, "a file is written") or diag(text)
    text, found = call("read", path="dir/a.txt")
    ok("two" in text, "read") or diag(text)
    text, found = call("edit", path="dir/a.txt", old_string="two", new_string="2")
    is_(found["exit_code"], 0, "edited") or diag(text)
    text, found = call("grep", pattern="^2$", path=".")
    ok("dir/a.txt" in text, "searched") or diag(text)
    text, found = call("glob", pattern="**/*.txt")
    ok("dir/a.txt" in text, "found by its name") or diag(text)
    text, found = call("list", path="dir")
    ok("a.txt" in text, "listed") or diag(text)


def test_operations():
    with open(path("up.bin"), "wb") as f:
        f.write(os.urandom(300000))
    done = host("--session", "g", "put", path("up.bin"), env=ENV)
    is_(done.code, 0, "a file is uploaded") or diag(done.err)
    done = host("--session", "g", "get", "uploads", path("down.tar"), env=ENV)
    is_(done.code, 0, "and downloaded") or diag(done.err)
    command = ENGINE.containers()[0]["Command"]
    ok("-readable" in command, "the helper is one that can be read, as this runtime needs it") or diag(command)


def ends_with_all(what):
    text, found = call("shell", command="cat /proc/[0-9]*/cmdline | tr '\\0' ' '")
    ok("sleep 100" not in found["stdout"], what + " leaves nothing running") or diag(found)


def test_jobs():
    text, found = call("shell", command="echo begun; sleep 1000", background=True)
    job = found.get("job_id")
    ok(job, "a job starts in the background") or diag(text)
    text, found = call("shell_output", job_id=job, wait_ms=10000)
    ok("begun" in text, "its output can be read") or diag(text)
    text, found = call("shell_kill", job_id=job)
    is_(found["exit_code"], 0, "it can be ended") or diag(text)
    daemon = "(setsid sleep 1001 &); echo begun; sleep 1002"
    job = call("shell", command=daemon, background=True)[1]["job_id"]
    call("shell_output", job_id=job, wait_ms=10000)
    text, found = call("shell_kill", job_id=job)
    is_((found.get("status"), found.get("survivors")), ("killed", 0), "so can one with a daemon") or diag(text)
    ends_with_all("shell_kill")
    job = call("shell", command=daemon, background=True, timeout_ms=1500)[1]["job_id"]
    found = {"status": "running"}
    while found.get("status") == "running":
        text, found = call("shell_output", job_id=job, wait_ms=10000)
    is_((found.get("status"), found.get("survivors")), ("timed_out", 0), "or it has its time") or diag(text)
    ends_with_all("a deadline")


def test_service():
    server = ["python3", "-u", "-m", "http.server", "--bind", "127.0.0.1", "8080"]
    env = environment(CAISSON_CONFIG=configuration(
        "service.json", engine={"endpoint": ENGINE.endpoint},
        sandbox={"image": IMAGE, "runtime": "runsc",
                 "service": {"command": server, "ready": {"tcp": 8080, "timeout_ms": 60000}}}))

    def op(name):
        return host("--session", "s", "op", "--json", name, env=env).json()["structuredContent"]

    found = op("session.ensure")
    first = found.get("service", {})
    is_((first.get("state"), first.get("ready")), ("running", True), "a service runs and is ready") or diag(found)
    ok("Serving" in op("service.log").get("text", ""), "its log can be read")
    host("--session", "s", "call", "shell", "-", env=env,
         stdin=json.dumps({"command": "sleep 1000", "timeout_ms": 1500}).encode())
    found, until = {}, time.monotonic() + PATIENCE
    while not (found.get("ready") and found.get("restarts") == 1) and time.monotonic() < until:
        found = op("session.inspect").get("service", {})
    is_((found.get("state"), found.get("restarts")), ("running", 1),
        "a call that is ended takes it along, and it is started again") or diag(found)
    host("--session", "s", "rm", "s", env=env)


def test_deny_routes():
    """It keeps routes of its own, which nobody can add to: that is found out, not hoped for."""
    env = environment(CAISSON_CONFIG=configuration(
        "network.json", engine={"endpoint": ENGINE.endpoint},
        sandbox={"image": IMAGE, "runtime": "runsc",
                 "network": {"name": "sandboxes", "allow": ["resolver"]}}))
    done = host("--session", "n", "call", "shell", "true", env=env)
    ok(done.code == 125 and "routes" in done.err and "sandbox.runtime" in done.err,
       "deny routes are refused, with words") or diag(done.err)
    done = host("inspect", "n", env=env)
    is_(done.code, 1, "and the sandbox that could not be made safe is gone") or diag(done.out)


test_commands()
test_files()
test_operations()
test_jobs()
test_service()
host("--session", "g", "rm", "g", env=ENV)
test_deny_routes()
done_testing()
