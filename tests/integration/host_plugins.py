#!/usr/bin/env python3
# Several plugins in one caisson-host, from a configuration folder: two instances of one plugin side
# by side, each with its own image and sessions; and what is refused, with the file and line.
import hashlib
import os
import shutil

from host_support import INSTANCE, configuration, environment, host, path
from host_support.repl import Repl
from tap import diag, done_testing, is_, ok

PLUGIN = os.environ["CAISSON_PLUGIN"]
BUSYBOX = os.environ["CAISSON_BUSYBOX_IMAGE"]
FOLDER = path("plugins.d")
os.mkdir(FOLDER)
PYTHON = configuration("python.json")
SMALL = configuration("small.json", instance=INSTANCE + "b", sandbox={"image": BUSYBOX})


def write(name, *lines):
    with open(os.path.join(FOLDER, name), "w") as f:
        f.write("\n".join(lines) + "\n")


def plugins(*args, **how):
    # No variable of the tests' own decides what runs.
    env = environment(CAISSON_PLUGIN=None, CAISSON_CONFIG=None)
    return host("--plugins", FOLDER, *args, env=env, **how)


def refused(name, *words):
    done = plugins("tools")
    good = done.code == 125 and all(w in done.err for w in words) and not done.out
    ok(good, name) or diag("code %d\n%s" % (done.code, done.err))


def digest(file):
    with open(file, "rb") as f:
        return hashlib.sha256(f.read()).hexdigest()


def two(first="", second="prefix=small_"):
    write("20-small.conf", "plugin %s config=%s %s" % (PLUGIN, SMALL, second))
    write("10-python.conf", "# the first one", "",
          "plugin %s config=%s sha256=%s %s" % (PLUGIN, PYTHON, digest(PLUGIN), first))


def check_offers():
    lines = [line.split()[0] for line in plugins("tools").out.splitlines() if line[0] != " "]
    ok(lines.index("py_shell") < lines.index("small_shell"), "tools of both, in order of the files")
    document = plugins("tools", "--json").json()
    names = [tool["name"] for tool in document["tools"]]
    is_(names, lines, "the same in JSON")
    is_(document["instances"], {"py_": INSTANCE, "small_": INSTANCE + "b"}, "with both instances")
    ok("small_session.list" in [o["name"] for o in document["operations"]], "and operations")


def check_calls():
    lines = ["command -v python3 >python; echo first >own",
             ":call small_shell cat own; echo second >own", ":call py_shell cat own",
             ":call small_shell cat own python; busybox | head -n 1"]
    done = plugins("repl", stdin="\n".join(lines).encode())
    ok("first" in done.out and "second" in done.out and "BusyBox" in done.out,
       "both serve in one process, each its own files and image") or diag(done.out + done.err)
    is_(done.err.count("cat: "), 2, "and neither sees the other's") or diag(done.err)
    is_(plugins("call", "py_shell", "cat python").out, "/usr/bin/python3\n", "the next call too")
    done = plugins("call", "shell", "id")
    ok(done.code == 125 and "no plugin offers a tool shell" in done.err,
       "a tool without its prefix is none") or diag(done.err)
    done = plugins("call", "small_shel", "id")
    ok(done.code == 125 and "small_shel" in done.err, "nor one that is misspelt")


def check_operations():
    def instance_of(*args):
        sessions = plugins(*args).json()["structuredContent"]["sessions"]
        return [session["name"].split("-")[1] for session in sessions]
    is_(instance_of("op", "py_session.list", "--json"), [INSTANCE], "an operation by its prefix")
    is_(instance_of("op", "small_session.list", "--json"), [INSTANCE + "b"], "and the other's")
    is_(instance_of("op", "session.list", "--json"), [INSTANCE], "without one it is the first's")
    is_(instance_of("--prefix", "small_", "op", "session.list", "--json"), [INSTANCE + "b"],
        "or that of --prefix")
    is_(instance_of("--prefix", "small_", "sessions", "--json"), [INSTANCE + "b"],
        "as for commands that name no operation")
    done = plugins("--prefix", "none_", "sessions")
    ok(done.code == 125 and "no plugin has the prefix none_" in done.err, "an unknown prefix")
    done = plugins("--prefix", "small_", "repl", stdin=b"cat own")
    is_(done.out, "second\n", "lines of the interactive session go there too")
    done = plugins("doctor")
    ok(done.code == 0 and all(done.out.count(w) == n for w, n in
                              (("ok   plugin", 2), ("ok   sandbox", 2), (SMALL, 1), (PYTHON, 1))),
       "doctor looks at both") or diag(done.out + done.err)


def check_reload():
    """SIGHUP is for all of them: each has a new generation, and its sessions."""
    env = environment(CAISSON_PLUGIN=None, CAISSON_CONFIG=None)
    repl = Repl("--plugins", FOLDER, "repl", env=env)
    repl.line("cat own")
    ok("first" in repl.prints("\n"), "before SIGHUP the first plugin serves")
    repl.hang_up()
    said = repl.says("anew") + repl.says("anew")
    is_(said.count("the plugin is now"), 2, "SIGHUP changes both") or diag(said)
    for tool, words in (("py_shell", "first"), ("small_shell", "second")):
        repl.line(":call %s cat own" % tool)
        is_(repl.prints("\n"), words + "\n", "%s goes on with its session" % tool)
    is_(repl.end().code, 0, "and the program ends as ever")


def check_shutdown():
    is_(plugins("shutdown", "--all").out, "removed default\n", "shutdown ends the first's sessions")
    is_(plugins("--prefix", "small_", "shutdown", "--all").out, "removed default\n",
        "and the other's live on until it is asked")


def check_names():
    two()
    ok("\nsmall_shell" in plugins("tools").out, "one of several may go without a prefix")
    two(second="")
    refused("two that offer the same names are refused", "10-python.conf:3", "20-small.conf:1",
            "both offer shell", "prefix=")
    two("prefix=x_", "prefix=x_")
    refused("with the same prefix as well", "both offer x_shell")


def check_lines():
    two("prefix=py_")
    write("20-small.conf", "plugin %s" % os.path.basename(PLUGIN))
    refused("a relative path", "20-small.conf:1", "absolute")
    write("20-small.conf", "plugin %s colour=red" % PLUGIN)
    refused("an unknown word", "20-small.conf:1", "what is colour?")
    write("20-small.conf", "", "plugin %s prefix=b_ sha256=%s" % (PLUGIN, "0" * 64))
    refused("another SHA-256", "20-small.conf:2", digest(PLUGIN), "0" * 64, "pinned")
    write("20-small.conf", "plugin %s prefix=b_ config=%s" % (PLUGIN, path("nonesuch.json")))
    refused("a configuration that is not there", "20-small.conf:1", "nonesuch.json", "No such file")
    broken = configuration("broken.json", sandbox={"image": 7})
    write("20-small.conf", "plugin %s prefix=b_ config=%s" % (PLUGIN, broken))
    refused("one that is wrong", "20-small.conf:1", broken, "sandbox.image")
    write("20-small.conf", "plugin %s prefix=b_" % path("nonesuch.so"))
    refused("a plugin that is not there", "20-small.conf:1", "nonesuch.so", "No such file")


def check_trust():
    two("prefix=py_")
    os.chmod(SMALL, 0o666)
    refused("a configuration that everybody can write", "20-small.conf:1", SMALL, "chmod go-w")
    os.chmod(SMALL, 0o644)
    lines = os.path.join(FOLDER, "20-small.conf")
    os.chmod(lines, 0o666)
    refused("a file of the folder that everybody can write", lines, "chmod go-w")
    os.chmod(lines, 0o644)
    os.chmod(FOLDER, 0o777)
    refused("the folder itself", FOLDER, "chmod go-w")
    os.chmod(FOLDER, 0o1777)
    refused("sticky or not", FOLDER, "others can make files in it")
    os.chmod(FOLDER, 0o755)


def check_folder():
    two("prefix=py_")
    write("30.conf~", "nonsense")
    write("README", "nonsense")
    write(".hidden.conf", "nonsense")
    ok("small_shell" in plugins("tools").out, "only files that end in .conf are read, none hidden")
    os.chdir(os.path.dirname(FOLDER))
    env = environment(CAISSON_PLUGIN=None)
    ok("small_shell" in host("--plugins", "plugins.d", "tools", env=env).out, "a relative folder")
    shutil.copy(PLUGIN, "same.so")
    ok("would be taken" in plugins("swap", "same.so").out, "a relative path of a pinned version")
    with open("same.so", "ab") as f:
        f.write(b"x")
    ok("pinned" in plugins("swap", "same.so").err, "and of one that it is not pinned to")
    for name in ("10-python.conf", "20-small.conf"):
        os.remove(os.path.join(FOLDER, name))
    refused("a folder that names none", FOLDER, "names a plugin")
    shutil.rmtree(FOLDER)
    refused("a folder that is not there", FOLDER, "No such file")
    for option in ("--plugin", "--config"):
        is_(plugins(option, PLUGIN, "tools").code, 2, "%s does not go with --plugins" % option)
    is_(host("--prefix", "a_", "tools").code, 2, "--prefix takes --plugins")


two("prefix=py_")
try:
    check_offers()
    check_calls()
    check_operations()
    check_reload()
finally:
    check_shutdown()
check_names()
check_lines()
check_trust()
check_folder()
done_testing()
