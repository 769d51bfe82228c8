#!/usr/bin/env python3
# Containers of names that anybody can work out: found from another process and by the engine's own
# client, with ports that answer once a session is ready, and mounts that the sandbox's user can write.
import hashlib
import json
import os
import subprocess
import urllib.request

from host_support import ENDPOINT, INSTANCE, PATIENCE, engine
from host_support.sandboxes import (Box, containers, exists, message, reason, remove_later, root)
from tap import diag, done_testing, is_, ok

NETWORK = {"name": "caisson-test-" + INSTANCE, "allow": ["resolver"]}
CACHE = "caisson-%s-cache" % INSTANCE


def name_of(key):
    """As the documentation says."""
    plain = len(key.encode()) <= 48 and all(c.isascii() and (c.isalnum() or c in "_.-") for c in key)
    safe = key if plain else "x" + hashlib.sha256(key.encode()).hexdigest()[:32]
    return "caisson-%s-%s" % (INSTANCE, safe)


def test_names():
    box = Box()
    for key in ("user.42_a-b", "a name with spaces", "名前"):
        found = box.ensure(key)
        is_(found.get("name"), name_of(key), "the name for %r" % key)
        inspected = json.loads(engine("GET", "/containers/%s/json" % name_of(key)))
        is_((inspected["Id"], inspected["Config"]["Labels"]["caisson.session"]),
            (found.get("container_id"), key), "is the engine's too, and a label has the key")
        again = box.ensure(key)
        is_((again.get("container_id"), again.get("created")), (found.get("container_id"), False),
            "another process finds it")
    box.shell("user.42_a-b", "echo seen > file")
    docker = subprocess.run(["docker", "-H", ENDPOINT, "exec", name_of("user.42_a-b"), "cat",
                             "/workspace/file"], capture_output=True, text=True, timeout=PATIENCE)
    is_(docker.stdout, "seen\n", "docker exec by that name sees the session's files") or diag(docker.stderr)
    listed = box.op("session.list").get("sessions", [])
    is_(sorted((s["key"], s["name"]) for s in listed),
        sorted((k, name_of(k)) for k in ("user.42_a-b", "a name with spaces", "名前")),
        "a list has keys and names")
    box.remove("user.42_a-b")
    ok(not exists("containers", name_of("user.42_a-b")), "after a removal nothing has the name")
    is_(reason(box.op("session.port", "user.42_a-b", {"port": "80"})), "session.missing",
        "and who asks for it is told that there is no such session")
    box.op("session.shutdown", args={"scope": "instance"})


def page(port):
    return urllib.request.urlopen(port["url"] + "/page", timeout=PATIENCE).read()


def test_ports():
    """The server begins late; whoever has session.ensure's answer can connect at once."""
    late = "sleep 1; echo %s > page; exec python3 -m http.server 8080"
    boxes = [Box(network=NETWORK, ports=["8080"], service={
        "command": ["sh", "-c", late % who], "ready": {"http": {"port": 8080}}}) for who in ("one", "two")]
    found = [boxes[n].ensure("p%d" % n) for n in (0, 1)]
    ok(not any(message(f) for f in found), "sessions with a service") or diag(found)
    ports = [f["ports"]["8080/tcp"] for f in found]
    is_([page(p) for p in ports], [b"one\n", b"two\n"], "each answers on a port of its own, at once")
    ok(ports[0]["port"] != ports[1]["port"], "which the engine chose")
    is_(boxes[0].op("session.port", "p0", {"port": "8080"}), ports[0], "another process is told the same")
    is_(reason(boxes[0].op("session.port", "p0", {"port": "8081"})), "port.unmapped",
        "of a port that is not published it is told that")
    never = Box(network=NETWORK, ports=["8080"], service={
        "command": ["sh", "-c", "echo waiting for nothing; sleep 1000"],
        "ready": {"tcp": 8080, "timeout_ms": 1500}})
    found = never.ensure("never")
    is_(reason(found), "service.not_ready", "one that does not become ready is an error") or diag(found)
    ok("8080" in message(found) and "waiting for nothing" in message(found),
       "which names the port and has its last words") or diag(found)
    ok(not exists("containers", name_of("never")), "and leaves no container")
    boxes[0].op("session.shutdown", args={"scope": "instance"})


def test_mounts():
    shared = os.path.join(root, "shared")
    os.mkdir(shared, 0o755)
    with open(os.path.join(shared, "given"), "w") as f:
        f.write("given\n")
    remove_later(CACHE)
    box = Box(workspace={"type": "bind", "path": root + "/{session}", "dirs": {"out/deep": "0700"}},
              mounts=[{"type": "bind", "source": shared, "target": "/shared"},
                      {"type": "bind", "source": root + "/own-{session}", "target": "/own", "own": True,
                       "read_only": False},
                      {"type": "volume", "source": CACHE, "target": "/var/cache/own", "own": True,
                       "read_only": False}])
    said = box.shell("m", "id -u; for d in . out/deep /own /var/cache/own; do echo x > $d/f && echo fine; "
                     "done; cat /shared/given")
    uid, _, rest = said.partition("\n")
    is_(rest, "fine\n" * 4 + "given\n", "workspace, folders, directories and volumes can be written") \
        or diag(said)
    ok(30000 <= int(uid) <= 59999, "by a user that the sandbox has for itself")
    is_({os.stat(os.path.join(root, p)).st_uid for p in ("m", "m/f", "m/out/deep/f", "own-m", "own-m/f")},
        {int(uid)}, "to whom all of it belongs, seen from outside")
    ok("Read-only" in box.shell("m", "echo x > /shared/new") and os.listdir(shared) == ["given"],
       "what is shared is read-only")
    is_(os.stat(shared).st_uid, os.geteuid(), "and keeps its owner")
    box.remove("m")
    is_(box.shell("m", "cat f /own/f && echo y > f && echo y > /own/f && id -u"), "x\nx\n%s\n" % uid,
        "the next sandbox of that name can write it too")
    box.remove("m")


test_names()
test_ports()
test_mounts()
is_(containers(), [], "nothing is left")
done_testing()
