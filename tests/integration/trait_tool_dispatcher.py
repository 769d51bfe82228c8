#!/usr/bin/env python3
# A dispatcher of tools: each by its name, with its arguments checked, a deadline (124), a cancel (130),
# a quota, and names in any script.
import io
import json
import os
import signal
import tarfile

from host_support import PATIENCE, finish, host, path, start
from host_support.sandboxes import Box, containers, message, reason, root
from private_engine import seconds_until, with_marker
from tap import diag, done_testing, is_, ok

KIB = 1024
QUOTA = 512 * KIB
MARK = "86%d" % os.getpid()
box = Box(workspace={"type": "bind", "path": root + "/{session}", "quota": QUOTA})
FOLDER, REPORT = "文件", "文件/报告.txt"


def call(tool, **arguments):
    return box.call("d", tool, arguments)


def shown(tool, **arguments):
    """What a model gets to see."""
    done = host("--session", "d", "call", "--json", tool, "-", stdin=json.dumps(arguments).encode(),
                env=box.env)
    return done.json()["content"][0]["text"]


def test_dispatch():
    listed = host("tools", "--json", env=box.env).json()
    tools = [tool["name"] for tool in (listed["tools"] if isinstance(listed, dict) else listed)]
    is_(sorted(tools), sorted("shell run_python shell_output shell_kill read write edit glob grep "
                              "list".split()), "the tools have names")
    for tool, arguments, words in (("sell", {}, "shell"), ("shell", {}, "command"),
                                   ("shell", {"command": 7}, "command"),
                                   ("shell", {"command": "true", "timeout": 5}, "timeout_ms"),
                                   ("shell", {"command": "true", "timeout_ms": -1}, "timeout_ms"),
                                   ("read", {"path": "x", "offset": "first"}, "offset")):
        found = call(tool, **arguments)
        ok(words in message(found), "%s %s is refused, with words" % (tool, json.dumps(arguments))) \
            or diag(found)
    is_(containers(), [], "before there is a container")


def test_deadline():
    mark = MARK + "1"
    done = host("--session", "d", "call", "shell", "-", env=box.env, stdin=json.dumps(
        {"command": "echo begun; setsid sleep %s & trap '' TERM; sleep %s" % (mark, mark),
         "timeout_ms": 1500}).encode())
    is_((done.code, done.out), (124, "begun\n"), "a deadline is exit code 124, after what was printed")
    is_(with_marker(mark), [], "nothing of it runs on")
    text = shown("shell", command="echo begun; sleep 1000", timeout_ms=1500)
    ok(text.startswith("begun\n") and "[timed out after 1.5 s; everything it had started was killed" in text,
       "a model is told after how long, behind what was printed") or diag(text)
    found = call("run_python", code="while True: pass", timeout_ms=1000)
    is_((found["outcome"], found["exit_code"], found["survivors"]), ("deadline", 124, 0),
        "programs are told by numbers") or diag(found)
    done = host("--session", "d", "--timeout", "1500ms", "call", "shell", "sleep 1000", env=box.env)
    is_(done.code, 124, "the host's own deadline is one too") or diag(done.err)


def test_cancel():
    mark = MARK + "2"
    command = "setsid sleep %s & (trap '' INT TERM; sleep %s) & sleep %s" % (mark, mark, mark)
    running = start("--session", "d", "call", "--json", "shell", command, env=box.env)
    ok(seconds_until(lambda: len(with_marker(mark)) == 3, PATIENCE) is not None,
       "a call with three processes")
    running.send_signal(signal.SIGINT)
    done = finish(running)
    is_(done.code, 130, "a cancel is exit code 130")
    found = done.json()
    is_((found["structuredContent"]["outcome"], found["structuredContent"]["exit_code"]), ("cancelled", 130),
        "and programs are told")
    ok("[cancelled after" in found["content"][0]["text"], "models too") or diag(found)
    is_(with_marker(mark), [], "all three are gone")
    is_(call("shell", command="exit 7").get("exit_code"), 7, "the session takes the next call")


def archive(**sizes):
    tar = io.BytesIO()
    with tarfile.open(fileobj=tar, mode="w") as out:
        for name, size in sizes.items():
            info = tarfile.TarInfo(name)
            info.size = size
            out.addfile(info, io.BytesIO(b"a" * size))
    return tar.getvalue()


def test_quota():
    ok(not message(call("write", path="first", content="x" * 400 * KIB)), "what fits is written")
    for what, found in (
            ("write", call("write", path="second", content="y" * 200 * KIB)),
            ("file.upload", box.op("file.upload", "d", {"name": "second", "size": 200 * KIB},
                                   b"y" * 200 * KIB)),
            ("archive.put", box.op("archive.put", "d", {}, archive(second=200 * KIB)))):
        is_(reason(found), "disk.quota", "%s over the quota is refused" % what)
        text = message(found)
        ok("%d bytes" % QUOTA in text and "needs %d" % (200 * KIB) in text and "are used" in text,
           "with the figures") or diag(text)
    is_(sorted(os.listdir(os.path.join(root, "d"))), ["first"], "and nothing of them is there")
    ok(not message(call("write", path="first", content="small")), "room that is given back")
    ok(not message(call("write", path="second", content="y" * 200 * KIB)), "can be used")


def test_cjk():
    ok(not message(call("write", path=REPORT, content="第一行\n第二行\n")), "write")
    is_(open(os.path.join(root, "d", REPORT)).read(), "第一行\n第二行\n", "is there by that name")
    text = shown("read", path=REPORT)
    ok("第二行" in text, "read") or diag(text)
    found = call("edit", path=REPORT, old_string="第二行", new_string="改过的行")
    ok(not message(found), "edit") or diag(found)
    for tool, arguments, wanted in (("list", {"path": FOLDER}, "报告.txt"),
                                    ("glob", {"pattern": "**/*报*.txt"}, REPORT),
                                    ("glob", {"pattern": "文?/报告.txt"}, REPORT),
                                    ("grep", {"pattern": "改.的", "path": "."}, REPORT),
                                    ("grep", {"pattern": "第一行", "path": FOLDER}, "报告.txt")):
        done = host("--session", "d", "call", tool, json.dumps(arguments), env=box.env)
        ok(done.code == 0 and wanted in done.out,
           "%s %s" % (tool, json.dumps(arguments, ensure_ascii=False))) or diag(done.out + done.err)
    is_(call("shell", command="cat 文件/报告.txt").get("stdout"), "第一行\n改过的行\n", "shell")
    found = call("run_python", code="print(open('文件/报告.txt', encoding='utf-8').readlines()[1])")
    is_(found.get("stdout"), "改过的行\n\n", "run_python")
    found = call("read", path="文件/没有.txt")
    ok("文件/没有.txt" in message(found), "an error has the name as it is") or diag(found)


def test_cjk_transfers():
    found = box.op("file.upload", "d", {"name": "数据 表.csv", "path": FOLDER}, "一,二\n".encode())
    is_((found.get("name"), found.get("path")), ("数据 表.csv", "/workspace/文件/数据 表.csv"),
        "an upload")
    again = box.op("file.upload", "d", {"name": "数据 表.csv", "path": FOLDER}, b"other")
    is_(again.get("name"), "数据 表_1.csv", "a second of that name")
    is_(host("--session", "d", "get", FOLDER, path("folder.tar"), env=box.env).code, 0, "a folder is fetched")
    with tarfile.open(path("folder.tar")) as tar:
        names = sorted(m.name for m in tar if m.isfile())
    is_(names, sorted([REPORT, "文件/数据 表.csv", "文件/数据 表_1.csv"]), "with all its names")
    with open(path("folder.tar"), "rb") as f:
        found = box.op("archive.put", "d", {"path": "副本"}, f.read())
    ok(not message(found), "and put elsewhere") or diag(found)
    is_(open(os.path.join(root, "d/副本", REPORT)).read(), "第一行\n改过的行\n", "as it was")


test_dispatch()
test_deadline()
test_cancel()
test_quota()
test_cjk()
test_cjk_transfers()
box.remove("d")
done_testing()
