"""A client of the Model Context Protocol that says exactly what it is told to, line by line."""
import json
import subprocess
import time

from host_support import HOST, PATIENCE, environment, read_until, started

VERSION = "io.modelcontextprotocol/protocolVersion"
CAPABILITIES = "io.modelcontextprotocol/clientCapabilities"
SUBSCRIPTION = "io.modelcontextprotocol/subscriptionId"
MODERN = {VERSION: "2026-07-28", CAPABILITIES: {}}


class Client:
    """caisson-host mcp with pipes. What was read and not asked for waits in `others`."""

    def __init__(self, *args, env=None, stderr=subprocess.DEVNULL):
        self.process = subprocess.Popen([HOST, "mcp", *args], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=stderr,
                                        env=env or environment())
        started.append(self.process)
        self.got = b""
        self.others = []

    def raw(self, text):
        self.process.stdin.write(text if isinstance(text, bytes) else text.encode())
        self.process.stdin.flush()

    def send(self, method, params=None, **members):
        message = dict({"jsonrpc": "2.0", "method": method}, **members)
        if params is not None:
            message["params"] = params
        self.raw(json.dumps(message) + "\n")

    def receive(self):
        """The next message, whatever it is; None at the end."""
        try:
            self.got = read_until(self.process.stdout, b"\n", self.got)
        except AssertionError:
            return None
        line, self.got = self.got.split(b"\n", 1)
        return json.loads(line)

    def until(self, wanted):
        """The first message for which this holds; the others are kept."""
        for i, message in enumerate(self.others):
            if wanted(message):
                return self.others.pop(i)
        while True:
            message = self.receive()
            if message is None or wanted(message):
                return message
            self.others.append(message)

    def answer(self, identity):
        return self.until(lambda m: m.get("id") == identity and "method" not in m)

    def ask(self, identity, method, params=None):
        self.send(method, params, id=identity)
        return self.answer(identity)

    def call(self, identity, tool, arguments, **params):
        return self.ask(identity, "tools/call", dict(name=tool, arguments=arguments, **params))

    def notified(self, method):
        return self.until(lambda m: m.get("method") == method)

    def initialize(self, version="2025-11-25"):
        found = self.ask("init", "initialize", {"protocolVersion": version, "capabilities": {},
                                                "clientInfo": {"name": "test", "version": "1"}})
        self.send("notifications/initialized")
        return found

    def close(self):
        """Ends its input; returns its exit code and how long that took."""
        begin = time.monotonic()
        self.process.stdin.close()
        code = self.process.wait(timeout=PATIENCE)
        return code, time.monotonic() - begin


def code_of(message):
    return message["error"]["code"]


def text_of(message):
    return message["result"]["content"][0].get("text")
