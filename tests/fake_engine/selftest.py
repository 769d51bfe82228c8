#!/usr/bin/env python3
"""The fake engine does what a scenario says: otherwise the tests that rely on it test nothing."""
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

from tap import done_testing, is_, ok

HERE = os.path.dirname(os.path.abspath(__file__))
WORK = tempfile.TemporaryDirectory()
ENGINES = []


def start(rules, *options, tcp=False):
    """A fake engine with these rules: the address to connect to, its process and its log's path."""
    base = os.path.join(WORK.name, str(len(ENGINES)))
    with open(base + ".json", "w") as file:
        json.dump({"rules": rules}, file)
    where = ["--tcp"] if tcp else ["--socket", base + ".sock"]
    process = subprocess.Popen([sys.executable, HERE + "/fake_engine.py", *where, "--scenario",
                                base + ".json", "--log", base + ".log", *options],
                               stdout=subprocess.PIPE, text=True)
    ENGINES.append(process)
    word = process.stdout.readline().split()
    host, _, port = word[1].partition(":") if tcp else (None, None, None)
    return (host, int(port)) if tcp else base + ".sock", process, base + ".log"


def connect(address):
    sock = socket.socket(socket.AF_UNIX if isinstance(address, str) else socket.AF_INET)
    sock.settimeout(10)
    sock.connect(address)
    return sock


def client(address):
    connection = http.client.HTTPConnection("engine")
    connection.sock = connect(address)
    return connection


def ask(connection, method, path, body=None):
    connection.request(method, path, body)
    answer = connection.getresponse()
    return answer.status, answer.read()


def raw(address, request=b"GET /x HTTP/1.1\r\nHost: e\r\n\r\n"):
    """All that comes back until the end of the connection, or the name of the error it ends with."""
    sock = connect(address)
    sock.sendall(request)
    data = b""
    try:
        while True:
            piece = sock.recv(65536)
            if not piece:
                return data
            data += piece
    except OSError as error:
        return data, type(error).__name__


def entries(log, count):
    """What the log says once it holds this many lines: an exchange is logged after its answer has gone out."""
    end = time.monotonic() + 10
    while True:
        with open(log) as file:
            lines = file.read().split("\n")[:-1]
        if len(lines) >= count or time.monotonic() > end:
            return [json.loads(line) for line in lines]
        time.sleep(0.01)


def silent(sock, seconds=0.3):
    sock.settimeout(seconds)
    try:
        return not sock.recv(1) and False
    except TimeoutError:
        return True


def test_rules():
    address, _, log = start([
        {"method": "GET", "path": "/json$", "nth": 2, "respond": {"status": 500, "json": {"message": "no"}}},
        {"path": "/json$", "respond": {"json": [1]}},
        {"path": "/body$", "body": "needle", "respond": {"body": "found"}},
        {"path": "/big$", "respond": {"size": 200000, "chunked": True}},
        {"path": "/none$", "respond": {"status": 204}},
    ])
    c = client(address)
    is_(ask(c, "GET", "/v1.41/json"), (200, b"[1]"), "a rule answers")
    is_(ask(c, "GET", "/v1.41/json"), (500, b'{"message": "no"}'), "the second match has its own rule")
    is_(ask(c, "GET", "/v1.41/json"), (200, b"[1]"), "and only the second")
    is_(ask(c, "POST", "/body", b"hay needle hay"), (200, b"found"), "a body is searched")
    is_(ask(c, "POST", "/body", b"hay")[0], 501, "no match, no upstream: 501")
    is_(ask(c, "GET", "/none"), (204, b""), "an answer without a body")
    is_(ask(c, "GET", "/big"), (200, b"x" * 200000), "a chunked answer, on the same connection")
    logged = entries(log, 7)
    is_([e["rule"] for e in logged], [1, 0, 1, 2, None, 4, 3], "the log says which rule answered")
    is_([e["status"] for e in logged], [200, 500, 200, 200, 501, 204, 200], "and what")


def test_faults():
    address, process, _ = start([
        {"path": "stall", "respond": {"body": "hello"}, "to_client": {"stall_after": 20}},
        {"path": "close", "respond": {"body": "hello"}, "to_client": {"close_after": 17}},
        {"path": "split", "respond": {"body": "hello"}, "to_client": {"split": 1, "gap_ms": 200}},
        {"path": "late", "respond": {}, "to_client": {"delay_ms": 200}},
        {"path": "silent", "silent": True},
        {"path": "raw", "raw": "HTTP/1.1 200 OK\r\nContent-Length: zwölf\r\n\r\n"},
        {"path": "false", "respond": {"body": "abc", "length": 10}},
        {"path": "endless", "respond": {"endless": True}},
    ])
    sock = connect(address)
    sock.sendall(b"GET /stall HTTP/1.1\r\n\r\n")
    is_(len(sock.recv(100)), 20, "an answer stalls after so many bytes")
    ok(silent(sock), "and the connection stays open without a word")
    is_(len(raw(address, b"GET /close HTTP/1.1\r\n\r\n")), 17, "an answer ends after so many bytes")
    sock = connect(address)
    sock.sendall(b"GET /split HTTP/1.1\r\n\r\n")
    is_(len(sock.recv(100)), 1, "an answer comes byte by byte")
    begin = time.monotonic()
    ask(client(address), "GET", "/late")
    ok(time.monotonic() - begin >= 0.2, "an answer comes late")
    sock = connect(address)
    sock.sendall(b"GET /silent HTTP/1.1\r\n\r\n")
    ok(silent(sock), "no answer at all")
    is_(raw(address, b"GET /raw HTTP/1.1\r\n\r\n"),
        "HTTP/1.1 200 OK\r\nContent-Length: zwölf\r\n\r\n".encode("latin-1"), "bytes as given")
    ok(raw(address, b"GET /false HTTP/1.1\r\n\r\n").endswith(b": 10\r\n\r\nabc"), "a false length")
    sock = connect(address)
    sock.sendall(b"GET /endless HTTP/1.1\r\n\r\n")
    taken = 0
    while taken < 10000000:
        taken += len(sock.recv(1 << 20))
    ok(True, "a body that does not end")
    process.send_signal(signal.SIGUSR1)
    end = time.monotonic() + 10
    frozen = False
    while not frozen and time.monotonic() < end:   # a signal takes effect when it does
        sock = connect(address)
        sock.sendall(b"GET /late HTTP/1.1\r\n\r\n")
        frozen = silent(sock, 0.5)
    ok(frozen, "frozen: connected, and no answer")
    process.send_signal(signal.SIGUSR1)
    sock.settimeout(10)
    ok(sock.recv(100).startswith(b"HTTP/1.1 200"), "thawed: the answer comes")


def test_tcp():
    address, _, _ = start([{"path": "reset", "respond": {"body": "x"}, "to_client": {"reset_after": 5}},
                           {"path": "x", "respond": {"body": "tcp"}}], tcp=True)
    is_(ask(client(address), "GET", "/x"), (200, b"tcp"), "over TCP")
    answer = raw(address, b"GET /reset HTTP/1.1\r\n\r\n")
    is_(answer[1:], ("ConnectionResetError",), "a reset is one")


def test_upgrade():
    address, _, _ = start([{"path": "attach", "upgrade": [
        {"frame": [1, "out"]}, {"expect": 3}, {"frame": [2, "err"]}, {"hex": "00ff"}, {"close": True}]}])
    sock = connect(address)
    sock.sendall(b"POST /attach HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n")
    data = b""
    while not data.endswith(b"out"):
        data += sock.recv(1000)
    ok(data.startswith(b"HTTP/1.1 101 "), "an upgrade is answered")
    ok(data.endswith(b"\r\n\r\n\1\0\0\0\0\0\0\3out"), "a frame of the scripted stream")
    ok(silent(sock), "the script waits for what it expects")
    sock.sendall(b"abc")
    sock.settimeout(10)
    data = b""
    while piece := sock.recv(100):
        data += piece
    is_(data, b"\2\0\0\0\0\0\0\3err\x00\xff", "and goes on to the end")


def echo_server(path):
    """An engine that upgrades every connection and echoes: what stands behind the proxy."""
    server = socket.socket(socket.AF_UNIX)
    server.bind(path)
    server.listen()

    def serve(sock):
        data = b""
        while b"\r\n\r\n" not in data:
            data += sock.recv(1000)
        sock.sendall(b"HTTP/1.1 101 UPGRADED\r\n\r\nhi")
        while data := sock.recv(1000):
            sock.sendall(data)
        try:
            sock.sendall(b"bye")
        except BrokenPipeError:
            pass
        sock.close()

    def accept():
        while True:
            threading.Thread(target=serve, args=(server.accept()[0],), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()


def test_proxy():
    real, _, log = start([{"path": "/edited", "body": '^{"memory":2}$', "respond": {"body": "edited"}},
                          {"path": "/edited", "respond": {"status": 400}},
                          {"path": "/chunks", "respond": {"size": 100000, "chunked": True}},
                          {"path": "/upload", "respond": {"body": "stored"}},
                          {"path": "/cut", "respond": {"body": "0123456789"}}])
    address, _, _ = start([{"path": "/edited", "edit": [['"memory":1', '"memory":2']]},
                           {"path": "/cut", "nth": 2, "to_client": {"close_after": 5}},
                           {"path": "/own", "respond": {"body": "own"}}], "--upstream", real)
    c = client(address)
    is_(ask(c, "GET", "/chunks"), (200, b"x" * 100000), "an answer passes through")
    is_(ask(c, "GET", "/own"), (200, b"own"), "a rule answers in the engine's place")
    is_(ask(c, "POST", "/edited", b'{"memory":1}'), (200, b"edited"), "a request's body is edited")
    is_(ask(c, "PUT", "/upload", b"y" * 3000000), (200, b"stored"), "a large upload passes through")
    is_(ask(c, "GET", "/cut"), (200, b"0123456789"), "no fault before its turn")
    is_(raw(address, b"GET /cut HTTP/1.1\r\n\r\n"), b"HTTP/", "a fault in a real answer")
    is_([e["status"] for e in entries(log, 5)], [200] * 5, "the engine saw all but its own")


def test_spliced():
    echo = os.path.join(WORK.name, "echo.sock")
    echo_server(echo)
    address, _, _ = start([{"path": "/stall", "to_client": {"stall_after": 30}},
                           {"path": "/deaf", "to_engine": {"stall_after": 100}}], "--upstream", echo)
    upgrade = " HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n"
    sock = connect(address)
    sock.sendall(("POST /attach" + upgrade).encode())
    data = b""
    while not data.endswith(b"hi"):
        data += sock.recv(100)
    sock.sendall(b"ping")
    is_(sock.recv(100), b"ping", "a hijacked stream goes both ways")
    sock.shutdown(socket.SHUT_WR)
    is_(sock.recv(100), b"bye", "a half-close passes through")
    for path, name in (("/stall", "a hijacked stream stalls"), ("/deaf", "an engine stops reading")):
        sock = connect(address)
        sock.sendall(("POST " + path + upgrade).encode())
        sock.sendall(b"x" * 200)
        sock.settimeout(0.5)
        data = b""
        try:
            while piece := sock.recv(100):
                data += piece
            ok(False, name + ", but stays open")
        except TimeoutError:
            ok(data.startswith(b"HTTP/1.1 101") and data.count(b"x") < 100, name)


try:
    for test in (test_rules, test_faults, test_tcp, test_upgrade, test_proxy, test_spliced):
        test()
finally:
    for engine in ENGINES:
        engine.terminate()
        engine.wait()
    WORK.cleanup()
done_testing()
