#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# An engine that tells of versions with known holes is warned of, or not used at all, as configured. The
# real engine stands behind a proxy that tells of other versions for it.
import json
import logging
import os
import subprocess
import sys

from sanitizer import PYTHON, load_first

load_first()

import caisson
from host_support import ENDPOINT, INSTANCE, atexit, path
from tap import diag, done_testing, is_, ok

OLD = {"Engine": "20.10.8", "runc": "1.1.4"}
NEW = {"Engine": "99.0.0", "runc": "99.0.0"}
count = 0


class Lines(logging.Handler):
    def __init__(self):
        super().__init__()
        self.lines = []

    def emit(self, record):
        self.lines.append((record.levelname, record.getMessage()))


def engine_of(answer):
    """The real engine, but for what it says of its version. Returns its address and the proxy's log."""
    global count
    count += 1
    base = path("engine-%d" % count)
    with open(base + ".json", "w") as file:
        json.dump({"rules": [{"method": "GET", "path": "/version$", "respond": answer}]}, file)
    process = subprocess.Popen(
        [sys.executable, os.environ["CAISSON_FAKE_ENGINE"], "--socket", base, "--scenario", base + ".json",
         "--upstream", ENDPOINT.replace("unix://", "", 1), "--log", base + ".log"],
        stdout=subprocess.PIPE, text=True)
    atexit.register(process.kill)
    is_(process.stdout.readline(), "ready\n", "an engine") or sys.exit(1)
    return "unix://" + base, base + ".log"


def version(releases):
    components = [{"Name": name, "Version": release} for name, release in releases.items()]
    return {"json": {"Version": releases["Engine"], "ApiVersion": "1.41", "Os": "linux",
                     "Arch": {"x86_64": "amd64", "aarch64": "arm64"}[os.uname().machine],
                     "Components": components}}


def host(endpoint, **more):
    """A host of that engine, and the handler that has what it logs."""
    logger = logging.Logger("test")
    lines = Lines()
    logger.addHandler(lines)
    box = caisson.Caisson(os.environ["CAISSON_PLUGIN"], {
        "config_version": 1, "instance": INSTANCE, "sandbox": {"image": os.environ["CAISSON_IMAGE"]},
        "engine": {"endpoint": endpoint, **more}}, logger=logger)
    return box, lines


def holes(texts):
    return [text for text in texts if "CVE-" in text]


def test_warn():
    endpoint, _ = engine_of(version(OLD))
    box, log = host(endpoint)
    with box:
        told = holes(box.operation("engine.info").structured["warnings"])
        ok(any("runc 1.1.4" in t and "CVE-2024-21626" in t and "1.1.12" in t for t in told),
           "engine.info names a hole of the runtime, and which release mended it") or diag(told)
        ok(any("Docker 20.10.8" in t and "CVE-2021-41089" in t for t in told), "and one of the engine")
        is_(box.call("shell", {"command": "echo works"}, session="warned").text, "works\n",
            "the engine is used all the same")
        box.call("shell", {"command": "true"}, session="warned-too")
        said = [words for level, words in log.lines if level == "INFO" and "CVE-" in words]
        is_(sorted(said), sorted("the engine: " + t for t in told), "and the log has each, once")
        for key in ("warned", "warned-too"):
            box.operation("session.remove", session=key)


def test_mended():
    endpoint, _ = engine_of(version(NEW))
    for mode in ("warn", "refuse"):
        box, log = host(endpoint, vulnerable=mode)
        with box:
            is_(box.call("shell", {"command": "echo works"}, session="good").text, "works\n",
                "%s: an engine without known holes is used" % mode)
            is_(holes(box.operation("engine.info").structured["warnings"] + [w for _, w in log.lines]), [],
                "and nothing is said of it")
            box.operation("session.remove", session="good")


def refused(function):
    try:
        function()
    except caisson.CaissonError as error:
        return error
    return None


def test_refuse():
    endpoint, log = engine_of(version(OLD))
    error = refused(lambda: host(endpoint, vulnerable="refuse"))
    is_(error and (error.status, error.reason), (-7, "policy.refused"), "refuse: no instance is made")
    ok(error and "CVE-" in error.message and "engine.vulnerable" in error.message,
       "in words that name a hole and the setting") or diag(error)
    box, lines = host(endpoint, vulnerable="refuse", lazy=True)
    with box:
        error = refused(lambda: box.call("shell", {"command": "true"}, session="refused"))
        is_(error and error.reason, "policy.refused", "lazy: each call is refused")
        ok(len(holes([words for _, words in lines.lines])) > 1, "the log has all holes")
    with open(log) as file:
        asked = {(e["method"], e["target"].split("?")[0]) for e in map(json.loads, file)}
    is_(asked, {("GET", "/_ping"), ("GET", "/version")}, "and nothing else was asked of the engine")


def test_silent():
    for answer in ({"status": 500, "json": {"message": "no"}}, {"body": "no JSON"}):
        endpoint, _ = engine_of(answer)
        error = refused(lambda: host(endpoint, vulnerable="refuse"))
        is_(error and error.reason, "engine.protocol", "refuse: nor is one used that does not tell: %s" % error)


test_warn()
test_mended()
test_refuse()
test_silent()
done_testing()
