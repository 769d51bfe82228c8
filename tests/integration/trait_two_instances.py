#!/usr/bin/env python3
# Several hosts on one engine: instances never see each other's sandboxes, and workers of one instance
# never end what another one uses.
import atexit
import http.client
import json
import os
import socket
import subprocess
import urllib.parse

from host_support import ENDPOINT, HOST, INSTANCE, PATIENCE, engine, finish, read_until, start
from host_support.sandboxes import IMAGE, Box, containers, exists, message, reason, remove_quietly
from private_engine import seconds_until
from tap import diag, done_testing, is_, ok

A, B = INSTANCE, INSTANCE + ".b"
UNTIL_STOP = "echo begun; while ! [ -e stop ]; do sleep 0.05; done; echo ended"


def one_more(box):
    """What it leaves is removed with the rest."""
    atexit.register(subprocess.run, [HOST, "shutdown", "--all"], env=box.env, timeout=PATIENCE,
                    stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return box


a, b = Box(), one_more(Box(B))


def keys(box):
    return sorted(s["key"] for s in box.op("session.list").get("sessions", []))


def shut_down(box):
    return box.op("session.shutdown", args={"scope": "instance"})


def never_started(name, instance):
    """A container with the labels of an instance, as a host that died leaves it."""
    connection = http.client.HTTPConnection("localhost", timeout=PATIENCE)
    connection.sock = socket.socket(socket.AF_UNIX)
    connection.sock.connect(ENDPOINT.replace("unix://", "", 1))
    connection.request("POST", "/containers/create?name=" + name, json.dumps(
        {"Image": IMAGE, "Cmd": ["true"], "Labels": {"caisson.instance": instance,
                                                     "caisson.session": "left"}}),
        {"Content-Type": "application/json"})
    assert connection.getresponse().status == 201
    connection.close()
    atexit.register(remove_quietly, "/containers/%s?force=1" % name)


def test_apart():
    a.shell("same", "echo a > file")
    is_(b.shell("same", "ls; echo b > file; cat file"), "b\n",
        "the same key in two instances is two sandboxes")
    b.ensure("only-b")
    is_((keys(a), keys(b)), (["same"], ["only-b", "same"]), "each lists its own")
    is_(a.op("session.inspect", "only-b").get("found"), False, "none sees into another's")
    is_(a.remove("only-b").get("removed"), False, "and cannot remove it")
    left_a, left_b = "caisson-%s-left" % A, "caisson-%s-left" % B
    never_started(left_a, A)
    never_started(left_b, B)

    def reaped():
        found = a.op("session.reap", args={"older_than_s": 1})
        return left_a in [r.get("name") for r in found.get("removed", [])]

    ok(seconds_until(reaped, PATIENCE) is not None, "session.reap takes this instance's leftovers")
    ok(exists("containers", left_b), "and no others")
    remove_quietly("/containers/%s?force=1" % left_b)
    found = shut_down(a)
    is_(found.get("removed"), ["same"], "a shutdown of all ends this instance's")
    is_((keys(b), b.shell("same", "cat file")), (["only-b", "same"], "b\n"), "and leaves the other's alone")


def test_one_name():
    """Templates that give both the same name."""
    mine, theirs = Box(name_template="caisson-one-%d-{key}" % os.getpid()), None
    theirs = one_more(Box(B, name_template="caisson-one-%d-{key}" % os.getpid()))
    mine.shell("n", "echo mine > file")
    found = theirs.call("n", "shell", {"command": "cat file"})
    is_(reason(found), "session.conflict", "a name that another instance has is refused") or diag(found)
    is_(reason(theirs.remove("n")), "session.conflict", "also to remove")
    is_(mine.shell("n", "cat file"), "mine\n", "who has it goes on")
    mine.remove("n")


def rested(box, key):
    return seconds_until(lambda: box.op("session.inspect", key).get("idle_ms", 0) > 1500, PATIENCE)


def test_limits():
    one = Box(more={"sessions": {"max": 1}})
    is_(message(one.ensure("first")), "", "another instance's sandboxes do not count against sessions.max")
    found = one.ensure("second")
    is_(reason(found), "session.limit", "one's own do") or diag(found)
    evicts = Box(more={"sessions": {"max": 1, "when_full": "evict"}})
    rested(evicts, "first")
    is_(message(evicts.ensure("second")), "", "the one that was idle longest makes room")
    is_((keys(a), keys(b)), (["second"], ["only-b", "same"]),
        "this instance's own, though the other's were idle for longer")


def spare():
    filters = urllib.parse.quote(json.dumps({"label": ["caisson.instance=" + B]}))
    return [c["Id"] for c in json.loads(engine("GET", "/containers/json?filters=" + filters))
            if "-pool." in c["Names"][0]]


def test_pool():
    pooled = Box(B, more={"pool": {"size": 1}})
    owner = start("--session", "same", "repl", env=pooled.env, stdin=subprocess.PIPE)
    ok(seconds_until(lambda: len(spare()) == 1, PATIENCE) is not None, "an instance with a pool")
    kept = spare()
    is_(keys(a), ["second"], "another does not list what is kept ready")
    found = Box(more={"pool": {"size": 1}}).ensure("third")
    ok(found.get("container_id") not in [None] + kept, "nor takes it for a new session") or diag(found)
    shut_down(a)
    is_(spare(), kept, "nor ends it with its own")
    owner.stdin.close()
    owner.wait(timeout=PATIENCE)


def test_networks():
    names = ["caisson-test-%s-%s" % (INSTANCE, which) for which in "ab"]
    on = [Box(A, network={"name": names[0], "deny": []}),
          one_more(Box(B, network={"name": names[1], "deny": []}))]
    joins = Box(A, network={"name": names[1], "deny": []})
    for box, key in ((on[0], "n"), (on[1], "n"), (joins, "joined")):
        is_(message(box.ensure(key)), "", "a sandbox on a network")
    shut_down(a)
    is_((exists("networks", names[0]), exists("networks", names[1])), (False, True),
        "a shutdown takes the networks that this instance made, not the one that it joined")
    is_(on[1].shell("n", "ls /sys/class/net"), "eth0\nlo\n", "where the other's sandbox goes on")
    shut_down(b)
    ok(not exists("networks", names[1]), "that goes with its own instance")


def test_workers():
    """Each host is a process: one has a call in a session and a job in another, others come along."""
    worker = start("--session", "call", "call", "shell", UNTIL_STOP, env=a.env)
    read_until(worker.stdout, b"begun")
    job = a.call("job", "shell", {"command": UNTIL_STOP, "background": True}).get("job_id")
    ids = [a.op("session.inspect", key).get("container_id") for key in ("call", "job")]
    ok(all(ids), "a worker has a call in one session and a job in another")
    is_(a.op("session.shutdown").get("removed"), [], "a shutdown of another worker's own leaves them alone")
    a.op("session.reap", args={"older_than_s": 1})
    # Whom nobody asked for more than a second could go, if nothing ran in it.
    for key in ("call", "job"):
        seconds_until(lambda: a.op("session.inspect", key).get("age_ms", 0) > 3000, PATIENCE)
    found = Box(more={"sessions": {"max": 2, "when_full": "evict"}}).ensure("more")
    ok(reason(found) == "session.limit" and "in use" in message(found), "neither makes room for a third") \
        or diag(found)
    changed = Box(env={"CHANGED": "yes"})
    for key in ("call", "job"):
        found = changed.call(key, "shell", {"command": "echo $CHANGED."})
        is_((found.get("stdout"), found.get("older_settings")), (".\n", True),
            "other settings do not end the one with a %s, and the result says so" % key)
    is_([a.op("session.inspect", key).get("container_id") for key in ("call", "job")], ids,
        "both are the same containers as before")
    a.shell("call", "touch stop")
    done = finish(worker)
    is_((done.code, done.out), (0, "ended\n"), "the call comes to its end")
    a.shell("job", "touch stop")
    found = a.call("job", "shell_output", {"job_id": job, "wait_ms": 20000})
    ok("ended" in json.dumps(found), "so does the job") or diag(found)
    for key in ("call", "job"):
        anew = seconds_until(lambda: changed.shell(key, "echo $CHANGED.") == "yes.\n", PATIENCE)
        ok(anew is not None, "idle, the one with the %s is made anew" % key)
    shut_down(a)


test_apart()
test_one_name()
test_limits()
test_pool()
test_networks()
test_workers()
is_((containers(A), containers(B)), ([], []), "nothing is left")
done_testing()
