#!/usr/bin/env python3
# An image from a folder with a Dockerfile: when it is built, of what, and what is said when it
# cannot be, on the real engine.
import json
import os
import re
import shutil
import signal
import socket
import time
import urllib.parse

from host_support import (INSTANCE, PATIENCE, configuration, engine, environment, finish, host, path,
                          read_until, start)
from tap import diag, done_testing, is_, ok

BASE = os.environ.get("CAISSON_BUSYBOX_IMAGE", "caisson-busybox:local")
IMAGE = "caisson-test-%s:built" % INSTANCE
CONTEXT = path("context")
# All that is built on it has the label, the images in between too.
LABEL = "caisson-test=%s" % INSTANCE
FROM = "FROM %s\nLABEL %s\n" % (BASE, LABEL)


def write(name, text):
    os.makedirs(os.path.dirname(os.path.join(CONTEXT, name)), exist_ok=True)
    with open(os.path.join(CONTEXT, name), "w") as f:
        f.write(text)


def setting(pull="missing", **build):
    name = "%d.json" % time.monotonic_ns()
    return environment(DOCKER_CONFIG=path("no-docker-config"), CAISSON_CONFIG=configuration(
        name, sandbox={"image": IMAGE, "pull": pull,
                       "build": {"context": CONTEXT, "network": "none", **build}}))


def ensure(env):
    done = host("op", "--json", "image.ensure", env=env)
    return done.json()["structuredContent"], done


def action(env):
    found, done = ensure(env)
    return found.get("action", done.out + done.err)


def is_refused(env, reason, words, title):
    found, done = ensure(env)
    error = found.get("error", {})
    ok(error.get("reason") == reason and all(w in error.get("message", "") for w in words), title) \
        or diag(done.out + done.err)


def images():
    """Those that were built here, whether they have a name or not."""
    filters = urllib.parse.quote(json.dumps({"label": [LABEL]}))
    return [image["Id"] for image in json.loads(engine("GET", "/images/json?all=1&filters=" + filters))]


def clean_up():
    """Children go before their parents, so it takes some rounds."""
    for _ in range(30):
        for image in images():
            try:
                engine("DELETE", "/images/%s?force=1" % image)
            except AssertionError:
                pass
        if not images():
            return


def shell(command, env):
    done = host("--ephemeral", "call", "shell", command, env=env)
    return done.out if done.code == 0 else done.err


def test_when():
    write("Dockerfile", FROM + "ARG word=none\nCOPY . /context\nRUN echo $word > /word\n")
    write("a.txt", "first")
    env = setting()
    is_refused(setting(pull="never"), "image.missing", [IMAGE, "never"], "never does not build")
    done = host("-v", "--ephemeral", "call", "shell", "cat /context/a.txt /word", env=env)
    is_(done.out, "firstnone\n", "a first call builds the image it needs") or diag(done.err)
    ok(re.search(r'^\{"audit":1,.*"event":"image.built",.*"image":"%s","id":"sha256:' % re.escape(IMAGE),
                 done.err, re.MULTILINE), "the audit has it") or diag(done.err)
    ok(re.search(r"building %s: step 4 of \d: COPY" % IMAGE, done.err), "and says where it is")
    is_(action(env), "present", "unchanged, it is not built again")
    os.utime(os.path.join(CONTEXT, "a.txt"), (1, 1))
    is_(action(env), "present", "times do not count")
    write("a.txt", "other")
    is_(shell("cat /context/a.txt", env), "other", "another content builds again")
    os.chmod(os.path.join(CONTEXT, "a.txt"), 0o755)
    is_(action(env), "built", "another mode too")
    os.symlink("a.txt", os.path.join(CONTEXT, "link"))
    is_(action(env), "built", "a new link too")
    is_(shell("readlink /context/link", env), "a.txt\n", "which stays a link")
    os.remove(os.path.join(CONTEXT, "link"))
    os.symlink("/etc/shadow", os.path.join(CONTEXT, "link"))
    is_(shell("readlink /context/link", env), "/etc/shadow\n", "wherever it points")
    is_(shell("cat /word", setting(args={"word": "given"})), "given\n", "other arguments build again")
    write("other/Dockerfile", FROM.replace("\n", " AS small\n", 1) + "COPY a.txt /\nFROM small\nRUN false\n")
    is_(shell("ls /a.txt", setting(dockerfile="./other/Dockerfile", target="small")), "/a.txt\n",
        "another Dockerfile, and one stage of it")
    write("a.txt", "ignored")
    is_(action(setting(pull="never")), "present", "never takes what is there, whatever it was made of")


def test_output():
    write("a.txt", "output %d" % time.monotonic_ns())
    write("Dockerfile", FROM + "COPY a.txt /\nRUN echo made of $((6 * 7))\n")
    done = host("image", env=setting())
    ok("step 3/" in done.err.lower() and "made of 42\n" in done.err, "what a build prints is shown")
    ok(done.out.startswith("built %s, sha256:" % IMAGE), "and then what was done") or diag(done.out)
    large = os.urandom(1 << 20) * 12
    with open(os.path.join(CONTEXT, "large"), "wb") as f:
        f.write(large)
    write("Dockerfile", FROM + "COPY large /\nRUN wc -c < /large\n")
    done = host("image", env=setting())
    ok("\n%d\n" % len(large) in done.err, "a large file arrives whole") or diag(done.err)
    os.remove(os.path.join(CONTEXT, "large"))


def test_ignored():
    shutil.rmtree(CONTEXT)
    write("Dockerfile", FROM + "COPY . /context\n")
    write(".dockerignore", "# comment\n*.log\n!keep.log\nnode_modules\n**/secret*\nDockerfile\n"
          ".dockerignore\ntree\n!tree/kept\n")
    for name in ("a.log", "keep.log", "deep/b.log", "node_modules/x/y", "deep/er/secret.txt", "plain",
                 "tree/dropped", "tree/kept", "umläut/ü"):
        write(name, name)
    with socket.socket(socket.AF_UNIX) as s:
        s.bind(os.path.join(CONTEXT, "socket"))
    env = setting()
    done = host("image", env=env)
    ok("socket" in done.err and "left out" in done.err, "a socket is left out, with words")
    out = shell("cd /context && find . -type f | sort", env)
    is_(out.split(), "./deep/b.log ./keep.log ./plain ./tree/kept ./umläut/ü".split(),
        ".dockerignore says what is sent") or diag(done.err)
    write("a.log", "changed")
    write("node_modules/x/z", "new")
    is_(action(env), "present", "what is left out does not count")
    write("deep/new.log", "new")
    is_(action(env), "built", "what is sent does")
    write(".dockerignore", "[\n")
    is_refused(env, "config.invalid", [".dockerignore, line 1"], "a pattern that is none is named")
    os.remove(os.path.join(CONTEXT, ".dockerignore"))


def test_failures():
    write("Dockerfile", FROM + "RUN echo the reason is here; exit 7\n")
    is_refused(setting(), "image.build", [IMAGE, "step 3 of", "RUN echo", "the reason is here", "7"],
               "a step that fails is named, with what it said")
    write("Dockerfile", FROM + "NONSENSE\n")
    is_refused(setting(), "image.build", [IMAGE, "NONSENSE"], "so is a Dockerfile that is none")
    write("Dockerfile", "FROM 127.0.0.1:1/no/base:1\n")
    is_refused(setting(), "image.registry", ["127.0.0.1:1", IMAGE], "and a base image that is not there")
    is_refused(setting(dockerfile="None"), "config.invalid", [CONTEXT, "None"],
               "a Dockerfile that does not exist")
    missing = path("missing")
    found, done = ensure(environment(CAISSON_CONFIG=configuration(
        "missing.json", sandbox={"image": IMAGE, "build": {"context": missing}})))
    ok(missing in found["error"]["message"], "a folder that does not exist")
    for build, word in (({"context": "relative"}, "context"), ({"args": {}}, "context"),
                        ({"context": "/x", "dockerfile": "../up"}, "dockerfile"),
                        ({"context": "/x", "args": {"a": 1}}, "args")):
        bad = configuration("bad.json", sandbox={"image": IMAGE, "build": build})
        done = host("--config", bad, "tools")
        ok(done.code == 125 and "sandbox.build" in done.err and word in done.err,
           "refused: %s" % json.dumps(build)) or diag(done.err)


def test_labels():
    """A container has its image's labels: none may pass for a helper's, or for a plan of routes."""
    for label in ("caisson.helper", "caisson.routes", "caisson.pool", "caisson.carrier"):
        write("Dockerfile", FROM + "LABEL %s=x\n" % label)
        is_refused(setting(), "policy.refused", [IMAGE, label], "an image with the label " + label)


def test_cancel():
    word = "mark%d" % time.monotonic_ns()
    write("Dockerfile", FROM + "RUN echo %s; sleep 1000\n" % word)
    process = start("image", env=setting())
    read_until(process.stderr, b"\n%s\n" % word.encode())
    process.send_signal(signal.SIGINT)
    done = finish(process)
    is_(done.code, 130, "a cancel ends a build")
    end = time.monotonic() + PATIENCE
    while word in engine("GET", "/containers/json?all=1") and time.monotonic() < end:
        time.sleep(0.1)
    ok(word not in engine("GET", "/containers/json?all=1"), "and what it ran")


try:
    test_when()
    test_output()
    test_ignored()
    test_failures()
    test_labels()
    test_cancel()
finally:
    clean_up()
done_testing()
