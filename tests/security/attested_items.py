#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Each item of the policy, switched off behind the plugin's back (deceit/rules.py), is caught before
# anything runs: in what the engine says of the sandbox, and where the engine lies, in what the kernel says
# from inside. The call fails with the item's name, what was wanted and what was found; the sandbox is gone.
import json
import logging
import os
import re
import time
from concurrent.futures import ThreadPoolExecutor

from sanitizer import PYTHON, load_first

load_first()

import caisson
from host_support import ENDPOINT, INSTANCE, PATIENCE, atexit, engine, path
from host_support.sandboxes import exists, remove_quietly
from tap import diag, done_testing, is_, ok

from deceit import LIE, Proxy, ask
from deceit.rules import NETWORK, RULES, SANDBOX, STOPS

UPSTREAM = ENDPOINT.replace("unix://", "", 1)
class Audit(logging.Handler):
    """The lines of the audit, as they come."""
    lines = []

    def emit(self, record):
        text = record.getMessage()
        if text.startswith('{"audit":1,'):
            self.lines.append(json.loads(text))


logger = logging.Logger("attested", logging.INFO)
logger.addHandler(Audit())
proxy = Proxy(path("proxy.sock"), UPSTREAM)
box = caisson.Caisson(os.environ["CAISSON_PLUGIN"], {
    "config_version": 1, "instance": INSTANCE, "sandbox": SANDBOX,
    "engine": {"endpoint": "unix://" + proxy.path}}, logger=logger)
atexit.register(box.close)


def call(key):
    """What became of a call on a sandbox of that key: the error, or None."""
    try:
        box.call("shell", {"command": "echo ran-%s." % key}, session=key)
    except caisson.CaissonError as error:
        return error
    return None


def gone(key):
    end = time.monotonic() + PATIENCE
    while exists("containers", "caisson-%s-%s" % (INSTANCE, key)):
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


def check(key, item, source):
    error = call(key)
    if item == STOPS:
        ok(error and error.reason == STOPS, "%s: there is no helper, so nothing is used" % key) or diag(error)
        return nothing_left(key)
    words = r"\b%s: wanted [^,]+.*?, found .+? \(%s\)" % (re.escape(item), source)
    caught = error and error.reason == "policy.attestation" and re.search(words, error.message)
    told = [line for line in Audit.lines if line["event"] == "sandbox.refused" and line["session"] == key]
    ok(error and [(line["reason"], line["message"]) for line in told] == [(error.reason, error.message)],
       "%s: the audit has it once" % key) or diag(told)
    ok(caught, "%s: the %s shows it as %s" % (key, source, item)) or diag("%s: %r: %s" % (
        key, getattr(error, "reason", None), error))
    nothing_left(key)


def nothing_left(key):
    ok(gone(key), "%s: the sandbox is gone" % key)
    ok(not proxy.heard("ran-%s." % key), "%s: no command got as far as the engine" % key)


def make_network():
    answer = ask(UPSTREAM, "POST", "/networks/create", {"Name": NETWORK, "CheckDuplicate": True})
    atexit.register(remove_quietly, "/networks/" + NETWORK)
    is_(answer[0], 201, "a network that is not asked for") or diag(answer)


def test_honest():
    """That a command is heard of where all is as it was to be; what a lie is made of."""
    is_(call("honest"), None, "a sandbox that is as it was to be is used")
    ok(proxy.heard("ran-honest."), "by a command that is seen on its way")
    proxy.honest = json.loads(engine("GET", "/containers/caisson-%s-honest/json" % INSTANCE))
    is_(call(LIE + "unruled"), None, "so is one of which the engine is made to say the same")
    for key in ("honest", LIE + "unruled"):
        box.operation("session.remove", session=key)


def test_items():
    jobs = [(name, rule.item, "engine") for name, rule in RULES.items()]
    jobs += [(LIE + name, rule.kernel, "kernel") for name, rule in RULES.items() if rule.kernel]
    with ThreadPoolExecutor(4) as pool:
        for _ in pool.map(lambda job: check(*job), jobs):
            pass


make_network()
test_honest()
test_items()
done_testing()
