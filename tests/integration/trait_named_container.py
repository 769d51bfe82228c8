#!/usr/bin/env python3
# A named container: of a name that the operator chooses, built if its image is missing, with volumes,
# ports, environment and capabilities.
import atexit
import json
import os
import urllib.request

from host_support import INSTANCE, PATIENCE, engine, host, path
from host_support.sandboxes import (Box, containers, exists, message, reason, remove_later,
                                    remove_quietly)
from private_engine import seconds_until
from tap import diag, done_testing, is_, ok

BASE = os.environ.get("CAISSON_BUSYBOX_IMAGE", "caisson-busybox:local")
IMAGE = "caisson-test-%s:bench" % INSTANCE
NAME = "workbench_%s" % INSTANCE
DATA, CACHE = NAME + "-data", NAME + "-cache"
NETWORK = {"name": "caisson-test-" + INSTANCE, "allow": ["resolver"]}
CONTEXT = path("context")
NET_BIND_SERVICE = 1 << 10


def context(text):
    os.makedirs(CONTEXT, exist_ok=True)
    with open(os.path.join(CONTEXT, "Dockerfile"), "w") as f:
        f.write(text)


def settings(**sandbox):
    return dict({
        "image": IMAGE, "build": {"context": CONTEXT, "network": "none"}, "name_template": "workbench_{key}",
        "network": NETWORK, "ports": ["8080"], "env": {"GREETING": "good day, 你好", "EMPTY": ""},
        "cap_add": ["NET_BIND_SERVICE"], "user": "30001:30001",
        "memory": "256m", "cpus": 0.5, "pids": 64, "workspace": {"size": 64 << 20}, "tmp": {"size": "32M"},
        "mounts": [{"type": "volume", "source": DATA, "target": "/data", "read_only": False, "own": True},
                   {"type": "volume", "source": CACHE, "target": "/cache", "own": True}]}, **sandbox)


def ensure(box):
    """Progress on stderr, and what session.ensure says."""
    done = host("-v", "--session", INSTANCE, "op", "--json", "session.ensure", env=box.env)
    return done.err, done.json()["structuredContent"] if done.out else {"error": {"message": done.err}}


def images():
    return [tag for image in json.loads(engine("GET", "/images/json")) for tag in image["RepoTags"] or []]


def test_refused():
    for wrong, word in (({"cap_add": ["SYS_ADMIN"]}, "SYS_ADMIN"),
                        ({"name_template": "all-of-one-name"}, "sandbox.name_template"),
                        ({"name_template": "no name {key}"}, "sandbox.name_template"),
                        ({"env": {"A=B": "x"}}, "A=B"), ({"ports": ["8080/sctp"]}, "sandbox.ports[0]"),
                        ({"ports": ["8080"], "network": "none"}, "sandbox.ports"),
                        ({"memory": "256q"}, "sandbox.memory"), ({"cpus": "half"}, "sandbox.cpus"),
                        ({"workspace": {"size": "512m"}}, "sandbox.memory"),
                        ({"mounts": [{"type": "volume", "source": "v", "target": "/proc/x"}]}, "/proc/x")):
        found = Box(**settings(**wrong)).ensure(INSTANCE)
        ok(word in message(found), "refused, and named: %s" % json.dumps(wrong)) or diag(found)
    is_(containers(), [], "before there is a container")
    ok(IMAGE not in images(), "or an image")


def test_build():
    context("FROM %s\nRUN echo broken; exit 3\n" % BASE)
    found = Box(**settings()).ensure(INSTANCE)
    ok(reason(found) == "image.build" and "step 2" in message(found) and "exit 3" in message(found),
       "a build that fails names its step") or diag(found)
    is_(containers(), [], "and leaves no container")
    context("FROM %s\nRUN echo tools > /made-by-build\n" % BASE)
    said, found = ensure(box)
    ok("building " + IMAGE in said, "a missing image is built") or diag(said)
    is_((found.get("name"), found.get("created")), (NAME, True), "and the container is made by its name") \
        or diag(found)
    is_(box.shell(INSTANCE, "cat /made-by-build"), "tools\n", "of that image")
    said, found = ensure(box)
    ok("building" not in said and not found.get("created"), "what is there is built and made only once")


def test_environment():
    is_(box.shell(INSTANCE, "echo \"$GREETING\"; echo ${EMPTY-unset}."), "good day, 你好\n.\n",
        "commands have the environment")


def test_limits():
    found = box.inspect(INSTANCE)["HostConfig"]
    is_((found["Memory"], found["MemorySwap"], found["NanoCpus"], found["PidsLimit"]),
        (256 << 20, 256 << 20, 500000000, 64), "limits are in the units that docker run has")
    is_(box.shell(INSTANCE, "df -m /workspace /tmp | awk 'NR > 1 {print $2}'"), "64\n32\n",
        "so are the sizes of what can be written")
    plain = Box(image=BASE)
    is_(message(plain.ensure("plain")), "", "a container of which nothing is said")
    found = plain.inspect("plain")["HostConfig"]
    is_((found["Memory"], found["NanoCpus"], found["PidsLimit"], found["NetworkMode"],
         found["ReadonlyRootfs"], found["CapAdd"], found["CapDrop"]),
        (1 << 30, 1000000000, 256, "none", True, None, ["ALL"]), "has the documented defaults")
    plain.remove("plain")


def test_capabilities():
    host_config = box.inspect(INSTANCE)["HostConfig"]
    is_([c.replace("CAP_", "") for c in host_config["CapAdd"]], ["NET_BIND_SERVICE"],
        "the engine is told of the capability")
    found = dict(line.split(":\t") for line in
                 box.shell(INSTANCE, "grep ^Cap /proc/self/status").splitlines())
    is_(int(found["CapBnd"], 16), NET_BIND_SERVICE, "it is all that is in the bounding set")
    is_(int(found["CapEff"], 16), 0, "and no command has it, as the documentation says")


def test_ports():
    port = box.op("session.ensure", INSTANCE)["ports"]["8080/tcp"]
    box.shell(INSTANCE, "mkdir -p www; echo page > www/index.html")
    box.call(INSTANCE, "shell", {"command": "httpd -f -p 8080 -h www", "background": True})

    def page():
        try:
            return urllib.request.urlopen(port["url"], timeout=5).read()
        except OSError:
            return b""

    ok(seconds_until(lambda: page() == b"page\n", PATIENCE) is not None,
       "a program inside is reached by its port") or diag(port)
    is_(port["host"], "127.0.0.1", "on this machine only")


def test_volumes():
    is_(box.shell(INSTANCE, "echo kept > /data/f; cat /data/f"), "kept\n", "a volume can be written")
    ok("Read-only file system" in box.shell(INSTANCE, "echo x > /cache/f"),
       "one is read-only unless it is said not to be")
    box.remove(INSTANCE)
    ok(not exists("containers", NAME), "the container goes")
    ok(exists("volumes", DATA) and exists("volumes", CACHE), "volumes stay")
    is_(box.shell(INSTANCE, "cat /data/f; echo more >> /data/f; tail -n 1 /data/f"), "kept\nmore\n",
        "with what is in them, for the same user")
    box.remove(INSTANCE)


box = Box(**settings())
atexit.register(remove_quietly, "/images/%s?force=1" % IMAGE)
remove_later(DATA)
remove_later(CACHE)
test_refused()
test_build()
test_environment()
test_limits()
test_capabilities()
test_ports()
test_volumes()
box.op("session.shutdown", args={"scope": "instance"})
ok(NETWORK["name"] not in engine("GET", "/networks"), "the network that was made goes with the instance")
done_testing()
