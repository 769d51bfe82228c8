"""What the tests of a sandbox's configuration share: sandboxes of given settings, what they say and
what the engine says of them, and a place on this machine for binds."""
import http.client
import io
import json
import os
import re
import shutil
import socket
import subprocess
import tarfile
import tempfile

from . import ENDPOINT, INSTANCE, PATIENCE, atexit, configuration, engine, environment, host

IMAGE = os.environ.get("CAISSON_IMAGE", "caisson-python:local")
root = tempfile.mkdtemp(prefix="caisson-binds-", dir="/srv" if os.path.isdir("/srv") else "/tmp")
atexit.register(shutil.rmtree, root, ignore_errors=True)


def instance(name):
    """The name of an instance beside the test's own; what it leaves when a test fails is taken away."""
    made = "%s.%s" % (INSTANCE, name)
    env = environment(CAISSON_CONFIG=configuration(name + ".json", instance=made))
    atexit.register(host, "shutdown", "--all", env=env)
    return made


class Box:
    """An instance with these sandbox settings, beside those that it needs. more: other sections."""

    def __init__(self, instance=INSTANCE, more=None, **sandbox):
        sandbox.setdefault("image", IMAGE)
        sandbox.setdefault("bind_roots", [root])
        name = "box-%d.json" % Box.count
        Box.count += 1
        self.instance = instance
        self.env = environment(CAISSON_CONFIG=configuration(
            name, instance=instance, sandbox=sandbox, **(more or {})))

    count = 0

    def call(self, session, tool, args):
        """structuredContent of a tool; "" is no session, but a sandbox of the call's own."""
        head = ["--session", session] if session else ["--ephemeral"]
        done = host(*head, "call", "--json", tool, "-", stdin=json.dumps(args).encode(), env=self.env)
        return done.json()["structuredContent"] if done.out else {"error": {"message": done.err}}

    def shell(self, session, command):
        """What a command printed; of one that did not run, the error."""
        found = self.call(session, "shell", {"command": "{ %s\n} 2>&1" % command})
        return found.get("stdout", message(found))

    def op(self, name, session="", args=None, data=None):
        """structuredContent of an operation."""
        more = [] if data is None else ["--input", "-"]
        head = ["--session", session] if session else []
        done = host(*head, "op", "--json", *more, name, json.dumps(args or {}), stdin=data or b"",
                    env=self.env)
        return done.json()["structuredContent"] if done.out else {"error": {"message": done.err}}

    def ensure(self, session):
        return self.op("session.ensure", session)

    def remove(self, session):
        return self.op("session.remove", session)

    def inspect(self, session):
        """The engine's own view of a session's container."""
        return json.loads(engine("GET", "/containers/%s/json" % self.op("session.inspect", session)["name"]))


def message(found):
    return found.get("error", {}).get("message", "")


def reason(found):
    return found.get("error", {}).get("reason")


def exists(kind, name):
    """Is there such a container or volume?"""
    try:
        engine("GET", "/%s/%s%s" % (kind, name, "/json" if kind == "containers" else ""))
        return True
    except AssertionError:
        return False


def containers(instance=INSTANCE):
    """Names of an instance's containers, in any state."""
    filters = '{"label":["caisson.instance=%s"]}' % instance
    found = json.loads(engine("GET", "/containers/json?all=1&filters=" + filters.replace('"', "%22")))
    return [c["Names"][0].lstrip("/") for c in found]


def carriers(instance=INSTANCE):
    filters = '{"label":["caisson.carrier=%s"]}' % instance
    return json.loads(engine("GET", "/containers/json?all=1&filters=" + filters.replace('"', "%22")))


def import_image(name, files, changes=()):
    """An image of {path: bytes, or text that a symbolic link has} beside busybox."""
    tar = io.BytesIO()
    with tarfile.open(fileobj=tar, mode="w") as out:
        for path, content in {"bin/busybox": open("/bin/busybox", "rb").read(), **files}.items():
            info = tarfile.TarInfo(path)
            info.mode = 0o755
            if isinstance(content, str):
                info.type, info.linkname = tarfile.SYMTYPE, content
                out.addfile(info)
            else:
                info.size = len(content)
                out.addfile(info, io.BytesIO(content))
        link = tarfile.TarInfo("bin/sh")
        link.type, link.linkname = tarfile.SYMTYPE, "busybox"
        out.addfile(link)
    connection = http.client.HTTPConnection("localhost", timeout=PATIENCE)
    connection.sock = socket.socket(socket.AF_UNIX)
    connection.sock.connect(ENDPOINT.replace("unix://", "", 1))
    query = "".join("&changes=" + c.replace(" ", "%20") for c in changes)
    connection.request("POST", "/images/create?fromSrc=-" + query, tar.getvalue(),
                       {"Content-Type": "application/x-tar"})
    answer = connection.getresponse()
    text = answer.read().decode()
    assert answer.status == 200, text
    # Podman does not take a name with the import.
    made = re.findall("sha256:[0-9a-f]{64}", text)[-1]
    engine("POST", "/images/%s/tag?repo=%s&tag=%s" % (made, *name.split(":")))
    atexit.register(remove_quietly, "/images/%s?force=1" % name)


def remove_quietly(target):
    try:
        engine("DELETE", target)
    except (AssertionError, OSError):
        pass


def remove_later(volume):
    """A volume that no session takes away; the sandboxes that have it are gone by then."""
    def remove():
        subprocess.run([os.environ["CAISSON_HOST"], "shutdown", "--all"], env=environment(),
                       timeout=PATIENCE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        remove_quietly("/volumes/" + volume)
    atexit.register(remove)
