#!/usr/bin/env python3
# caisson-host repl: by a pipe, and on a terminal with editing, history and Ctrl-C.
import os
import signal
import stat

from host_support import HOST, Terminal, environment, host, path
from tap import diag, done_testing, is_, ok


def lines(*text, args=()):
    return host(*args, "repl", stdin=("\n".join(text) + "\n").encode())


def test_pipe():
    done = lines("echo one > file", "cat file", "", "echo err >&2")
    ok(done.code == 0 and done.out == "one\n" and done.err == "err\n",
       "lines from a pipe run in order, without a prompt") or diag(repr((done.out, done.err)))
    is_(lines("true", "exit 4").code, 4, "the exit code is the last line's")
    is_(lines("exit 4", "true").out, "", "a line that fails ends nothing ...")
    is_(lines("exit 4", "echo on").out, "on\n", "... the next one runs")
    is_(lines("mkdir -p 'a b' && cd 'a b'", ":cd a b", "pwd | sed s,.*/,,").out, "a b\n",
        ":cd holds")
    is_(lines("echo x > 'a b/x'", ":cd a b", "cat x", ":cd", "ls x").out, "x\n",
        ":cd alone goes back")
    done = lines(":cd /nowhere", "pwd")
    ok("nowhere" in done.err and "/nowhere" not in done.out, ":cd to nowhere says so and stays")
    is_(lines(":cd $(echo /tmp)").code != 0, True, ":cd takes a name, not a command")
    is_(lines(":python", "for i in range(2):", "  print(i)", ".", "echo after").out,
        "0\n1\nafter\n",
        ":python takes lines up to a lone .")
    is_(lines(":python", "print('end')").out, "end\n", "or up to the end")
    is_(lines(":python print(1 + 1)").out, "2\n", "or its own line")
    is_(lines(':call shell {"command": "echo json"}', ":call shell echo text").out, "json\ntext\n",
        ":call")
    ok("run_python" in lines(":tools").out, ":tools")
    is_(lines(":session", ":session other", ":session", "cat file").out, "default\nother\n",
        ":session goes to another one")
    ok("other" in lines(":sessions").out, ":sessions lists them")
    is_(lines(":rm other").out, "removed other\n", ":rm")
    ok(":python" in lines(":help").out, ":help")
    is_(lines(":quit", "echo not").out, "", ":quit leaves")
    done = lines(":frob")
    ok(done.code == 2 and ":frob" in done.err, "an unknown command is named")
    is_(lines(": shell comment", "echo fine").out, "fine\n", "the shell's own : is the shell's")
    is_(host("repl", stdin=b"echo no newline").out, "no newline\n",
        "a last line without a newline runs")
    done = lines("echo x > f", "cat f", args=["--ephemeral"])
    is_(done.out, "x\n", "--ephemeral is one session for all lines")
    listed = host("sessions", "--json").json()["structuredContent"]["sessions"]
    is_([s["key"] for s in listed], ["default"], "and is gone afterwards")


def test_terminal():
    t = Terminal("repl")
    t.expect("default> ")
    t.type("echo al''pha\r")
    t.expect("alpha\r\n")
    t.expect("default> ")
    ok(True, "a line that is typed runs")
    t.type("echo bra''vo")
    t.type("\033[D\033[D\033[D\033[D\033[D\033[D\033[Dx\r")  # seven to the left, an x before "bra"
    t.expect("xbravo\r\n")
    t.expect("default> ")
    ok(True, "and can be edited")
    t.type("\033[A\033[A\r")
    t.expect("alpha\r\n")
    t.expect("default> ")
    ok(True, "the history has the one before")
    t.type("echo never''more\003")
    t.expect(r"\^C")
    match = t.expect("(?s)(.*)default> ")
    ok("nevermore" not in match.group(1), "Ctrl-C at the prompt throws the line away")
    t.type("echo ne''xt\r")
    t.expect("next\r\n")
    t.expect("default> ")
    t.type("echo be''gun; sleep 600\r")
    t.expect("begun\r\n")
    t.type("\003")
    t.expect("cancelled")
    t.expect("default> ")
    ok(True, "Ctrl-C while a command runs cancels it and comes back to the prompt")
    for _ in range(2):
        t.type("\003")
        t.expect(r"\^C(?s:.*)default> ")
    t.type("printf un''ended\r")
    t.expect("unended\r\n(?s:.*)default> ")
    ok(True, "a prompt starts a line of its own")
    t.type("cd /tmp\r")
    t.expect(":cd DIR")
    ok(True, "cd is explained")
    t.type(":cd /tmp\r")
    t.expect("default:/tmp> ")
    ok(True, "the prompt shows the directory")
    t.type(":python\r")
    t.expect(r"\.\.\. ")
    t.type("print('py' + 'thon')\r")
    t.expect(r"\.\.\. ")
    t.type(".\r")
    t.expect("python\r\n")
    ok(True, "a program on a terminal")
    t.expect("/tmp> ")
    t.type("echo s\u00e4mtlich | wc -m\r")
    t.expect("(9|10)\r\n")
    t.expect("/tmp> ")
    ok(True, "letters beyond ASCII can be typed")
    t.type("\004")
    is_(t.close(), 0, "Ctrl-D leaves")


def test_history_file():
    file = path("state/caisson/history")
    ok(os.path.exists(file), "the history is under XDG_STATE_HOME")
    is_(stat.S_IMODE(os.stat(file).st_mode), 0o600, "for its owner alone")
    t = Terminal("repl")
    t.expect("default> ")
    t.type("\033[A\r")
    t.expect(r"mtlich \| wc -m")
    t.expect("(9|10)\r\n")
    t.expect("default> ")
    ok(True, "it is there in the next session")
    t.type(":quit\r")
    is_(t.close(), 0, ":quit leaves")


def test_signals():
    t = Terminal("repl")
    t.expect("default> ")
    os.kill(t.process.pid, signal.SIGTERM)
    is_(t.close(), 143, "SIGTERM at the prompt ends it")
    t = Terminal("repl", env=environment(NO_COLOR="1", TERM="dumb"))
    t.expect("default> ")
    t.type("echo pla''in\r")
    t.expect("plain\r\n")
    ok("\033[3" not in t.seen, "a dumb terminal will do")
    t.type("echo be''gun; sleep 600\r")
    t.expect("begun\r\n")
    os.kill(t.process.pid, signal.SIGTERM)
    is_(t.close(), 143, "SIGTERM while a command runs cancels that and ends it")


def test_suspend():
    t = Terminal("--norc", "--noediting", "-i", program="bash", env=environment(PS1="bash> "))
    t.expect("bash> ")
    t.type(HOST + " repl\n")
    t.expect("default> ")
    t.type("echo sus''pen\032")
    t.expect("Stopped(?s:.*)bash> ")
    t.type("echo ba''sh is here\n")
    t.expect("bash is here\r\n(?s:.*)bash> ")
    ok(True, "Ctrl-Z at the prompt gives the terminal back in order")
    t.type("fg\n")
    t.expect("default> (?s:.*)pen")
    t.type("ded\r")
    t.expect("suspended\r\n(?s:.*)default> ")
    ok(True, "and the line goes on where it was")
    t.type("\004")
    t.expect("bash> ")
    t.type("exit\n")
    t.close()


test_pipe()
test_terminal()
test_history_file()
test_signals()
test_suspend()
done_testing()
