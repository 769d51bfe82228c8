#!/usr/bin/env python3
# Containers keyed by chat: each chat has its own, a restarted server finds it with its files and
# processes, and what a command prints is shown up to 50,000 characters.
import hashlib
import json
import signal
import subprocess

from host_support import INSTANCE, PATIENCE, read_until, start
from host_support.sandboxes import Box, containers
from private_engine import seconds_until
from tap import diag, done_testing, is_, ok

LIMIT = 50000
chats = Box()


def test_own():
    for chat in ("chat-1001", "chat-1002"):
        chats.shell(chat, "echo %s > mine" % chat)
    is_(sorted(containers()), ["caisson-%s-chat-1001" % INSTANCE, "caisson-%s-chat-1002" % INSTANCE],
        "each chat has a container that is called after it")
    is_(chats.shell("chat-1001", "ls; cat mine"), "mine\nchat-1001\n", "with its own files")
    is_(chats.shell("chat-1002", "ls; cat mine"), "mine\nchat-1002\n", "the other's are not there")


def test_restart():
    """The server is killed in the middle of its work."""
    server = start("--session", "chat-1001", "repl", env=chats.env, stdin=subprocess.PIPE)
    server.stdin.write(b"echo draft > report.md; sleep 98765 & echo working; wait\n")
    server.stdin.flush()
    read_until(server.stdout, b"working")
    job = chats.call("chat-1001", "shell", {"command": "echo step one; sleep 43210", "background": True})
    kept = chats.op("session.inspect", "chat-1001")["container_id"]
    server.send_signal(signal.SIGKILL)
    server.wait()
    found = chats.call("chat-1001", "shell", {"command": "cat report.md mine"})
    is_(found.get("stdout"), "draft\nchat-1001\n", "after a restart the chat's files are there") \
        or diag(found)
    ok("created" not in found and "recreated" not in found, "nothing says that it is a new sandbox")
    is_(chats.op("session.inspect", "chat-1001")["container_id"], kept, "it is the same container")
    found = chats.call("chat-1001", "shell_output", {"job_id": job.get("job_id"), "wait_ms": 5000})
    ok(found.get("status") == "running" and "step one" in json.dumps(found),
       "the job that ran in it goes on, with what it printed") or diag(found)
    gone = seconds_until(lambda: "98765" not in processes(), PATIENCE)
    ok(gone is not None, "the command that the server waited for has ended with it")
    ok("43210" in processes(), "the job has not")
    found = chats.call("chat-1001", "shell_kill", {"job_id": job.get("job_id")})
    is_(found.get("survivors"), 0, "and can be ended by whoever came after") or diag(found)


def processes():
    return chats.shell("chat-1001", "for p in /proc/[0-9]*; do [ $p = /proc/$$ ] || "
                       "tr '\\0' ' ' < $p/cmdline; done 2>/dev/null")


def printed(character, count):
    """structuredContent of a program that prints so many."""
    return chats.call("chat-1002", "run_python", {
        "code": "import sys; sys.stdout.write(%r * %d)" % (character, count)})


def test_truncation():
    found = printed("x", LIMIT)
    ok(found.get("stdout") == "x" * LIMIT and not found.get("truncated"), "50,000 characters are shown")
    found = printed("字", LIMIT)
    ok(found.get("stdout") == "字" * LIMIT, "of whatever length in bytes")
    found = printed("x", LIMIT + 1)
    is_(found.get("truncated"), True, "one more is cut")
    whole = "".join("%d\n" % n for n in range(1, 40001))
    found = chats.call("chat-1002", "shell", {"command": "seq 1 40000"})
    head, _, rest = found["stdout"].partition("\n... [")
    note, _, tail = rest.partition("] ...\n")
    ok(whole.startswith(head) and len(head) > 10000, "the beginning is kept") or diag(head[:100])
    ok(whole.endswith(tail) and len(tail) > 10000, "and the end") or diag(tail[-100:])
    ok(LIMIT - 10 <= len(head) + len(tail) <= LIMIT, "together as much as is allowed") \
        or diag(len(head) + len(tail))
    omitted = len(whole) - len(head) - len(tail)
    is_(note, "%s bytes omitted; all of the output is in %s" % (format(omitted, ","),
                                                               found.get("spill_path")),
        "between them stands how much is missing, and where all of it is")
    is_((found["bytes_total"], found["bytes_omitted"]), (len(whole), omitted), "programs are told too")
    ok(found["spill_path"].startswith("/tmp/.caisson/"), "the file is in the sandbox")
    is_(chats.shell("chat-1002", "sha256sum < " + found["spill_path"]).split()[:1],
        [hashlib.sha256(whole.encode()).hexdigest()], "and whole")


test_own()
test_restart()
test_truncation()
done_testing()
