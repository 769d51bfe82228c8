#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Hosts in C, Python and Node do the same: each runs tests/hosts/cases.json through a driver of its own.
import atexit
import base64
import contextlib
import json
import os
import re
import subprocess
import threading

from host_support import INSTANCE, PATIENCE, configuration, environment, host, preload
from host_support.sandboxes import containers
from tap import diag, done_testing, is_, ok

HOSTS = os.path.join(os.path.dirname(os.path.realpath(__file__)), "../hosts")
# What a driver may leave out: the C host shows either the streams or the result, and no status.
LIVE = {"exit_code", "stdout", "stderr", "streamed_stdout_base64", "streamed_stderr_base64"}
DRIVERS = {
    "C": (["driver_c.py"], lambda case, field: field in ("status", "flags") or
          bool(case["request"].get("live")) != (field in LIVE) and field != "exit_code"),
    "Python": (["driver.py"], lambda case, field: False),
    "Node": (["driver.mjs"], lambda case, field: False),
}


class Driver:
    def __init__(self, name, program, sandbox):
        self.name, self.count = name, 0
        self.instance = INSTANCE + "." + name
        env = environment(CAISSON_CONFIG=configuration("hosts-%s.json" % name, instance=self.instance,
                                                       sandbox=sandbox))
        atexit.register(host, "shutdown", "--all", env=env)
        self.process = subprocess.Popen(
            [os.path.join(HOSTS, program[0]), *program[1:]], stdin=subprocess.PIPE, text=True,
            stdout=subprocess.PIPE, env=dict(env, **preload()))
        # One that hangs is ended, which fails its cases.
        self.guard = threading.Timer(4 * PATIENCE, self.process.kill)
        self.guard.daemon = True
        self.guard.start()

    def ask(self, requests):
        """Sends them all, and returns the results in their order."""
        first = self.count
        with contextlib.suppress(BrokenPipeError):  # the driver is dead; its cases fail below
            for request in requests:
                self.process.stdin.write(json.dumps(dict(request, id=self.count)) + "\n")
                self.count += 1
            self.process.stdin.flush()
        found = [json.loads(self.process.stdout.readline() or "{}") for _ in requests]
        return [next((f for f in found if f.get("id") == n), {}) for n in range(first, self.count)]

    def end(self):
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()
        code = self.process.wait(PATIENCE)
        self.guard.cancel()
        return code


def filled(value, names):
    """With each ${NAME} replaced; a string that is nothing else becomes what the name stands for."""
    if isinstance(value, dict):
        return {key: filled(item, names) for key, item in value.items()}
    if isinstance(value, list):
        return [filled(item, names) for item in value]
    if not isinstance(value, str):
        return value
    whole = re.fullmatch(r"\$\{(\w+)\}", value)
    if whole and whole[1] in names:
        return names[whole[1]]
    return re.sub(r"\$\{(\w+)\}", lambda m: str(names.get(m[1], m[0])), value)


ABSENT = object()
MATCHERS = {
    "$contains": lambda got, want: isinstance(got, str) and want in got,
    "$matches": lambda got, want: isinstance(got, str) and re.search(want, got, re.S),
    "$absent": lambda got, want: got is ABSENT,
    "$holds": lambda got, want: isinstance(got, list) and want in got,
}


def same(got, want):
    if not isinstance(want, dict):
        return got == want
    for key, value in want.items():
        if key in MATCHERS:
            if not MATCHERS[key](got, value):
                return False
        elif not isinstance(got, dict) or not same(got.get(key, ABSENT), value):
            return False
    return True


def field_of(found, field):
    if field in ("stdout", "stderr"):
        encoded = found.get("streamed_%s_base64" % field)
        return None if encoded is None else base64.b64decode(encoded).decode(errors="replace")
    return found.get(field)


def differences(case, found, names, may_hide):
    wrong = []
    for field, want in case["expect"].items():
        got = field_of(found, field)
        if got is None and found and may_hide(case, field):
            continue
        if not same(got, filled(want, names)):
            wrong.append("%s: got %r, expected %r" % (field, got, filled(want, names)))
    return wrong


def run_case(driver, case, names, may_hide):
    numbered = [dict(names, n=n) for n in range(case.get("parallel", 1))]
    found = driver.ask([filled(case["request"], n) for n in numbered])
    wrong = [d for n, f in zip(numbered, found) for d in differences(case, f, n, may_hide)]
    ok(not wrong, "%s: %s" % (driver.name, case["name"])) or diag("\n".join(wrong) + "\n" + str(found)[:2000])
    for name, where in case.get("save", {}).items():
        value = found[0]
        for step in where.split("."):
            value = (value or {}).get(step)
        names[name] = value


def test_host(name, cases):
    program, may_hide = DRIVERS[name]
    driver = Driver(name, program, dict(cases["sandbox"], image=os.environ["CAISSON_IMAGE"]))
    names = {}
    for case in cases["cases"]:
        run_case(driver, case, names, may_hide)
    is_(driver.end(), 0, "%s: it ends well" % name)
    is_(containers(driver.instance), [], "%s: and leaves nothing" % name)


with open(os.path.join(HOSTS, "cases.json")) as f:
    document = json.load(f)
for host_name in DRIVERS:
    test_host(host_name, document)
done_testing()
