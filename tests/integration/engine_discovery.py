#!/usr/bin/env python3
# The usual sockets, where nothing is configured: which is taken, what dead and silent ones do to that,
# and what is said where there is none. In a mount namespace without the machine's own.
import json
import os
import socket
import subprocess

from private_engine import need_root

need_root()

from host_support import ENDPOINT, configuration, environment, finish, host, path, read_until, started
from tap import diag, done_testing, is_, ok

HOME = path("home")
REAL = path("engine.sock")  # the machine's engine, as seen from inside the namespace
PLACES = {"rootless Docker": "run/docker.sock", "Docker Desktop": ".docker/run/docker.sock",
          "Colima": ".colima/default/docker.sock", "OrbStack": ".orbstack/run/docker.sock",
          "rootless Podman": "run/podman/podman.sock", "socktainer": ".socktainer/container.sock"}

HIDE = """touch "$2" && mount --bind "$1" "$2" && mount -t tmpfs none /run &&
  if [ ! -L /var/run ]; then mount -t tmpfs none /var/run; fi && shift 2 && exec "$@" """
UNDER = ["unshare", "--mount", "--propagation", "private", "sh", "-c", HIDE, "sh",
         ENDPOINT.replace("unix://", "", 1), REAL]


def place(name):
    return os.path.join(HOME, PLACES[name])


def make_room(name):
    os.makedirs(os.path.dirname(place(name)), exist_ok=True)


def put(name):
    """The machine's engine, where another one would be."""
    make_room(name)
    os.symlink(REAL, place(name))


def listen(name):
    make_room(name)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(place(name))
    listener.listen(8)
    return listener


def env(**engine):
    return environment(CAISSON_CONFIG=configuration("any.json", engine=engine), HOME=HOME,
                       XDG_RUNTIME_DIR=os.path.join(HOME, "run"), DOCKER_HOST=None,
                       DOCKER_CONTEXT=None, DOCKER_CONFIG=None, COLIMA_HOME=None)


def info(**more):
    done = host("op", "--json", "engine.info", env=env(), under=UNDER, **more)
    return json.loads(done.out or "{}").get("structuredContent", {}), done


def test_none():
    found, done = info()
    ok(done.code != 0 and "no container engine was found" in done.err, "no engine at all") or \
        diag(done.err)
    missing = [p for p in list(map(place, PLACES)) + ["/var/run/docker.sock",
                                                      "/run/podman/podman.sock"]
               if p not in done.err]
    is_(missing, [], "all that was looked at is named") or diag(done.err)
    ok("systemctl start docker" in done.err and "engine.endpoint" in done.err, "with what to do")
    done = host("op", "--json", "engine.info", env=env(lazy=True), under=UNDER)
    error = done.json()["structuredContent"]["error"]
    is_(error["reason"], "engine.unreachable", "a lazy instance is made, and its first call says so")
    ok(place("Colima") in error["message"], "in the same words")


def test_each():
    for name in PLACES:
        put(name)
        found, done = info()
        is_((found.get("source"), found.get("endpoint")), ("socket", "unix://" + place(name)),
            "%s, when it is the only one" % name) or diag(done.err)
        ok(name in found.get("why", ""), "by its name")
        os.unlink(place(name))


def test_later():
    """The host was there before its engine."""
    repl = start_inside("--session", "later", "repl")
    repl.stdin.write(b"echo $((40 + 1))\n")
    repl.stdin.flush()
    read_until(repl.stderr, b"no container engine was found")
    put("OrbStack")
    repl.stdin.write(b"echo $((40 + 2))\n")
    repl.stdin.flush()
    read_until(repl.stdout, b"42\n")
    repl.stdin.close()
    repl.stdin = None
    is_(finish(repl).code, 0, "an engine that comes later is found by the same host")
    os.unlink(place("OrbStack"))


def start_inside(*args):
    process = subprocess.Popen([*UNDER, os.environ["CAISSON_HOST"], *args], env=env(lazy=True),
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE)
    started.append(process)
    return process


def test_dead_and_silent():
    silent, dead = listen("rootless Docker"), listen("Docker Desktop")
    dead.close()
    found, done = info()
    ok("did not answer within 2 s" in done.err and place("rootless Docker") in done.err,
       "one that accepts and never answers is named, where there is no other") or diag(done.err)
    ok(done.seconds < 20, "and not waited for for ever (%.1f s)" % done.seconds)
    done = host("op", "--timeout", "3s", "engine.info", env=env(lazy=True), under=UNDER)
    ok(done.code != 0 and done.seconds < 20, "nor by a lazy instance (%.1f s)" % done.seconds)
    put("rootless Podman")
    found, done = info()
    is_(found.get("endpoint"), "unix://" + place("rootless Podman"),
        "neither it nor a dead one keeps the next from being found") or diag(done.err)
    others = {o["endpoint"]: o["state"] for o in found.get("others", [])}
    is_(others, {"unix://" + place("rootless Docker"): "accepts connections",
                 "unix://" + place("Docker Desktop"): "nothing listens"}, "and both are shown")
    said = host("doctor", env=env(), under=UNDER).out
    ok("not used: unix://" + place("Docker Desktop") in said, "by doctor too") or diag(said)
    silent.close()
    for name in ("rootless Docker", "Docker Desktop", "rootless Podman"):
        os.unlink(place(name))


def test_closed():
    listener = listen("Colima")
    os.chmod(place("Colima"), 0)
    # What closes a file to everybody else does not stop root, unless it has to do without this.
    under = [*UNDER, "setpriv", "--bounding-set=-dac_override,-dac_read_search"]
    done = host("op", "engine.info", env=env(), under=under)
    ok(done.code != 0 and "no permission: " + place("Colima") in done.err and
       "usermod -aG docker" in done.err, "one that is closed to us is named") or diag(done.err)
    done = host("op", "--json", "engine.info", env=env(lazy=True), under=under)
    is_(done.json()["structuredContent"]["error"]["reason"], "engine.permission", "by its reason")
    listener.close()


def main():
    os.mkdir(HOME)
    test_none()
    test_each()
    test_later()
    test_dead_and_silent()
    test_closed()
    done_testing()


main()
