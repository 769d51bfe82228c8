#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""chat_server.py: a tiny chat server whose model has tools: what is shown is the loop between the two.

    chat_server.py --plugin /usr/local/lib/caisson/caisson.so --endpoint http://localhost:11434/v1 \\
                   --model NAME [--config FILE] [--port 8000]

    POST /chats/ID         {"message": "..."} -> {"reply": "...", "tools": [what ran]}
    POST /chats/ID/cancel  ends what runs for this chat

The endpoint is any that speaks OpenAI's chat completions; $OPENAI_API_KEY is its key, if it wants one.
Each chat is a session with a sandbox of its own. It is an example: no accounts, no TLS, no history on
disk, and it listens on 127.0.0.1 only.
"""
import argparse
import json
import os
import threading
import urllib.parse
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from caisson import Caisson, CaissonError

ROUNDS_MAX = 20
REQUEST_MAX = 1 << 20
MODEL_TIMEOUT_S = 300


class Model:
    """An endpoint for chat completions."""

    def __init__(self, endpoint, name):
        self.url, self.name = endpoint.rstrip("/") + "/chat/completions", name

    def answer(self, messages, tools):
        """The model's next message: text, or calls of tools."""
        request = urllib.request.Request(
            self.url, json.dumps({"model": self.name, "messages": messages, "tools": tools}).encode(),
            {"Content-Type": "application/json",
             "Authorization": "Bearer " + os.environ.get("OPENAI_API_KEY", "none")})
        with urllib.request.urlopen(request, timeout=MODEL_TIMEOUT_S) as answer:
            return json.load(answer)["choices"][0]["message"]


class Chat:
    """One conversation. Its id is the key of its sandbox's session."""

    def __init__(self, box, model, identity):
        self.box, self.model, self.identity = box, model, identity
        self.messages = []
        self.turn = threading.Lock()
        self.stop = threading.Event()

    def say(self, text):
        with self.turn:
            self.stop.clear()
            before = len(self.messages)
            try:
                return self.loop(text)
            except BaseException:
                # No model takes a history that ends in the middle: the next message finds a whole one.
                del self.messages[before:]
                raise

    def loop(self, text):
        """The model speaks or calls tools; what they print is what it hears next."""
        self.messages.append({"role": "user", "content": text})
        ran = []
        for _ in range(ROUNDS_MAX):
            message = self.model.answer(self.messages, schemas(self.box))
            self.messages.append(message)
            if not message.get("tool_calls"):
                return {"reply": message.get("content") or "", "tools": ran}
            for call in message["tool_calls"]:
                ran.append(self.run(call))
            if self.stop.is_set():
                return {"reply": "(stopped)", "tools": ran}
        return {"reply": "(the model did not come to an end)", "tools": ran}

    def run(self, call):
        function = call["function"]
        # Name and arguments go to the plugin as the model wrote them: it checks both, and its words on
        # what is wrong with them are what the model needs. check=False: they are no error of ours.
        result = self.box.call(function["name"], function["arguments"], session=self.identity,
                               cancelled=self.stop.is_set, check=False)
        self.messages.append({"role": "tool", "tool_call_id": call["id"], "content": result.text})
        return {"tool": function["name"], "outcome": result.outcome, "exit_code": result.exit_code}


def schemas(box):
    return [{"type": "function", "function": {
        "name": tool["name"], "description": tool["description"], "parameters": tool["inputSchema"]}}
        for tool in box.tools()]


class Server(ThreadingHTTPServer):
    """A thread for each request; calls of different chats run side by side."""

    def __init__(self, port, box, model):
        super().__init__(("127.0.0.1", port), Handler)
        self.box, self.model = box, model
        self.chats = {}
        self.lock = threading.Lock()

    def chat(self, identity):
        with self.lock:
            return self.chats.setdefault(identity, Chat(self.box, self.model, identity))


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        parts = [urllib.parse.unquote(part) for part in self.path.strip("/").split("/")]
        size = int(self.headers.get("Content-Length") or 0)
        known = parts[0] == "chats" and len(parts) > 1 and parts[1] and parts[2:] in ([], ["cancel"])
        if not known or not 0 <= size <= REQUEST_MAX:
            return self.answer(404, {"error": "POST /chats/ID or /chats/ID/cancel"})
        body = self.rfile.read(size)
        chat = self.server.chat(parts[1])
        if parts[2:] == ["cancel"]:
            chat.stop.set()
            return self.answer(200, {})
        try:
            message = json.loads(body)["message"]
            if not isinstance(message, str):
                raise TypeError("no text")
        except (ValueError, KeyError, TypeError):
            return self.answer(400, {"error": "the body is {\"message\": TEXT}"})
        try:
            return self.answer(200, chat.say(message))
        except CaissonError as error:
            return self.answer(500, {"error": error.message})
        except (OSError, ValueError, LookupError, TypeError) as error:
            return self.answer(502, {"error": "the model: %s" % error})

    def answer(self, status, document):
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        """Quiet: the plugin's log has a line for each call."""


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--plugin", required=True, help="the absolute path of caisson.so")
    parser.add_argument("--config", help="the plugin's configuration, a JSON file")
    parser.add_argument("--endpoint", required=True, help="such as http://localhost:11434/v1")
    parser.add_argument("--model", default="default", help="its name at the endpoint")
    parser.add_argument("--port", type=int, default=8000)
    args = parser.parse_args()
    with Caisson(args.plugin, args.config, name="chat_server") as box:
        server = Server(args.port, box, Model(args.endpoint, args.model))
        print("http://127.0.0.1:%d" % server.server_port, flush=True)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            pass


if __name__ == "__main__":
    main()
