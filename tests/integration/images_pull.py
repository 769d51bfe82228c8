#!/usr/bin/env python3
# Images from a registry: when one is pulled, as whom, what is seen of it, and every way in which
# it can fail, on the real engine and a registry of our own.
import base64
import json
import os
import signal
import time
import urllib.parse

from host_support import (INSTANCE, PATIENCE, Terminal, configuration, engine, environment, finish,
                          host, path, start)
from registry_server import ARCH, Registry, layer, shell_layer
from tap import diag, done_testing, is_, ok

registry = Registry()
made = set()


def setting(image, config_dir=None, **sandbox):
    """The environment of a host with that image."""
    made.add(image)
    name = "%d.json" % time.monotonic_ns()
    more = {"DOCKER_CONFIG": config_dir or path("no-docker-config")}
    return environment(CAISSON_CONFIG=configuration(name, sandbox={"image": image, **sandbox}),
                       PATH=path("bin") + ":" + os.environ["PATH"], **more)


def has(image):
    try:
        return json.loads(engine("GET", "/images/%s/json" % urllib.parse.quote(image, "")))["Id"]
    except AssertionError:
        return None


def drop(image):
    try:
        engine("DELETE", "/images/%s?force=1" % urllib.parse.quote(image, ""))
    except AssertionError:
        pass


def ensure(env, **args):
    # Podman tries for more than a minute by itself before it passes on that a registry wants less.
    done = host("op", "--json", "image.ensure", json.dumps(args), env=env, patience=4 * PATIENCE)
    return done.json()["structuredContent"], done


def is_refused(env, reason, words, title, **args):
    found, done = ensure(env, **args)
    error = found.get("error", {})
    good = error.get("reason") == reason and all(w in error.get("message", "") for w in words)
    ok(good and done.code == 125, title) or diag(done.out + done.err)
    return done


# ---- when ----------------------------------------------------------------------------------------


def test_missing():
    image = registry.name("t/box")
    registry.image("t/box", "1", [shell_layer()])
    env = setting(image)
    done = host("--session", "a", "-v", "call", "shell", "cat /unique | wc -c; echo here", env=env)
    ok(done.code == 0 and "here" in done.out, "a first call pulls the image it needs") or diag(done.err)
    ok("pulling " + image in done.err, "and says so")
    found, _ = ensure(env)
    is_(found.get("action"), "present", "then it is there, and nothing is pulled")
    is_(found.get("id"), has(image), "the id is the engine's")
    is_(found.get("arch"), ARCH, "so is the architecture")
    host("rm", "a", env=env)
    drop(image)
    before = registry.count("/manifests/")
    is_refused(setting(image, pull="never"), "image.missing", [image, "docker pull", "sandbox.pull"],
               "never: it is an error that says what to do")
    done = host("--session", "b", "call", "shell", "true", env=setting(image, pull="never"))
    ok(done.code == 125 and image in done.err, "of a call as well")
    is_(registry.count("/manifests/"), before, "and the registry is not asked")
    found, _ = ensure(setting(image, pull="never"), pull="missing")
    is_(found.get("action"), "pulled", "the operation's own word counts more than the configuration's")


def test_always():
    image = registry.name("t/moving")
    registry.image("t/moving", "1", [layer({"version": b"one"}), shell_layer()])
    env = setting(image, pull="always")
    first, _ = ensure(env)
    asked = registry.count("t/moving/manifests")
    again, _ = ensure(env)
    ok(registry.count("t/moving/manifests") > asked, "always asks the registry again")
    is_(again.get("id"), first.get("id"), "and an image that did not change is the same")
    digest = registry.image("t/moving", "1", [layer({"version": b"two"}), shell_layer()])
    is_(ensure(setting(image))[0].get("id"), first.get("id"), "missing does not see a tag that moved")
    done = host("--session", "m", "call", "shell", "cat /version", env=env)
    is_(done.out, "two", "always does, before a sandbox is made") or diag(done.err)
    registry.image("t/moving", "1", [layer({"version": b"three"}), shell_layer()])
    is_(host("--session", "m", "call", "shell", "cat /version", env=env).out, "two",
        "a sandbox that runs goes on as it is")
    host("rm", "m", env=env)
    pinned = "%s/t/moving@%s" % (registry.host, digest)
    env = setting(pinned, pull="always")
    done = host("--ephemeral", "call", "shell", "cat /version", env=env)
    is_(done.out, "two", "a digest is pulled as it is") or diag(done.err)
    asked = registry.count("/manifests/")
    is_(ensure(env)[0].get("action"), "present", "and once: it cannot change")
    is_(registry.count("/manifests/"), asked, "so nobody is asked")
    drop(first["id"])


def test_progress():
    image = registry.name("t/large")
    layers = [layer({"one": os.urandom(3000000)}), layer({"two": os.urandom(5000000)})]
    registry.image("t/large", "1", layers)
    gate = registry.gate(layers[1])
    terminal = Terminal("image", env=setting(image))
    # Engines differ in how many layers they fetch at once, and when they say how large each is.
    seen = terminal.expect(r"pulling %s: [01] of 2 layers, ([1-9]) of ([58]) MB (\d+)%%" % image)
    ok(int(seen.group(1)) < int(seen.group(2)) and 5 < int(seen.group(3)) < 95,
       "a terminal shows layers, megabytes and per cent: %s" % seen.group(0))
    gate.opened.set()
    terminal.expect("pulled " + image)
    is_(terminal.close(), 0, "and then that it is there")


# ---- who -----------------------------------------------------------------------------------------


def docker_config(name, document):
    os.makedirs(path(name), exist_ok=True)
    with open(path(name + "/config.json"), "w") as f:
        json.dump(document, f)
    return path(name)


def helper(name, script):
    os.makedirs(path("bin"), exist_ok=True)
    with open(path("bin/docker-credential-" + name), "w") as f:
        f.write("#!/bin/sh\n" + script)
    os.chmod(path("bin/docker-credential-" + name), 0o755)


def auths(user, password):
    text = base64.b64encode(("%s:%s" % (user, password)).encode()).decode()
    return {"auths": {registry.host: {"auth": text}}}


def test_credentials():
    private = Registry()
    private.login = ("ann", "s3cret:with+colon")
    private.image("t/private", "1", [layer({"a": os.urandom(100)})])
    image = private.name("t/private")
    is_refused(setting(image), "image.denied", [image, "docker login"], "nobody is refused")
    text = base64.b64encode(b"ann:s3cret:with+colon").decode()
    good = docker_config("good", {"auths": {private.host: {"auth": text}}})
    for by_token in False, True:
        private.by_token = by_token
        found, done = ensure(setting(image, good))
        is_(found.get("action"), "pulled", "auths opens it%s" % (" by a token" if by_token else "")) \
            or diag(done.out)
        drop(image)
    wrong = base64.b64encode(b"ann:h1dden-word").decode()
    bad = docker_config("bad", {"auths": {"https://%s/v2/" % private.host: {"auth": wrong}}})
    done = is_refused(setting(image, bad), "image.denied", [image], "a wrong password is refused")
    verbose = host("-v", "image", env=setting(image, bad))
    said = done.out + done.err + verbose.out + verbose.err
    ok("h1dden" not in said and wrong not in said, "and is in no message and no log")
    private.by_token = False
    helper("works", 'read server; echo "$server" > %s\n'
           'echo \'{"ServerURL": "x", "Username": "ann", "Secret": "s3cret:with+colon"}\'\n'
           % path("asked"))
    config = docker_config("helper", {"credHelpers": {private.host: "works"}, "credsStore": "fails"})
    found, done = ensure(setting(image, config))
    is_(found.get("action"), "pulled", "a credential helper opens it") or diag(done.out)
    with open(path("asked")) as f:
        is_(f.read().strip(), private.host, "which is asked for the registry")
    drop(image)
    store = docker_config("store", {"credsStore": "works"})
    is_(ensure(setting(image, store))[0].get("action"), "pulled", "so does one for all registries")
    drop(image)
    test_bad_helpers(private, image)
    ok("ann" in private.asked_as(), "the registry knew us") or diag(str(private.asked_as()))
    mallory = Registry()
    mallory.image("t/other", "1", [layer({"b": os.urandom(100)})])
    ensure(setting(mallory.name("t/other"), good))
    is_(mallory.asked_as(), set(), "another registry gets nobody's credentials")
    mallory.stop()
    private.stop()


def test_credentials_of_a_base():
    """A build's base image is fetched as whoever the Docker configuration says."""
    private = Registry()
    private.login = ("ann", "s3cret")
    private.image("t/base", "1", [shell_layer()])
    base, image = private.name("t/base"), "caisson-test-%s:based" % INSTANCE
    os.makedirs(path("based"), exist_ok=True)
    with open(path("based/Dockerfile"), "w") as f:
        f.write("FROM %s\nLABEL made-by=%s\n" % (base, INSTANCE))
    build = {"context": path("based"), "network": "none"}
    is_refused(setting(image, build=build), "image.denied", [base, "docker login"],
               "a build on a base that nobody may have is refused")
    text = base64.b64encode(b"ann:s3cret").decode()
    good = docker_config("base", {"auths": {private.host: {"auth": text}}})
    found, done = ensure(setting(image, good, build=build))
    is_(found.get("action"), "built", "auths opens it for a build too") or diag(done.out + done.err)
    ok("ann" in private.asked_as(), "the registry knew us") or diag(str(private.asked_as()))
    drop(image)
    drop(base)
    private.stop()


def test_bad_helpers(private, image):
    def config(name):
        return docker_config("bad-helper", {"credHelpers": {private.host: name}})

    helper("empty", "echo 'credentials not found in native keychain'; exit 1\n")
    is_refused(setting(image, config("empty")), "image.denied", [image],
               "one that has none: we are nobody")
    helper("broken", "echo 'the key ring is locked'; exit 1\n")
    is_refused(setting(image, config("broken")), "image.credentials",
               ["docker-credential-broken", "the key ring is locked"], "one that fails is named")
    is_refused(setting(image, config("absent")), "image.credentials",
               ["docker-credential-absent", "PATH"], "one that is not installed too")
    is_refused(setting(image, config("../x")), "image.credentials", ["name"],
               "a name that is a path is refused")
    helper("noise", "exec cat /dev/zero\n")
    is_refused(setting(image, config("noise")), "image.credentials", ["docker-credential-noise"],
               "one that says too much is ended")
    helper("hangs", "touch %s; exec sleep 1000\n" % path("hanging"))
    process = start("image", env=setting(image, config("hangs")))
    wait_for(lambda: os.path.exists(path("hanging")))
    process.send_signal(signal.SIGINT)
    is_(finish(process).code, 130, "one that hangs ends with a cancel")


# ---- failures ------------------------------------------------------------------------------------


def wait_for(condition):
    end = time.monotonic() + PATIENCE
    while not condition() and time.monotonic() < end:
        time.sleep(0.02)
    return condition()


def test_failures():
    image = registry.name("t/refused")
    registry.image("t/refused", "1", [layer({"a": b"b"})])
    registry.refusal = (429, "TOOMANYREQUESTS", "You have reached your pull rate limit.")
    is_refused(setting(image), "image.rate_limited", [image, registry.host, "docker login", "wait"],
               "a rate limit")
    registry.refusal = (403, "DENIED", "requested access to the resource is denied")
    is_refused(setting(image), "image.denied", [image, "docker login"], "an image of others")
    registry.refusal = None
    gone = registry.name("t/refused", "nope")
    is_refused(setting(gone), "image.not_found", [gone, "tag"], "a tag that does not exist")
    gone = registry.name("t/nothing")
    is_refused(setting(gone), "image.not_found", [gone], "a repository that does not exist")
    other = "arm64" if ARCH != "arm64" else "amd64"
    image = registry.name("t/other")
    registry.image("t/other", "1", [layer({"a": os.urandom(9)})], architecture=other, index=True)
    is_refused(setting(image), "image.platform", [image, "sandbox.platform"],
               "an image for other machines")
    found, done = ensure(setting(image, platform="linux/" + other))
    is_(found.get("arch"), other, "is taken where it is asked for") or diag(done.out)
    is_refused(setting(image, platform="linux/" + ARCH, pull="never"), "image.platform",
               [image, other], "and not where another is")
    is_refused(setting("127.0.0.1:1/t/x:1"), "image.registry", ["127.0.0.1:1", "network"],
               "a registry that is not there")
    done = is_refused(setting("sha256:" + 64 * "0"), "image.missing", ["id"], "an id is in no registry")


def test_cancel():
    image = registry.name("t/slow")
    data = layer({"slow": os.urandom(2000000)})
    registry.image("t/slow", "1", [data])
    for args in (("image",), ("--session", "slow", "call", "shell", "true")):
        gate = registry.gate(data)
        process = start(*args, env=setting(image))
        ok(gate.reached.wait(PATIENCE), "%s: a layer is under way" % args[-1])
        begun = time.monotonic()
        process.send_signal(signal.SIGINT)
        done = finish(process)
        is_(done.code, 130, "a cancel ends it")
        ok(time.monotonic() - begun < 10, "at once")
        ok(gate.left.wait(PATIENCE), "and the engine leaves the registry")
    is_(has(image), None, "nothing is there")
    done = host("--timeout", "1s", "image", env=setting(image))
    is_(done.code, 124, "a deadline ends it likewise")


try:
    test_missing()
    test_always()
    test_progress()
    test_credentials()
    test_credentials_of_a_base()
    test_failures()
    test_cancel()
finally:
    for name in made:
        drop(name)
    registry.stop()
done_testing()
