#!/usr/bin/env python3
# caisson-host from the command line: what it takes, what it prints where, and its exit codes.
import hashlib
import os

from host_support import (Terminal, configuration, environment, finish, host, path, read_until,
                          start)
from tap import diag, done_testing, is_, ok


def is_run(done, code, out, name):
    good = done.code == code and done.out == out
    if not ok(good, name):
        diag("code %r, expected %r\nstdout %r\nexpected %r\nstderr %r"
             % (done.code, code, done.out[:300], out, done.err[:600]))


def is_usage(args, word, name):
    done = host(*args)
    if not ok(done.code == 2 and word in done.err and not done.out, name):
        diag("code %r, stdout %r, stderr %r" % (done.code, done.out, done.err))


def test_usage():
    is_usage([], "--help", "no command at all points to the help")
    is_usage(["frobnicate"], "frobnicate", "an unknown command is named")
    is_usage(["--frob", "tools"], "--frob", "an unknown option is named")
    is_usage(["call", "shell", "-la"], "-l", "so is one of one letter")
    is_usage(["--session"], "needs a value", "an option without its value")
    is_usage(["call"], "which tool", "call without a tool")
    is_usage(["call", "shell", "a", "b"], "too many", "call with too many arguments")
    is_usage(["call", "shell", "{oops"], "not JSON", "a typing mistake in JSON is no command")
    is_usage(["op", "engine.info", "words"], "JSON", "operations take no plain text")
    is_usage(["rm"], "which session", "rm without a key")
    is_usage(["sessions", "what"], "what", "an argument too many is named")
    is_usage(["tools", "--all"], "--all", "an option that belongs to another command")
    is_usage(["--session", "a", "--ephemeral", "call", "shell", "id"], "exclude",
             "two sessions at once")
    is_usage(["--session", "", "call", "shell", "id"], "--ephemeral", "an empty key")
    is_usage(["--timeout", "soon", "call", "shell", "id"], "soon", "a timeout that is none")
    is_usage(["--grace", "soon", "shutdown", "--all"], "soon", "a grace that is none")
    is_usage(["call", "--input", "/nowhere", "shell", "cat"], "/nowhere",
             "an input that is not there")
    is_usage(["call", "--input", "-", "shell", "-"], "stdin", "stdin for two things at once")
    is_usage(["shutdown"], "--all", "shutdown asks, and there is nobody to ask")


def test_help():
    done = host("--help")
    ok(done.code == 0 and not done.err, "--help is no failure")
    for command in "call op tools repl sessions inspect logs rm shutdown reap doctor".split():
        own = host(command, "--help")
        ok(command in done.out and own.code == 0 and ("caisson-host " + command) in own.out,
           "%s is in the help and has a help of its own" % command)
        is_(host("help", command).out, own.out, "which `help %s` prints too" % command)
    ok(host("--version").out.startswith("caisson-host "), "--version")


def test_loading():
    done = host("tools", env=environment(CAISSON_PLUGIN="/nowhere/caisson.so"))
    ok(done.code == 125 and "/nowhere/caisson.so" in done.err,
       "a plugin that is not there is named")
    done = host("--plugin", "/etc/passwd", "tools")
    ok(done.code == 125 and "/etc/passwd" in done.err, "so is a file that is no library")
    done = host("--plugin", os.path.realpath("/proc/self/exe"), "tools")
    ok(done.code == 125, "and one that is no plugin")
    done = host("--config", "/nowhere.json", "tools")
    ok(done.code == 125 and "/nowhere.json" in done.err,
       "a configuration that is not there is named")
    with open(path("bad.json"), "w") as f:
        f.write("{nonsense")
    done = host("--config", path("bad.json"), "tools")
    ok(done.code == 125 and "bad.json" in done.err, "a configuration that is no JSON is named")
    nobody = configuration("nobody.json", engine={"endpoint": "unix:///nowhere.sock"})
    done = host("--config", nobody, "call", "shell", "id")
    ok(done.code == 125 and "/nowhere.sock" in done.err, "an engine that does not answer is named")
    is_(host("--config", nobody, "tools").code, 0, "tools are listed without an engine")


def test_tools():
    done = host("tools")
    ok(done.code == 0 and "shell" in done.out and "run_python" in done.out, "tools lists the tools")
    ok("[timeout_ms]" in done.out and "command" in done.out, "with their arguments")
    names = [tool["name"] for tool in host("tools", "--json").json()["tools"]]
    ok("shell" in names and "run_python" in names, "tools --json is what describe() says")


def test_exit_codes():
    is_run(host("call", "shell", "echo out; echo err >&2"), 0, "out\n", "stdout goes to stdout")
    is_(host("call", "shell", "echo out; echo err >&2").err, "err\n",
        "and stderr to stderr, no more")
    is_run(host("call", "shell", "exit 3"), 3, "", "the exit code is the tool's")
    is_run(host("call", "shell", "kill -TERM $$"), 143, "", "a signal is 128 and its number")
    is_run(host("call", "shell", "true"), 0, "", "a command that says nothing prints nothing")
    done = host("call", "--timeout", "2s", "shell", "echo begun; sleep 100")
    ok(done.code == 124 and done.out == "begun\n" and done.err, "a timeout is 124, with words")
    ok(done.seconds < 20, "and does not wait for the command")
    done = host("call", "shel", "true")
    ok(done.code == 125 and "shell" in done.err, "an unknown tool is 125 and the nearest is named")
    done = host("call", "shell", '{"comand": "true"}')
    ok(done.code == 125 and "command" in done.err, "an unknown argument likewise")
    done = host("op", "session.nothing")
    ok(done.code == 125 and done.err, "an unknown operation is 125")


def test_arguments():
    is_run(host("call", "shell", '{"command": "pwd", "cwd": "/tmp"}'), 0, "/tmp\n",
           "JSON arguments")
    is_run(host("call", "shell", "-", stdin=b'{"command": "echo json"}'), 0, "json\n", "from stdin")
    is_run(host("call", "shell", "-", stdin=b"echo text"), 0, "text\n", "text from stdin")
    is_run(host("call", "shell", "--", "echo", "--json", "-x"), 0, "--json -x\n", "words behind --")
    is_run(host("call", "shell", "--", "{ echo group; }"), 0, "group\n",
           "text with a brace behind --")
    is_run(host("call", "run_python", "print(6 * 7)"), 0, "42\n", "Python as text")
    is_run(host("call", "run_python", "-", stdin=b"import sys\nprint(len(sys.argv))\n"), 0, "1\n",
           "a Python program from stdin")
    is_run(host("call", "shell", "printf '%s' \"ä ö\""), 0, "ä ö", "UTF-8 both ways")


def test_input():
    is_run(host("call", "shell", "cat", stdin=b"not for it"), 0, "",
           "stdin is left alone without --input")
    is_run(host("call", "--input", "-", "shell", "tr a-z A-Z", stdin=b"abc\n"), 0, "ABC\n",
           "--input -")
    data = os.urandom(1 << 20) * 3
    with open(path("data"), "wb") as f:
        f.write(data)
    done = host("call", "--input", path("data"), "shell", "sha256sum; wc -c < /dev/null")
    is_(done.out.split()[:1], [hashlib.sha256(data).hexdigest()], "--input FILE arrives whole")
    done = host("call", "shell", "--input", "-", "cat", stdin=data)
    ok(done.raw == data, "and any bytes come back as they were")


def test_streaming():
    process = start("call", "shell", "echo first; sleep 2; echo second")
    read_until(process.stdout, b"first\n")
    ok(process.poll() is None, "output comes while the command runs")
    done = finish(process)
    ok(done.code == 0 and done.out == "second\n" and done.seconds > 0.5,
       "and the rest when it is there")
    process = start("call", "shell", "echo problem >&2; sleep 1")
    read_until(process.stderr, b"problem\n")
    ok(process.poll() is None, "so does what goes to stderr")
    finish(process)
    process = start("--session", "pipe", "call", "shell", "exec yes")
    read_until(process.stdout, b"y\n")
    process.stdout.close()
    is_(process.wait(timeout=60), 141, "a reader that has had enough ends it, as SIGPIPE would")
    is_(process.stderr.read(), b"", "without a word")
    process.stderr.close()


def test_json():
    done = host("call", "--json", "shell", "echo out; echo err >&2; exit 3")
    result = done.json()
    ok(done.code == 3 and not done.err,
       "--json: nothing live, and the exit code is still the tool's")
    is_(result["structuredContent"]["stdout"], "out\n", "it has the output")
    is_(result["structuredContent"]["exit_code"], 3, "and the exit code")
    is_(result["isError"], True, "and isError")
    done = host("call", "--json", "shel", "true")
    ok(done.code == 125 and done.json()["isError"] and done.err, "a failed call has JSON and words")
    info = host("op", "engine.info", "--json").json()["structuredContent"]
    ok(info["version"] and info["endpoint"], "op engine.info --json")


def test_sessions():
    is_run(host("call", "shell", "echo kept > file"), 0, "", "a call leaves a file ...")
    is_run(host("call", "shell", "cat file"), 0, "kept\n", "... for the next call")
    is_(host("call", "--session", "b", "shell", "cat file").code, 1,
        "another session has another file")
    is_(host("call", "--ephemeral", "shell", "cat file").code, 1, "so has one of the call's own")
    listed = host("sessions", "--json").json()["structuredContent"]["sessions"]
    ok({"default", "b"} <= {s["key"] for s in listed}, "sessions --json has them by key")
    ok(all(s["key"] for s in listed), "and nothing of the one that was the call's own")
    table = host("sessions").out.splitlines()
    ok(table[0].startswith("SESSION") and any(row.split()[:1] == ["b"] for row in table),
       "sessions")
    done = host("inspect", "b")
    ok(done.code == 0 and "found" in done.out and "yes" in done.out, "inspect KEY")
    is_(host("inspect", "b", "--json").json()["structuredContent"]["found"], True, "inspect --json")
    done = host("inspect", "nobody")
    ok(done.code == 1 and "nobody" in done.err, "inspect of none is 1")
    is_(host("inspect", "nobody").code, 1, "and does not make one")
    is_run(host("rm", "b"), 0, "removed b\n", "rm")
    is_(host("rm", "b").code, 1, "rm of none is 1")
    is_(host("inspect", "b").code, 1, "and it is gone")
    strange = "a\033[31m/ü key"
    is_run(host("call", "--session", strange, "shell", "echo here"), 0, "here\n", "any key will do")
    ok("a\\x1b[31m/ü key" in host("sessions").out,
       "its control characters are not let loose on a terminal")
    is_run(host("rm", strange), 0, "removed a\\x1b[31m/ü key\n", "nor when it is removed")
    is_(host("op", "session.ensure", "--session", "ensured").code, 0, "op session.ensure")
    is_(host("inspect", "ensured", "--json").json()["structuredContent"]["ready"], True,
        "made it ready")
    asked = Terminal("shutdown")
    asked.expect(r"ensured(?s:.*)\[y/N\] ")
    asked.type("n\n")
    asked.expect("nothing was removed")
    is_(asked.close(), 1, "shutdown lists them and asks")
    ok("ensured" in host("sessions").out, "and no means no")
    done = host("shutdown", "--all")
    ok(done.code == 0 and "removed default" in done.out, "shutdown --all removes the rest")
    is_(host("sessions", "--json").json()["structuredContent"]["sessions"], [], "all of it")
    ok("no sessions" in host("shutdown", "--all").out, "and says so when there is nothing")


def test_verbose():
    done = host("-v", "call", "shell", "true")
    ok(done.code == 0 and "exit code 0" in done.err, "-v says what the call took")


test_usage()
test_help()
test_loading()
test_tools()
test_exit_codes()
test_arguments()
test_input()
test_streaming()
test_json()
test_sessions()
test_verbose()
done_testing()
