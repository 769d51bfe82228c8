#!/usr/bin/env python3
"""Published ports: reached from the host while deny routes are in force, named when they are taken,
and told apart when there is no sandbox and when there is no such port."""
import json
import os
import socket
import time
import urllib.request

from host_support import INSTANCE, configuration, environment, host, path
from tap import diag, done_testing, is_, ok

NETWORK = {"name": "caisson-test-" + INSTANCE, "allow": ["resolver"]}
IMAGE = os.environ.get("CAISSON_IMAGE", "caisson-python:local")
PATIENCE = 30 * int(os.environ.get("CAISSON_SLOW", "1"))


def settings(name, **sandbox):
    return environment(CAISSON_CONFIG=configuration(
        name + ".json", sandbox=dict({"image": IMAGE, "network": NETWORK}, **sandbox)))


ENV = settings("ports", ports=["8080", "5353/udp", {"container": 8081, "address": "0.0.0.0"}])


def op(name, session, args="{}", env=ENV):
    done = host("op", name, args, "--session", session, "--json", env=env)
    return done.json()["structuredContent"]


def serve(session, command, env=ENV):
    done = host("--session", session, "call", "shell", json.dumps(
        {"command": command, "background": True}), env=env)
    if done.code:
        diag(done.err)


def until(look, seconds=PATIENCE):
    """Whatever it gives once it is not None."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        got = look()
        if got is not None:
            return got
        time.sleep(0.05)
    return None


def fetch(url):
    try:
        return urllib.request.urlopen(url, timeout=5).read().decode()
    except OSError:
        return None


def ask_udp(port):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(1)
        s.connect(("127.0.0.1", port))
        try:
            s.send(b"question")
            return s.recv(100)
        except OSError:
            return None


ECHO = """python3 -c '
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("0.0.0.0", 5353))
while True:
    data, who = s.recvfrom(1000)
    s.sendto(b"answer to " + data, who)
'"""


def own_address():
    """One that the host has beside the loopback; "" where it has none."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        try:
            s.connect(("192.0.2.1", 9))
            return s.getsockname()[0]
        except OSError:
            return ""


def test_reached():
    made = op("session.ensure", "p")
    ports = made.get("ports", {})
    is_(sorted(ports), ["5353/udp", "8080/tcp", "8081/tcp"], "session.ensure says what is published") \
        or diag(made)
    tcp, udp = ports["8080/tcp"], ports["5353/udp"]
    is_(tcp["url"], "http://127.0.0.1:%d" % tcp["port"], "with an url")
    is_(tcp["host"], "127.0.0.1", "on the loopback, where nothing else is said")
    host("--session", "p", "call", "shell", "echo hello > hello.txt", env=ENV)
    serve("p", "python3 -m http.server 8080")
    serve("p", "python3 -m http.server 8081")
    serve("p", ECHO)
    is_(until(lambda: fetch(tcp["url"] + "/hello.txt")), "hello\n", "a server inside answers")
    is_(until(lambda: ask_udp(udp["port"])), b"answer to question", "over udp too")
    outside = "http://%s:%d/hello.txt" % (own_address() or "127.0.0.1", ports["8081/tcp"]["port"])
    is_(until(lambda: fetch(outside)), "hello\n", "one on all addresses, by the host's own")
    denied = host("--session", "p", "call", "run_python", """
import socket
for port in (22, 80, 5000):
    s = socket.socket()
    s.settimeout(3)
    print(s.connect_ex(("%s", port)))
""" % gateway(), env=ENV)
    is_(denied.out.split(), ["13"] * 3, "while the host cannot be reached from inside") \
        or diag(denied.out + denied.err)


def test_source_port():
    """A published port as a source port opens nothing below 1024, of the gateway or of anybody."""
    done = host("--session", "s", "call", "run_python", """
import socket
for source, address, port in ((8080, "%s", 22), (8080, "10.0.0.1", 9000), (8081, "10.0.0.1", 80),
                              (8081, "169.254.169.254", 80)):
    s = socket.socket()
    s.settimeout(3)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind(("0.0.0.0", source))
    print(s.connect_ex((address, port)))
    s.close()
""" % gateway(), env=ENV)
    is_(done.out.split(), ["13"] * 4, "a published port is no way to what is denied") \
        or diag(done.out + done.err)


def gateway():
    from host_support import engine
    found = json.loads(engine("GET", "/containers/caisson-%s-p/json" % INSTANCE))
    return found["NetworkSettings"]["Networks"][NETWORK["name"]]["Gateway"]


def test_told():
    ports = op("session.inspect", "p")["ports"]
    is_(op("session.ensure", "p")["ports"], ports, "session.inspect says the same")
    listed = host("sessions", "--json", env=ENV).json()["structuredContent"]["sessions"]
    is_([s["ports"] for s in listed if s["key"] == "p"], [ports], "so does session.list")
    is_(op("session.port", "p", '{"port": "8080"}'), ports["8080/tcp"], "and session.port, of one")
    is_(op("session.port", "p", '{"port": "5353/udp"}'), ports["5353/udp"], "of either protocol")
    shown = "8080/tcp 127.0.0.1:%d" % ports["8080/tcp"]["port"]
    ok(shown in host("sessions", env=ENV).out, "caisson-host sessions shows them")
    ok(shown in host("inspect", "p", env=ENV).out, "so does inspect")
    is_(op("session.port", "p", '{"port": "81"}')["error"]["reason"], "port.unmapped",
        "a port that is not published")
    is_(op("session.port", "nobody", '{"port": "8080"}')["error"]["reason"], "session.missing",
        "a sandbox that does not run")
    is_(op("session.port", "p", '{"port": "x"}')["error"]["reason"], "arguments.invalid",
        "and what is no port")
    named = settings("named", ports=["8080", "5353/udp", {"container": 8081, "address": "0.0.0.0"}],
                     ports_host="docker.example")
    is_(op("session.inspect", "p", env=named)["ports"]["8080/tcp"]["url"],
        "http://docker.example:%d" % ports["8080/tcp"]["port"], "a name in place of the address")


def free_port():
    """One that nothing listens on, and none of those that clients get."""
    for port in range(21000 + os.getpid() % 5000, 32000):
        with socket.socket() as s:
            try:
                s.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue
    raise AssertionError("no port is free")


def test_taken():
    with socket.socket() as s:
        port = free_port()
        s.bind(("127.0.0.1", port))
        s.listen()
        fixed = settings("fixed", ports=["%d:8080" % port])
        failed = host("--session", "t", "call", "shell", "true", env=fixed)
        ok(failed.code == 125 and "port %d of 127.0.0.1" % port in failed.err and
           "taken" in failed.err, "a fixed port that is taken is named") or diag(failed.err)
        is_(op("session.inspect", "t", env=fixed)["found"], False, "nothing is left of the sandbox")
        ranged = settings("ranged", ports=["%d-%d:8080" % (port, port + 20)], bind_roots=[os.path.dirname(path("own"))],
                          mounts=[{"type": "bind", "source": path("own"), "target": "/own",
                                   "own": True, "read_only": False}])
        got = op("session.ensure", "u", env=ranged).get("ports", {}).get("8080/tcp", {})
        ok(port < got.get("port", 0) <= port + 20, "of a range the next is taken") or diag(got)
        own = host("--session", "u", "call", "shell", "touch /own/f && echo made", env=ranged)
        is_(own.out, "made\n", "and what was made for the first try is its user's") or diag(own.err)
    again = host("--session", "t", "call", "shell", "echo fine", env=fixed)
    is_(again.out, "fine\n", "once it is free it is taken") or diag(again.err)
    is_(op("session.port", "t", '{"port": "8080"}', env=fixed)["port"], port, "and is that port")


def refused(name, words, **sandbox):
    done = host("--session", "r", "call", "shell", "true", env=settings(name, **sandbox))
    ok(done.code == 125 and words in done.err, name) or diag(done.err)


def test_refused():
    refused("ports without a network", "sandbox.ports", network="none", ports=["8080"])
    refused("ports of an internal one", "internal", ports=["8080"],
            network=dict(NETWORK, internal=True))
    refused("what is no port", "sandbox.ports[1]", ports=["8080", "http"])
    refused("one port twice", "given twice", ports=["8080", "9000:8080"])


test_reached()
test_source_port()
test_told()
test_taken()
test_refused()
done_testing()
