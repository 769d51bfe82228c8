#!/usr/bin/env python3
# Several plugins of which versions change: each by itself, and none so that two offer one name.
import os

from host_support import environment, host, path
from host_support.repl import Repl, point_to
from host_support.versions import TOOL, build
from tap import diag, done_testing, is_, ok

FOLDER = path("plugins.d")
os.mkdir(FOLDER)


def named(build_name, tool):
    return build(build_name, described={"instance": "one", "tools": [dict(TOOL, name=tool)],
                                        "operations": []})


def plugins(*args, **how):
    env = environment(CAISSON_PLUGIN=None, CAISSON_CONFIG=None)
    return host("--plugins", FOLDER, *args, env=env, **how)


ONE = named("one", "shell")
TWO = named("two", "shell")
NEXT = named("next", "shell")
CLASH = named("clash", "b_shell")
OTHER = named("other", "other")

with open(os.path.join(FOLDER, "plugins.conf"), "w") as f:
    f.write("plugin %s\nplugin %s prefix=b_\n" % (path("a.so"), path("b.so")))


def begin():
    point_to(ONE, "a.so")
    point_to(TWO, "b.so")
    repl = Repl("--plugins", FOLDER, "repl",
                env=environment(CAISSON_PLUGIN=None, CAISSON_CONFIG=None))
    serves(repl, one="one", two="two")
    return repl


def serves(repl, **wanted):
    for tool, answer in ((":call shell x", wanted["one"]), (":call b_shell x", wanted["two"])):
        repl.line(tool)
        is_(repl.prints("\n"), answer + "\n", "%s is answered by %s" % (tool[6:], answer))


def test_one_fails():
    repl = begin()
    os.unlink(path("a.so"))
    point_to(NEXT, "b.so")
    repl.hang_up()
    said = repl.says("build one, goes on")
    ok("plugins.conf:1: the plugin is not changed (load)" in said,
       "one that cannot be changed is named by its line") or diag(said)
    said = repl.says("build next")
    ok("plugins.conf:2: the plugin is now" in said, "as is the other, which changes") or diag(said)
    serves(repl, one="one", two="next")
    is_(repl.end().code, 0, "both serve to the end")


def test_names():
    repl = begin()
    point_to(CLASH, "a.so")
    repl.hang_up()
    said = repl.says("build one, goes on")
    ok("(self-test)" in said and "plugins.conf:2 and plugins.conf:1 both offer b_shell" in said,
       "a version that offers another plugin's name is refused") or diag(said)
    repl.says("read anew")
    serves(repl, one="one", two="two")
    repl.end()
    point_to(ONE, "a.so")
    done = plugins("swap", CLASH)
    ok(done.code == 1 and "both offer b_shell" in done.err, "beforehand as well") or diag(done.err)


def test_load():
    """The calls of `swap` are answered by the plugin that changes, or there are none."""
    point_to(ONE, "a.so")
    point_to(TWO, "b.so")
    for args, words in ((["swap", NEXT, "b_shell"], "another plugin's tool"),
                        (["--prefix", "b_", "swap", NEXT, "b_none"],
                         "no plugin offers a tool b_none"),
                        (["--prefix", "b_", "swap", OTHER, "b_shell", "x"],
                         "no plugin offers a tool b_shell")):
        done = plugins(*args, "--threads", "2", "--count", "2")
        ok(done.code in (1, 125) and words in done.out + done.err, words) or \
            diag(repr((done.code, done.out, done.err)))
    done = plugins("--prefix", "b_", "swap", NEXT, "b_shell", "x", "--threads", "2", "--json")
    is_(done.json()["failed"], 0, "with --prefix the second one changes under load")


test_one_fails()
test_names()
test_load()
done_testing()
