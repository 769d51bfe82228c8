#!/usr/bin/env python3
"""A sandbox on a network: what it cannot reach, that it cannot change that, who made the network, and
that nothing runs before the routes are there."""
import http.client
import json
import os
import signal
import socket
import subprocess
import threading
import time

from host_support import (ENDPOINT, INSTANCE, configuration, engine, environment, host, start)
from tap import diag, done_testing, is_, ok

NETWORK = "caisson-test-" + INSTANCE
IMAGE = os.environ.get("CAISSON_IMAGE", "caisson-python:local")


def settings(name, network, **sandbox):
    return environment(CAISSON_CONFIG=configuration(
        name + ".json", sandbox=dict({"image": IMAGE, "network": network}, **sandbox)))


DENIED = {"name": NETWORK, "allow": ["resolver"]}
ENV = settings("denied", DENIED)

PROBE = """
import errno, socket, sys
for address in sys.argv[1:]:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        s = socket.socket(family, kind)
        s.settimeout(0 if kind == socket.SOCK_STREAM else None)
        try:
            s.connect((address, 9))
            print("reachable")
        except OSError as e:
            print("reachable" if e.errno == errno.EINPROGRESS else errno.errorcode[e.errno])
"""


def probe(session, *addresses, env=ENV):
    """What becomes of a TCP and a UDP connect to each."""
    done = host("--session", session, "call", "run_python",
                "import sys; sys.argv[1:] = %r\n%s" % (list(addresses), PROBE), env=env)
    if done.code:
        diag(done.err)
    return done.out.split()


def docker(method, target):
    return json.loads(engine(method, target) or "{}")


def networks(name):
    query = "/networks?filters=%7B%22name%22%3A%5B%22" + name + "%22%5D%7D"
    return [n for n in docker("GET", query) if n["Name"] == name]


def containers(label):
    query = "/containers/json?all=1&filters=%7B%22label%22%3A%5B%22" + label + "%22%5D%7D"
    return docker("GET", query)


def addresses_of_the_host():
    out = subprocess.run(["ip", "-o", "-4", "addr"], capture_output=True, text=True).stdout
    found = [line.split()[3].split("/")[0] for line in out.splitlines() if " lo " not in line]
    return found or ["172.17.0.1"]


def test_denied():
    own = addresses_of_the_host()
    ranges = ["10.0.0.1", "172.16.0.1", "192.168.0.1", "169.254.169.254", "100.100.100.200",
              "224.0.0.251", "198.18.0.1"]
    got = probe("d", *ranges)
    is_(got, ["EACCES"] * 2 * len(ranges), "private, link-local, metadata and multicast addresses")
    made = networks(NETWORK)
    gateway = made[0]["IPAM"]["Config"][0]["Gateway"]
    is_(probe("d", gateway), ["EACCES"] * 2, "the network's gateway")
    is_(probe("d", *own), ["EACCES"] * 2 * len(own), "every address of the host") or diag(own)
    is_(probe("d", "1.1.1.1"), ["reachable"] * 2, "and the rest has a way out")
    is_(probe("d", "127.0.0.1")[1], "reachable", "as has the sandbox's own loopback")


def test_made():
    made = networks(NETWORK)
    is_(len(made), 1, "the network was made")
    is_(made[0]["Options"].get("com.docker.network.bridge.enable_icc"), "false",
        "without traffic between containers")
    is_(made[0]["Labels"].get("caisson.instance"), INSTANCE, "and labelled")
    inspected = docker("GET", "/containers/caisson-%s-d/json" % INSTANCE)
    is_(inspected["HostConfig"]["CapAdd"], None, "the sandbox got no capability")
    is_(containers("caisson.helper%3Droutes"), [], "the container that set the routes is gone")
    listed = host("sessions", "--json", env=ENV).json()["structuredContent"]["sessions"]
    is_([s["key"] for s in listed], ["d"], "and was never a session")


NAMED = """
import itertools, socket, sys
device = socket.if_nametoindex("eth0")
port = int(sys.argv[1])
for address in sys.argv[2:]:
    six = ":" in address
    own = socket.gethostbyname(socket.gethostname())
    reached = []
    for bound, direct, source in itertools.product((0, 1), *[(0,) if six else (0, 1)] * 2):
        s = socket.socket(socket.AF_INET6 if six else socket.AF_INET)
        s.settimeout(2)
        if bound:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"eth0")
        if direct:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_DONTROUTE, 1)
        if source:
            s.bind((own, 0))
        try:
            s.connect((address, port, 0, device if address.startswith("fe80") else 0) if six
                      else (address, port))
            reached.append((bound, direct, source))
        except OSError:
            pass
        s.close()
    print("reached" if reached else "not reached", *reached)
"""


def reached_by_device(session, *addresses, env=ENV):
    """What a socket that names the device it sends by connects to, of a server of this host."""
    with socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True) as server:
        port = server.getsockname()[1]
        targets = [str(port), *addresses]
        done = host("--session", session, "call", "run_python",
                    "import sys; sys.argv[1:] = %r\n%s" % (targets, NAMED), env=env)
        if done.code or "(" in done.out:
            diag(done.err + done.out)
        return [line[:line.index("reached") + 7] for line in done.out.splitlines()]


def test_named_device():
    """The kernel asks no `prohibit` where a socket says itself by which device it sends."""
    gateway = networks(NETWORK)[0]["IPAM"]["Config"][0]["Gateway"]
    own = addresses_of_the_host()[0]
    is_(reached_by_device("d", gateway, own), ["not reached"] * 2,
        "nor is the host reached by sockets that are bound to the device or ask for the link alone")
    open_env = settings("open", {"name": NETWORK, "deny": []})
    is_(reached_by_device("o", gateway, env=open_env), ["reached"],
        "which it is where nothing is denied")
    host("rm", "o", env=open_env)


def test_cannot_be_changed():
    done = host("--session", "d", "call", "run_python", """
import socket, struct
s = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)
# RTM_DELRULE of priority 1003, with an acknowledgement
body = struct.pack("=BBBBBBBBI", 2, 0, 0, 0, 0, 0, 0, 1, 0) + struct.pack("=HHI", 8, 6, 1003)
s.send(struct.pack("=IHHII", 16 + len(body), 33, 5, 1, 0) + body)
print(struct.unpack("=i", s.recv(4096)[16:20])[0])
""", env=ENV)
    is_(done.out.strip(), "-1", "EPERM: no rule can be removed from inside") or diag(done.err)
    is_(probe("d", "10.0.0.1"), ["EACCES"] * 2, "nothing changed")


def test_adopted():
    """Whoever adopts a sandbox carries out its plan again: nothing has to be believed."""
    inspected = docker("GET", "/containers/caisson-%s-d/json" % INSTANCE)
    pid = str(inspected["State"]["Pid"])
    flush = ["nsenter", "-t", pid, "-n", "ip", "rule", "del", "pref", "1003"]
    if os.geteuid() != 0:
        flush = ["sudo", "-n", *flush]
    subprocess.run(flush, check=True)
    is_(probe("d", "10.0.0.1"), ["EACCES"] * 2, "routes that were lost are there again")


def test_starter_killed():
    """The starter dies at every moment of a start; what is found later never reaches what is denied."""
    for at in range(6):
        process = start("--session", "k", "call", "shell", "sleep 1000", env=ENV)
        time.sleep(0.1 + 0.15 * at)
        process.send_signal(signal.SIGKILL)
        process.wait()
        got = probe("k", "10.0.0.1", "169.254.169.254")
        is_(got, ["EACCES"] * 4, "after %.2f s" % (0.1 + 0.15 * at))
        host("rm", "k", env=ENV)


def test_waits():
    """Process 1 runs nothing while the routes are not there, whoever asks."""
    body = {"Image": IMAGE, "Entrypoint": [helper()], "User": "30000:30000",
            "Cmd": ["init", "--await-routes", "10.0.0.1"], "Labels": {"caisson.instance": INSTANCE},
            "HostConfig": {"NetworkMode": NETWORK, "AutoRemove": True, "CapDrop": ["ALL"],
                           "Mounts": [{"Type": "volume", "Source": "caisson-guest",
                                       "Target": "/.caisson", "ReadOnly": True}]}}
    name = "caisson_test_%s" % INSTANCE
    post("/containers/create?name=" + name, body)
    engine("POST", "/containers/%s/start" % name)
    top = docker("GET", "/containers/%s/top" % name)
    is_(len(top["Processes"]), 1, "no channel is served: process 1 is alone")
    engine("DELETE", "/containers/%s?force=1" % name)


def helper():
    return host("op", "engine.info", "--json", env=ENV).json()["structuredContent"]["helper"]


def post(target, body):
    connection = http.client.HTTPConnection("localhost", timeout=60)
    connection.sock = socket.socket(socket.AF_UNIX)
    connection.sock.connect(ENDPOINT.replace("unix://", "", 1))
    connection.request("POST", target, body=json.dumps(body),
                       headers={"Content-Type": "application/json"})
    answer = connection.getresponse()
    if answer.status != 201:
        diag(answer.read())
    connection.close()
    return answer.status


def test_made_by_several():
    """Of processes that want one network at once none fails, and all are in the same one."""
    other = "caisson-several-" + INSTANCE
    env = settings("several", {"name": other, "deny": []})
    codes = []

    def one(n):
        codes.append(host("--session", "s%d" % n, "call", "shell", "true", env=env).code)

    threads = [threading.Thread(target=one, args=(n,)) for n in range(3)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    is_(codes, [0, 0, 0], "three at once")
    ids = {c["NetworkSettings"]["Networks"][other]["NetworkID"]
           for c in containers("caisson.instance%3D" + INSTANCE)
           if other in c["NetworkSettings"]["Networks"]}
    is_(len(ids), 1, "one network")
    is_(probe("s0", "10.0.0.1", env=env), ["reachable"] * 2, "where nothing is denied all is reachable")
    addresses = [c["NetworkSettings"]["Networks"][other]["IPAddress"]
                 for c in containers("caisson.session%3Ds1")
                 if other in c["NetworkSettings"]["Networks"]]
    done = host("--session", "s1", "call", "shell",
                "python3 -m http.server 8080 >/dev/null 2>&1 &", env=env)
    done = host("--session", "s0", "call", "run_python",
                "import socket\ns = socket.socket()\ns.settimeout(3)\n"
                "print(s.connect_ex((%r, 8080)))" % (addresses[0] if addresses else ""), env=env)
    ok(done.out.strip() not in ("", "0"), "sandboxes on one network do not reach each other") \
        or diag(done.out + done.err)


def refused(name, network, words, **sandbox):
    done = host("--session", "r", "call", "shell", "true", env=settings(name, network, **sandbox))
    if not ok(done.code == 125 and words in done.err, name):
        diag("code %d: %s" % (done.code, done.err))


def test_refused():
    before = len(containers("caisson.instance%3D" + INSTANCE))
    refused("the host's network", {"name": "host"}, "shared")
    refused("the engine's own bridge", {"name": "bridge"}, "shared")
    refused("a range that is none", {"name": NETWORK, "deny": ["10.0.0.1/8"]}, "10.0.0.1/8")
    refused("another network than a bridge", {"name": "caisson-odd-" + INSTANCE, "deny": []},
            "talk to each other")
    refused("a network that is not internal", {"name": NETWORK, "internal": True}, "internal")
    is_(len(containers("caisson.instance%3D" + INSTANCE)), before, "and no container was made")


def test_ipv6():
    name = "caisson-six-" + INSTANCE
    own = "fd00:ca15:%x::" % (os.getpid() & 0xffff | 1)
    made = post("/networks/create", {
        "Name": name, "EnableIPv6": True, "Labels": {"caisson.instance": INSTANCE},
        "IPAM": {"Config": [{"Subnet": own + "/64"}]},
        "Options": {"com.docker.network.bridge.enable_icc": "false"}})
    is_(made, 201, "a network with IPv6 that the operator made")
    env = settings("six", {"name": name, "allow": ["resolver"]})
    is_(probe("v6", "fd00::1", "2002::1", env=env), ["EACCES"] * 4,
        "private and 6to4 addresses are denied")
    is_(probe("v6", own + "1", env=env), ["EACCES"] * 2, "the gateway is")
    is_(reached_by_device("v6", own + "1", "fe80::1", env=env), ["not reached"] * 2,
        "also to what is bound to the device, and by a link-local address")
    is_(probe("v6", "2606:4700:4700::1111", env=env), ["reachable"] * 2, "and others are not")
    host("rm", "v6", env=env)


def prepare():
    post("/networks/create", {"Name": "caisson-odd-" + INSTANCE,
                              "Labels": {"caisson.instance": INSTANCE}})


test_denied()
test_made()
test_named_device()
test_cannot_be_changed()
test_adopted()
test_waits()
test_starter_killed()
test_made_by_several()
prepare()
test_refused()
test_ipv6()
host("shutdown", "--all", env=ENV)
is_([n["Name"] for n in docker("GET", "/networks") if INSTANCE in n["Name"]], [],
    "a shutdown of the instance takes its networks with it")
done_testing()
