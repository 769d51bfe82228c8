#!/usr/bin/env python3
# glob, grep and list in sandboxes: as a model calls them, in an image that holds nothing, and ended in
# the middle of the work.
import json
import os

from host_support import configuration, environment, host
from tap import diag, done_testing, is_, ok

EMPTY = os.environ["CAISSON_EMPTY_IMAGE"]

SETUP = r"""
import os
os.makedirs("src/deep"); os.makedirs("build"); os.makedirs(".git")
def put(name, text, age):
    with open(name, "w") as f: f.write(text)
    os.utime(name, (1700000000 - age, 1700000000 - age))
put(".gitignore", "build/\n", 9)
put("a.py", "import os\n", 3)
put("src/b.py", "def find():\n    return os.sep\n", 1)
put("src/deep/c.txt", "os and so on\n", 2)
put("build/out.py", "import os\n", 0)
put(".git/x.py", "import os\n", 0)
os.symlink("..", "src/loop")
os.mkfifo("fifo")
put("endless", "a" * 60 + "b\n", 0)
for i in range(600): put("src/deep/n%d" % i, "", 100 + i)
"""


def call(tool, arguments):
    return host("--session", "search", "call", "--json", tool, "-",
                stdin=json.dumps(arguments).encode())


def text_of(done):
    return done.json()["content"][0]["text"]


def is_text(tool, arguments, expected, name):
    done = call(tool, arguments)
    if is_(text_of(done), expected, name):
        return
    diag(done.out[:2000])


def is_refused(tool, arguments, reason, name):
    done = call(tool, arguments).json()
    error = done["structuredContent"].get("error", {})
    ok(done["isError"] and error.get("reason") == reason and error.get("hint"), name) or diag(done)


def test_glob():
    is_text("glob", {"pattern": "*.py"}, "src/b.py\na.py\n", "glob: the newest first")
    is_text("glob", {"pattern": "/workspace/src/**/*.txt"}, "src/deep/c.txt\n", "an absolute pattern")
    is_text("glob", {"pattern": "*.py", "path": "build", "no_ignore": True}, "build/out.py\n",
            "a path")
    is_text("glob", {"pattern": "*.rs"}, "no files match *.rs\n", "none")
    found = call("glob", {"pattern": "n*"}).json()
    ok("600 files match; the newest 200 are shown" in found["content"][0]["text"], "a cut list")
    structured = found["structuredContent"]
    ok(len(structured["files"]) == 200 and structured["count"] == 600 and structured["truncated"],
       "says so in its structured content too")
    is_refused("glob", {"pattern": "{a"}, "pattern.invalid", "a broken pattern")
    is_refused("glob", {"pattern": "*", "path": "none"}, "file.not_found", "a path that is not there")


def test_grep():
    is_text("grep", {"pattern": r"\bos\b"}, "src/b.py\nsrc/deep/c.txt\na.py\n",
            "grep: files with matches, the newest first")
    is_text("grep", {"pattern": "os", "output_mode": "content", "glob": "*.py", "before": 1},
            "a.py:1:import os\n--\nsrc/b.py-1-def find():\nsrc/b.py:2:    return os.sep\n",
            "lines with context")
    is_text("grep", {"pattern": "OS", "case_insensitive": True, "output_mode": "count",
                     "path": "src"}, "src/b.py:1\nsrc/deep/c.txt:1\n[2 matching lines in 2 files]\n",
            "counts")
    is_text("grep", {"pattern": r"find.*sep", "multiline": True, "output_mode": "content"},
            "src/b.py:1:def find():\nsrc/b.py:2:    return os.sep\n", "over lines")
    is_refused("grep", {"pattern": "(os"}, "pattern.invalid", "a broken expression")
    is_refused("grep", {"pattern": "(a+)+$", "path": "endless"}, "pattern.limit",
               "one that goes back and forth without end")
    is_refused("grep", {"pattern": "x", "path": "fifo"}, "file.type", "a FIFO does not hang")


def test_list():
    lines = text_of(call("list", {})).splitlines()
    is_([line.split("  ")[-1] for line in lines],
        [".git/", "build/", "src/", ".gitignore", "a.py", "endless", "fifo",
         "[3 directories, 4 others]"], "list: directories first, then by name")
    ok("2023-11-14T22:13:17Z  a.py" in "\n".join(lines), "with times")
    found = call("list", {"path": "src", "depth": 2}).json()
    ok("[604 entries in all; the first 500 are shown" in found["content"][0]["text"], "a cut list")
    kinds = {e["path"]: e["kind"] for e in found["structuredContent"]["entries"]}
    ok(kinds["deep"] == "dir" and kinds["deep/c.txt"] == "file", "as structured content")
    is_refused("list", {"path": "none"}, "file.not_found", "what is not there")


def test_schemas():
    tools = {t["name"]: t for t in host("tools", "--json").json()["tools"]}
    arguments = {"glob": {"pattern": "*"}, "grep": {"pattern": "os"}, "list": {}}
    for name, given in arguments.items():
        known = tools[name]["outputSchema"]["properties"]
        unknown = set(call(name, given).json()["structuredContent"]) - set(known)
        is_(unknown, set(), "all that %s answers is in its schema" % name)
        ok(tools[name]["annotations"]["readOnlyHint"], "%s changes nothing" % name)


def test_empty_image():
    env = environment(CAISSON_CONFIG=configuration("empty.json", sandbox={"image": EMPTY}))

    def answer(tool, arguments):
        return text_of(host("--session", "empty", "call", "--json", tool, "-", env=env,
                            stdin=json.dumps(arguments).encode()))
    ok("passwd" in answer("list", {"path": "/etc"}), "list in an image that holds nothing")
    ok("/etc/passwd\n" in answer("glob", {"pattern": "/etc/pass*"}), "glob")
    ok("[" in answer("list", {}), "an empty directory")
    ok("no matches found in" in answer("grep", {"pattern": "zzz", "path": "/etc"}), "grep")


def test_cancelled():
    """Lines in which the pattern just stays within its limit, more than a second can search."""
    program = "line = 'a' * 17 + 'b\\n'\nopen('slow', 'w').write(line * 200000)\n"
    is_(host("--session", "cancel", "call", "run_python", program).code, 0, "a slow file")
    done = host("--session", "cancel", "call", "--timeout", "1s", "--json", "grep", "-",
                stdin=json.dumps({"pattern": "^(?:a|a)+$(?=x)"}).encode())
    found = done.json()["structuredContent"]
    is_(found["outcome"], "deadline", "grep ends when its time is over")
    is_(host("--session", "cancel", "call", "shell", "echo on").out, "on\n", "the session goes on")


is_(host("--session", "search", "call", "run_python", SETUP).code, 0, "a tree of files")
test_glob()
test_grep()
test_list()
test_schemas()
test_empty_image()
test_cancelled()
done_testing()
