#!/usr/bin/env python3
# caisson-host mcp, message by message: each revision of the protocol, each mistake a client can make,
# cancels, progress, many calls at once, a client that does not read, and the end.
import fcntl
import json
import os
import signal
import subprocess
import sys
import tempfile
import termios
import urllib.parse

from host_support import HOST, INSTANCE, PATIENCE, environment, host
from host_support import engine as ask_engine
from mcp_support import CAPABILITIES, MODERN, SUBSCRIPTION, VERSION, Client, code_of, text_of
from private_engine import seconds_until, with_marker
from tap import diag, done_testing, is_, ok

MARK = "96%d" % os.getpid()


def sandboxes():
    filters = json.dumps({"label": ["caisson.instance=" + INSTANCE]})
    return json.loads(ask_engine("GET", "/containers/json?all=1&filters=" +
                                 urllib.parse.quote(filters)))


def test_negotiation():
    for asked, given in (("2025-11-25", "2025-11-25"), ("2025-06-18", "2025-06-18"),
                         ("2024-11-05", "2025-11-25"), ("1900-01-01", "2025-11-25")):
        client = Client()
        result = client.initialize(asked)["result"]
        is_(result["protocolVersion"], given, "who asks for %s gets %s" % (asked, given))
        if asked == "2025-11-25":
            ok(result["capabilities"]["tools"]["listChanged"] and "logging" in result["capabilities"]
               and result["serverInfo"]["name"] == "caisson", "and is told what there is") or \
                diag(result)
            is_(code_of(client.initialize()), -32600, "once")
        client.close()


def test_modern():
    client = Client()
    found = client.ask(1, "server/discover", {"_meta": MODERN})["result"]
    is_(found["supportedVersions"], ["2026-07-28", "2025-11-25", "2025-06-18"], "server/discover")
    ok(found["resultType"] == "complete" and found["ttlMs"] >= 0 and
       found["cacheScope"] == "public" and
       found["_meta"]["io.modelcontextprotocol/serverInfo"]["name"] == "caisson" and
       found["capabilities"] == {"tools": {"listChanged": True}}, "has all its members") or diag(found)
    listed = client.ask(2, "tools/list", {"_meta": MODERN})["result"]
    is_([tool["name"] for tool in listed["tools"]][:3], ["shell", "run_python", "shell_output"],
        "tools/list without initialize")
    ok(listed["resultType"] == "complete" and "ttlMs" in listed and "cacheScope" in listed,
       "says how long it holds")
    other = dict(MODERN, **{VERSION: "1900-01-01"})
    error = client.ask(3, "tools/list", {"_meta": other})["error"]
    is_((error["code"], error["data"]["requested"]), (-32022, "1900-01-01"), "an unknown revision")
    ok("2026-07-28" in error["data"]["supported"], "is answered with those that there are")
    for name, meta in (("no revision", {CAPABILITIES: {}}), ("no capabilities", {VERSION: "2026-07-28"}),
                       ("capabilities of a wrong type", dict(MODERN, **{CAPABILITIES: []})),
                       ("a revision of a wrong type", dict(MODERN, **{VERSION: 7}))):
        is_(code_of(client.ask(name, "tools/list", {"_meta": meta})), -32602, name + " is refused")
    for method in ("ping", "logging/setLevel", "initialize"):
        is_(code_of(client.ask(method, method, {"_meta": MODERN})), -32601,
            "%s is not of this revision" % method)
    done = client.call(9, "shell", {"command": "echo modern"}, _meta=MODERN)["result"]
    is_((done["resultType"], done["structuredContent"]["stdout"]), ("complete", "modern\n"),
        "tools/call without initialize")
    client.close()


def test_mistakes():
    client = Client()
    for name, line, code in (
            ("text that is no JSON", b"{nope", -32700), ("half a message", b'{"jsonrpc":"2.0"', -32700),
            ("something behind a message", b'{"jsonrpc":"2.0","id":1,"method":"ping"} x', -32700),
            ("bytes that are not UTF-8", b'{"jsonrpc":"2.0","id":1,"method":"p\xff"}', -32700),
            ("a NUL", b'{"jsonrpc":"2.0","id":1,\x00"method":"ping"}', -32700),
            ("JSON nested without end", b"[" * 5000, -32700),
            ("a batch", b'[{"jsonrpc":"2.0","id":1,"method":"ping"}]', -32600),
            ("a number", b"7", -32600), ("no version", b'{"id":1,"method":"ping"}', -32600),
            ("another version", b'{"jsonrpc":"1.0","id":1,"method":"ping"}', -32600),
            ("no method", b'{"jsonrpc":"2.0","id":1}', -32600),
            ("a method that is no string", b'{"jsonrpc":"2.0","id":1,"method":{}}', -32600),
            ("an id that is no integer", b'{"jsonrpc":"2.0","id":1.5,"method":"ping"}', -32600),
            ("an id that is null", b'{"jsonrpc":"2.0","id":null,"method":"ping"}', -32600),
            ("params that are a list", b'{"jsonrpc":"2.0","id":1,"method":"ping","params":[]}', -32602),
            ("an unknown method", b'{"jsonrpc":"2.0","id":1,"method":"resources/list"}', -32601),
            ("a call before anything else", b'{"jsonrpc":"2.0","id":1,"method":"tools/list"}', -32602)):
        client.raw(line + b"\n")
        found = client.receive()
        ok(found and "error" in found and found["error"]["code"] == code,
           "%s is %d" % (name, code)) or diag(found)
    client.raw(b'{"jsonrpc":"2.0","id":1,"method":"ping","params":"' + b"x" * (33 << 20) + b'"}\n')
    found = client.receive()
    ok(found["error"]["code"] == -32600 and "32 MiB" in found["error"]["message"],
       "a message that is too long is refused")
    client.raw(b"\n  \r\n")
    client.raw(b'{"jsonrpc":"2.0","id":1,"result":{}}\n{"jsonrpc":"2.0","method":"notifications/x"}\n')
    is_(client.ask(5, "ping")["result"], {}, "and it lives on; blank lines and answers are passed over")
    client.initialize()
    for name, params in (("no name", {}), ("a name that is no string", {"name": 1}),
                         ("arguments that are a list", {"name": "shell", "arguments": []}),
                         ("a progress token of a wrong type",
                          {"name": "shell", "arguments": {}, "_meta": {"progressToken": []}}),
                         ("_meta of a wrong type", {"name": "shell", "_meta": 1}),
                         ("an unknown tool", {"name": "shel", "arguments": {}})):
        is_(code_of(client.ask(name, "tools/call", params)), -32602, name + " is refused")
    is_(code_of(client.call("nul", "write", {"path": "f", "content": "a\0b"})), -32602,
        "a NUL in an argument is refused, and nothing of it is cut off")
    is_(code_of(client.ask(6, "tools/list", {"cursor": "x"})), -32602, "as is a cursor")
    is_(code_of(client.ask(7, "logging/setLevel", {"level": "loud"})), -32602, "and a level")
    wrong = client.call(8, "shell", {"comand": "ls"})["result"]
    ok(wrong["isError"] and "command" in wrong["content"][0]["text"],
       "what a model can mend is a result, and says how") or diag(wrong)
    client.close()


def test_progress():
    client = Client()
    client.initialize()
    done = client.call("p", "shell", {"command": r"printf 'gr\303'; sleep 0.3; printf '\274n\n\377';"
                                                 "sleep 0.3; echo end >&2"},
                       _meta={"progressToken": "token"})
    told = [m["params"] for m in client.others if m.get("method") == "notifications/progress"]
    client.others = []
    ok(all(t["progressToken"] == "token" for t in told), "progress has its token")
    counts = [t["progress"] for t in told]
    ok(counts == sorted(set(counts)), "and grows each time") or diag(counts)
    text = "".join(t["message"] for t in told if not t["message"].startswith("starting"))
    is_(text, "grün\n\ufffdend\n", "a character in two pieces is whole, what is none is marked")
    ok(len(told) >= 3, "it comes while the command runs") or diag(told)
    ok(not done["result"]["isError"], "and the result after it")
    client.call("q", "shell", {"command": "echo quiet"})
    is_([m for m in client.others if m.get("method") == "notifications/progress"], [],
        "without a token there is none")
    client.call("r", "shell", {"command": "yes 0123456789 | head -c 50000000"},
                _meta={"progressToken": 5})
    flood = [m for m in client.others if m.get("method") == "notifications/progress"]
    size = sum(len(m["params"]["message"]) for m in flood)
    ok(0 < size < 10_000_000, "of 50 MB not all becomes progress (%d bytes)" % size)
    ok(any("not shown here" in m["params"]["message"] for m in flood), "which it says")
    client.close()


def test_cancel():
    client = Client()
    client.initialize()
    mark = MARK + ".1"
    client.send("tools/call", {"name": "shell", "arguments": {"command": "sleep " + mark + "; true"}},
                id="long")
    ok(seconds_until(lambda: with_marker(mark), PATIENCE) is not None, "a call runs")
    is_(code_of(client.ask("long", "tools/call", {"name": "list", "arguments": {}})), -32600,
        "its id cannot be used again meanwhile")
    client.send("notifications/cancelled", {"requestId": "other"})
    client.send("notifications/cancelled", {})
    client.send("notifications/cancelled", {"requestId": "long", "reason": "enough"})
    ok(seconds_until(lambda: not with_marker(mark), PATIENCE) is not None, "cancelled, it is dead")
    is_(text_of(client.call("next", "shell", {"command": "echo next"})), "next\n", "the session is not")
    is_([m for m in client.others if m.get("id") == "long"], [], "it gets no answer")
    client.close()


def test_at_once():
    """Each answer to its own id, in whatever order."""
    client = Client()
    client.initialize()
    client.call(0, "shell", {"command": "true"})
    for i in range(1, 101):
        client.send("tools/call", {"name": "shell", "arguments": {"command": "echo %d" % i}}, id=i)
    wrong = [i for i in range(1, 101) if text_of(client.answer(i)) != "%d\n" % i]
    is_(wrong, [], "100 calls at once, each answered with its own")
    client.close()


def memory(process):
    with open("/proc/%d/statm" % process.pid) as f:
        return int(f.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def test_no_reader():
    """Nobody reads; what is asked goes on until there is no room for more."""
    # What is freed is kept for a while by AddressSanitizer, which would count here.
    kept = os.environ.get("ASAN_OPTIONS", "") + ":quarantine_size_mb=4"
    client = Client(env=environment(ASAN_OPTIONS=kept))
    client.initialize()
    client.call(0, "shell", {"command": "true"})
    before = memory(client.process)
    os.set_blocking(client.process.stdin.fileno(), False)
    line = (json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/list"}) + "\n").encode()
    sent = 0

    def is_full():
        nonlocal sent
        for _ in range(1000):
            try:
                sent += os.write(client.process.stdin.fileno(), line)
            except BlockingIOError:
                return True
        return False

    def stays_full():
        return is_full() and seconds_until(lambda: not is_full(), 1) is None

    ok(seconds_until(stays_full, PATIENCE) is not None, "a server whose answers nobody reads stops reading")
    grown = memory(client.process) - before
    ok(grown < 64 << 20, "its memory has grown by less than 64 MiB (%.1f)" % (grown / (1 << 20)))
    client.process.stdin.close()
    is_(client.process.wait(timeout=PATIENCE), 0, "and when its input ends, so does it")


def test_end():
    client = Client()
    client.initialize()
    mark = MARK + ".2"
    client.send("tools/call", {"name": "shell", "arguments": {"command": "sleep " + mark + "; true"}}, id=1)
    ok(seconds_until(lambda: with_marker(mark), PATIENCE) is not None, "a call runs")
    is_(client.close()[0], 0, "the end of the input is the end")
    is_(with_marker(mark), [], "of what runs too")
    is_(sandboxes(), [], "and of the connection's sandbox")
    for number in (signal.SIGTERM, signal.SIGINT):
        client = Client()
        client.initialize()
        client.call(1, "shell", {"command": "true"})
        client.process.send_signal(number)
        is_(client.process.wait(timeout=PATIENCE), 143 if number == signal.SIGTERM else 0,
            "%s ends it in order" % number.name)
        is_(sandboxes(), [], "and its sandbox")
    client = Client()
    client.initialize()
    client.call(1, "shell", {"command": "true"})
    client.process.stdout.close()
    client.send("tools/list", id=2)
    is_(client.process.wait(timeout=PATIENCE), 0, "as does a client that stops to read")
    is_(sandboxes(), [], "with its sandbox")


def blocked(mark):
    """A client that has a call under way and reads nothing, until nothing more is read of it."""
    client = Client()
    client.initialize()
    client.send("tools/call", {"name": "shell", "arguments": {"command": "sleep " + mark + "; true"}}, id="c")
    ok(seconds_until(lambda: with_marker(mark), PATIENCE) is not None, "a call runs")
    os.set_blocking(client.process.stdin.fileno(), False)
    line = (json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/list"}) + "\n").encode()

    def is_full():
        try:
            while True:
                os.write(client.process.stdin.fileno(), line)
        except BlockingIOError:
            return True

    def stays_full():
        before = queued(client)
        return is_full() and queued(client) == before and seconds_until(
            lambda: queued(client) != before, 1) is None

    ok(seconds_until(stays_full, PATIENCE) is not None, "its client reads nothing")
    return client


def queued(client):
    """Bytes that wait in its input."""
    found = fcntl.ioctl(client.process.stdin.fileno(), termios.FIONREAD, bytes(4))
    return int.from_bytes(found, sys.byteorder)


def test_end_blocked():
    """The end comes while a call runs and answers wait for a client that reads nothing."""
    for i, (name, end, code) in enumerate((
            ("SIGINT", lambda c: c.process.send_signal(signal.SIGINT), 0),
            ("SIGTERM", lambda c: c.process.send_signal(signal.SIGTERM), 143),
            ("the end of its input", lambda c: c.process.stdin.close(), 0))):
        mark = MARK + ".3%d" % i
        client = blocked(mark)
        end(client)
        is_(client.process.wait(timeout=PATIENCE), code, "%s ends it all the same" % name)
        is_((with_marker(mark), sandboxes()), ([], []), "with what ran and where")
        client.process.stdout.close()


def test_descriptors():
    """A client may start it without some of the three."""
    message = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "ping"}).encode() + b"\n"
    for name, redirected, code, answered in (
            ("no input", "<&-", 0, False), ("an empty one", "</dev/null", 0, False),
            ("no stderr", "2>&-", 0, True), ("no output", ">&-", 125, False)):
        done = subprocess.run(["sh", "-c", 'exec "$0" mcp ' + redirected, HOST], input=message,
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment(),
                              timeout=PATIENCE, check=False)
        is_((done.returncode, b'"result":{}' in done.stdout), (code, answered), name) or diag(done)
    with tempfile.TemporaryFile() as lines:
        lines.write(message * 3)
        lines.seek(0)
        done = subprocess.run([HOST, "mcp"], stdin=lines, stdout=subprocess.PIPE, env=environment(),
                              stderr=subprocess.DEVNULL, timeout=PATIENCE, check=False)
    is_((done.returncode, done.stdout.count(b'"result":{}')), (0, 3), "a file of messages")


def test_swap():
    """SIGHUP while a call runs: each subscription hears of it, and the call goes on."""
    client = Client()
    client.initialize()
    for name, wanted in (("a", True), ("b", True), ("none", False)):
        client.send("subscriptions/listen", {"_meta": MODERN, "notifications": {"toolsListChanged": wanted}},
                    id=name)
        told = client.notified("notifications/subscriptions/acknowledged")["params"]
        is_((told["_meta"][SUBSCRIPTION], told["notifications"]),
            (name, {"toolsListChanged": True} if wanted else {}), "who listens is told to what")
    client.send("notifications/cancelled", {"requestId": "b"})
    mark = MARK + ".4"
    client.send("tools/call", {"name": "shell", "arguments": {
        "command": "sleep " + mark + " & until test -e go; do sleep 0.05; done; kill $!; echo went"}}, id="c")
    ok(seconds_until(lambda: with_marker(mark), PATIENCE) is not None, "a call runs")
    client.process.send_signal(signal.SIGHUP)
    heard = [client.notified("notifications/tools/list_changed") for _ in range(2)]
    is_(sorted(str(m["params"].get("_meta", {}).get(SUBSCRIPTION)) for m in heard), ["None", "a"],
        "the connection hears of a swap, and the subscription that is left")
    is_(text_of(client.call("go", "shell", {"command": "touch go; echo new"})), "new\n", "calls go on")
    is_(text_of(client.answer("c")), "went\n", "the one that ran too")
    is_([m for m in client.others if m.get("method") == "notifications/tools/list_changed"], [],
        "who did not ask hears nothing")
    client.process.stdin.close()
    ended = client.answer("a")
    is_((ended["result"]["resultType"], ended["result"]["_meta"][SUBSCRIPTION]), ("complete", "a"),
        "its end is told to who listens")
    is_(client.process.wait(timeout=PATIENCE), 0, "in order")


def test_session():
    first = Client("--session", "kept")
    first.initialize()
    first.call(1, "shell", {"command": "echo kept > file"})
    first.close()
    second = Client("--session", "kept")
    is_(text_of(second.call(1, "shell", {"command": "cat file"}, _meta=MODERN)), "kept\n",
        "a session that has a name stays")
    second.close()
    host("rm", "kept")


def test_stdout():
    """Only the protocol: whatever else is said goes to stderr."""
    client = Client("-v", stderr=subprocess.PIPE)
    client.initialize()
    client.ask(2, "logging/setLevel", {"level": "debug"})
    client.call(3, "shell", {"command": "echo x"})
    levels = [m["params"]["level"] for m in client.others if m.get("method") == "notifications/message"]
    ok(levels, "the log comes as messages") or diag(client.others)
    ok(all('"audit":1' not in m["params"]["data"] for m in client.others
           if m.get("method") == "notifications/message"), "without the audit, which is not for clients")
    client.close()
    rest = client.got + client.process.stdout.read()
    ok(all(json.loads(line)["jsonrpc"] == "2.0" for line in rest.splitlines()), "stdout has no other lines")
    ok(b"caisson-host: " in client.process.stderr.read(), "stderr has the words for people")


for test in (test_negotiation, test_modern, test_mistakes, test_progress, test_cancel, test_at_once,
             test_no_reader, test_end, test_end_blocked, test_descriptors, test_swap, test_session,
             test_stdout):
    test()
done_testing()
