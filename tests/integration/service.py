#!/usr/bin/env python3
# A sandbox's service, end to end: the image's own or a program, waited for, found again by another
# process, gone with its sandbox; and one that fails, in words.
import atexit
import http.client
import json
import os
import signal
import socket
import subprocess
import time
import urllib.parse

from host_support import ENDPOINT, INSTANCE, PATIENCE, environment, finish, host, start
from service_support import IMAGE, ensure, error, inspect, op, settings, shell, wait_for
from tap import diag, done_testing, is_, ok

BUSYBOX = os.environ.get("CAISSON_BUSYBOX_IMAGE", "caisson-busybox:local")
EMPTY = os.environ.get("CAISSON_EMPTY_IMAGE", "caisson-empty:local")
SERVED = "caisson-%s:service" % INSTANCE
SERVER = ["python3", "-u", "-m", "http.server", "--bind", "127.0.0.1", "8080"]


def ask(method, target, body=None):
    connection = http.client.HTTPConnection("localhost", timeout=PATIENCE)
    connection.sock = socket.socket(socket.AF_UNIX)
    connection.sock.connect(ENDPOINT.replace("unix://", "", 1))
    connection.request(method, target, json.dumps(body) if body is not None else None,
                       {"Content-Type": "application/json"})
    answer = connection.getresponse()
    text = answer.read().decode(errors="replace")
    connection.close()
    return answer.status, text


def make_image():
    """The busybox image with an entrypoint of its own, a web server in /www."""
    status, text = ask("POST", "/containers/create", {"Image": BUSYBOX, "Cmd": ["true"]})
    assert status == 201, text
    made = json.loads(text)["Id"]
    server = ["/bin/sh", "-c", 'echo "$GREETING from $PWD as $(id -u) $@"; '
              'mkdir -p /tmp/w && echo page >/tmp/w/index.html; '
              'exec httpd -f -p 127.0.0.1:8081 -h /tmp/w', "sh"]
    changes = ["ENTRYPOINT " + json.dumps(server), 'CMD ["one", "two words"]', "WORKDIR /tmp",
               "ENV GREETING=hello", "USER root"]
    query = urllib.parse.urlencode({"container": made, "repo": SERVED.split(":")[0], "tag": "service",
                                    "changes": "\n".join(changes)})
    status, text = ask("POST", "/commit?" + query, {})
    ask("DELETE", "/containers/%s?force=1" % made)
    assert status == 201, text


@atexit.register
def remove_image():
    subprocess.run([os.environ["CAISSON_HOST"], "shutdown", "--all"], env=environment(),
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=PATIENCE)
    ask("DELETE", "/images/%s?force=1" % SERVED)


def test_image():
    env = settings({"command": "image", "ready": {"http": {"port": 8081}}}, image=SERVED)
    found = ensure("image", env)
    service = found.get("service", {})
    is_((service.get("state"), service.get("ready"), service.get("restarts")), ("running", True, 0),
        "the image's own program runs and was waited for") or diag(found)
    is_(shell("image", "wget -qO- http://127.0.0.1:8081/", env), "page\n", "it can be used")
    uid = shell("image", "id -u", env).strip()
    log = op("service.log", "image", env)
    is_(log.get("text"), "hello from /tmp as %s one two words\n" % uid,
        "it has the image's arguments, environment and directory, and the sandbox's user") or diag(log)
    found = ensure("plain", settings("image", image=SERVED))
    is_(found.get("service", {}).get("state"), "running", "\"image\" alone is enough")
    config = settings("image", image=EMPTY)
    found = ensure("empty", config)
    is_(error(found).get("reason"), "config.invalid", "an image that has no program is refused")
    ok("neither" in error(found).get("message", ""), "in words") or diag(found)
    is_(inspect("empty", config).get("found"), False, "before there is a container")


def test_program():
    env = settings({"command": SERVER, "ready": {"tcp": 8080}})
    found = shell("argv", "cat /proc/$(pgrep -of http.server || "
                  "grep -l http.serve[r] /proc/[0-9]*/cmdline | head -1 | cut -d/ -f3)/status", env)
    ok("NoNewPrivs:\t1" in found and "CapEff:\t0000000000000000" in found,
       "a first call finds it running, without privileges") or diag(found)
    first = inspect("argv", env)["service"]
    is_(inspect("argv", env).get("busy"), 0, "it is no job that keeps its sandbox")
    is_(ensure("argv", env)["service"].get("pid"), first.get("pid"),
        "another process finds it, and starts no second one")
    is_(shell("argv", "grep -l http.serve[r] /proc/[0-9]*/cmdline | wc -l", env), "1\n",
        "there is one of it")
    run = start("--session", "argv", "call", "shell", "echo up; sleep 1000", env=env)
    while b"up" not in os.read(run.stdout.fileno(), 100):
        pass
    run.send_signal(signal.SIGINT)
    finish(run)
    again = inspect("argv", env)["service"]
    is_((again.get("pid"), again.get("state")), (first.get("pid"), "running"),
        "a call that is cancelled leaves it alone") or diag(again)
    is_(shell("argv", "kill -9 1; echo $?", env), "0\n", "process 1 takes no signal")
    host("--session", "argv", "op", "session.remove", env=env)
    is_(inspect("argv", env).get("found"), False, "it goes with its sandbox")


def test_readiness():
    env = settings({"command": SERVER, "ready": {"http": {"port": 8080, "path": "/no", "status": 404}}})
    is_(ensure("status", env).get("service", {}).get("ready"), True, "a status of one's own is ready")
    env = settings({"command": "image", "ready": {"http": {"port": 8081, "path": "/no"},
                                                  "timeout_ms": 4000}}, image=SERVED)
    found = ensure("late", env)
    is_(error(found).get("reason"), "service.not_ready", "not ready by the deadline") or diag(found)
    ok("with 404" in error(found).get("message", "") and "hello from /tmp" in error(found)["message"],
       "says what was seen, and what it printed last") or diag(found)
    is_(inspect("late", env).get("found"), False, "the sandbox that was made for it is gone")
    env = settings({"command": ["sh", "-c", "echo starting; sleep 1000"],
                    "ready": {"tcp": 8080, "timeout_ms": 60000}})
    run = start("--session", "cancelled", "op", "session.ensure", env=env)
    wait_for("cancelled", env, lambda s: s.get("state") == "running")
    run.send_signal(signal.SIGINT)
    finish(run)
    found = inspect("cancelled", env).get("found")
    until = time.monotonic() + PATIENCE
    while found and time.monotonic() < until:
        time.sleep(0.05)
        found = inspect("cancelled", env).get("found")
    is_(found, False, "waiting for it can be cancelled, and nothing stays")


def test_failures():
    env = settings({"command": ["sh", "-c", "echo what; echo why >&2; exit 3"], "restart": "never"})
    found = ensure("once", env)
    message = error(found).get("message", "")
    is_(error(found).get("reason"), "service.failed", "one that ends at once fails the call")
    ok("exit code 3" in message and "what | why" in message, "with its end and its words") or diag(found)
    done = host("--session", "once", "call", "--json", "shell", "true", env=env)
    is_(error(done.json()["structuredContent"]).get("reason"), "service.failed", "a first call's too")
    env = settings(["/no/such/program"])
    ok("not found" in error(ensure("none", env)).get("message", ""), "one that is not there is named so")
    env = settings({"command": ["sh"], "cwd": "/no/such"})
    ok("directory" in error(ensure("cwd", env)).get("message", ""), "and so is its directory")
    env = settings({"command": ["sh"], "ready": {}})
    done = host("--session", "bad", "call", "shell", "true", env=env)
    ok("sandbox.service.ready" in done.err, "a probe without a place is refused") or diag(done.err)
    env = settings("images")
    ok("sandbox.service" in host("--session", "bad", "call", "shell", "true", env=env).err,
       "and so is a word that means nothing")
    found = op("service.log", "nothing", settings(None))
    is_(error(found).get("reason"), "session.missing", "a session that is not there has no log")
    env = settings(None)
    shell("bare", "true", env)
    is_(error(op("service.log", "bare", env)).get("reason"), "service.none", "nor has one without")


make_image()
test_image()
test_program()
test_readiness()
test_failures()
done_testing()
