#!/usr/bin/env python3
# caisson-host chat against a scripted endpoint, with tools in a real sandbox: answers cut anywhere,
# every fault of an endpoint and of a model, Ctrl-C, --approve, the transcript, and where the key is.
import json
import os
import re
import signal
import socket
import stat
import subprocess
import urllib.parse

from chat_support import (DONE, KEY, Endpoint, calls, cut, data, delta, fails, says, stall, stream,
                          usage)
from host_support import (HOST, INSTANCE, PATIENCE, Terminal, environment, host, path, read_until,
                          started)
from host_support import engine as ask_engine
from tap import diag, done_testing, is_, ok

MARK = "97%d" % os.getpid()


def env(key=KEY, **more):
    return environment(OPENAI_API_KEY=key, no_proxy="127.0.0.1", NO_PROXY="127.0.0.1", **more)


def chat(prompts, *script, args=(), key=KEY):
    """Prompts by a pipe, to their end; the endpoint, with what it was asked, comes along."""
    endpoint = Endpoint(*script)
    done = host("chat", "--base-url", endpoint.url, "--model", "m", *args,
                stdin="".join(p + "\n" for p in prompts).encode(), env=env(key))
    endpoint.close()
    done.endpoint, done.requests = endpoint, endpoint.requests
    return done


def results(request):
    """The last results of tools in a request's messages."""
    messages = request["messages"]
    last = max(i for i, m in enumerate(messages) if m["role"] == "assistant")
    return messages[last + 1:]


def sandboxes():
    filters = json.dumps({"label": ["caisson.instance=" + INSTANCE]})
    return json.loads(ask_engine("GET", "/containers/json?all=1&filters=" +
                                 urllib.parse.quote(filters)))


# ---- answers -------------------------------------------------------------------------------------

def test_answers():
    text = "gr\u00fcn, \u6f22\u5b57, \U0001f600 \"quoted\" \\ end"
    plain = says(text, usage(1200, 34))
    odd = (b"\xef\xbb\xbf: a comment\r\n\r\nevent: message\r\nid: 7\r\n" +
           plain.replace(b"\n", b"\r\n") + b"data: never read\r\n\r\n")
    for name, stream_of in (("at once", stream(plain)), ("each byte apart", stream(plain, 1)),
                            ("in threes", stream(plain, 3)),
                            ("with CRLF, comments and other fields, each byte apart", stream(odd, 1)),
                            ("with CR alone", stream(plain.replace(b"\n", b"\r"), 2)),
                            ("and a connection that stays open after [DONE]",
                             stream(plain, then=stall))):
        done = chat(["hello"], stream_of)
        is_((done.out, done.code), (text + "\n", 0), "an answer " + name)
        ok("[tokens: 1200 in, 34 out]" in done.err, "and its tokens") or diag(done.err)
    request = done.requests[0]
    is_([m["role"] for m in request["messages"]], ["system", "user"], "what a model is asked")
    is_((request["model"], request["stream"], request["stream_options"]["include_usage"]),
        ("m", True, True), "as a stream with its usage")
    ok("shell" in [t["function"]["name"] for t in request["tools"]] and
       all(t["type"] == "function" and t["function"]["description"] and
           t["function"]["parameters"]["type"] == "object" for t in request["tools"]),
       "with the plugin's tools as functions")
    is_((done.endpoint.heads[0]["Authorization"], done.endpoint.heads[0]["path"]),
        ("Bearer " + KEY, "/v1/chat/completions"), "and the key in its header")
    done = chat(["hello"], stream(plain), args=["--price", "2.50/10"])
    ok("[tokens: 1200 in, 34 out, $0.0033]" in done.err, "a cost where there are prices") or \
        diag(done.err)
    done = chat(["hello", "and again"], stream(says("one")), stream(says("two")))
    is_([m["content"] for m in done.requests[1]["messages"][1:]], ["hello", "one", "and again"],
        "a conversation is kept")
    is_((done.out, "tokens" in done.err), ("one\ntwo\n", False), "no usage, no line of tokens")
    done = chat(["hello"], stream(says("x")), key=None)
    ok("Authorization" not in done.endpoint.heads[0] and done.code == 0, "an endpoint without keys")
    done = chat(["hello"], stream(data(delta(content="cut sho")) + data(delta("length")) + DONE))
    ok("limit of tokens" in done.err and done.code == 0, "an answer that the model's limit has cut")
    escaped = says("\x1b[31mred")
    terminal_endpoint = Endpoint(stream(escaped))
    t = Terminal("chat", "--base-url", terminal_endpoint.url, "--model", "m", env=env())
    t.expect("> ")
    t.type("hello\r")
    t.expect(r"\\x1b\[31mred")
    ok(True, "escape sequences of a model do not reach the terminal")
    t.expect("> ")
    t.type("\004")
    is_(t.close(), 0, "Ctrl-D leaves")
    terminal_endpoint.close()


def test_faults():
    big = b'data: {"choices":[{"delta":{"content":"' + b"x" * (9 << 20)
    free = socket.create_server(("127.0.0.1", 0))
    closed = "http://127.0.0.1:%d/v1" % free.getsockname()[1]
    free.close()
    error = json.dumps({"error": {"message": "Words of its own."}}).encode()
    for name, script, words in (
            ("401", fails(401, error), "refuses the key in OPENAI_API_KEY\nWords of its own."),
            ("429", fails(429, error, Retry_After="17"), "too many requests.*wait 17 s\nWords"),
            ("500", fails(500, b"<html>no\x1b[2J", "text/html"), "HTTP 500.*fault of its own.*\n.*no\\\\x1b"),
            ("503 without a word", fails(503), "HTTP 503"),
            ("404", fails(404, b'{"message":"no such model"}'), "HTTP 404.*\nno such model"),
            ("a redirect", fails(307, Location="http://127.0.0.1:1/"), "HTTP 307.*elsewhere"),
            ("a page instead of a stream", fails(200, b"<html>", "text/html"), "text/html, not"),
            ("a chunk that is no JSON", stream(data(delta(content="a")) + b"data: {nope\n\n"),
             "no JSON object: {nope"),
            ("a chunk that is a list", stream(b"data: []\n\n"), "no JSON object"),
            ("an error in the stream", stream(b"data: " + error + b"\n\n"), "gave up: Words of its own"),
            ("a cut connection", stream(data(delta(content="half")), then=cut), "127.0.0.1.*losed"),
            ("an end in the middle", stream(data(delta(content="half"))), "in the middle of the answer"),
            ("an event without end", stream(big, 1 << 20), "more than 8 MiB"),
            ("a call without a place", stream(data(delta(tool_calls=[{"index": 99}]))),
             "cannot be placed"),
            ("an error that repeats the key",
             fails(401, json.dumps({"error": {"message": "bad key " + KEY}}).encode()), "refuses the key"),
            ("that in the stream",
             stream(data({"error": {"message": "bad key " + KEY}})), "repeat the key")):
        done = chat(["one", "two"], script, stream(says("fine")))
        ok(re.search(words, done.err) and KEY not in done.err, name + " is told in words") or \
            diag(done.err)
        is_((done.out.endswith("fine\n"), done.code, len(done.requests)), (True, 0, 2),
            "and the conversation goes on")
    done = host("chat", "--base-url", closed, "--model", "m", stdin=b"one\n", env=env())
    ok("onnect" in done.err and done.code == 125, "nobody there") or diag(done.err)
    done = chat(["one"], fails(401), key=None)
    ok("set OPENAI_API_KEY" in done.err and done.code == 125, "no key where one is wanted")
    done = chat(["one", "two"], stream(data(delta(content="half")), then=stall), stream(says("fine")),
                args=["--timeout", "1.5s"])
    ok("said nothing for 1.5 s" in done.err and done.out == "half\nfine\n", "a stall") or diag(done)
    is_([m["role"] for m in done.requests[1]["messages"]], ["system", "user", "assistant", "user"],
        "of what was cut the beginning is kept")
    for name, args, words in (
            ("no model", [], "--model"), ("no URL", ["--model", "m", "--base-url", "ftp://x"], "ftp://x"),
            ("no price", ["--model", "m", "--price", "2"], "--price 2"),
            ("--approve by a pipe", ["--model", "m", "--approve"], "terminal"),
            ("a transcript nowhere", ["--model", "m", "--transcript", "/nowhere/x"], "/nowhere/x")):
        done = host("chat", *args, env=env())
        ok(words in done.err and done.code in (2, 125), name + " is refused") or diag(done.err)
    done = host("chat", "--model", "m", env=env("sk\nX-Other: 1"))
    ok("OPENAI_API_KEY has" in done.err and done.code == 2, "a key that is two headers is refused")


# ---- tools ---------------------------------------------------------------------------------------

def test_tools():
    both = 'until [ -e %s ]; do sleep 0.02; done; touch %s; echo %s'
    done = chat(["go"], stream(calls(
        ("shell", {"command": both % ("b", "a", "first")}),
        ("shell", {"command": "touch b; " + both % ("a", "c", "second")}),
        ("shel", {"command": "ls"}), ("shell", '{"command": '), ("shell", '["ls"]'),
        ("shell", {"comand": "ls"}), ("shell", ""), text="Let me see.")),
        stream(says("done", usage(5, 6))), args=["--timeout", "%ds" % PATIENCE])
    told = results(done.requests[1])
    is_([m["tool_call_id"] for m in told], ["id-%d" % i for i in range(7)],
        "each call has its result, in order")
    ok("first" in told[0]["content"] and "second" in told[1]["content"],
       "calls run at the same time: each of these waits for the other") or diag(told)
    ok("no tool of the name shel" in told[2]["content"] and "run_python" in told[2]["content"],
       "an unknown tool is told with those that there are") or diag(told[2])
    ok(all("no JSON object" in told[i]["content"] for i in (3, 4)), "arguments that are no object")
    ok(all("command" in told[i]["content"] for i in (5, 6)), "and those that the tool refuses")
    asked = [m for m in done.requests[1]["messages"] if m["role"] == "assistant"][-1]
    ok(asked["content"] == "Let me see." and asked["tool_calls"][3]["function"]["arguments"] == "{}" and
       json.loads(asked["tool_calls"][0]["function"]["arguments"])["command"] == both % ("b", "a", "first"),
       "the calls are in the conversation, as JSON") or diag(asked)
    is_((done.out, done.code), ("Let me see.\ndone\n", 0), "stdout has the answers alone")
    is_(sandboxes(), [], "and the sandbox is gone")
    done = chat(["go"], stream(calls(("shell", {"command": r"printf 'gr\303\274n\033[1m\n'; exit 3"}))),
                stream(says("done")), args=["-v", "--session", "keep"])
    ok("the tool shell" in done.err and "grün\\x1b[1m" in done.err, "-v shows what a tool prints") or \
        diag(done.err)
    ok("[exit 3]" in results(done.requests[1])[0]["content"], "a failure is told") or \
        diag(done.requests[1])
    is_(len(sandboxes()), 1, "a session that is named stays")
    host("rm", "keep", env=env())
    done = chat(["go", "more"], stream(calls(("nothing", {}))))
    is_((len(done.requests), done.code, done.err.count("50 rounds")), (100, 125, 2),
        "a model that calls without end is stopped")


# ---- Ctrl-C --------------------------------------------------------------------------------------

def terminal(*script, args=()):
    endpoint = Endpoint(*script)
    t = Terminal("chat", "--base-url", endpoint.url, "--model", "m", *args, env=env())
    t.expect("> ")
    return t, endpoint


def test_interrupts():
    t, endpoint = terminal(stream(data(delta(content="endless")), then=stall),
                           stream(calls(("shell", {"command": "echo be''gun; sleep %s" % MARK}))),
                           stream(says("still here")),
                           stream(calls(("shell", {"command": "until [ -e b ]; do sleep 0.02; done; "
                                                              "echo al''pha; touch c"}),
                                        ("shell", {"command": "echo be''ta; touch b; until [ -e c ]; "
                                                              "do sleep 0.02; done; echo del''ta"}))),
                           stream(says("all said")))
    t.type("one\r")
    t.expect("endless")
    t.type("\003")
    t.expect("interrupted(?s:.*)> ")
    ok(True, "Ctrl-C ends an answer")
    t.type("two\r")
    t.expect("the tool shell")
    t.expect("\x1b\\[2m(?s:.*)begun")
    ok(True, "what a tool prints is shown while it runs, faint")
    t.type("\003")
    t.expect("> ")
    t.type("three\r")
    t.expect("still here(?s:.*)> ")
    ok(True, "Ctrl-C ends a tool, and the conversation goes on")
    is_(len(endpoint.requests), 3, "the model was not asked what to do about it")
    messages = endpoint.requests[2]["messages"]
    is_([m["role"] for m in messages[1:]], ["user", "assistant", "user", "assistant", "tool", "user"],
        "each call has its result all the same")
    ok("cancelled" in messages[5]["content"], "which says that") or diag(messages[5])
    t.type("four\r")
    t.expect("shell:\r\n(?s:.*)all said(?s:.*)> ")
    ok(True, "of tools that print at the same time it is shown whose lines these are")
    t.type("\003")
    t.expect("> ")
    t.type("exit\r")
    is_(t.close(), 0, "Ctrl-C at the prompt clears the line; exit leaves")
    is_(sandboxes(), [], "with its sandbox")
    endpoint.close()
    t, endpoint = terminal(stream(calls(("shell", {"command": "echo be''gun; sleep 600"}))))
    t.type("one\r")
    t.expect("begun")
    os.kill(t.process.pid, signal.SIGTERM)
    is_(t.close(), 143, "SIGTERM ends a tool and the program")
    is_(sandboxes(), [], "and the sandbox")
    endpoint.close()
    endpoint = Endpoint(stream(says("hello")))
    process = subprocess.Popen([HOST, "chat", "--base-url", endpoint.url, "--model", "m"], env=env(),
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    started.append(process)
    process.stdin.write(b"one\n")
    process.stdin.flush()
    read_until(process.stdout, b"hello\n")
    ok(KEY.encode() not in open("/proc/%d/cmdline" % process.pid, "rb").read(),
       "the key is not on the command line")
    process.send_signal(signal.SIGTERM)
    is_(process.wait(timeout=PATIENCE), 143, "SIGTERM between prompts of a pipe")
    endpoint.close()


# ---- consent -------------------------------------------------------------------------------------

def test_approve():
    write = calls(("shell", {"command": "echo ran >> log; cat log"}), ("read_file", {"path": "log"}))
    t, endpoint = terminal(stream(write), stream(says("turn over")), stream(write),
                           stream(says("turn over")), stream(write), stream(write),
                           stream(says("turn over")), stream(calls(("run_python", {"code": "1"}))),
                           stream(says("turn over")), args=["--approve"])
    t.type("one\r")
    t.expect("allow .*shell.*echo ran.*lways this tool")
    t.type("maybe\r")
    t.expect("allow .*shell")
    t.type("n\r")
    t.expect("turn over(?s:.*)> ")
    told = results(endpoint.requests[1])
    is_(told[0]["content"], "The user did not allow this call.", "n: the model is told")
    ok("did not allow" not in told[1]["content"], "a tool that only reads is not asked about")
    t.type("two\r")
    t.expect("allow .*shell")
    t.type("y\r")
    t.expect("turn over(?s:.*)> ")
    is_(results(endpoint.requests[3])[0]["content"].strip(), "ran", "y: it runs, once")
    t.type("three\r")
    t.expect("allow .*shell")
    t.type("always\r")
    t.expect("turn over(?s:.*)> ")
    is_(results(endpoint.requests[6])[0]["content"].count("ran"), 3,
        "a: it runs, and the next time too")
    t.type("four\r")
    t.expect("allow .*run_python")
    ok(True, "another tool is still asked about")
    t.type("\003")
    t.expect("> ")
    t.type("five\r")
    t.expect("turn over(?s:.*)> ")
    ok("cancelled" in endpoint.requests[8]["messages"][-2]["content"], "Ctrl-C instead of an answer") \
        or diag(endpoint.requests[8]["messages"][-2:])
    t.type("\004")
    is_(t.close(), 0, "Ctrl-D leaves")
    endpoint.close()


# ---- the transcript ------------------------------------------------------------------------------

def test_transcript():
    file = path("transcript.jsonl")
    script = [stream(calls(("shell", {"command": "env; cat /proc/*/environ | tr '\\0' '\\n'"}))),
              stream(says("d\u00f6ne"))]
    done = chat(["one"], *script, args=["--transcript", file, "-v"])
    full = chat(["one"], stream(says("done")), args=["--transcript", "/dev/full"])
    ok("a message is not in it" in full.err and full.out == "done\n", "one that cannot be written")
    again = chat(["two"], stream(says("more")), args=["--transcript", file])
    text = open(file, encoding="utf-8").read()
    lines = [json.loads(line) for line in text.split("\n")[:-1]]
    is_([m["role"] for m in lines], ["system", "user", "assistant", "tool", "assistant",
                                     "system", "user", "assistant"],
        "the transcript has each message on a line, and is appended to")
    ok(lines[3]["content"] == results(done.requests[1])[0]["content"] and
       lines[2]["tool_calls"][0]["function"]["name"] == "shell" and lines[4]["content"] == "d\u00f6ne" and
       all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", m["time"]) for m in lines),
       "whole, with its time") or diag(text)
    is_(stat.S_IMODE(os.stat(file).st_mode), 0o600, "for its owner alone")
    for name, where in (("the transcript", text), ("stderr with -v", done.err), ("stdout", done.out),
                        ("what the model is sent", json.dumps(done.requests + again.requests))):
        ok(KEY not in where, "the key is not in " + name)


test_answers()
test_faults()
test_tools()
test_interrupts()
test_approve()
test_transcript()
done_testing()
