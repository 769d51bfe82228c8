#!/usr/bin/env python3
# A pool of containers, one for each user: made once however many ask at once, made anew when it was
# stopped, ended when nobody needs it, and on a network and a runtime that the operator chooses.
import json
import os
import re
import signal
import time
from concurrent.futures import ThreadPoolExecutor

from private_engine import PrivateEngine, need_root, seconds_until

need_root()

from host_support import INSTANCE, PATIENCE, engine, finish, read_until, start
from host_support.sandboxes import Box, containers, message, reason, root
from tap import diag, done_testing, is_, ok

BUSYBOX = os.environ.get("CAISSON_BUSYBOX_IMAGE", "caisson-busybox:local")
NETWORK = "caisson-test-" + INSTANCE
HOME = {"type": "bind", "path": root + "/users/{session}"}
pool = Box(workspace=HOME)
RUNSC = {"path": "/usr/bin/runsc", "runtimeArgs": ["--network=none", "--platform=ptrace"]}


def test_atomic():
    """Each host is a process of its own."""
    with ThreadPoolExecutor(6) as hosts:
        found = list(hosts.map(lambda n: pool.ensure("alice"), range(6)))
    is_({message(f) for f in found}, {""}, "of six processes at once none fails")
    is_(len({f.get("container_id") for f in found}), 1, "all have the same container")
    is_([f.get("created") for f in found].count(True), 1, "which one of them made")
    is_(containers(), ["caisson-%s-alice" % INSTANCE], "there is no other")


def test_recreated():
    for how in ("stop?t=1", "kill"):
        pool.shell("alice", "echo kept > file")
        before = pool.op("session.inspect", "alice")["container_id"]
        engine("POST", "/containers/%s/%s" % (before, how))
        found = pool.call("alice", "shell", {"command": "cat file"})
        is_(found.get("stdout"), "kept\n", "after docker %s the user's next command runs, on the "
            "files that are kept" % how.split("?")[0]) or diag(found)
        ok(found.get("created") or found.get("recreated"), "and is told of the new container") or diag(found)
        ok(pool.op("session.inspect", "alice")["container_id"] not in (None, before), "it is another one")
    is_(containers(), ["caisson-%s-alice" % INSTANCE], "of the stopped ones none is left")
    pool.remove("alice")


def test_idle():
    short = Box(idle_ttl_s=2)
    running = start("--session", "busy", "call", "shell", "echo begun; sleep 1000", env=short.env)
    read_until(running.stdout, b"begun")
    before = short.op("session.inspect", "busy").get("container_id")
    began = time.monotonic()
    short.shell("idle", "true")
    gone = seconds_until(lambda: "caisson-%s-idle" % INSTANCE not in containers(), PATIENCE)
    ok(gone is not None and time.monotonic() - began >= 2,
       "a container that nobody uses ends by itself, and not before its time")
    is_(short.op("session.inspect", "idle").get("found"), False, "nobody finds it any more")
    is_(short.op("session.inspect", "busy").get("container_id", ""), before, "one that is used for longer stays")
    running.send_signal(signal.SIGINT)
    finish(running)
    short.remove("busy")


def test_network():
    box = Box(network={"name": NETWORK, "deny": ["10.0.0.0/8", "192.0.2.0/24", "fd00::/8", "host"],
                       "allow": ["resolver", "10.9.8.7/32"]})
    made = json.loads(engine("GET", "/networks/" + NETWORK)) if not message(box.ensure("net")) else {}
    is_(made.get("Labels", {}).get("caisson.instance"), INSTANCE, "the network is made when it is needed")
    program = ("import errno, socket\n"
               "for to in %r:\n"
               "    s = socket.socket(); s.setblocking(False)\n"
               "    print(to, errno.errorcode[s.connect_ex((to, 9))])\n")
    gateway = made["IPAM"]["Config"][0]["Gateway"]
    to = ["10.0.0.1", "192.0.2.1", gateway, "10.9.8.7", "1.1.1.1"]
    found = box.call("net", "run_python", {"code": program % to})
    answers = dict(line.split() for line in found.get("stdout", "").splitlines())
    is_([answers.get(t) for t in to], ["EACCES"] * 3 + ["EINPROGRESS"] * 2,
        "denied ranges and the host are out of reach, what is allowed and the rest is not") or diag(found)
    found = Box(network={"name": NETWORK, "deny": ["10.0.0.0/33"]}).ensure("wrong")
    ok("10.0.0.0/33" in message(found), "a range that is none is refused") or diag(found)
    box.op("session.shutdown", args={"scope": "instance"})
    ok(NETWORK not in engine("GET", "/networks"), "the network goes with the instance")


def test_runtime():
    found = Box(runtime="no-such-runtime").ensure("r")
    ok("no-such-runtime" in message(found) and "sandbox.runtime" in message(found),
       "a runtime that the engine does not know is refused by its name") or diag(found)
    is_(reason(found), "config.invalid", "as what it is: a mistake in the configuration")
    found = Box(cpus=4000).ensure("r")
    ok("sandbox.cpus" in message(found), "so are CPUs that it does not have") or diag(found)
    is_(containers(), [], "and no container is left of it")
    other = PrivateEngine(settings={"runtimes": {"runsc": RUNSC}})
    other.import_image(BUSYBOX)
    box = Box(image=BUSYBOX, runtime="runsc", more={"engine": {"endpoint": other.endpoint}})
    found = box.call("r", "shell", {"command": "dmesg | head -n 1; id -u"})
    ok(re.search("gVisor", found.get("stdout", "")), "one that it knows is used") or diag(found)
    box.remove("r")
    test_orphans(other)


def age(other, identity, hours):
    """What the engine says of when it was made: it reads that at its start."""
    state = os.path.join(other.data, "containers", identity, "config.v2.json")
    with open(state) as f:
        config = json.load(f)
    config["Created"] = time.strftime("%Y-%m-%dT%H:%M:%S.0Z", time.gmtime(time.time() - 3600 * hours))
    with open(state, "w") as f:
        json.dump(config, f)


def orphan(other, name, instance):
    body = json.dumps({"Image": BUSYBOX, "Cmd": ["true"], "Labels": {
        "caisson.instance": instance, "caisson.session": name}})
    return json.loads(other.ask("POST", "/containers/create?name=" + name, body))["Id"]


def test_orphans(other):
    """What a host that died hours ago left: containers that it made and did not start."""
    mine, recent = orphan(other, "mine", INSTANCE), orphan(other, "recent", INSTANCE)
    theirs = orphan(other, "theirs", INSTANCE + ".other")
    other.stop()
    age(other, mine, 2)
    age(other, theirs, 2)
    other.start()
    names = lambda: sorted(n.lstrip("/") for c in other.containers() for n in c["Names"])
    box = Box(image=BUSYBOX, more={"engine": {"endpoint": other.endpoint}})
    done = seconds_until(lambda: box.shell("first", "sleep 1") == "" and "mine" not in names(), PATIENCE)
    ok(done is not None, "the first session of the next host removes it")
    is_([n for n in names() if not n.startswith("caisson-")], ["recent", "theirs"],
        "not what may be under way, nor another instance's")
    box.remove("first")


test_atomic()
test_recreated()
test_idle()
test_network()
test_runtime()
done_testing()
