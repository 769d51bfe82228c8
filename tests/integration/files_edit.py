#!/usr/bin/env python3
# read, write and edit in a real sandbox: random texts against what Python makes of them, an image that
# holds nothing, full disks, cancels, and files that are no files.
import base64
import json
import os
import random
import signal
import time

from host_support import configuration, environment, finish, host, start
from tap import diag, done_testing, is_, ok

IMAGE = os.environ.get("CAISSON_IMAGE", "caisson-python:local")
SEED = int(os.environ.get("CAISSON_SEED", "20260"))
CASES = 300


def call(session, tool, env=None, **arguments):
    """One call; its document, with the text of its first block as `text`."""
    done = host("--session", session, "call", "--json", tool, "-",
                stdin=json.dumps(arguments).encode(), env=env)
    document = done.json()
    found = document["structuredContent"]
    found["text"] = document["content"][0]["text"]
    found["blocks"] = document["content"]
    return found


def reason(found):
    return found.get("error", {}).get("reason", "none: " + found["text"])


def batch(session, calls):
    """Many calls, one after the other, in one host; the text of each that was shown on stdout: a
    refusal is not."""
    if len(calls) > 50:   # each host has so much time, which a slow machine needs for these
        return batch(session, calls[:50]) + batch(session, calls[50:])
    mark = "---- %d ----"
    lines = []
    for i, (tool, arguments) in enumerate(calls):
        lines.append(":call %s %s" % (tool, json.dumps(arguments)))
        lines.append(":call shell " + json.dumps({"command": "echo; echo '%s'" % (mark % i)}))
    done = host("--session", session, "repl", stdin=("\n".join(lines) + "\n").encode())
    texts, rest = [], done.out
    for i in range(len(calls)):
        text, _, rest = rest.partition("\n" + mark % i + "\n")
        texts.append(text)
    return texts


def put_files(session, files):
    """Files with any bytes, by Python inside."""
    text = json.dumps({name: base64.b64encode(data).decode() for name, data in files.items()})
    code = ("import base64, json, sys\n"
            "for name, data in json.load(sys.stdin).items():\n"
            "    open(name, 'wb').write(base64.b64decode(data))\n")
    found = call(session, "run_python", code=code, stdin=text)
    assert found["exit_code"] == 0, found


def get_files(session, names):
    code = ("import base64, json, os, sys\n"
            "print(json.dumps({n: base64.b64encode(open(n, 'rb').read()).decode()\n"
            "                  for n in json.load(sys.stdin) if os.path.exists(n)}))\n")
    found = call(session, "run_python", code=code, stdin=json.dumps(names),
                 env=environment(CAISSON_CONFIG=configuration(
                     "wide.json", tools={"output_limit": 10000000})))
    return {name: base64.b64decode(data) for name, data in json.loads(found["stdout"]).items()}


# ---- against a reference -------------------------------------------------------------------------

PIECES = ["a", "aa", "aba", "ab", "b", "\n", "\r\n", "\n\n", "\t", " ", "    ", "\u00e9", "\u65e5\u672c", "\U0001f642",
          "if x:", "\treturn\n", "\r", "\"", "\\", "\\n", "'", "$(x)", "\u2019", "\ufeff", "end\n", "=", "%s"]


def text_of(r, most):
    return "".join(r.choice(PIECES) for _ in range(r.randrange(most)))


def edit_case(r, i):
    """(bytes before, arguments, bytes after or None where it is refused)"""
    before = text_of(r, 60).encode()
    is_text = r.random() >= 0.2
    if not is_text:
        before += bytes(r.randrange(256) for _ in range(r.randrange(9)))
    valid = before.decode(errors="ignore")
    if valid and r.random() < 0.75:
        begin = r.randrange(len(valid))
        old = valid[begin:begin + r.choice((1, 1, 2, 5, 20))]
    else:
        old = text_of(r, 4)
    old = old.replace("\0", "")
    new = r.choice((text_of(r, 6), "", old + old, "a"))
    if not is_text:   # what is not ASCII may be refused in what may not be UTF-8
        old, new = (text.encode("ascii", "ignore").decode() for text in (old, new))
    everywhere = r.random() < 0.5
    arguments = {"path": "e%d" % i, "old_string": old, "new_string": new, "replace_all": everywhere}
    if old == new:
        return before, arguments, None
    if not old:
        return before, arguments, None if before else new.encode()
    count = before.count(old.encode())
    if count == 0 or (count > 1 and not everywhere):
        return before, arguments, None
    return before, arguments, before.replace(old.encode(), new.encode())


def test_edit():
    r = random.Random(SEED)
    cases = [edit_case(r, i) for i in range(CASES)]
    names = ["e%d" % i for i in range(CASES)]
    put_files("p", {name: case[0] for name, case in zip(names, cases)})
    texts = batch("p", [("edit", case[1]) for case in cases])
    after = get_files("p", names)
    wrong = [i for i in range(CASES) if after[names[i]] != (cases[i][0] if cases[i][2] is None else cases[i][2])]
    is_(wrong, [], "%d random edits (seed %d) make what Python's replace makes" % (CASES, SEED))
    for i in wrong[:3]:
        diag((cases[i], after[names[i]], texts[i]))
    said = [i for i in range(CASES) if bool(texts[i].strip()) != (cases[i][2] is not None)]
    is_(said, [], "and those that cannot be made are refused")
    made = sum(case[2] is not None for case in cases)
    ok(CASES // 4 < made < CASES * 9 // 10, "both sorts are among them: %d made" % made)


def shown(text):
    """What `read` shows of a text, without its notes."""
    lines = text.split("\n")
    if lines[-1] == "":
        lines.pop()
    return "".join("%6d\t%s\n" % (i + 1, line[:-1] if line.endswith("\r") and
                                  (i + 1 < len(lines) or text.endswith("\n")) else line)
                   for i, line in enumerate(lines))


def test_write():
    r = random.Random(SEED + 1)
    texts = [text_of(r, 80) for _ in range(100)] + ["x" * 70000, "\n" * 1500, "\u65e5" * 1999 + "\n"]
    names = ["w/%d/file %d" % (i % 7, i) for i in range(len(texts))]
    batch("p", [("write", {"path": n, "content": t}) for n, t in zip(names, texts)])
    after = get_files("p", names)
    is_([i for i, n in enumerate(names) if after.get(n) != texts[i].encode()], [],
        "what is written is there, byte for byte (seed %d)" % (SEED + 1))
    read = batch("p", [("read", {"path": n}) for n in names[:100]])
    wrong = [i for i in range(100) if texts[i].lstrip("\ufeff") and not texts[i].startswith("\ufeff") and
             not read[i].startswith(shown(texts[i]).rstrip("\n"))]
    is_(wrong, [], "and read shows its lines")
    for i in wrong[:3]:
        diag((texts[i], read[i]))
    large = "".join(r.choice("0123456789\n") for _ in range(3000000))
    found = call("p", "write", path="large", content=large)
    is_(found["size"], 3000000, "3 MB in one go")
    is_(get_files("p", ["large"])["large"], large.encode(), "are there")


# ---- one session's ways --------------------------------------------------------------------------


def test_seen():
    call("p", "write", path="s.txt", content="one\ntwo\n")
    call("p", "read", path="s.txt")
    call("p", "shell", command="sed -i s/one/uno/ s.txt")
    is_(reason(call("p", "edit", path="s.txt", old_string="two", new_string="2")), "file.changed",
        "what a command changed is not edited unseen")
    is_(reason(call("p", "write", path="s.txt", content="lost\n")), "file.changed", "nor written over")
    ok("uno" in call("p", "read", path="/workspace/./s.txt")["text"], "once it is read")
    found = call("p", "edit", path="s.txt", old_string="two", new_string="2")
    is_(found.get("replacements"), 1, "it is")
    call("p", "shell", command="rm -rf /tmp/.caisson/seen; mkfifo /tmp/.caisson/seen")
    is_(call("p", "edit", path="s.txt", old_string="2", new_string="3").get("replacements"), 1,
        "code inside that meddles with what was seen stops nothing")


PNG = base64.b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg==")


def test_kinds():
    put_files("p", {"dot.png": PNG})
    found = call("p", "read", path="dot.png")
    is_(found["kind"], "image", "an image")
    block = found["blocks"][-1]
    is_((block["type"], block["mimeType"]), ("image", "image/png"), "comes as an image block")
    is_(base64.b64decode(block["data"]), PNG, "with its bytes")
    call("p", "shell", command="mkfifo pipe; mkdir dir; echo x > locked; chmod 444 locked; "
         "mkdir shut; echo x > shut/file; chmod 555 shut; ln -s /dev/zero zero")
    for tool, more in (("read", {}), ("write", {"content": "x"}), ("edit", {"old_string": "a", "new_string": "b"})):
        for path in ("pipe", "dir", "/dev/zero", "/dev/null", "zero", "/"):
            is_(reason(call("p", tool, path=path, **more)), "file.type", "%s of %s" % (tool, path))
    edit = {"old_string": "x", "new_string": "y"}
    for path, why in (("locked", "file.permission"), ("shut/file", "file.permission"),
                      ("/etc/passwd", "file.permission")):
        is_(reason(call("p", "write", path=path, content="y")), why, "write of %s" % path)
        if path != "/etc/passwd":
            is_(reason(call("p", "edit", path=path, **edit)), why, "edit of %s" % path)
    is_(reason(call("p", "write", path="shut/new", content="y")), "file.permission", "a new one there")
    is_(call("p", "shell", command="cat locked shut/file; ls -A shut")["stdout"], "x\nx\nfile\n",
        "all is as it was")


def test_empty_image():
    env = environment(CAISSON_CONFIG=configuration(
        "empty.json", sandbox={"image": os.environ["CAISSON_EMPTY_IMAGE"]}))
    found = call("e", "write", env=env, path="a/b/c.txt", content="one\ntwo\n")
    is_(found.get("lines"), 2, "an image that holds nothing: write") or diag(found)
    found = call("e", "edit", env=env, path="a/b/c.txt", old_string="two", new_string="2")
    is_(found.get("first_line"), 2, "edit") or diag(found)
    is_(call("e", "read", env=env, path="a/b/c.txt")["text"], "     1\tone\n     2\t2\n", "read")
    # Some engines add the user's own line to it.
    kind = call("e", "read", env=env, path="/etc/passwd")["kind"]
    ok(kind in ("empty", "text"), "its only file") or diag(kind)
    is_(reason(call("e", "write", env=env, path="/etc/passwd", content="x")), "file.permission",
        "which is on a read-only root")
    is_(reason(call("e", "write", env=env, path="/new/file", content="x")), "file.permission",
        "as is everything else")


# ---- limits --------------------------------------------------------------------------------------


def test_small():
    env = environment(CAISSON_CONFIG=configuration(
        "small.json", sandbox={"image": IMAGE, "memory": "128m", "workspace": {"size": "4m"},
                               "tmp": {"size": "4m"}, "shm": {"size": "1m"}}))
    call("f", "write", env=env, path="kept", content="before\n")
    found = call("f", "write", env=env, path="kept", content="x" * 5000000)
    is_(reason(found), "disk.full", "a content that does not fit")
    ok("4194304 bytes in all" in found["text"], "is refused with the figures") or diag(found["text"])
    is_(reason(call("f", "write", env=env, path="new", content="x" * 5000000)), "disk.full", "a new one too")
    is_(call("f", "shell", env=env, command="ls -A; cat kept")["stdout"], "kept\nbefore\n",
        "the old file is whole and nothing else is left")
    call("f", "write", env=env, path="kept", content="x" * 3000000 + "\nend\n")
    is_(reason(call("f", "edit", env=env, path="kept", old_string="end", new_string="y" * 2000000)),
        "disk.full", "an edit that does not fit")
    is_(call("f", "shell", env=env, command="ls -A; tail -c 5 kept")["stdout"], "kept\n\nend\n",
        "leaves it whole too")
    call("f", "shell", env=env, command="rm kept; yes | head -c 65536 > hole; truncate -s 1G hole; "
         "printf '\\nlast\\n' >> hole")
    found = call("f", "read", env=env, path="hole", offset=32770)
    ok(found["text"].startswith(" 32770\tlast\n"), "a file of 1 GiB is read in 128 MiB of memory") or \
        diag(found["text"][:500])


def test_cancel():
    old, new = b"before\n", b"0123456789abcdef" * 4000000
    arguments = json.dumps({"path": "c", "content": new.decode()}).encode()
    with open(configuration("arguments.json") + ".in", "wb") as f:
        f.write(arguments)
        name = f.name
    call("c", "write", path="c", content=old.decode())
    ended = []
    for i in range(6):
        process = start("--session", "c", "call", "write", "-", stdin=open(name, "rb"))
        time.sleep(0.15 + 0.1 * i)   # wherever that finds it: what holds, holds always
        process.send_signal(signal.SIGKILL if i % 3 == 2 else signal.SIGINT)
        ended.append(finish(process).code)
        check = "stat -c %s c; head -c 6 c; echo; ls -A"
        found = call("c", "shell", command=check)["stdout"]
        whole = found in ("7\nbefore\n" + "c\n", "%d\n%s\nc\n" % (len(new), new[:6].decode()))
        ok(whole, "a write that was ended is whole or not at all, and leaves nothing") or diag(found)
    diag("ended with %r" % ended)


test_edit()
test_write()
test_seen()
test_kinds()
test_empty_image()
test_small()
test_cancel()
done_testing()
