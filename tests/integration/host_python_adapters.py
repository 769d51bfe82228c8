#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# The adapters: what callers of today's Docker wrappers get, to the letter.
import atexit
import json
import os
import threading
import urllib.request

from sanitizer import load_first

load_first()

from adapters import ContainerBackend, DockerManager, DockerSandbox, Executor, SandboxPool
from caisson import CaissonError
from host_support import ENDPOINT, INSTANCE, PATIENCE, engine, environment, configuration, host, path
from host_support.sandboxes import containers, remove_quietly, root
from private_engine import seconds_until
from tap import diag, done_testing, is_, ok

IMAGE = os.environ["CAISSON_IMAGE"]
BUSYBOX = os.environ["CAISSON_BUSYBOX_IMAGE"]


def instance(name):
    """Its name; what it leaves when a test fails is taken away."""
    made = "%s.%s" % (INSTANCE, name)
    env = environment(CAISSON_CONFIG=configuration(name + ".json", instance=made))
    atexit.register(host, "shutdown", "--all", env=env)
    return made


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
    is_(manager.exec_command("chat-1", "for i in $(seq 20000); do printf 字; done; printf 末%.0s $(seq 30001) >&2"),
        "字" * 20000 + "末" * 30000 + "\n... (output truncated)", "characters are counted, not bytes")
    is_(manager.exec_command("chat-1", " "),
        "ERROR: Command execution failed: command: must be a string that is not blank, not \" \"",
        "what cannot be run says so")
    is_(manager.exec_command("", "echo lasting > file"), "(no output)", "no chat at all")
    is_(manager.exec_command("ephemeral", "cat file"), "lasting\n", "is the key `ephemeral`, which lasts")
    is_(manager.exec_command(None, "cat file"), "lasting\n", "None too")
    is_(sorted(containers(named)), ["caisson-%s-%s" % (named, key) for key in ("chat-1", "ephemeral")],
        "each chat has a container")
    is_(manager.active_container_count, 2, "and they are counted")
    test_scripts(manager)
    test_files(manager)
    manager.shutdown()
    is_(containers(named), [], "shutdown ends them all")
    gone = DockerManager(ENDPOINT, "no-such-image:here", instance=named, pull="never")
    said = gone.exec_command("chat-1", "true")
    ok(said.startswith("ERROR: Command execution failed: ") and "no-such-image" in said,
       "so does an image that is not there") or diag(said)
    gone.shutdown()


def test_scripts(manager):
    for script, stdin, shown in (
            ("print(input())", "given", "given\n"),
            ("import sys; print('o'); print('e', file=sys.stderr)", None, "o\n\nSTDERR: e\n"),
            ("import sys; sys.stderr.write('bad'); print('lost'); sys.exit(2)", None, "ERROR: bad"),
            ("import sys; print(len(sys.stdin.buffer.read()))", b"\xff\0", "2\n"),
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
    is_(manager.put_files("chat-1", []), [], "of nothing there is nothing")
    try:
        manager.put_files("chat-1", [("c", b"")], "/usr/lib")
        ok(False, "a folder that cannot be written")
    except CaissonError as error:
        ok("/usr/lib" in error.message, "a folder that cannot be written is an error") or diag(error)


# ---- DockerSandbox -------------------------------------------------------------------------------


def test_sandbox():
    image, name = "caisson-test-%s:built" % INSTANCE, "named_%s" % INSTANCE
    os.makedirs(path("context"))
    with open(path("context/Dockerfile"), "w") as f:
        f.write("FROM %s\nRUN echo built > /built\n" % BUSYBOX)
    atexit.register(remove_quietly, "/images/%s?force=1" % image)
    named = instance("sandbox")
    network = "caisson-" + named
    sandbox = DockerSandbox(image, name, build_context=path("context"), build_network="none", ports=["8080"], env={"STAGE": "test"},
                            network_mode="bridge", docker_url=ENDPOINT, instance=named)
    is_(sandbox.exec("true"), (1, "Sandbox container is not running."), "exec before start")
    is_(sandbox.get_host_port("8080/tcp"), None, "nor is there a port")
    sandbox.build_image_if_missing()
    ok('"%s"' % image in engine("GET", "/images/json"), "the image is built")
    sandbox.start()
    ok(name in containers(named), "the container has the name") or diag(containers(named))
    is_(sandbox.exec("cat /built; echo $STAGE; exit 5"), (5, "built\ntest\n"), "exec: exit code and output")
    is_(sandbox.exec("echo one; sleep 0.2; echo two >&2; sleep 0.2; echo three"), (0, "one\ntwo\nthree\n"),
        "stdout and stderr as they came")
    is_(sandbox.exec("echo begun; sleep 1000", timeout=1.5), (124, "begun\n"), "a timeout is 124")
    sandbox.write_file("/workspace/www/index.html", "page 字\n")
    sandbox.write_file("blob", b"\xff")
    is_(sandbox.exec("cat www/index.html; wc -c < blob"), (0, "page 字\n1\n"), "write_file: text and bytes")
    sandbox.exec("httpd -p 8080 -h www")
    port = sandbox.get_host_port("8080/tcp")
    ok(isinstance(port, int) and port > 0, "get_host_port is a number") or diag(port)
    ok(seconds_until(lambda: page(port) == "page 字\n", PATIENCE) is not None, "at which it answers")
    is_(sandbox.get_host_port("9/tcp"), None, "a port that is not published has none")
    before = engine("GET", "/containers/%s/json" % name)
    sandbox.start()
    ok(json.loads(before)["Id"] != json.loads(engine("GET", "/containers/%s/json" % name))["Id"],
       "start replaces what has the name")
    is_(sandbox.exec("ls"), (0, ""), "with a new one")
    sandbox.stop()
    is_(containers(named), [], "stop ends it")
    sandbox.stop()
    is_(sandbox.exec("true"), (1, "Sandbox container is not running."), "exec after stop")
    sandbox._box.operation("session.shutdown", {"scope": "instance"})
    sandbox.close()
    ok(network not in engine("GET", "/networks"), "nothing is left")


def page(port):
    try:
        return urllib.request.urlopen("http://127.0.0.1:%d/index.html" % port, timeout=5).read().decode()
    except OSError:
        return ""


# ---- SandboxPool and ContainerBackend ------------------------------------------------------------


def test_pool():
    named = instance("pool")
    pool = SandboxPool(IMAGE, idle_timeout=3600, docker_url=ENDPOINT, instance=named)
    found = []
    threads = [threading.Thread(target=lambda: found.append(pool.ensure("alice"))) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    is_(len({f["container_id"] for f in found}), 1, "ensure: six at once have one container")
    is_(found[0]["name"], "caisson-%s-alice" % named, "which is the user's")
    pool.ensure("bob")
    pool.caisson.call("shell", {"command": "sleep 1000", "background": True}, session="bob")
    is_(pool.reap_idle(), [], "nobody is idle yet")
    pool.ensure("carol")
    done, reaped = threading.Event(), []

    def look():
        while not done.wait(0.05):
            pool.mark_active("carol")

    looking = threading.Thread(target=look)
    looking.start()
    pool.idle_timeout = 3
    ok(seconds_until(lambda: reaped.extend(pool.reap_idle()) or reaped, PATIENCE) is not None,
       "reap_idle ends what nobody uses")
    done.set()
    looking.join()
    is_(reaped, ["alice"], "but neither who is marked nor who has something running")
    is_(sorted(containers(named)), ["caisson-%s-%s" % (named, who) for who in ("bob", "carol")], "so they stay")
    ok(pool.ensure("alice")["created"], "and alice gets a new one")
    pool.shutdown_all()
    is_(containers(named), [], "shutdown_all ends them all")


def test_backend():
    named = instance("backend")
    os.mkdir(os.path.join(root, "skills"), 0o755)
    with open(os.path.join(root, "skills", "given"), "w") as f:
        f.write("given\n")
    mounts = [(os.path.join(root, "skills"), "/mnt/skills", True)]
    settings = {"bind_roots": [root], "ports": ["8080"], "network_mode": "bridge", "docker_url": ENDPOINT,
                "service": ["python3", "-m", "http.server", "8080"], "instance": named}
    backend = ContainerBackend(IMAGE, **settings)
    is_(backend.discover("box-1"), None, "discover: nothing")
    info = backend.create("thread-1", "box-1", mounts)
    is_((info.sandbox_id, info.container_name), ("box-1", "caisson-%s-box-1" % named), "create")
    ok(urllib.request.urlopen(info.sandbox_url, timeout=PATIENCE).status == 200, "its url answers at once") \
        or diag(info)
    is_(backend.caisson.call("shell", {"command": "cat /mnt/skills/given; touch /mnt/skills/x 2>&1 | tail -c 22"},
                             session="box-1").structured["stdout"], "given\nRead-only file system\n",
        "extra_mounts are mounted")
    is_(backend.create("thread-1", "box-1", mounts).container_id, info.container_id, "created once")
    other = ContainerBackend(IMAGE, **settings)
    found = other.discover("box-1")
    is_((found.container_id, found.sandbox_url), (info.container_id, info.sandbox_url),
        "discover: what another object made")
    is_(other.is_alive(info), True, "is_alive")
    other.destroy(found)
    is_((backend.is_alive(info), backend.discover("box-1")), (False, None), "destroy")
    backend.destroy(info)
    other.close()
    backend.caisson.operation("session.shutdown", {"scope": "instance"})
    backend.close()
    is_(containers(named), [], "nothing is left")


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
    executor.close()


test_manager()
test_sandbox()
test_pool()
test_backend()
test_executor()
done_testing()
