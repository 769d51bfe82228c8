#!/usr/bin/env python3
"""What runs is held against what was asked for, at the engine and inside, by whoever finds it: sandboxes
of all settings are as they were to be, and one that was changed behind the plugin's back is gone before
anything runs there."""
import http.client
import json
import os
import socket

from host_support import ENDPOINT, INSTANCE, PATIENCE, configuration, engine, environment, host
from host_support.sandboxes import Box, exists, import_image, message, reason, root
from tap import diag, done_testing, is_, ok

VOLUMES = "%s-volumes:test" % INSTANCE.replace(".", "-")


def post(target, document):
    connection = http.client.HTTPConnection("localhost", timeout=PATIENCE)
    connection.sock = socket.socket(socket.AF_UNIX)
    connection.sock.connect(ENDPOINT.replace("unix://", "", 1))
    connection.request("POST", target, json.dumps(document), {"Content-Type": "application/json"})
    answer = connection.getresponse()
    text = answer.read().decode()
    assert answer.status < 300, "%s: %d %s" % (target, answer.status, text)
    return text


def items(found, *verdicts):
    return sorted({"%s (%s): %s / %s" % (i["name"], i["source"], i["wanted"], i["found"])
                   for i in found.get("attestation", []) if i["verdict"] in verdicts})


def holds(what, box, session, **options):
    """It starts, is found by another process, and everything is as it was to be."""
    args = json.dumps(options)
    done = host("--session", session, "--options", args, "call", "--json", "shell", "id -u", env=box.env)
    first = done.json()["structuredContent"] if done.out else {}
    is_(first.get("exit_code"), 0, what + " starts") or diag(done.err)
    is_(box.shell(session, "id -u"), first.get("stdout"), what + " is found by another process")
    found = box.op("session.inspect", session)
    is_(items(found, "differs", "not shown"), [], what + " is as it was to be, all of it")
    ok(len(found.get("attestation", [])) > 80, "which is much") or diag(found)
    box.remove(session)


def test_settings():
    os.makedirs(root + "/tree/below", exist_ok=True)
    os.symlink(root + "/tree", root + "/link")
    import_image(VOLUMES, {}, ["VOLUME /data", "VOLUME /srv/more"])
    holds("a default sandbox", Box(more={"attestation": {"unseen": "refuse"}}), "usual")
    holds("one of many settings", Box(
        user="4321:8765", read_only=False, cap_add=["CHOWN", "KILL"], cpus=0.5, pids=99, nofile=1000,
        memory="900m", tmpfs={"/cache": {"size": "8m", "exec": True}}, hostname="other",
        extra_hosts={"a": "1.2.3.4"}, labels={"x": "y"}, env={"A": "b"}, workspace={"size": "64m"},
        tmp={"size": "32m"}, shm={"size": "4m"}, service=["sleep", "1000"]), "many")
    holds("one with a network", Box(network={"name": "%s-net" % INSTANCE}, ports=["8080"],
                                    dns=["1.1.1.1"]), "network")
    holds("one with binds", Box(
        user="owner-of-workspace", bind_roots=[root, root + "/link"],
        workspace={"type": "bind", "path": make_owned(root + "/mine")},
        mounts=[{"type": "bind", "source": root + "/link/below", "target": "/below", "own": True},
                {"type": "bind", "source": root + "/tree", "target": "/tree"}]), "binds")
    holds("one with a volume", Box(workspace={"type": "volume", "keep": False}), "volume")
    holds("one of an image with volumes", Box(image=VOLUMES), "volumes")
    holds("one of options", Box(), "options", limits={"memory": "800m", "pids": 50}, read_only=False,
          tmpfs={"/x": {"size": "1m"}})
    shell = Box().call("", "shell", {"command": "id -u"})
    is_(shell.get("exit_code"), 0, "a sandbox of a call's own runs") or diag(shell)


def make_owned(path):
    os.mkdir(path)
    os.chown(path, 31234, 31234)
    return path


def test_older_settings():
    box = Box(memory="900m")
    is_(box.shell("older", "sleep 60 >/dev/null 2>&1 & echo on"), "on\n", "a sandbox is used")
    job = box.call("older", "shell", {"command": "sleep 1000", "background": True})
    ok(job.get("job_id"), "by a job") or diag(job)
    newer = Box(memory="1g", cap_add=["CHOWN"])
    found = newer.ensure("older")
    is_((found.get("older_settings"), message(found)), (True, ""), "under newer settings it goes on")
    is_(items(newer.op("session.inspect", "older"), "differs"), [], "as its own were")
    box.remove("older")


def is_refused(what, box, session, container, *words):
    found = box.ensure(session)
    is_(reason(found), "policy.attestation", what + " is refused") or diag(found)
    ok(all(word in message(found) for word in words), "by what differs") or diag(message(found))
    ok(not exists("containers", container), "and is gone")


def test_changed():
    box = Box()
    limits = {"Memory": 943718400, "MemorySwap": 943718400}
    for session, change, words in (
            ("memory", limits, ("memory: wanted 1073741824, found 943718400 (kernel)", "(engine)")),
            ("pids", {"PidsLimit": 1000}, ("pids: wanted 256, found 1000 (kernel)", "(engine)")),
            ("cpus", {"NanoCpus": 1500000000}, ("cpus: wanted 1.000, found 150000 of 100000 us (kernel)",))):
        name = box.ensure(session)["name"]
        post("/containers/%s/update" % name, change)
        differing = items(box.op("session.inspect", session), "differs")
        ok(len(differing) >= 2, "what was changed is to be seen before (%s)" % session) or diag(differing)
        ok(exists("containers", name), "looking ends nothing")
        done = host("inspect", session, env=box.env)
        ok(any(line.startswith("differs") and " kernel " in line and session in line
               for line in done.out.splitlines()), "also by people") or diag(done.out)
        is_refused("a sandbox with changed " + session, box, session, name, *words)
    is_(box.shell("memory", "echo new"), "new\n", "the next call gets a new one")


def test_model():
    box = Box()
    name = box.ensure("model")["name"]
    post("/containers/%s/update" % name, {"PidsLimit": 1000})
    found = box.call("model", "shell", {"command": "touch /workspace/ran"})
    is_(reason(found), "policy.attestation", "a tool is told that it was not safe")
    ok("256" not in json.dumps(found), "and not what was found") or diag(found)
    ok(not exists("containers", name), "it is gone")


def test_network_joined():
    box = Box()
    name = box.ensure("joined")["name"]
    made = json.loads(post("/networks/create", {"Name": INSTANCE + "-other"}))["Id"]
    try:
        post("/networks/none/disconnect", {"Container": name, "Force": True})
        post("/networks/%s/connect" % made, {"Container": name})
        is_refused("a sandbox that was put into a network", box, "joined", name, "networks: wanted none",
                   "interfaces: wanted lo alone", "routes: wanted none that leads out")
    finally:
        engine("DELETE", "/networks/" + made)


def attach(container):
    """As a maker does, whose stream is the first channel; it ends when that is closed."""
    stream = socket.socket(socket.AF_UNIX)
    stream.settimeout(PATIENCE)
    stream.connect(ENDPOINT.replace("unix://", "", 1))
    stream.sendall(("POST /containers/%s/attach?stream=1&stdin=1&stdout=1&stderr=1 HTTP/1.1\r\nHost: d\r\n"
                    "Connection: Upgrade\r\nUpgrade: tcp\r\nContent-Length: 0\r\n\r\n" % container).encode())
    assert b" 101 " in stream.recv(4096)
    return stream


def impostor(session, change, box=None):
    """A container with all a session's labels, made by somebody else, with more than it may have."""
    box = box or Box()
    body = box.inspect(session) if box.ensure(session) else {}
    box.remove(session)
    config, hosts = body["Config"], body["HostConfig"]
    change(config, hosts)
    made = json.loads(post("/containers/create?name=" + body["Name"].lstrip("/"), dict(config, HostConfig=hosts)))
    attached = attach(made["Id"])
    engine("POST", "/containers/%s/start" % made["Id"])
    attached.close()
    return box, body["Name"].lstrip("/")


def test_impostors():
    def socket_in(config, hosts):
        hosts["Binds"] = ["/var/run/docker.sock:/run/docker.sock"]

    def privileged(config, hosts):
        hosts.update(Privileged=True, SecurityOpt=None, CapDrop=None)

    def free_label(config, hosts):
        spec = json.loads(config["Labels"]["caisson.spec"])
        spec["base"]["mounts"] = [{"type": "bind", "source": "/etc", "target": "/data"}]
        config["Labels"]["caisson.spec"] = json.dumps(spec)
        hosts["Binds"] = ["/etc:/data"]

    def more_rights(config, hosts):
        spec = json.loads(config["Labels"]["caisson.spec"])
        spec["base"]["cap_add"] = ["SYS_ADMIN"]
        config["Labels"]["caisson.spec"] = json.dumps(spec)
        hosts["CapAdd"] = ["SYS_ADMIN"]

    for session, change, word in (("socket", socket_in, "mount /run/docker.sock"),
                                  ("privileged", privileged, "privileged: wanted false"),
                                  ("bind", free_label, "settings: "),
                                  ("rights", more_rights, "cap_add")):
        box, name = impostor(session, change)
        is_refused("an impostor (%s)" % session, box, session, name, word)


def test_builds():
    """A build may come with another seccomp profile under the same version: what it started goes on. Of this
    one's two the looser never stands for the stricter."""
    texts = {}

    def keep(name):
        def change(config, hosts):
            texts[name] = next(o for o in hosts["SecurityOpt"] if o.startswith("seccomp="))
        return change

    def reprofile(edit):
        def change(config, hosts):
            hosts["SecurityOpt"] = [edit(o) if o.startswith("seccomp=") else o for o in hosts["SecurityOpt"]]
        return change

    def older(option):
        profile = json.loads(option[len("seccomp="):])
        profile["syscalls"][0]["names"].remove("sync")
        return "seccomp=" + json.dumps(profile)

    def bpf(option):
        profile = json.loads(option[len("seccomp="):])
        profile["syscalls"][0]["names"].append("bpf")
        return "seccomp=" + json.dumps(profile)

    box, name = impostor("usual", keep("usual"))
    is_(box.shell("usual", "echo on"), "on\n", "a container that is as ours are is found")
    box, name = impostor("built", reprofile(older))
    is_(box.shell("built", "echo on"), "on\n", "so is one with the profile of another build")
    found = [i for i in items(box.op("session.inspect", "built"), "held") if i.startswith("seccomp (engine)")]
    is_(found, ["seccomp (engine): the plugin's profile / another build's profile"], "which is to be seen")
    box, name = impostor("bpf", reprofile(bpf))
    is_refused("a profile that allows what none of ours does", box, "bpf", name, "seccomp: ")
    box, name = impostor("strict", reprofile(lambda o: texts["usual"]), Box(seccomp="strict"))
    is_refused("the default profile where the strict one is wanted", box, "strict", name,
               "seccomp: wanted the plugin's profile, found default")
    for session in "usual", "built":
        box.remove(session)


def test_orphan():
    """Its maker has gone before it handed over what the sandbox is to keep: there is nothing in it yet that
    could be lost, and nobody is left who could hand it over."""
    def call():
        done = host("--session", "orphan", "--options", '{"env": {"N": "1"}}', "call", "--json", "shell", "echo $N",
                    env=box.env)
        return done.json()["structuredContent"] if done.out else {"error": {"message": done.err}}

    box = Box()
    is_(call().get("stdout"), "1\n", "a session with an environment")
    box, name = impostor("orphan", lambda config, hosts: None, box)
    found = call()
    is_((found.get("stdout"), found.get("created")), ("1\n", True), "one that does not keep it is made anew") \
        or diag(found)
    is_(box.shell("orphan", "echo $N"), "1\n", "which does")
    box.remove("orphan")


test_settings()
test_older_settings()
test_changed()
test_model()
test_network_joined()
test_impostors()
test_builds()
test_orphan()
done_testing()
