"""What the tests of caisson-host share: running it, typing at it, and leaving nothing behind.

Each test program has an instance name of its own, so that it sees no sessions but its own."""
import atexit
import fcntl
import http.client
import json
import os
import pty
import re
import select
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import termios
import threading
import time

from sanitizer import preload  # for hosts that are no sanitized programs

HOST = os.environ["CAISSON_HOST"]
ENDPOINT = os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock")
INSTANCE = "t%d" % os.getpid()
# A machine under load, and the programs under sanitizers: nothing here takes this long unless hung.
PATIENCE = 60 * int(os.environ.get("CAISSON_SLOW", "1"))

started = []
folder = tempfile.mkdtemp(prefix="caisson-host-test-")


def path(name):
    return os.path.join(folder, name)


def configuration(name="config.json", **members):
    """Writes a configuration; members replace those that every test has. Returns its path."""
    document = {
        "config_version": 1,
        "instance": INSTANCE,
        "sandbox": {"image": os.environ.get("CAISSON_IMAGE", "caisson-python:local")},
        "engine": {"endpoint": ENDPOINT},
    }
    document.update(members)
    # Whole at once: a host that was started before may be reading it. Each thread has its own draft.
    draft = "%s.%d" % (path(name), threading.get_ident())
    with open(draft, "w") as f:
        json.dump(document, f)
    os.replace(draft, path(name))
    return path(name)


def environment(**more):
    env = dict(os.environ, XDG_STATE_HOME=path("state"), CAISSON_CONFIG=configuration(),
               TERM="xterm")
    env.update(more)
    return {name: value for name, value in env.items() if value is not None}


class Ended:
    """How a run ended: code, out, err (text), seconds."""

    def __init__(self, code, out, err, seconds):
        self.code, self.seconds = code, seconds
        self.raw = out
        self.out, self.err = out.decode(errors="replace"), err.decode(errors="replace")

    def json(self):
        return json.loads(self.out)


def host(*args, stdin=b"", env=None, under=(), patience=PATIENCE):
    """Runs caisson-host to its end, `under` another program if that is given."""
    begin = time.monotonic()
    done = subprocess.run([*under, HOST, *args], input=stdin, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, env=env or environment(), timeout=patience)
    return Ended(done.returncode, done.stdout, done.stderr, time.monotonic() - begin)


def start(*args, **how):
    """Starts caisson-host with pipes for stdout and stderr and nothing on stdin."""
    how.setdefault("env", environment())
    how.setdefault("stdin", subprocess.DEVNULL)
    process = subprocess.Popen([HOST, *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE, **how)
    started.append(process)
    return process


def read_until(stream, wanted, got=b""):
    """Reads from a pipe until it has `wanted`; fails after PATIENCE. Returns all that came, behind
    `got`, which came before."""
    end = time.monotonic() + PATIENCE
    while wanted not in got:
        ready, _, _ = select.select([stream], [], [], max(0, end - time.monotonic()))
        chunk = os.read(stream.fileno(), 65536) if ready else b""
        if not chunk:
            raise AssertionError("no %r, only %r" % (wanted, got))
        got += chunk
    return got


def finish(process):
    """Waits for one that start() made."""
    begin = time.monotonic()
    out, err = process.communicate(timeout=PATIENCE)
    return Ended(process.returncode, out, err, time.monotonic() - begin)


class Terminal:
    """caisson-host, or another program, on a terminal of its own, as its session's leader."""

    def __init__(self, *args, env=None, program=HOST):
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 200, 0, 0))

        def control():
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)

        self.process = subprocess.Popen([program, *args], stdin=slave, stdout=slave, stderr=slave,
                                        env=env or environment(), start_new_session=True,
                                        preexec_fn=control)
        started.append(self.process)
        os.close(slave)
        self.seen = ""

    def type(self, text):
        os.write(self.master, text.encode())

    def expect(self, pattern):
        """Waits until what came since the last match has the pattern; returns the match."""
        end = time.monotonic() + PATIENCE
        while True:
            match = re.search(pattern, self.seen)
            if match:
                self.seen = self.seen[match.end():]
                return match
            chunk = self.read(end)
            if not chunk:
                raise AssertionError("no %r, only %r" % (pattern, self.seen))
            self.seen += chunk.decode(errors="replace")

    def read(self, end):
        """Some bytes, or b"" when nobody has the other end any more or the time is over."""
        ready, _, _ = select.select([self.master], [], [], max(0, end - time.monotonic()))
        try:
            return os.read(self.master, 65536) if ready else b""
        except OSError:
            return b""

    def close(self):
        """Waits for the program's end; returns its exit code."""
        end = time.monotonic() + PATIENCE
        while self.read(end):
            pass
        os.close(self.master)
        return self.process.wait(timeout=PATIENCE)


def engine(method, target):
    """One request to the engine itself, past the plugin."""
    connection = http.client.HTTPConnection("localhost", timeout=PATIENCE)
    connection.sock = socket.socket(socket.AF_UNIX)
    connection.sock.connect(ENDPOINT.replace("unix://", "", 1))
    connection.request(method, target)
    answer = connection.getresponse()
    text = answer.read().decode(errors="replace")
    connection.close()
    assert answer.status < 300, "%s %s: %d %s" % (method, target, answer.status, text)
    return text


def processes_inside(session):
    """The command lines that run in a session's sandbox, from inside. "" where there are none."""
    script = ("for p in /proc/[0-9]*; do tr '\\0' ' ' < $p/cmdline 2>/dev/null; echo; done; true")
    return host("--session", session, "call", "shell", script).out


@atexit.register
def clean_up():
    for process in started:
        if process.poll() is None:
            process.kill()
    # The instance's sessions, whatever the tests did or failed to do.
    try:
        subprocess.run([HOST, "shutdown", "--all"], env=environment(), timeout=PATIENCE,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


# A test that is told to end cleans up too.
signal.signal(signal.SIGTERM, lambda *_: os.sys.exit(1))
