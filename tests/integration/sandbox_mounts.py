#!/usr/bin/env python3
# What a sandbox mounts beside its workspace: directories, files, volumes and memory, read-only unless
# asked otherwise, and only from where the operator lets it.
import json
import os

from host_support import INSTANCE, engine
from host_support.sandboxes import (Box, carriers, containers, exists, message, remove_later, root)
from tap import diag, done_testing, is_, ok


def test_kinds():
    volume = "caisson-%s-shared" % INSTANCE
    remove_later(volume)
    os.makedirs(root + "/data/sub")
    with open(root + "/data/sub/file", "w") as f:
        f.write("from the host\n")
    with open(root + "/one file.txt", "w") as f:
        f.write("one\n")
    box = Box(mounts=[
        {"type": "bind", "source": root + "/data", "target": "/mnt/data"},
        {"type": "bind", "source": root + "/one file.txt", "target": "/mnt/one"},
        {"type": "bind", "source": root + "/out/{session}", "target": "/mnt/out", "own": True,
         "read_only": False},
        {"type": "volume", "source": volume, "target": "/mnt/volume", "own": True, "read_only": False},
        {"type": "tmpfs", "target": "/mnt/memory", "size": "1m"}],
        tmpfs={"/var/scratch": {"size": "2m", "exec": True}, "/workspace/cache": {}})
    is_(box.shell("m", "cat /mnt/data/sub/file /mnt/one"), "from the host\none\n",
        "a directory and a file of the host")
    said = box.shell("m", "touch /mnt/data/x; touch /mnt/one || true")
    ok(said.count("touch: cannot touch") == 2 and "Read-only file system" in said, "are read-only") or diag(said)
    is_(box.shell("m", "echo out > /mnt/out/f && cat /mnt/out/f; stat -c %U /mnt/out | wc -l"),
        "out\n1\n", "one that is the sandbox's own can be written")
    uid = int(box.shell("m", "id -u"))
    is_(os.stat(root + "/out/m").st_uid, uid, "and was made for its user")
    is_(open(root + "/out/m/f").read(), "out\n", "at the host too")
    is_(box.shell("m", "echo v > /mnt/volume/f && cat /mnt/volume/f"), "v\n", "and so can a volume")
    is_(box.shell("m", "for d in /mnt/memory /var/scratch /workspace/cache; do touch $d/f || exit 1; "
                  "df -k $d | tail -n 1 | tr -s ' ' | cut -d' ' -f1,2; done"),
        "tmpfs 1024\ntmpfs 2048\ntmpfs 16384\n", "memory has the size it was given")
    is_(box.shell("m", "for d in /mnt/memory /var/scratch; do cp /bin/true $d/t; $d/t && echo runs "
                  "|| echo not; done 2>/dev/null"), "not\nruns\n", "and runs programs only where asked")
    host = box.inspect("m")["HostConfig"]
    ok(all("nosuid" in o and "nodev" in o for o in host["Tmpfs"].values()), "never setuid or devices")
    ok(not host.get("Binds"), "nothing is bound in a way that would make what is not there")
    binds = [m for m in box.inspect("m")["Mounts"] if m["Type"] == "bind"]
    ok(binds and all(m["Propagation"] == "rprivate" for m in binds), "and no mount travels") or diag(binds)
    box.remove("m")
    ok(exists("volumes", volume), "a volume that is mounted stays")
    is_(carriers(), [], "no container that carried files is left")


def test_own_call():
    box = Box(mounts=[
        {"type": "volume", "source": "caisson-{instance}-own-{session}", "target": "/mnt/own", "own": True,
         "read_only": False},
        {"type": "volume", "source": "caisson-{instance}-made-{session}", "target": "/mnt/made"}])
    is_(box.shell("", "echo v > /mnt/own/f && cat /mnt/own/f; ls -d /mnt/made"), "v\n/mnt/made\n",
        "a sandbox of a call's own has volumes of its own")
    names = [v["Name"] for v in json.loads(engine("GET", "/volumes"))["Volumes"] or []]
    is_([n for n in names if n.startswith(("caisson-%s-own-" % INSTANCE, "caisson-%s-made-" % INSTANCE))],
        [], "which go with it")


def test_refused():
    os.symlink("/etc", root + "/link")
    os.mkfifo(root + "/fifo")

    def bind(source, target="/mnt/x"):
        return [{"type": "bind", "source": source, "target": target}]

    def memory(target):
        return [{"type": "tmpfs", "target": target}]

    cases = [
        ("a place under no root", bind("/opt"), "bind_roots"),
        ("/etc", bind("/etc"), "never given"),
        ("the engine's socket", bind("/var/run/docker.sock"), "never given"),
        ("a path that climbs", bind(root + "/../../etc"), "absolute path"),
        ("a link", bind(root + "/link"), "symbolic link"),
        ("what is behind a link", bind(root + "/link/passwd"), "symbolic link"),
        ("what lies in a directory that the sandbox may write to",
         [dict(bind(root + "/data")[0], read_only=False)] + bind(root + "/data/sub", "/mnt/y"),
         "exchanged for a link"),
        ("what is not there", bind(root + "/nothing"), "there is no"),
        ("a FIFO", bind(root + "/fifo"), "neither a directory nor a file"),
        ("a key that is no template", bind(root + "/{uid}"), "brace"),
        ("no source", [{"type": "bind", "target": "/x"}], "source"),
        ("the helper's volume", [{"type": "volume", "source": "caisson-guest", "target": "/x"}], "helper"),
        ("a volume that is a path", [{"type": "volume", "source": "/etc", "target": "/x"}], "no volume's name"),
        ("a source of memory", [{"type": "tmpfs", "source": "/x", "target": "/x"}], "source"),
        ("a device", [{"type": "npipe", "target": "/x"}], "type"),
        ("one target twice", memory("/x") + memory("/x"), "already"),
    ] + [("the target " + t, memory(t), "target") for t in
         ("/", "/proc/x", "/sys", "/dev/shm", "/.caisson", "/tmp", "/tmp/.caisson/x", "/workspace",
          "/a/../proc", "//x", "x", "/x/", "/a:b")]
    for title, mounts, words in cases:
        found = Box(mounts=mounts).ensure("refused")
        ok(words in message(found), "%s is refused" % title) or diag(found)
    found = Box(mounts=[{"type": "tmpfs", "target": "/big", "size": "1g"}]).ensure("refused")
    ok("sandbox.memory" in message(found), "memory that files alone could fill is refused") or diag(found)
    is_(containers(), [], "and none of it made a container")


def test_anothers():
    volume = "caisson-%s-mine" % INSTANCE
    remove_later(volume)
    box = Box(workspace={"type": "volume"})
    is_(box.shell("mine", "echo secret > f"), "", "a volume is a session's workspace")
    found = Box(mounts=[{"type": "volume", "source": volume, "target": "/mnt/x"}]).ensure("refused")
    ok("another session" in message(found), "and no other one mounts it by its name") or diag(found)
    box.remove("mine")


test_kinds()
test_own_call()
test_refused()
test_anothers()
done_testing()
