"""What the tests of services share: hosts whose sandboxes have one, and looking at it."""
import json
import os
import time

from host_support import PATIENCE, configuration, environment, host

IMAGE = os.environ.get("CAISSON_IMAGE", "caisson-python:local")


def settings(service, **sandbox):
    """The environment of a host whose sandboxes have that service."""
    sandbox = dict({"image": IMAGE}, service=service, **sandbox)
    name = "%x.json" % (hash(json.dumps(sandbox)) & 0xffffffff)
    return environment(CAISSON_CONFIG=configuration(name, sandbox=sandbox))


def op(name, session, env, args=None):
    done = host("--session", session, "op", "--json", name, json.dumps(args or {}), env=env)
    return done.json()["structuredContent"]


def ensure(session, env):
    return op("session.ensure", session, env)


def inspect(session, env):
    return op("session.inspect", session, env)


def shell(session, command, env):
    return host("--session", session, "call", "shell", command, env=env).out


def named(session, name, env):
    """The processes in the sandbox that are called so."""
    return shell(session, "for p in /proc/[0-9]*; do [ \"$(cat $p/comm 2>/dev/null)\" = %s ] && "
                 "echo ${p#/proc/}; done" % name, env).split()


def error(found):
    return found.get("error", {})


def wait_for(session, env, is_true):
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        found = inspect(session, env).get("service", {})
        if is_true(found):
            return found
        time.sleep(0.05)
    raise AssertionError("it does not come to that: %s" % found)
