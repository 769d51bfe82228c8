#!/usr/bin/env python3
# No session key and no path leads to anything but what the operator gave: keys in the names of containers,
# volumes and directories, and binds of forbidden paths through symbolic links. (A key with a NUL cannot
# come from a command line; session_ensure has it.)
import os
import re

from host_support import ENDPOINT, INSTANCE, engine, host
from host_support.sandboxes import Box, containers, message, reason, root
from tap import diag, done_testing, is_, ok

REFUSALS = ("symbolic link", "never given to a sandbox", "Not a directory")


def test_keys():
    """In the name of a container, of a volume and of a directory at once."""
    keys_root = os.path.join(root, "keys", "below")
    os.makedirs(keys_root)
    box = Box(bind_roots=[keys_root], name_template="caisson-%s-of-{key}.x" % INSTANCE,
              workspace={"type": "volume", "name": "caisson-%s-{session}-ws" % INSTANCE, "keep": False},
              mounts=[{"type": "bind", "source": keys_root + "/{session}", "target": "/mine", "own": True,
                       "read_only": False}])
    odd = ("../../etc", "k" * 256, "two\nlines\r\n", "\n", "..", "$(touch x)")
    for key in odd:
        is_(box.shell(key, "echo mine > /mine/mark; echo x > mark; ls"), "mark\n",
            "%r is a key" % key[:12])
    listed = {s["key"]: s["name"] for s in box.op("session.list").get("sessions", [])}
    is_(sorted(listed), sorted(odd), "they are listed as they are")
    for key in odd:
        # Two dots are no path within a name.
        ok(re.fullmatch(r"caisson-[\w.]+-of-(x[0-9a-f]{32}|\.\.)\.x", listed.get(key, "")),
           "%r is harmless in a name" % key[:12]) or diag(listed)
    folders = os.listdir(keys_root)
    ok(len(folders) == len(odd) and
       all(os.listdir(os.path.join(keys_root, f)) == ["mark"] for f in folders),
       "each has one directory, with its own file") or diag(folders)
    is_((os.listdir(os.path.dirname(keys_root)), os.path.exists("/etc/mark")), (["below"], False),
        "and there is nothing above")
    box.op("session.shutdown", args={"scope": "instance"})
    ok("caisson-%s-" % INSTANCE not in engine("GET", "/volumes"), "the volumes went with their sessions")
    done = host("--session", "k" * 257, "call", "shell", "true", env=box.env)
    ok(done.code == 125 and "256" in done.err, "a longer one is refused, with the limit") or diag(done.err)


def test_forbidden():
    os.symlink("/etc", os.path.join(root, "to-etc"))
    os.symlink(ENDPOINT.replace("unix://", "", 1), os.path.join(root, "to-engine"))
    os.symlink("to-etc", os.path.join(root, "again"))
    for name in ("to-etc", "to-engine", "again", "to-etc/ssl"):
        path = os.path.join(root, name)
        for what, sandbox in (("mounts", {"mounts": [{"type": "bind", "source": path, "target": "/m"}]}),
                              ("workspace", {"workspace": {"type": "bind", "path": path}}),
                              ("bind_roots", {"bind_roots": [path], "mounts": [
                                  {"type": "bind", "source": path, "target": "/m"}]})):
            found = Box(**sandbox).ensure("no")
            why = any(words in message(found) for words in REFUSALS)
            ok(reason(found) == "policy.refused" and path in message(found) and why,
               "%s in sandbox.%s is refused, with words" % (name, what)) or diag(found)
    is_(containers(), [], "before there is a container")


test_keys()
test_forbidden()
done_testing()
