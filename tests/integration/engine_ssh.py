#!/usr/bin/env python3
# An engine by ssh:// : the user's own client, a real sshd of this test's own on loopback, and
# `docker system dial-stdio` behind it.
import hashlib
import os
import shutil
import signal
import socket
import subprocess

from private_engine import PATIENCE, die_with_parent, need_root, seconds_until, with_marker

need_root()

from host_support import ENDPOINT, configuration, environment, finish, host, path, start
from tap import diag, done_testing, is_, ok

MARK = "96%d.5" % os.getpid()
SOCKET = ENDPOINT.replace("unix://", "", 1)
OUTPUT = 4 << 20

SERVER = """ListenAddress 127.0.0.1
Port %(port)d
HostKey %(folder)s/host
AuthorizedKeysFile %(folder)s/user.pub
PidFile none
StrictModes no
UsePAM no
PasswordAuthentication no
PermitRootLogin prohibit-password
SetEnv DOCKER_HOST=unix://%(socket)s PATH=%(path)s
"""

CLIENT = """Host *
  IdentityFile %(folder)s/user
  IdentitiesOnly yes
  UserKnownHostsFile %(folder)s/known_hosts
  GlobalKnownHostsFile /dev/null
  StrictHostKeyChecking yes
"""


def write(name, text, mode=0o600):
    with open(path("ssh/" + name), "w") as f:
        f.write(text)
    os.chmod(path("ssh/" + name), mode)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def start_sshd():
    """Returns it and its port."""
    os.mkdir(path("ssh"))
    os.makedirs("/run/sshd", exist_ok=True)
    for name in ("host", "user"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", path("ssh/" + name)],
                       check=True)
    port = free_port()
    words = {"port": port, "folder": path("ssh"), "socket": SOCKET, "path": os.environ["PATH"]}
    write("server", SERVER % words)
    write("client", CLIENT % words)
    with open(path("ssh/host.pub")) as f:
        write("known_hosts", "[127.0.0.1]:%d %s" % (port, f.read()))
    # Found first in PATH: the user's own client, with a configuration of this test's.
    os.mkdir(path("ssh/bin"))
    write("bin/ssh", '#!/bin/sh\nexec "%s" -F "%s" "$@"\n' % (shutil.which("ssh"), path("ssh/client")),
          0o755)
    sshd = subprocess.Popen(["/usr/sbin/sshd", "-D", "-e", "-f", path("ssh/server")],
                            stdin=subprocess.DEVNULL, stderr=open(path("ssh/log"), "wb"),
                            preexec_fn=die_with_parent)

    def listens():
        with socket.socket() as s:
            return s.connect_ex(("127.0.0.1", port)) == 0

    if seconds_until(lambda: listens() or sshd.poll() is not None, PATIENCE) is None or sshd.poll():
        raise AssertionError("sshd does not start: " + log())
    return sshd, port


def log():
    with open(path("ssh/log"), errors="replace") as f:
        return f.read()[-2000:]


def by(endpoint, **more):
    more.setdefault("PATH", path("ssh/bin") + ":" + os.environ["PATH"])
    return environment(CAISSON_CONFIG=configuration("ssh.json", engine={"endpoint": endpoint}), **more)


def children():
    """Processes of this test's ssh client."""
    return with_marker(path("ssh/client"))


def test_calls(endpoint):
    env = by(endpoint)
    done = host("op", "--json", "engine.info", env=env)
    info = done.json().get("structuredContent", {}) if done.out else {}
    is_(info.get("endpoint"), endpoint, "an engine by ssh") or diag(done.err + log())
    script = "head -c %d /dev/zero | tr '\\0' x; echo to stderr >&2" % OUTPUT
    done = host("--session", "ssh", "call", "shell", script, env=env)
    is_(hashlib.sha256(done.raw).hexdigest(), hashlib.sha256(b"x" * OUTPUT).hexdigest(),
        "a command's output comes through whole") or diag(done.err)
    ok("to stderr" in done.err, "and its stderr")
    given = os.urandom(OUTPUT)
    done = host("--session", "ssh", "op", "--json", "--input", "-", "file.upload",
                '{"name": "given", "path": "."}', stdin=given, env=env)
    is_(done.code, 0, "an upload") or diag(done.err)
    done = host("--session", "ssh", "call", "shell", "sha256sum < given", env=env)
    is_(done.out.split()[:1], [hashlib.sha256(given).hexdigest()], "arrives unchanged")
    ok(seconds_until(lambda: not children(), PATIENCE) is not None, "no ssh is left") or \
        diag(children())


def test_cancel(endpoint):
    process = start("--session", "ssh", "call", "--json", "shell",
                    "trap '' TERM; sleep %s & sleep %s" % (MARK, MARK), env=by(endpoint))
    begun = seconds_until(lambda: len(with_marker(MARK)) >= 2, PATIENCE)
    ok(begun is not None, "a command by ssh")
    process.send_signal(signal.SIGINT)
    done = finish(process)
    found = done.json()["structuredContent"]
    is_((found.get("outcome"), found.get("survivors")), ("cancelled", 0), "is cancelled") or \
        diag(done.err)
    ok(not with_marker(MARK), "and dead")


def is_refused(env, words, what):
    done = host("op", "engine.info", env=env)
    ok(done.code != 0 and all(w in done.err for w in words), what) or diag(done.err)


def test_refusals(port):
    endpoint = "ssh://root@127.0.0.1:%d" % port
    shutil.move(path("ssh/known_hosts"), path("ssh/known_hosts.kept"))
    is_refused(by(endpoint), ["Host key verification failed", endpoint, "try by hand: ssh -p"],
               "an unknown host key: in ssh's own words")
    shutil.move(path("ssh/known_hosts.kept"), path("ssh/known_hosts"))
    is_refused(by("ssh://root@127.0.0.1:%d" % free_port()), ["Connection refused"], "no sshd there")
    is_refused(by("ssh://nobody-at-all@127.0.0.1:%d" % port), ["Permission denied"],
               "a user who is not let in, without being asked for a password")
    is_refused(by(endpoint + "/nowhere/docker.sock"), ["/nowhere/docker.sock"],
               "no engine there: in docker's own words")
    is_refused(by(endpoint, PATH="/nowhere"), ["install it (apt-get install openssh-client)"],
               "no ssh here")
    is_refused(by("ssh://-oProxyCommand=touch%20x"), ["no host that ssh could be given"],
               "a host that would be an option")
    is_refused(by("ssh://root:secret@127.0.0.1"), ["password"], "a password")


def main():
    sshd, port = start_sshd()
    endpoint = "ssh://root@127.0.0.1:%d" % port
    try:
        test_calls(endpoint)
        test_cancel(endpoint + SOCKET)
        is_(host("shutdown", "--all", env=by(endpoint)).code, 0, "the sessions are shut down")
        test_refusals(port)
        ok(seconds_until(lambda: not children(), PATIENCE) is not None, "no ssh is left at the end")
    finally:
        sshd.terminate()
        sshd.wait()
    done_testing()


main()
