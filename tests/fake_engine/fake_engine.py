#!/usr/bin/env python3
"""A scriptable stand-in for a Docker engine, and a proxy that puts faults into a real one's answers.

    fake_engine.py --socket PATH|--tcp [--scenario FILE] [--upstream PATH] [--log FILE]

Prints "ready" when it listens; with --tcp, "ready 127.0.0.1:PORT", a port that was free. A request is answered by the first rule that it matches; without a
match it goes to the upstream engine, or, where there is none, is answered 501. SIGUSR1 freezes every
exchange (connections stay open, nothing moves, as when an engine hangs); again, it thaws them.
SIGTERM resets all connections and ends.

A scenario is {"rules": [RULE, ...]}. What a RULE matches:
    method, path        regular expressions, searched in the method and the whole target
    body                one searched in the request's body (bodies up to 1 MiB)
    nth, from, times    only the n-th match; from the n-th on; only so many times (1-based)
What it does; without one of these the request goes upstream:
    respond   {status, reason, headers, body | json | hex | size | endless, chunked, length}
              size: that many bytes; endless: never stops; length: a false Content-Length
    raw       text sent instead of an answer; \\u0000-\\u00ff are bytes
    upgrade   [STEP, ...] after a 101: {"send": text} | {"frame": [stream, text]} | {"hex": ...} |
              {"expect": n bytes} | {"delay_ms": n} | {"close": true} | {"reset": true}
    silent    true: read the request and never answer
What happens on the way; at upstream's bytes too:
    edit      [[regex, replacement], ...] on the request's body before it goes upstream
    to_client, to_engine   FAULT for the bytes of that direction:
              {delay_ms, split, gap_ms, stall_after, reset_after, close_after}
              split: at most so many bytes in one write, gap_ms apart; ..._after: bytes let through.
              reset is an RST with --tcp; a unix socket knows no difference from close.
"""
import argparse
import json
import os
import re
import select
import signal
import socket
import struct
import sys
import threading
import time

CHUNK = 65536
BODY_KEPT = 1 << 20
RULE_KEYS = {"method", "path", "body", "nth", "from", "times", "respond", "raw", "upgrade", "silent",
             "edit", "to_client", "to_engine"}


class Ended(Exception):
    """The connection is over: by a fault, or because a peer left."""


class Gate:
    """What SIGUSR1 closes. A plain flag that is polled: a signal handler must take no lock."""

    def __init__(self):
        self.frozen = False

    def toggle(self, *_):
        self.frozen = not self.frozen

    def wait(self):
        while self.frozen:
            time.sleep(0.01)


GATE = Gate()


class Pipe:
    """The sending side of a socket, with the faults of the rule that is in force."""

    def __init__(self, sock, client):
        self.sock, self.client = sock, client
        self.faults({})

    def faults(self, fault):
        self.fault = fault
        self.sent = 0
        self.delayed = False

    def allowed(self, size):
        """How many of the next bytes may pass before a fault strikes; 0 when it strikes now."""
        for name in ("stall_after", "reset_after", "close_after"):
            if name in self.fault:
                size = min(size, max(0, self.fault[name] - self.sent))
        return size

    def strike(self):
        if "stall_after" in self.fault:
            hold(self.client)
        elif "reset_after" in self.fault:
            reset(self.client)
        raise Ended

    def send(self, data):
        if data and not self.delayed:
            self.delayed = True
            time.sleep(self.fault.get("delay_ms", 0) / 1000)
        while data:
            size = self.allowed(min(len(data), self.fault.get("split", len(data))))
            if not size:
                self.strike()
            GATE.wait()
            self.sock.sendall(data[:size])
            self.sent += size
            data = data[size:]
            time.sleep(self.fault.get("gap_ms", 0) / 1000)


def hold(client):
    """Keeps a connection open without a word until the client has left."""
    poll = select.poll()
    poll.register(client, 0)
    poll.poll()


def reset(client):
    """Makes the end of a connection an abrupt one."""
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def end(client):
    """Ends a connection, as reset or politely. A thread that polls it would delay a mere close."""
    try:
        if not struct.unpack("ii", client.getsockopt(socket.SOL_SOCKET, socket.SO_LINGER, 8))[0]:
            client.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass
    client.close()


class Reader:
    """Buffered reading of HTTP from a socket."""

    def __init__(self, sock):
        self.sock = sock
        self.buffer = b""

    def fill(self):
        data = self.sock.recv(CHUNK)
        if not data:
            raise Ended
        self.buffer += data

    def until(self, mark):
        while mark not in self.buffer:
            self.fill()
        head, _, self.buffer = self.buffer.partition(mark)
        return head + mark

    def take(self, size):
        """At least one and at most `size` bytes."""
        if not self.buffer:
            self.fill()
        data, self.buffer = self.buffer[:size], self.buffer[size:]
        return data

    def exactly(self, size):
        data = b""
        while len(data) < size:
            data += self.take(size - len(data))
        return data

    def body(self, headers):
        """The body's bytes as they come on the wire, chunk headers and all."""
        if "chunked" in headers.get("transfer-encoding", ""):
            while True:
                line = self.until(b"\r\n")
                yield line
                size = int(line.split(b";")[0], 16)
                left = size + 2
                while left:
                    data = self.take(left)
                    left -= len(data)
                    yield data
                if not size:
                    return
        left = int(headers.get("content-length", 0))
        while left:
            data = self.take(min(left, CHUNK))
            left -= len(data)
            yield data


def parse_head(head):
    lines = head.decode("latin-1").split("\r\n")
    headers = {}
    for line in lines[1:]:
        name, colon, value = line.partition(":")
        if colon:
            headers[name.strip().lower()] = value.strip()
    return lines[0].split(" ", 2), headers


class Rules:
    def __init__(self, rules):
        self.rules = rules
        self.matches = [0] * len(rules)
        self.lock = threading.Lock()

    def find(self, request):
        """The first rule in force for a request, and its number; ({}, None) without one."""
        with self.lock:
            for index, rule in enumerate(self.rules):
                if request.fits(rule) and self.in_force(index, rule):
                    return rule, index
        return {}, None

    def in_force(self, index, rule):
        self.matches[index] += 1
        first = rule.get("nth", rule.get("from", 1))
        times = 1 if "nth" in rule else rule.get("times", sys.maxsize)
        return first <= self.matches[index] < first + times


class Request:
    def __init__(self, reader):
        self.head = reader.until(b"\r\n\r\n")
        if re.search(rb"(?i)\nexpect: *100-continue\r", self.head):
            reader.sock.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
            self.head = re.sub(rb"(?i)\nexpect:[^\n]*", b"", self.head)
        (self.method, self.target, _), self.headers = parse_head(self.head)
        self.body = None
        self.rest = reader.body(self.headers)
        if int(self.headers.get("content-length", 0)) <= BODY_KEPT and \
                "chunked" not in self.headers.get("transfer-encoding", ""):
            self.body = b"".join(self.rest)
            self.rest = iter(())

    def fits(self, rule):
        text = (self.body or b"").decode("latin-1")
        return all(re.search(rule.get(key, ""), value) for key, value in
                   (("method", self.method), ("path", self.target), ("body", text)))

    def edit(self, edits):
        if not edits or self.body is None:
            return
        text = self.body.decode("utf-8", "surrogateescape")
        for pattern, replacement in edits:
            text = re.sub(pattern, replacement, text)
        self.body = text.encode("utf-8", "surrogateescape")
        self.head = re.sub(rb"(?i)(content-length:) *\d+", rb"\1 %d" % len(self.body), self.head)

    def upgrades(self):
        return "upgrade" in self.headers


def response_body(answer):
    """The body of a `respond` rule, in pieces."""
    if "json" in answer:
        yield json.dumps(answer["json"]).encode()
    elif "hex" in answer:
        yield bytes.fromhex(answer["hex"])
    elif "size" in answer or answer.get("endless"):
        left = answer.get("size", sys.maxsize)
        while left:
            yield b"x" * min(left, CHUNK)
            left -= min(left, CHUNK)
    else:
        yield answer.get("body", "").encode("latin-1")


def respond(pipe, answer, method):
    status = answer.get("status", 200)
    headers = {"Content-Type": "application/json", "Api-Version": "1.41"}
    headers.update(answer.get("headers", {}))
    chunked = answer.get("chunked") or answer.get("endless")
    pieces = response_body(answer)
    if chunked:
        headers["Transfer-Encoding"] = "chunked"
    elif status >= 200 and status not in (204, 304):
        pieces = [b"".join(pieces)]
        headers["Content-Length"] = answer.get("length", len(pieces[0]))
    head = "HTTP/1.1 %d %s\r\n" % (status, answer.get("reason", "Scripted"))
    head += "".join("%s: %s\r\n" % item for item in headers.items() if item[1] is not None)
    # Together in one write, as engines do with a small answer.
    data = head.encode("latin-1") + b"\r\n"
    for piece in pieces if method != "HEAD" else ():
        data += b"%x\r\n%s\r\n" % (len(piece), piece) if chunked and piece else piece
        pipe.send(data)
        data = b""
    pipe.send(data + (b"0\r\n\r\n" if chunked else b""))
    if str(headers.get("Connection", "")).lower() == "close" or "length" in answer:
        raise Ended


def play(pipe, reader, steps):
    """A scripted hijacked stream."""
    pipe.send(b"HTTP/1.1 101 UPGRADED\r\nContent-Type: application/vnd.docker.raw-stream\r\n"
              b"Connection: Upgrade\r\nUpgrade: tcp\r\n\r\n")
    for step in steps:
        if "send" in step:
            pipe.send(step["send"].encode("latin-1"))
        elif "frame" in step:
            stream, text = step["frame"]
            pipe.send(struct.pack(">B3xI", stream, len(text)) + text.encode("latin-1"))
        elif "hex" in step:
            pipe.send(bytes.fromhex(step["hex"]))
        elif "expect" in step:
            reader.exactly(step["expect"])
        elif "delay_ms" in step:
            time.sleep(step["delay_ms"] / 1000)
        elif "reset" in step:
            reset(pipe.client)
            raise Ended
        elif "close" in step:
            raise Ended
    hold(pipe.sock)
    raise Ended


class Exchange:
    """One client's connection, and the one to the engine behind it."""

    def __init__(self, client, rules, upstream, log):
        self.client, self.rules, self.upstream, self.log = client, rules, upstream, log
        self.reader, self.pipe = Reader(client), Pipe(client, client)
        self.engine = self.engine_reader = None
        self.over = False

    def serve(self):
        try:
            while True:
                self.one()
        except (Ended, OSError):
            pass
        finally:
            self.over = True
            if self.engine:
                end(self.engine.sock)
            end(self.client)

    def one(self):
        request = Request(self.reader)
        rule, index = self.rules.find(request)
        entry = {"method": request.method, "target": request.target, "rule": index,
                 "body": request.body.decode("utf-8", "replace") if request.body else None}
        self.pipe.faults(rule.get("to_client", {}))
        start = time.monotonic()
        try:
            GATE.wait()
            entry["status"] = self.answer(request, rule)
        except (Ended, OSError):
            entry["status"] = None
            raise
        finally:
            entry["ms"] = round((time.monotonic() - start) * 1000, 1)
            entry["sent"] = self.pipe.sent
            self.log(entry)

    def answer(self, request, rule):
        scripted = [key for key in ("respond", "raw", "upgrade", "silent") if key in rule]
        if scripted:
            for _ in request.rest:
                pass
        if "respond" in rule:
            respond(self.pipe, rule["respond"], request.method)
            return rule["respond"].get("status", 200)
        if "raw" in rule:
            self.pipe.send(rule["raw"].encode("latin-1"))
            raise Ended
        if "upgrade" in rule:
            play(self.pipe, self.reader, rule["upgrade"])
        if "silent" in rule:
            hold(self.client)
            raise Ended
        if self.upstream:
            return self.forward(request, rule)
        respond(self.pipe, {"status": 501, "json": {"message": "no rule for " + request.target}},
                request.method)
        return 501

    def connect(self):
        if not self.engine:
            sock = socket.socket(socket.AF_UNIX)
            sock.connect(self.upstream)
            self.engine, self.engine_reader = Pipe(sock, self.client), Reader(sock)

    def forward(self, request, rule):
        self.connect()
        request.edit(rule.get("edit"))
        self.engine.faults(rule.get("to_engine", {}))
        self.engine.send(request.head + (request.body or b""))
        for data in request.rest:
            self.engine.send(data)
        head = self.engine_reader.until(b"\r\n\r\n")
        (_, status, _), headers = parse_head(head)
        if status == "101" or (request.upgrades() and status == "200"):
            self.splice(head)
        self.pipe.send(head)
        if request.method != "HEAD" and status not in ("204", "304"):
            self.copy_body(headers)
        return int(status)

    def copy_body(self, headers):
        if "content-length" in headers or "transfer-encoding" in headers:
            for data in self.engine_reader.body(headers):
                self.pipe.send(data)
            return
        while True:
            self.pipe.send(self.engine_reader.take(CHUNK))

    def upward(self):
        """The client's bytes to the engine. It never blocks for long in a socket that a reset closes:
        the RST would wait for it."""
        try:
            while not self.over:
                if self.reader.buffer or select.select([self.client], [], [], 0.05)[0]:
                    self.engine.send(self.reader.take(CHUNK))
        except (Ended, OSError):
            self.half_close()

    def half_close(self):
        try:
            self.engine.sock.shutdown(socket.SHUT_WR)
            hold(self.client)
            self.engine.sock.shutdown(socket.SHUT_RDWR)
        except (OSError, ValueError):  # ValueError: the other thread has closed it
            pass

    def splice(self, head):
        """A hijacked stream: both directions at once until one of them ends."""
        self.pipe.send(head)
        threading.Thread(target=self.upward, daemon=True).start()
        while True:
            self.pipe.send(self.engine_reader.take(CHUNK))


def load(path):
    """The rules of a scenario; a key that does not exist would be a test that tests nothing."""
    with open(path, encoding="utf-8") as file:
        rules = json.load(file)["rules"]
    for rule in rules:
        if set(rule) - RULE_KEYS:
            sys.exit("%s: unknown in a rule: %s" % (path, ", ".join(set(rule) - RULE_KEYS)))
    return Rules(rules)


def listen(options):
    if options.tcp:
        server = socket.create_server(("127.0.0.1", 0), backlog=256)
        return server, "ready 127.0.0.1:%d" % server.getsockname()[1]
    if os.path.exists(options.socket):
        os.unlink(options.socket)
    server = socket.socket(socket.AF_UNIX)
    server.bind(options.socket)
    server.listen(256)
    return server, "ready"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--socket")
    where.add_argument("--tcp", action="store_true")
    parser.add_argument("--scenario")
    parser.add_argument("--upstream")
    parser.add_argument("--log")
    options = parser.parse_args()

    rules = load(options.scenario) if options.scenario else Rules([])
    log_lock = threading.Lock()

    def log(entry):
        if options.log:
            with log_lock, open(options.log, "a", encoding="utf-8") as file:
                file.write(json.dumps(entry) + "\n")

    signal.signal(signal.SIGUSR1, GATE.toggle)
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    server, message = listen(options)
    print(message, flush=True)
    while True:
        client, _ = server.accept()
        exchange = Exchange(client, rules, options.upstream, log)
        threading.Thread(target=exchange.serve, daemon=True).start()


if __name__ == "__main__":
    main()
