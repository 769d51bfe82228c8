#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# The adapters that manage containers, DockerSandbox, SandboxPool and ContainerBackend: what their callers
# rely on.
import atexit
import json
import os
import threading
import urllib.request

from sanitizer import load_first

load_first()

from adapters import ContainerBackend, DockerSandbox, SandboxPool
from host_support import ENDPOINT, INSTANCE, PATIENCE, engine, path
from host_support.sandboxes import containers, instance, remove_quietly, root
from private_engine import seconds_until
from tap import diag, done_testing, is_, ok

IMAGE = os.environ["CAISSON_IMAGE"]
BUSYBOX = os.environ["CAISSON_BUSYBOX_IMAGE"]


# ---- DockerSandbox -------------------------------------------------------------------------------


def test_sandbox():
    image, name = "caisson-test-%s:built" % INSTANCE, "named_%s" % INSTANCE
    os.makedirs(path("context"))
    with open(path("context/Dockerfile"), "w") as f:
        f.write("FROM %s\nRUN echo built > /built\n" % BUSYBOX)
    atexit.register(remove_quietly, "/images/%s?force=1" % image)
    named = instance("sandbox")
    network = "caisson-" + named
    sandbox = DockerSandbox(image, name, build_context=path("context"), build_network="none",
                            ports=["8080"], env={"STAGE": "test"}, network_mode="bridge", docker_url=ENDPOINT,
                            instance=named)
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
    pool.mark_active("never came")
    ok(seconds_until(lambda: pool.reap_idle() and None or "never came" not in pool._marked, PATIENCE) is not None,
       "a mark that is old is forgotten")
    is_(pool.ensure(7)["name"], "caisson-%s-7" % named, "an id may be a number")
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


test_sandbox()
test_pool()
test_backend()
done_testing()
