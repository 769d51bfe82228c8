# SPDX-License-Identifier: Apache-2.0
"""What the adapters share: where the plugin is, a configuration, and output that is kept up to a
limit."""
import os
import posixpath

from caisson import Caisson

INSTALLED = "/usr/local/lib/caisson/caisson.so"
LONGEST_TIMEOUT_MS = 86400000
CHARACTER_MAX = 4  # bytes of one in UTF-8


def open_caisson(instance, sandbox, plugin=None, engine=None, tools=None):
    """plugin: the absolute path of caisson.so; not given: $CAISSON_PLUGIN, else where it is installed.
    What is None in `sandbox` is left to its default."""
    config = {"config_version": 1, "instance": instance,
              "sandbox": {name: value for name, value in sandbox.items() if value is not None}}
    if engine:
        config["engine"] = {"endpoint": engine}
    if tools:
        config["tools"] = tools
    return Caisson(plugin or os.environ.get("CAISSON_PLUGIN") or INSTALLED, config, name="adapters")


def network(mode, instance):
    """Docker's names for networks. "bridge" is one of our own, on which sandboxes do not see each other. The
    resolver can be asked, also where it lies in a private range, which is else out of reach."""
    if mode in (None, "none"):
        return "none"
    return {"name": "caisson-" + instance if mode == "bridge" else mode, "allow": ["resolver"]}


def key_of(identity, otherwise=""):
    """The session of a chat or a user, whose id may be a number or a UUID."""
    return otherwise if identity is None or identity == "" else str(identity)


class Output:
    """An on_output that keeps the beginning: of each stream, and of both in the order they came."""

    def __init__(self, characters):
        self.room = CHARACTER_MAX * (characters + 1)
        self.streams = {1: bytearray(), 2: bytearray()}
        self.mixed = bytearray()

    def __call__(self, stream, data):
        for kept in (self.streams[stream], self.mixed):
            kept += data[:self.room - len(kept)]

    def text(self, stream):
        return self.streams[stream].decode(errors="replace")


def said_of(result):
    """Why a call ended otherwise than by itself; "" if it did not."""
    if result.outcome == "exited":
        return ""
    return result.structured.get("error", {}).get("message") or result.outcome


def safe_name(name):
    """The last component of a path, on whatever system it was made; `file` where there is none. What is no
    character is a `?`."""
    text = name.encode(errors="replace").decode()
    last = posixpath.basename(text.replace("\0", "").replace("\\", "/"))
    return "file" if last in ("", ".", "..") else last


def distinct(names):
    """Each name once: a.csv, a_1.csv, a_2.csv, ..."""
    taken, found = set(), []
    for name in names:
        stem, extension = posixpath.splitext(name)
        candidate, n = name, 0
        while candidate in taken:
            n += 1
            candidate = "%s_%d%s" % (stem, n, extension)
        taken.add(candidate)
        found.append(candidate)
    return found
