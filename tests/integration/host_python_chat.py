#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# The example of a chat server: a scripted model calls tools, hears what they print and answers.
import json
import os
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from host_support import INSTANCE, PATIENCE, environment, preload, processes_inside, started
from host_support.sandboxes import containers
from private_engine import seconds_until
from sanitizer import PYTHON
from tap import diag, done_testing, is_, ok

heard = []


def tool(name, arguments):
    return {"role": "assistant", "content": None, "tool_calls": [
        {"id": "call-1", "type": "function", "function": {"name": name, "arguments": arguments}}]}


# What the model says, by the last message that it hears: of the user, or of a tool.
def scripted(messages):
    last = messages[-1]
    if last["role"] == "tool":
        return {"role": "assistant", "content": "it says: " + last["content"]}
    return {"add": tool("run_python", json.dumps({"code": "print(6 * 7)"})),
            "write": tool("shell", '{"command": "echo mine > file; ls"}'),
            "look": tool("shell", '{"command": "ls"}'), "wait": tool("shell", '{"command": "sleep 1000"}'),
            "broken": tool("shell", '{"command": '), "unknown": tool("sell", "{}"),
            "formless": {"role": "assistant", "content": None, "tool_calls": [7]},
            "nonsense": {}}.get(last["content"], {"role": "assistant", "content": "hello"})


class Endpoint(BaseHTTPRequestHandler):
    def do_POST(self):
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        heard.append((self.path, self.headers["Authorization"], request))
        message = scripted(request["messages"])
        body = json.dumps({"choices": [{"message": message}] if message else []}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def post(path, document):
    """Status and answer."""
    try:
        with urllib.request.urlopen(urllib.request.Request(
                server + path, json.dumps(document).encode(), method="POST"), timeout=PATIENCE) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def say(chat, message):
    return post("/chats/" + chat, {"message": message})


def test_loop():
    is_(say("a", "hi"), (200, {"reply": "hello", "tools": []}), "a model that wants no tool answers")
    path, key, request = heard[-1]
    is_((path, key, request["model"]), ("/v1/chat/completions", "Bearer secret", "scripted"),
        "it was asked at its endpoint")
    shell = request["tools"][0]["function"]
    ok(shell["name"] == "shell" and shell["description"] and shell["parameters"]["type"] == "object",
       "and offered the tools") or diag(shell)
    is_(say("a", "add"), (200, {"reply": "it says: 42\n", "tools": [
        {"tool": "run_python", "outcome": "exited", "exit_code": 0}]}),
        "one that calls a tool hears what it printed")
    is_([m["role"] for m in heard[-1][2]["messages"]],
        ["user", "assistant", "user", "assistant", "tool"], "in the conversation's order")
    is_(say("a", "write")[1]["reply"], "it says: file\n", "files last from one message to the next")
    is_(say("a", "look")[1]["reply"], "it says: file\n", "in the same chat")
    is_(say("b", "look")[1]["reply"], "it says: (no output)", "and are not in another")
    found = say("a", "broken")[1]
    ok(found["tools"][0]["outcome"] == "none" and "JSON" in found["reply"],
       "arguments that are no JSON are the model's to mend") or diag(found)
    ok("shell" in say("a", "unknown")[1]["reply"], "so is a tool that does not exist")
    is_(say("a", "nonsense")[0], 502, "an endpoint that makes no sense is an error")
    say("a", "hi")
    ok("nonsense" not in [m["content"] for m in heard[-1][2]["messages"]], "and what led to it is forgotten")
    is_(say("a", "formless")[0], 502, "so is a call of a tool that has no form")
    say("a", "hi")
    ok(not heard[-1][2]["messages"][-2].get("tool_calls"), "which leaves no call without its result behind")
    status, found = say("k" * 300, "look")
    ok(status == 500 and "session" in found.get("error", ""), "a chat that cannot be a session has an answer") \
        or diag(found)
    is_(post("/chats/a", {})[0], 400, "so is a request without a message")
    is_(post("/chats/a", {"message": 7})[0], 400, "or with one that is no text")
    is_((post("/rooms/a", {})[0], post("/chats/a/stop", {"message": "hi"})[0]), (404, 404), "or to somewhere else")


def test_cancel():
    found = []
    waiting = threading.Thread(target=lambda: found.append(say("c", "wait")))
    waiting.start()
    ok(seconds_until(lambda: "sleep 1000" in processes_inside("c"), PATIENCE) is not None, "a chat that waits")
    is_(say("a", "hi")[1]["reply"], "hello", "keeps no other waiting")
    is_(post("/chats/c/cancel", {})[0], 200, "it is cancelled")
    waiting.join(PATIENCE)
    is_(found, [(200, {"reply": "(stopped)", "tools": [
        {"tool": "shell", "outcome": "cancelled", "exit_code": 130}]})], "and its turn ends")
    ok("sleep 1000" not in processes_inside("c"), "with what it ran")


endpoint = ThreadingHTTPServer(("127.0.0.1", 0), Endpoint)
threading.Thread(target=endpoint.serve_forever, daemon=True).start()
env = dict(environment(OPENAI_API_KEY="secret"), **preload())
process = subprocess.Popen(
    [sys.executable, os.path.join(PYTHON, "chat_server.py"), "--plugin", os.environ["CAISSON_PLUGIN"],
     "--config", env["CAISSON_CONFIG"], "--model", "scripted", "--port", "0",
     "--endpoint", "http://127.0.0.1:%d/v1/" % endpoint.server_port], stdout=subprocess.PIPE, text=True, env=env)
started.append(process)
server = process.stdout.readline().strip()
test_loop()
test_cancel()
is_(sorted(containers()), ["caisson-%s-%s" % (INSTANCE, chat) for chat in "abc"], "each chat has a sandbox")
process.send_signal(2)
is_(process.wait(PATIENCE), 0, "Ctrl-C ends it well")
done_testing()
