#!/usr/bin/env python3
# A workspace with a quota: what would go over it is refused before anything is written, with the figures.
# What commands write counts as soon as it is there.
import io
import os
import re
import tarfile

from host_support.sandboxes import Box, message, reason, root
from tap import diag, done_testing, is_, ok

KIB = 1024
QUOTA = 1024 * KIB
box = Box(workspace={"type": "bind", "path": root + "/{session}", "quota": QUOTA})


def figures(found):
    """quota, used, asked, as the message says."""
    match = re.search(r"may hold (\d+) bytes, (\d+) are used, and this needs (?:at least )?(\d+)",
                      message(found))
    return tuple(int(n) for n in match.groups()) if match else None


def tree(session="q"):
    return sorted(os.path.join(d, n)[len(root):] for d, dirs, names in
                  os.walk(os.path.join(root, session)) for n in names + dirs)


def is_refused(found, asked, title):
    got = figures(found)
    ok(reason(found) == "disk.quota" and got and got[0] == QUOTA and got[2] == asked, title) or diag(found)
    return got


def archive(**files):
    tar = io.BytesIO()
    with tarfile.open(fileobj=tar, mode="w") as out:
        for name, size in files.items():
            info = tarfile.TarInfo(name)
            info.size = size
            out.addfile(info, io.BytesIO(os.urandom(size)))
    return tar.getvalue()


def test_room():
    found = box.call("q", "write", {"path": "a", "content": "x" * 300 * KIB})
    ok(not message(found), "what fits is written") or diag(found)
    found = box.op("file.upload", "q", {"name": "b"}, b"x" * 300 * KIB)
    ok(not message(found), "and uploaded") or diag(found)
    found = box.op("archive.put", "q", {"path": "c"}, archive(one=100 * KIB))
    ok(not message(found), "and unpacked") or diag(found)


def test_refused():
    before = tree()
    big = "y" * 500 * KIB
    got = is_refused(box.call("q", "write", {"path": "new/deep/f", "content": big}), 500 * KIB,
                     "a write that would go over it is refused")
    ok(got and 700 * KIB <= got[1] <= 740 * KIB, "with what is used") or diag(got)
    is_refused(box.call("q", "edit", {"path": "new/g", "old_string": "", "new_string": big}), 500 * KIB,
               "so is an edit that makes a file")
    is_refused(box.op("file.upload", "q", {"name": "u", "path": "new", "size": 500 * KIB},
                      big.encode()), 500 * KIB, "so is an upload that says how much it is")
    is_refused(box.op("archive.put", "q", {"path": "new"}, archive(f=500 * KIB)), 500 * KIB,
               "so is an archive")
    is_(tree(), before, "and nothing was written, not even a directory")
    found = box.op("file.upload", "q", {"name": "u", "path": "c"}, big.encode())
    is_(reason(found), "disk.quota", "an upload that does not say so ends where the room ends")
    found = box.op("archive.put", "q", {"path": "c"}, archive(**{"f%d" % n: 50 * KIB for n in range(10)}))
    is_(reason(found), "disk.quota", "so does an archive of many files")
    is_(tree(), before, "and nothing of it is left")


def test_counts():
    found = box.call("q", "write", {"path": "a", "content": "z" * 500 * KIB})
    ok(not message(found), "what is replaced gives its room back") or diag(found)
    box.shell("q", "head -c 200K /dev/zero > by-hand")
    is_refused(box.call("q", "write", {"path": "h", "content": "h" * 100 * KIB}), 100 * KIB,
               "what a command wrote counts at once")
    box.shell("q", "rm by-hand; truncate -s 100M hole; ln a a2; ln a a3")
    found = box.call("q", "write", {"path": "h", "content": "h" * 50 * KIB})
    ok(not message(found), "a hole takes no room, and a file counts once whatever its names") or diag(found)
    found = box.call("q", "write", {"path": "/tmp/elsewhere", "content": "t" * 900 * KIB})
    ok(not message(found), "what is not in the workspace does not count") or diag(found)
    box.shell("q", "head -c 900K /dev/zero > by-hand")
    ok(os.path.getsize(root + "/q/by-hand") == 900 * KIB, "a command itself is not held to it")
    is_refused(box.call("q", "edit", {"path": "h", "old_string": "h" * 50 * KIB,
                                      "new_string": "h" * 60 * KIB}), 60 * KIB,
               "nor is one over it made larger by an edit")
    is_(os.path.getsize(root + "/q/h"), 50 * KIB, "the old file is as it was")
    box.remove("q")


def test_volume():
    volume = Box(workspace={"type": "volume", "quota": "128k", "keep": False})
    found = volume.call("v", "write", {"path": "f", "content": "x" * 200 * KIB})
    is_(reason(found), "disk.quota", "a volume has one too") or diag(found)
    ok(not message(volume.call("v", "write", {"path": "f", "content": "x"})), "and takes what fits")
    volume.remove("v")


test_room()
test_refused()
test_counts()
test_volume()
done_testing()
