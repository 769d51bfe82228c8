"""An engine of a test's own: to be killed, stopped, starved of disk, and thrown away. It has its own
data, socket and pid file and touches no network settings, so it lives beside any other."""
import atexit
import ctypes
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

SHARED = os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock").replace("unix://", "", 1)
IMAGE = os.environ.get("CAISSON_IMAGE", "caisson-python:local")
PATIENCE = 120


# Runs a command with the chroot that it is in as the root of a mount namespace of its own; see
# tests/setup/engine. $1 is a process in the chroot.
OWN_ROOT = 'cd "$(readlink /proc/$1/root)" && shift && pivot_root . . && umount -l . && exec "$@"'


class Refused(Exception):
    pass


def need_root():
    """Starts the test again as root, whom engines and mounts need, with the same environment."""
    if os.geteuid() == 0:
        return
    kept = ["%s=%s" % item for item in os.environ.items()
            if item[0].startswith(("CAISSON_", "DOCKER_", "PYTHON", "ASAN_", "UBSAN_"))]
    os.execvp("sudo", ["sudo", "-n", "env", *kept, sys.executable, *sys.argv])


def is_in_chroot():
    """Joining the mount namespace that one is in leaves a chroot."""
    root = subprocess.run(["nsenter", "--mount=/proc/self/ns/mnt", "stat", "-Lc", "%d:%i", "/"],
                          capture_output=True, text=True, check=True).stdout
    here = os.stat("/")
    return root.strip() != "%d:%d" % (here.st_dev, here.st_ino)


def with_own_root(command):
    if not is_in_chroot():
        return command
    return ["unshare", "--mount", "--propagation", "private", "nsenter", "--mount=/proc/self/ns/mnt",
            "sh", "-c", OWN_ROOT, "sh", str(os.getpid()), *command]


def ask(path_of_socket, method, target, body=None, timeout=PATIENCE):
    """One request to an engine, with JSON if the body is text, else a tar; returns the answer's bytes."""
    connection = http.client.HTTPConnection("localhost", timeout=timeout)
    connection.sock = socket.socket(socket.AF_UNIX)
    connection.sock.settimeout(timeout)
    connection.sock.connect(path_of_socket)
    kind = "application/json" if isinstance(body, str) else "application/x-tar"
    headers = {} if body is None else {"Content-Type": kind}
    connection.request(method, target, body=body, headers=headers)
    answer = connection.getresponse()
    data = answer.read()
    connection.close()
    if answer.status >= 300:
        raise Refused("%s %s: %d %s" % (method, target, answer.status, data[:300]))
    return data


def die_with_parent():
    """If the test is killed, its engine ends too."""
    os.setsid()
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)


def kill_if_there(pid):
    try:
        os.kill(pid, signal.SIGKILL)
    except OSError:
        pass


def command_lines():
    """Each process of this machine: its pid, and its command line as /proc has it."""
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open("/proc/%s/cmdline" % pid, "rb") as f:
                yield int(pid), f.read()
        except OSError:
            continue


class PrivateEngine:
    """tmpfs: megabytes of a file system of its own for the engine's data; None: the machine's.
    settings: what its daemon.json says. arguments: more of them, for dockerd."""

    def __init__(self, tmpfs=None, settings=None, arguments=()):
        self.arguments = list(arguments)
        self.folder = tempfile.mkdtemp(prefix="caisson-engine-")
        self.data = os.path.join(self.folder, "data")
        self.socket = os.path.join(self.folder, "engine.sock")
        self.endpoint = "unix://" + self.socket
        self.process = None
        self.mounted = False
        os.mkdir(self.data)
        atexit.register(self.throw_away)
        if tmpfs:
            subprocess.run(["mount", "-t", "tmpfs", "-o", "size=%dm,mode=0711" % tmpfs, "caisson-test",
                            self.data], check=True)
            self.mounted = True
        with open(os.path.join(self.folder, "daemon.json"), "w") as f:
            json.dump(settings or {}, f)
        self.start()

    def start(self):
        """Starts it and waits until it answers."""
        log = open(os.path.join(self.folder, "log"), "ab")
        command = ["dockerd", "--config-file", os.path.join(self.folder, "daemon.json"),
                   "--host", self.endpoint, "--data-root", self.data,
                   "--exec-root", os.path.join(self.folder, "exec"),
                   "--pidfile", os.path.join(self.folder, "pid"),
                   "--bridge=none", "--iptables=false", "--ip-forward=false", "--ip-masq=false",
                   *self.arguments]
        path = os.environ["PATH"] + ":/usr/sbin:/sbin"
        self.process = subprocess.Popen(
            with_own_root(command), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            env=dict(os.environ, PATH=path), preexec_fn=die_with_parent)
        log.close()
        end = time.monotonic() + PATIENCE
        while True:
            try:
                self.ask("GET", "/_ping", timeout=5)
                return
            except (OSError, http.client.HTTPException, Refused):
                pass
            if self.process.poll() is not None or time.monotonic() > end:
                raise AssertionError("the private engine does not start: " + self.last_words())
            time.sleep(0.1)

    def last_words(self):
        with open(os.path.join(self.folder, "log"), errors="replace") as f:
            return f.read()[-2000:]

    def ask(self, method, target, body=None, timeout=PATIENCE):
        return ask(self.socket, method, target, body, timeout)

    def import_image(self, name=IMAGE):
        """An image, from the engine that has it."""
        packed = os.path.join(self.folder, "image.tar")
        with open(packed, "wb") as f:
            f.write(ask(SHARED, "GET", "/images/%s/get" % name))
        with open(packed, "rb") as f:
            self.ask("POST", "/images/load?quiet=1", f)
        os.unlink(packed)

    def containers(self):
        return json.loads(self.ask("GET", "/containers/json?all=1"))

    def signal(self, number):
        self.process.send_signal(number)

    def kill(self):
        """As a crash: its containerd goes with it, what runs in containers stays."""
        self.process.kill()
        self.process.wait()
        containerd = os.path.join(self.folder, "exec", "containerd", "containerd.toml")
        for pid in with_marker(containerd):
            kill_if_there(pid)
        seconds_until(lambda: not with_marker(containerd), PATIENCE)
        # A pid file of a process that is gone can keep the next one from starting.
        for name in ("pid", "exec/containerd/containerd.pid"):
            try:
                os.unlink(os.path.join(self.folder, name))
            except FileNotFoundError:
                pass

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.terminate()
            try:
                self.process.wait(timeout=30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def leftovers(self):
        """Processes that belong to this engine: its containerd, shims, and what they run."""
        return [pid for pid, words in command_lines()
                if self.folder.encode() in words and pid != os.getpid()]

    def throw_away(self):
        self.stop()
        for pid in self.leftovers():
            kill_if_there(pid)
        with open("/proc/self/mounts") as f:
            mounts = [line.split()[1] for line in f if line.split()[1].startswith(self.folder + "/")]
        for mount in sorted(mounts, reverse=True):
            subprocess.run(["umount", "-l", mount], check=False)
        with open("/proc/self/mounts") as f:
            if self.folder in f.read():
                return  # what is still mounted is not deleted through
        shutil.rmtree(self.folder, ignore_errors=True)


def with_marker(marker):
    """Pids of processes whose command line has it, wherever on this machine."""
    # Only what was executed with it as a word of its own: not whoever carries it in a script.
    return [pid for pid, words in command_lines() if marker.encode() in words.split(b"\0")]


def seconds_until(condition, limit):
    """How long it took until it held, or None if it did not within the limit."""
    begin = time.monotonic()
    while not condition():
        if time.monotonic() - begin > limit:
            return None
        time.sleep(0.02)
    return time.monotonic() - begin
