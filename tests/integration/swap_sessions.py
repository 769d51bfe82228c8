#!/usr/bin/env python3
# The plugin is changed under a session: its files and background jobs go on, a call that runs ends
# on the old version with all of its output or by its cancel; and `make install`, which keeps
# versions side by side.
import json
import os
import re
import shutil
import signal
import subprocess

from host_support import PATIENCE, Terminal, environment, host, path
from host_support.repl import Repl, point_to
from tap import diag, done_testing, is_, ok

ROOT = os.path.realpath(os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", ".."))
PLUGIN = os.environ["CAISSON_PLUGIN"]
OTHER = os.environ["CAISSON_OTHER_PLUGIN"]


def begin(*args, session="default"):
    """A repl of its own session, with the first of the two builds."""
    point_to(PLUGIN)
    repl = Repl("--plugin", path("plugin.so"), "--session", session, "-v", *args, "repl")
    repl.says("ready")
    return repl


def change(repl):
    """To the other build; returns once that is at work and is about to be published. A call that
    runs is then still on the old one."""
    point_to(OTHER)
    repl.hang_up()
    repl.says("ready")


def all_of_job(repl):
    """What the job printed, up to its "ended"."""
    printed = ""
    while "ended\n" not in printed:
        repl.line(':call shell_output {"job_id": "job-1", "wait_ms": 1000}')
        printed += repl.prints("[job-1 ")
        repl.prints("]\n")
    return printed


def test_session():
    repl = begin()
    repl.line("echo kept > file; echo made")
    repl.prints("made\n")
    job = json.dumps({"command": "n=0; while [ ! -e stop ]; do n=$((n+1)); echo line $n; "
                                 "sleep 0.05; done; echo ended", "background": True})
    repl.line(":call shell " + job)
    repl.prints("job-1")
    change(repl)
    said = repl.says("the plugin is now")
    ok("cancelled" not in said, "the change cancels nothing") or diag(said)
    repl.line("cat file; touch stop")
    is_(repl.prints("kept\n").splitlines()[-1], "kept", "the session's files are there")
    said = all_of_job(repl)
    numbers = [int(n) for n in re.findall(r"line (\d+)", said)]
    ok(numbers == list(range(1, len(numbers) + 1)) and numbers,
       "so is the background job, with all it has printed") or diag(said)
    repl.line(":version")
    ok("-other" in repl.prints("caisson.so\n"), "and the version is the other one")
    done = repl.end()
    ok("is new" not in done.err, "the sandbox is the same") or diag(done.err)


def test_call_goes_on():
    repl = begin()
    repl.line("rm -f go; echo begun; while [ ! -e go ]; do sleep 0.02; done; seq 1 200000; "
              "echo whole")
    repl.prints("begun\n")
    change(repl)
    ok(repl.process.poll() is None, "a call that runs does not hinder the new version")
    is_(host("call", "shell", "touch go").code, 0, "another process lets the call go on")
    printed = repl.prints("whole\n")
    is_(printed, "".join("%d\n" % n for n in range(1, 200001)) + "whole\n",
        "it ends on the old version with its whole output")
    repl.says("the plugin is now")
    repl.line("echo on")
    repl.prints("on\n")
    is_(repl.end().code, 0, "and the next goes to the new one")


def test_cancel():
    repl = begin()
    repl.line("echo begun; sleep 600")
    repl.prints("begun\n")
    change(repl)
    repl.process.send_signal(signal.SIGINT)
    repl.says("cancelled")
    repl.says("the plugin is now")
    ok(True, "a cancel reaches a call on the version that is being left")
    is_(repl.end().code, 130, "as it always did")
    left = host("call", "shell", "cat /proc/[0-9]*/cmdline | tr '\\0' ' '").out
    ok("sleep 600" not in left, "and ends what it started") or diag(left)


def test_grace():
    repl = begin("--grace", "100ms")
    repl.line("echo begun; sleep 600")
    repl.prints("begun\n")
    change(repl)
    said = repl.says("were cancelled")
    ok("the plugin is now" in said, "after the grace the call is cancelled, and it is said") or \
        diag(said)
    is_(repl.end().code, 130, "the call ends as cancelled")


def test_terminal():
    terminal = Terminal("repl")
    terminal.expect("default> ")
    os.kill(terminal.process.pid, signal.SIGHUP)
    terminal.expect("the plugin is now")
    terminal.expect("anew")
    terminal.type("echo st''ill; sleep 600\r")
    terminal.expect("still\r\n")
    ok(True, "SIGHUP at the prompt changes the plugin, and the prompt goes on")
    os.close(terminal.master)
    is_(terminal.process.wait(timeout=PATIENCE), 129,
        "a terminal that hangs up is no wish for another version: it ends the program")


# ---- versions side by side -----------------------------------------------------------------------


def copy_tree():
    """The tree and what is built of it, so that `make install` has little to do and changes nothing
    that other tests use."""
    tree = path("tree")
    for name in ("abi", "plugin", "host_demo", "Makefile", "tests/setup"):
        source, target = os.path.join(ROOT, name), os.path.join(tree, name)
        os.makedirs(os.path.dirname(target), exist_ok=True)
        (shutil.copytree if os.path.isdir(source) else shutil.copy2)(source, target)
    used = re.compile(r"build(/(obj|guest-obj|guests|arm64|amd64)(/|$)|/[^/]*$|$)")
    build = os.path.join(ROOT, "build")

    def others(folder, names):
        return [n for n in names if not used.match(
            os.path.join("build", os.path.relpath(os.path.join(folder, n), build)))
            or "/obj/tests" in os.path.join(folder, n)]
    shutil.copytree(build, os.path.join(tree, "build"), ignore=others)
    return tree


def install(tree, version, build_id):
    env = {n: v for n, v in os.environ.items() if not n.startswith(("MAKE", "MFLAGS"))}
    done = subprocess.run(["make", "-C", tree, "install", "DESTDIR=" + path("dest"),
                           "PREFIX=/opt/caisson", "VERSION=" + version, "BUILD_ID=" + build_id],
                          env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, umask=0o077)
    if done.returncode != 0:
        diag(done.stdout.decode())
    is_(done.returncode, 0, "make install, version %s" % version)


def test_install():
    tree = copy_tree()
    plugins = path("dest/opt/caisson/lib/caisson")
    link = os.path.join(plugins, "caisson.so")
    install(tree, "9.1.0", "first")
    is_(os.readlink(link), "9.1.0-first/caisson.so", "the link leads to the version")
    found = [os.path.isfile(path("dest/opt/caisson/" + f)) for f in (
        "bin/caisson-host", "include/caisson.h", "lib/pkgconfig/caisson.pc")]
    is_(found, [True, True, True], "host, header and caisson.pc are there")
    readable = [os.stat(os.path.join(folder, name)).st_mode & 0o044 == 0o044
                for folder, _, names in os.walk(path("dest/opt")) for name in names]
    ok(all(readable), "for all users, also where root's umask would keep them out")
    env = environment(CAISSON_PLUGIN=None)
    repl = Repl("--session", "installed", "repl", program=path("dest/opt/caisson/bin/caisson-host"),
                env=env)
    repl.line(":version")
    said = repl.prints("caisson.so\n")
    ok("caisson 9.1.0, build first" in said, "the installed host finds it") or diag(said)
    repl.line("echo kept > file")
    repl.line(':call shell {"command": "while [ ! -e stop ]; do sleep 0.05; done; echo ended",'
              ' "background": true}')
    repl.prints("job-1")
    install(tree, "9.2.0", "second")
    is_(os.readlink(link), "9.2.0-second/caisson.so", "the link leads to the new version")
    is_(sorted(os.listdir(plugins)), ["9.1.0-first", "9.2.0-second", "caisson.so"],
        "the older one is kept, and nothing else is there")
    repl.line(":version")
    ok("build first" in repl.prints("caisson.so\n"), "who runs goes on with the old one ...")
    repl.hang_up()
    ok("9.2.0, build second" in repl.says("9.2.0-second/caisson.so"), "... until a SIGHUP")
    repl.line("cat file; touch stop")
    repl.prints("kept\n")
    ok("ended" in all_of_job(repl), "with the session's file and its background job")
    repl.line(":swap " + os.path.join(plugins, "9.1.0-first/caisson.so"))
    ok("build first" in repl.says("9.1.0-first/caisson.so"), "and back to the older one")
    is_(repl.end().code, 0, "to the end")


test_session()
test_call_goes_on()
test_cancel()
test_grace()
test_terminal()
test_install()
done_testing()
