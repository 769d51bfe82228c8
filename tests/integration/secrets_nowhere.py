#!/usr/bin/env python3
# Secrets and a session's environment are nowhere but where they are meant: not in the engine's
# inspect, in what is asked of the engine, in lists of processes, in logs or in errors.
import hashlib
import http.client
import json
import os
import signal
import socket
import threading

from host_support import (ENDPOINT, INSTANCE, PATIENCE, configuration, engine, environment, finish,
                          host, path, read_until, start)
from tap import diag, done_testing, is_, ok

MARK = "hush-%d-" % os.getpid()
SECRET, OPEN, SERVICE = MARK + "secret", MARK + "open", MARK + "service"
OPTIONS = {"env": {"PLACE": OPEN}, "secrets": {"TOKEN": SECRET},
           "service": {"command": ["sh", "-c", "exec sleep 1000"], "env": {"MORE": SERVICE}}}


# ---- what is asked of the engine -----------------------------------------------------------------

class Recorder:
    """A way to the engine that remembers all bytes of HTTP, both ways, but not those of the streams
    that a 101 begins: these are channels, over which secrets go."""

    def __init__(self):
        self.seen, self.upgrades, self.lock = b"", 0, threading.Lock()
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(path("recorder.sock"))
        self.listener.listen(64)
        self.endpoint = "unix://" + path("recorder.sock")
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            near, _ = self.listener.accept()
            far = socket.socket(socket.AF_UNIX)
            far.connect(ENDPOINT.replace("unix://", "", 1))
            state = {"upgraded": False}
            for pair in ((near, far, False), (far, near, True)):
                threading.Thread(target=self.copy, args=(*pair, state), daemon=True).start()

    def copy(self, source, target, is_answer, state):
        try:
            while True:
                data = source.recv(65536)
                if not data:
                    break
                if not state["upgraded"]:
                    self.note(data, is_answer, state)
                target.sendall(data)
        except OSError:
            pass
        for end, how in ((target, socket.SHUT_WR), (source, socket.SHUT_RD)):
            try:
                end.shutdown(how)
            except OSError:
                pass

    def note(self, data, is_answer, state):
        with self.lock:
            if is_answer and data.startswith(b"HTTP/1.1 101"):
                state["upgraded"] = True
                self.upgrades += 1
                data = data.split(b"\r\n\r\n", 1)[0]
            self.seen += data


# ---- who has it ----------------------------------------------------------------------------------

def read(name):
    try:
        with open(name, "rb") as f:
            return f.read()
    except OSError:
        return b""


def holders():
    """The processes of this machine whose command line or environment has it: (inside a container?,
    what they are called)."""
    ours, found = os.stat("/proc/self/ns/pid").st_ino, set()
    for pid in filter(str.isdigit, os.listdir("/proc")):
        if MARK.encode() not in read("/proc/%s/cmdline" % pid) + read("/proc/%s/environ" % pid):
            continue
        try:
            inside = os.stat("/proc/%s/ns/pid" % pid).st_ino != ours
        except OSError:
            continue
        found.add((inside, read("/proc/%s/comm" % pid).decode().strip()))
    return found


def options_file(options, name="options.json"):
    with open(path(name), "w") as f:
        json.dump(options, f)
    return "@" + path(name)


def inspect_all():
    """All that the engine says of this instance's containers, and the list itself."""
    query = '/containers/json?all=1&filters={"label":["caisson.instance=%s"]}' % INSTANCE
    text = engine("GET", query)
    names = [c["Id"] for c in json.loads(text)]
    return len(names), text + "".join(engine("GET", "/containers/%s/json" % n) for n in names)


def clean(text, name):
    if not ok(MARK not in text, name):
        at = text.index(MARK)
        diag(text[max(0, at - 200):at + 80])


# ---- the tests -----------------------------------------------------------------------------------

def test_running(env):
    # The digest says that it is there; the command line must not.
    command = 'echo ready $PLACE; echo $TOKEN; printf "$TOKEN" | sha256sum; echo; sleep 1000'
    digest = hashlib.sha256(SECRET.encode()).hexdigest()
    running = start("-v", "call", "--options", options_file(OPTIONS), "shell", command, env=env)
    out = read_until(running.stdout, b"\n\n")
    is_(out.decode(), "ready %s\n***\n%s  -\n\n" % (OPEN, digest),
        "a command has both, and shows its secret as ***")
    found = holders()
    is_({comm for inside, comm in found if not inside}, set(),
        "no process outside has them in its command line or environment")
    ok(found and all(comm in ("sh", "bash", "sleep") for _, comm in found),
       "inside only the command and the service have") or diag(found)
    count, text = inspect_all()
    ok(count == 1 and '"caisson.spec"' in text, "the engine has one sandbox of ours")
    clean(text, "of which inspect and the list say nothing")
    for name, args in (("inspect", ["inspect", "--json"]), ("sessions", ["sessions", "--json"]),
                       ("session.inspect", ["op", "--json", "session.inspect"])):
        done = host(*args, env=env)
        ok(done.code == 0, "caisson-host %s" % name) or diag(done.err)
        clean(done.out + done.err, "nor does it")
    running.send_signal(signal.SIGINT)
    done = finish(running)
    clean(done.out + done.err, "nor what is logged, at its most verbose")


def test_adopted(env):
    done = host("call", "shell", "echo $PLACE [$TOKEN]; pwd", env=env)
    is_(done.out, "%s []\n/workspace\n" % OPEN,
        "another process finds the session's environment, but no secret of a call")
    seen = host("call", "shell", "cat /proc/1/environ /proc/1/cmdline 2>/dev/null | tr '\\0' '\\n'; true",
                env=env)
    ok("init" in seen.out and MARK not in seen.out, "process 1 has none of it where others look")
    options = dict(OPTIONS)
    done = host("call", "--json", "--options", options_file(options), "shell", "echo $PLACE", env=env)
    ok("older_settings" not in done.out and "recreated" not in done.out,
       "the same options are no other sandbox") or diag(done.out)
    options["env"] = {"PLACE": MARK + "elsewhere"}
    done = host("call", "--json", "--options", options_file(options), "shell", "echo $PLACE", env=env)
    facts = done.json()["structuredContent"]
    is_((facts.get("stdout"), facts.get("recreated")), (MARK + "elsewhere\n", True),
        "another environment is")


def post(target, body):
    connection = http.client.HTTPConnection("localhost", timeout=PATIENCE)
    connection.sock = socket.socket(socket.AF_UNIX)
    connection.sock.connect(ENDPOINT.replace("unix://", "", 1))
    connection.request("POST", target, json.dumps(body) if body else None,
                       {"Content-Type": "application/json"})
    answer = connection.getresponse()
    text = answer.read().decode()
    assert answer.status < 300, text
    connection.close()


def test_lost_maker(env):
    """A sandbox whose maker died before it had handed over the environment is made anew."""
    name = "caisson-%s-orphan" % INSTANCE
    host("--session", "orphan", "call", "--options", options_file({"env": {"PLACE": OPEN}}), "shell",
         "true", env=env)
    found = json.loads(engine("GET", "/containers/%s/json" % name))
    body = dict(found["Config"], HostConfig=found["HostConfig"])
    ok(host("rm", "orphan", env=env).code == 0, "one that is copied")
    post("/containers/create?name=" + name, body)
    post("/containers/%s/start" % name, None)
    done = host("--session", "orphan", "call", "--json", "--options",
                options_file({"env": {"PLACE": OPEN}}), "shell", "echo $PLACE", env=env)
    facts = done.json()["structuredContent"]
    is_((facts.get("stdout"), facts.get("created")), (OPEN + "\n", True),
        "a sandbox that was never told its environment is made anew") or diag(done.out + done.err)


def test_ephemeral(env):
    done = host("-v", "--ephemeral", "call", "--options", "@-", "shell", "echo $PLACE; echo $TOKEN",
                stdin=json.dumps({"env": {"PLACE": "here"}, "secrets": {"TOKEN": SECRET}}).encode(),
                env=env)
    is_(done.out, "here\n***\n", "a sandbox of the call's own, with options from stdin")
    clean(done.err, "of which nothing is logged")


def test_errors(env):
    cases = (
        ("a secret that is no text", {"secrets": {"TOKEN": [SECRET]}}),
        ("secrets that are no object", {"secrets": SECRET}),
        ("a name with a value in it", {"secrets": {"TOKEN=" + SECRET: ""}}),
        ("an environment that is none", {"env": SECRET}),
        ("a variable that is no text", {"env": {"PLACE": {"value": OPEN}}}),
        ("a name like that in the environment", {"env": {"A=" + OPEN: ""}}),
        ("a mask that is none", {"mask": SECRET}),
        ("a text to mask that is none", {"mask": [{"text": SECRET}]}),
        ("a service's variable that is no text",
         {"service": {"command": ["true"], "env": {"MORE": [SERVICE]}}}),
        ("another mistake beside it", {"secrets": {"TOKEN": SECRET}, "ensures": "create"}),
    )
    for name, options in cases:
        done = host("-v", "call", "--options", options_file(options), "shell", "true", env=env)
        ok(done.code != 0 and "exit code 0" not in done.err, "%s is refused" % name)
        clean(done.out + done.err, "in words that do not quote it")
    with open(path("broken.json"), "w") as f:
        f.write('{"secrets": {"TOKEN": "%s",}}' % SECRET)
    done = host("-v", "call", "--options", "@" + path("broken.json"), "shell", "true", env=env)
    ok(done.code != 0 and "line 1" in done.err, "options that are no JSON are refused")
    clean(done.out + done.err, "likewise")
    refused = dict(OPTIONS, image="caisson-no-such-image:x", pull="never")
    done = host("-v", "--session", "refused", "call", "--options", options_file(refused), "shell",
                "true", env=env)
    ok(done.code != 0 and "caisson-no-such-image" in done.err, "a sandbox that cannot be made")
    clean(done.out + done.err, "says why without them")


def test_usage(env):
    done = host("call", "--options", "@" + path("no-such-file"), "shell", "true", env=env)
    ok(done.code == 2 and "no-such-file" in done.err, "a file of options that is not there")
    done = host("call", "--options", "@-", "--input", "-", "shell", "true", env=env)
    ok(done.code == 2 and "stdin" in done.err, "stdin is not two things at once")
    with open(path("nul"), "wb") as f:
        f.write(b'{"secrets": {}}\0')
    done = host("call", "--options", "@" + path("nul"), "shell", "true", env=env)
    ok(done.code == 2 and "NUL" in done.err, "a NUL byte is in no JSON")


recorder = Recorder()
recorded = environment(CAISSON_CONFIG=configuration("recorded.json",
                                                    engine={"endpoint": recorder.endpoint}))
test_running(recorded)
test_adopted(recorded)
test_ephemeral(recorded)
test_lost_maker(recorded)
test_errors(recorded)
test_usage(recorded)
with recorder.lock:
    asked = recorder.seen.decode(errors="replace")
ok(recorder.upgrades > 2 and asked.count("/containers/create") >= 3, "what was asked of the engine")
clean(asked, "has no secret and no environment of a session, so its log has none")
done_testing()
