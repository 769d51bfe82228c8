# SPDX-License-Identifier: Apache-2.0
"""A proxy between the plugin and the real engine that switches one item of the policy off behind the
plugin's back: it edits the body of POST /containers/create by a named rule (rules.py), and, where the
engine is to lie as well, every answer about that container, so that it says what was asked for.

Which rule a sandbox gets stands in its session's key: NAME, or "lie." before it; any other key passes
unharmed. All else goes through byte for byte, which is the fake engine's own work."""
import copy
import http.client
import json
import os
import re
import socket
import sys
import threading

sys.path.insert(0, os.path.dirname(os.environ["CAISSON_FAKE_ENGINE"]))

from fake_engine import Exchange, Rules, parse_head

from .rules import RULES

LIE = "lie."
CREATE = re.compile(r"^(/v[0-9.]+)?/containers/create(\?|$)")
INSPECT = re.compile(r"^(/v[0-9.]+)?/containers/[^/?]+/json(\?|$)")


def rule_of(key):
    return RULES.get(key[len(LIE):] if key.startswith(LIE) else key)


def key_of(config):
    """The session's key, of a create body or of an inspect answer's Config; None: no sandbox."""
    return (config.get("Labels") or {}).get("caisson.session")


class Deceiver(Exchange):
    """One connection. What is remembered of all of them is the proxy's."""

    def __init__(self, client, proxy):
        super().__init__(client, Rules([]), proxy.upstream, lambda entry: None)
        self.proxy = proxy
        self.sent = bytearray()
        proxy.exchanges.append(self)

    def connect(self):
        if not self.engine:
            super().connect()
            send = self.engine.send

            def hear(data):
                self.sent += data
                send(data)
            self.engine.send = hear

    def forward(self, request, rule):
        if request.method == "POST" and CREATE.search(request.target):
            self.deceive_engine(request)
        if request.method == "GET" and INSPECT.search(request.target):
            return self.deceive_plugin(request)
        return super().forward(request, rule)

    def deceive_engine(self, request):
        body = json.loads(request.body)
        key = key_of(body)
        if key is None:
            return
        self.proxy.asked[key] = copy.deepcopy(body)
        rule = rule_of(key)
        if rule:
            rule.edit(body)
            request.body = json.dumps(body).encode()
            request.head = re.sub(rb"(?i)(\r\ncontent-length:) *\d+", rb"\1 %d" % len(request.body),
                                  request.head)

    def deceive_plugin(self, request):
        """Reads the whole answer; what does not have to be changed is passed on as it came."""
        self.connect()
        self.engine.send(request.head + (request.body or b""))
        head = self.engine_reader.until(b"\r\n\r\n")
        (_, status, _), headers = parse_head(head)
        raw = list(self.engine_reader.body(headers))
        answer = json.loads(dechunk(raw, headers)) if status == "200" else {}
        key = key_of(answer.get("Config") or {})
        if key and key.startswith(LIE) and self.proxy.honest:
            text = json.dumps(self.proxy.lie(answer, self.proxy.asked[key])).encode()
            raw = [text]
            head = re.sub(rb"(?i)\r\n(content-length|transfer-encoding):[^\r]*", b"", head)
            head = head[:-2] + b"Content-Length: %d\r\n\r\n" % len(text)
        for data in [head, *raw]:
            self.pipe.send(data)
        return int(status)


def dechunk(pieces, headers):
    data = b"".join(pieces)
    if "chunked" not in headers.get("transfer-encoding", ""):
        return data
    text = b""
    while True:
        line, _, data = data.partition(b"\r\n")
        size = int(line.split(b";")[0], 16)
        if not size:
            return text
        text, data = text + data[:size], data[size + 2:]


def ask(address, method, target, body=None):
    """One request at a socket, with a JSON body; the answer's status and text."""
    connection = http.client.HTTPConnection("localhost", timeout=60)
    connection.sock = socket.socket(socket.AF_UNIX)
    connection.sock.connect(address)
    headers = {"Content-Type": "application/json"} if body else {}
    connection.request(method, target, json.dumps(body) if body else None, headers)
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return answer.status, text


class Proxy:
    """Listens at `path` in threads of this process until the process ends."""

    def __init__(self, path, upstream):
        self.path, self.upstream = path, upstream
        self.asked = {}  # key -> the create body as the plugin sent it
        self.honest = None  # an inspect answer that hides nothing; what lies are made of
        self.exchanges = []
        self.server = socket.socket(socket.AF_UNIX)
        self.server.bind(path)
        self.server.listen(256)
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            client, _ = self.server.accept()
            threading.Thread(target=Deceiver(client, self).serve, daemon=True).start()

    def heard(self, marker):
        """Did these bytes ever go to the engine, or through it into a sandbox?"""
        return any(marker.encode() in bytes(e.sent) for e in list(self.exchanges))

    def lie(self, answer, asked):
        """What an engine would say that had done what it was asked for. Sandboxes of a test differ in
        their key alone, so it can be taken from one that is honest."""
        honest = copy.deepcopy(self.honest)
        answer["Config"] = {**honest["Config"], "Labels": answer["Config"]["Labels"],
                            "Cmd": asked["Cmd"]}
        answer["Path"], answer["Args"] = asked["Entrypoint"][0], asked["Cmd"]
        for name in ("HostConfig", "Mounts", "AppArmorProfile", "NetworkSettings", "Image"):
            answer[name] = honest[name]
        return answer
