#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# The proxy that deceives does what it says: otherwise the tests that rely on it test nothing. What is not
# meant passes through it unharmed, and each rule arrives at the engine, in the members it is about.
import copy
import hashlib
import json
import os

from host_support import ENDPOINT, INSTANCE, configuration, engine, environment, host, path
from tap import diag, done_testing, is_, ok

from deceit import LIE, Proxy, ask
from deceit.rules import RULES, SANDBOX

UPSTREAM = ENDPOINT.replace("unix://", "", 1)
proxy = Proxy(path("proxy.sock"), UPSTREAM)
through = environment(CAISSON_CONFIG=configuration(
    "proxied.json", sandbox=SANDBOX, engine={"endpoint": "unix://" + proxy.path}))


def shell(command):
    return host("--session", "plain", "call", "shell", command, env=through)


def test_passage():
    """Kept connections, chunked bodies, hijacked streams in both directions."""
    first = shell("echo through")
    is_(first.out, "through\n", "a call through the proxy") or diag(first.err)
    data = os.urandom(3 << 20)
    sent = host("--session", "plain", "put", "-", "/workspace/random", stdin=data, env=through)
    is_(sent.code, 0, "an upload") or diag(sent.err)
    is_(shell("sha256sum < /workspace/random").out, hashlib.sha256(data).hexdigest() + "  -\n",
        "arrives as it was")
    is_(host("--session", "plain", "call", "shell", "cat /workspace/random", env=through).raw[:1000],
        shell("head -c 1000 /workspace/random").raw, "and comes back as it is")
    ok(proxy.heard("echo through"), "what was sent is remembered")
    ok(not proxy.heard("never sent"), "and nothing else")


def made(key):
    """What the engine and what the proxy say of a container that was made through the proxy."""
    body = copy.deepcopy(proxy.asked["plain"])
    body["Labels"]["caisson.session"] = key
    status, text = ask(proxy.path, "POST", "/v1.41/containers/create?name=caisson-%s-%s" % (INSTANCE, key), body)
    if not is_(status, 201, "%s: the engine makes it" % key):
        diag(text)
        return None
    target = "/v1.41/containers/%s/json" % json.loads(text)["Id"]
    said, shown = (ask(address, "GET", target)[1] for address in (UPSTREAM, proxy.path))
    engine("DELETE", target[:-len("/json")] + "?force=1&v=1")
    if key == "unruled":
        is_(shown, said, "an honest answer passes byte for byte")
    return json.loads(said), json.loads(shown)


def members(answer):
    config = {name: value for name, value in answer["Config"].items() if name != "Labels"}
    return {**answer["HostConfig"], **config}


def differing(a, b):
    a, b = members(a), members(b)
    return {name for name in set(a) | set(b) if a.get(name) != b.get(name)}


def test_rules():
    proxy.honest, _ = made("unruled")
    plain = proxy.honest
    for name, rule in RULES.items():
        said, shown = made(name) or (plain, plain)
        is_(differing(said, plain), rule.shows, "%s: the engine has it" % name)
        said, shown = made(LIE + name) or (plain, plain)
        is_(differing(said, plain), rule.shows, "%s: the engine has it" % (LIE + name))
        is_(differing(shown, plain), set(), "%s: and the plugin is told that it has not" % name)


test_passage()
test_rules()
done_testing()
