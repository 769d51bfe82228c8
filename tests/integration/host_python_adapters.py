#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# The adapters whose answers a model reads, DockerManager and Executor: to the letter.
import os
import types

from sanitizer import load_first

load_first()

from adapters import DockerManager, Executor
from caisson import CaissonError
from host_support import ENDPOINT
from host_support.sandboxes import containers, instance
from tap import diag, done_testing, is_, ok

IMAGE = os.environ["CAISSON_IMAGE"]


# ---- DockerManager -------------------------------------------------------------------------------


def test_manager():
    named = instance("manager")
    manager = DockerManager(ENDPOINT, IMAGE, 600, "none", True, instance=named)
    is_(manager.active_container_count, 0, "a manager has no container before it is needed")
    is_(manager.exec_command("chat-1", "echo out; echo err >&2; echo more"), "out\nmore\nerr\n",
        "exec_command: stdout, then stderr")
    is_(manager.exec_command("chat-1", "exit 3"), "(no output)", "no output, whatever the exit code")
    for count, shown in ((50000, "x" * 50000), (50001, "x" * 50000 + "\n... (output truncated)")):
        is_(manager.exec_command("chat-1", "head -c %d /dev/zero | tr '\\0' x" % count), shown,
            "%d characters" % count)
    is_(manager.exec_command("chat-1", "printf 字%.0s $(seq 20000); printf 末%.0s $(seq 30001) >&2"),
        "字" * 20000 + "末" * 30000 + "\n... (output truncated)", "characters are counted, not bytes")
    is_(manager.exec_command("chat-1", " "),
        'ERROR: Command execution failed: command: must be a string that is not blank, not " "',
        "what cannot be run says so")
    is_(manager.exec_command("", "echo lasting > file"), "(no output)", "no chat at all")
    is_(manager.exec_command("ephemeral", "cat file"), "lasting\n", "is the key `ephemeral`, which lasts")
    is_(manager.exec_command(None, "cat file"), "lasting\n", "None too")
    is_(manager.exec_command(0, "echo zero > file; cat file"), "zero\n", "an id may be a number")
    is_(manager.exec_command("0", "cat file"), "zero\n", "and is its text")
    said = manager.exec_command("a\ud800", "true")
    ok(said.startswith("ERROR: Command execution failed: "), "an id that is no text says so") or diag(said)
    is_(sorted(containers(named)), ["caisson-%s-%s" % (named, key) for key in ("0", "chat-1", "ephemeral")],
        "each chat has a container")
    is_(manager.active_container_count, 3, "and they are counted")
    test_scripts(manager)
    test_files(manager)
    manager.shutdown()
    is_(containers(named), [], "shutdown ends them all")
    gone = DockerManager(ENDPOINT, "no-such-image:here", instance=named, pull="never")
    said = gone.exec_command("chat-1", "true")
    ok(said.startswith("ERROR: Command execution failed: ") and "no-such-image" in said,
       "so does an image that is not there") or diag(said)
    box = gone._box
    box.drain(0)
    try:
        gone.shutdown()
        ok(False, "a shutdown that fails")
    except CaissonError:
        ok(box._instance.closed, "a shutdown that fails has ended the object all the same")


def test_scripts(manager):
    for script, stdin, shown in (
            ("print(input())", "given", "given\n"),
            ("import sys; print('o'); print('e', file=sys.stderr)", None, "o\n\nSTDERR: e\n"),
            ("import sys; sys.stderr.write('bad'); print('lost'); sys.exit(2)", None, "ERROR: bad"),
            ("import sys; print(len(sys.stdin.buffer.read()))", b"\xff\0", "2\n"),
            ("import sys; print(len(sys.stdin.buffer.read())) # no text", "\ud800", "3\n"),
            ("pass", None, "")):
        is_(manager.run_script("chat-1", script, stdin), shown, "run_script: %s" % script)


def test_files(manager):
    found = manager.put_files("chat-1", [
        ("a.csv", b"one"), ("other/a.csv", b"two!"), ("C:\\tmp\\a.csv", b"three"), ("", b""), ("/", b"x"),
        ("..", b"y"), ("字 x.txt", b"z")], "/workspace/in", "sub")
    names = ["a.csv", "a_1.csv", "a_2.csv", "file", "file_1", "file_2", "字 x.txt"]
    is_(found, [{"name": name, "path": "/workspace/in/sub/" + name, "size": size}
                for name, size in zip(names, (3, 4, 5, 0, 1, 1, 1))], "put_files: names, paths and sizes")
    is_(manager.exec_command("chat-1", "cd in/sub; cat a.csv a_1.csv a_2.csv; stat -c ' %a' a.csv"),
        "onetwo!three 644\n", "the files are there, for all to read")
    manager.exec_command("chat-1", "chmod 600 in/sub/a.csv")
    manager.put_files("chat-1", {"a.csv": b"new"}, "/workspace/in", "sub")
    is_(manager.exec_command("chat-1", "cd in/sub; cat a.csv; stat -c ' %a' a.csv; ls | wc -l"), "new 644\n7\n",
        "existing ones are replaced")
    is_(manager.put_files("chat-1", [("b", b"")])[0]["path"], "/workspace/b", "in the workspace, if not told")
    is_([f["name"] for f in manager.put_files("chat-1", [("\ud800.b", b""), ("\udc80.b", b"")])],
        ["?.b", "?_1.b"], "what is no character is replaced")
    for data in (5, "text"):
        try:
            manager.put_files("chat-1", [("d", data)])
            ok(False, "a file of %r" % data)
        except TypeError:
            ok(True, "a file of %r is an error" % data)
    is_(manager.put_files("chat-1", []), [], "of nothing there is nothing")
    try:
        manager.put_files("chat-1", [("c", b"")], "/usr/lib")
        ok(False, "a folder that cannot be written")
    except CaissonError as error:
        ok("/usr/lib" in error.message, "a folder that cannot be written is an error") or diag(error)


# ---- Executor ------------------------------------------------------------------------------------


class Context:
    def __init__(self, cancel_check=None):
        self.session, self.cancel_check, self.polled = "main", cancel_check, 0


def test_executor():
    named = instance("executor")
    executor = Executor(image=IMAGE, docker_url=ENDPOINT, instance=named)
    ok(executor.has_tool("shell") and not executor.has_tool("sell") and not executor.has_tool("session.list"),
       "has_tool knows the tools, and no operations")
    schema = executor.schemas()[0]
    is_((schema["type"], schema["function"]["name"], schema["function"]["parameters"]["required"]),
        ("function", "shell", ["command"]), "schemas are functions with their parameters")
    for command, shown in (
            ("echo out", "[stdout]\nout\n[exit 0]"),
            ("echo out; echo err >&2; exit 3", "[stdout]\nout\n[stderr]\nerr\n[exit 3]"),
            ("echo err >&2", "[stderr]\nerr\n[exit 0]"), ("exit 1", "[exit 1]")):
        is_(executor.call_tool("shell", {"command": command}, Context()), shown, command)
    is_(executor.call_tool("shell", {"command": "echo begun; sleep 1000", "timeout_ms": 1500}, Context()),
        "[stdout]\nbegun\n[Error] command timed out after 1.5s\n[exit 124]", "a timeout")
    is_(executor.call_tool("run_python", {"code": "import time; time.sleep(1000)", "timeout_ms": 1000}, Context()),
        "[Error] command timed out after 1s\n[exit 124]", "in whole seconds too")
    is_(executor.call_tool("shell", '{"command": "sleep 1000", "timeout_ms": 1000}', Context()),
        "[Error] command timed out after 1s\n[exit 124]", "arguments as the model wrote them")
    context = Context()

    def stop():
        context.polled += 1
        return context.polled > 20

    context.cancel_check = stop
    is_(executor.call_tool("shell", {"command": "sleep 1000"}, context),
        "[Error] command cancelled by user\n[exit 130]", "cancel_check is polled, and cancels")
    executor.call_tool("write", {"path": "f", "content": "line\n"}, Context())
    ok("line" in executor.call_tool("read", {"path": "f"}, Context()), "other tools have their own text")
    said = executor.call_tool("read", {"path": "none"}, Context())
    ok("none" in said and not said.startswith("["), "and their own errors") or diag(said)
    said = executor.call_tool("shell", {}, Context())
    ok(said.startswith("[Error] ") and "command" in said, "wrong arguments are an error") or diag(said)
    said = executor.call_tool("sell", {}, Context())
    ok(said.startswith("[Error] ") and "shell" in said, "so is a tool that does not exist") or diag(said)
    executor.call_tool("shell", {"command": "echo main > who"}, Context())
    for what, none in (("a ctx without a session", types.SimpleNamespace(cancel_check=None)), ("no ctx", None)):
        is_(executor.call_tool("shell", {"command": "cat who"}, none), "[stdout]\nmain\n[exit 0]",
            "%s is the executor's own session, which lasts" % what)
    executor.close()


test_manager()
test_executor()
done_testing()
