#!/usr/bin/env python3
# Workspaces that outlive their sandbox: a directory of this machine, a volume. Who owns them, what is
# made in them, and that no key, link or path leads to anything else.
import http.client
import json
import os
import socket
import stat
from concurrent.futures import ThreadPoolExecutor

from host_support import ENDPOINT, INSTANCE, PATIENCE, engine
from host_support.sandboxes import (Box, carriers, containers, exists, message, reason, remove_later,
                                    root)
from tap import diag, done_testing, is_, ok

BOUND = {"type": "bind", "path": root + "/ws/{session}",
         "dirs": {"uploads": "0750", "deep/er": "0700"}}


def owner(*names):
    st = os.lstat(os.path.join(root, *names))
    return st.st_uid, st.st_gid


def mode(*names):
    return stat.S_IMODE(os.lstat(os.path.join(root, *names)).st_mode)


def test_bind():
    box = Box(workspace=BOUND)
    uid = int(box.shell("work", "id -u; echo kept > /workspace/file") or 0)
    ok(30000 <= uid <= 59999, "a sandbox with a directory as its workspace has a uid of its own")
    is_(owner("ws", "work"), (uid, uid), "which owns the directory that was made for it")
    is_(mode("ws", "work"), 0o750, "with a mode that lets nobody else in")
    is_((owner("ws", "work", "uploads"), mode("ws", "work", "uploads")), ((uid, uid), 0o750),
        "the folders that are wanted in it are there, with owner and mode")
    is_((owner("ws", "work", "deep"), owner("ws", "work", "deep/er"), mode("ws", "work", "deep/er")),
        ((uid, uid), (uid, uid), 0o700), "those further down too")
    is_(box.op("file.upload", "work", {"name": "a.txt"}, b"up").get("path"), "/workspace/uploads/a.txt",
        "an upload goes there")
    box.remove("work")
    is_(open(os.path.join(root, "ws/work/file")).read(), "kept\n", "files outlive the sandbox")
    is_(box.shell("work", "id -u; cat file uploads/a.txt; echo more >> file"),
        "%d\nkept\nup" % uid, "the next one finds them, with the same uid")
    ok("work" not in os.listdir(root), "nothing is made elsewhere")
    is_([n for n in os.listdir(root + "/ws") if n != "work"], [], "nor anything left beside it")
    mounts = [m["Destination"] for m in box.inspect("work")["Mounts"]]
    is_(sorted(mounts), ["/.caisson", "/workspace"], "and nothing else of the host is mounted")
    box.remove("work")


def test_keys():
    box = Box(workspace=BOUND)
    for key in ("../../etc", "..", ".", "a/b", "k" * 256, "two\nlines", "-rf", "x" + "0" * 32):
        found = box.ensure(key)
        ok(not message(found), "a key such as %r is harmless" % key[:12]) or diag(found)
        box.shell(key, "echo mine > mark")
        box.remove(key)
    names = sorted(os.listdir(os.path.join(root, "ws")))
    is_(len(names), 9, "each has a directory of its own")
    marked = [n for n in names if os.path.exists(os.path.join(root, "ws", n, "mark"))]
    is_(len(marked), 8, "in which its files are")
    is_(sorted(os.listdir(root)), ["ws"], "and none above")
    found = box.ensure("k" * 257)
    ok(message(found), "a longer key is refused")


def test_links():
    box = Box(workspace=BOUND)
    os.makedirs(os.path.join(root, "outside"))
    os.symlink(os.path.join(root, "outside"), os.path.join(root, "ws", "linked"))
    found = box.ensure("linked")
    ok("symbolic link" in message(found), "a link in the place of a workspace is refused") or diag(found)
    is_(reason(found), "policy.refused", "by its reason")
    is_(os.listdir(os.path.join(root, "outside")), [], "and nothing is done behind it")
    box.shell("inner", "rmdir uploads && ln -s /etc uploads && rm -r deep && ln -s ../../outside deep")
    box.remove("inner")
    found = box.ensure("inner")
    ok("symbolic link" in message(found), "so is one that was laid inside") or diag(found)
    is_(os.listdir(os.path.join(root, "outside")), [], "nor is anything made behind that")
    is_(containers(), [], "and there is no container")
    # A root may be a link: it is the operator's.
    os.symlink(os.path.join(root, "outside"), os.path.join(root, "alias"))
    alias = Box(bind_roots=[os.path.join(root, "alias")],
                workspace={"type": "bind", "path": os.path.join(root, "alias") + "/{session}"})
    is_(alias.shell("via", "echo via > f; cat f"), "via\n", "a root that is a link leads where it leads")
    alias.remove("via")
    is_(os.listdir(os.path.join(root, "outside", "via")), ["f"], "there the files are")
    is_(alias.shell("via", "cat f"), "via\n", "and are found again")
    alias.remove("via")


def test_forbidden():
    data = json.loads(engine("GET", "/info"))["DockerRootDir"]
    for target in ("/etc", "/run", data, "/"):
        name = os.path.join(root, "to" + target.replace("/", "-"))
        os.symlink(target, name)
        box = Box(bind_roots=[name], workspace={"type": "bind", "path": name + "/x"})
        found = box.ensure("no")
        ok("never given to a sandbox" in message(found), "%s by a link is refused" % target) or diag(found)
        box = Box(bind_roots=[name], mounts=[{"type": "bind", "source": name, "target": "/mnt"}])
        found = box.ensure("no")
        ok("never given to a sandbox" in message(found), "and so as a mount") or diag(found)
        ok(not os.path.lexists(os.path.join(target, "x")), "and nothing is made in it")
    for path in ("/", "/etc", "/proc/1", "/var/run/docker.sock", "/var", "/dev/shm", "/sys", "/boot"):
        found = Box(bind_roots=[path]).ensure("no")
        ok("sandbox.bind_roots" in message(found), "%s is no root of binds" % path) or diag(found)
    for path in ("/tmp/elsewhere", root + "/../x", root + "x", "relative"):
        found = Box(workspace={"type": "bind", "path": path}).ensure("no")
        ok("sandbox.workspace.path" in message(found), "%s is no path under one" % path) or diag(found)
    is_(containers(), [], "none of it made a container")


def test_owners():
    given = os.path.join(root, "given")
    os.mkdir(given)
    os.chown(given, 1234, 1235)
    os.mkdir(os.path.join(root, "roots"))
    fixed = {"type": "bind", "path": given}
    box = Box(user="owner-of-workspace", workspace=fixed)
    is_(box.shell("owner", "id -u; id -g; echo x > file"), "1234\n1235\n",
        "owner-of-workspace is who owns the directory")
    is_(owner("given", "file"), (1234, 1235), "also of what is made in it")
    box.remove("owner")
    below = Box(user="owner-of-workspace", workspace={"type": "bind", "path": given + "/{session}"})
    is_(below.shell("new", "id -u"), "1234\n", "of a new one, who owns the directory above")
    below.remove("new")
    found = Box(workspace=fixed).ensure("auto")
    ok("sandbox.uid_range" in message(found) and "1234" in message(found),
       "auto takes only an owner in its range") or diag(found)
    found = Box(user="owner-of-workspace",
                workspace={"type": "bind", "path": root + "/roots"}).ensure("root")
    ok("no sandbox runs as root" in message(found), "root is refused") or diag(found)
    fixed_user = Box(user="4321:4322", workspace={"type": "bind", "path": root + "/n/{session}"})
    is_(fixed_user.shell("fixed", "id -u; touch f; stat -c %u:%g . f"), "4321\n4321:4322\n4321:4322\n",
        "a user in numbers owns what is made for it")
    fixed_user.remove("fixed")


def test_volume():
    name = "caisson-%s-keep" % INSTANCE
    remove_later(name)
    box = Box(workspace={"type": "volume", "dirs": {"uploads": "0750", "a/b": "0700"}})
    uid = box.shell("keep", "id -u; echo kept > file").strip()
    is_(box.shell("keep", "stat -c '%u %a' . uploads a a/b"),
        "%s 750\n%s 750\n%s 755\n%s 700\n" % (uid, uid, uid, uid),
        "a volume is the sandbox's user's, with its folders")
    box.remove("keep")
    ok(exists("volumes", name), "it is kept when the session is removed")
    is_(box.shell("keep", "id -u; cat file"), uid + "\nkept\n", "and found again by the same uid")
    box.remove("keep")
    gone = Box(workspace={"type": "volume", "name": "caisson-{instance}-{session}-gone",
                          "keep": False})
    is_(gone.shell("keep", "echo x > file; cat file"), "x\n", "a volume of another name")
    ok(exists("volumes", name + "-gone"), "is called as the template says")
    gone.remove("keep")
    ok(not exists("volumes", name + "-gone"), "and goes with its session where it is not to be kept")
    other = Box(instance=INSTANCE + ".other", workspace={"type": "volume", "name": name[:-4] + "{session}"})
    found = other.ensure("keep")
    is_(reason(found), "session.conflict", "another instance's volume is never used") or diag(found)
    is_(carriers(), [], "no container that carried files is left")


def make_volume(name, **labels):
    """A volume with the labels of one that is ours, as a host leaves it that is killed right after it."""
    body = {"Name": name, "Labels": {"caisson." + k: v for k, v in labels.items()}}
    connection = http.client.HTTPConnection("localhost", timeout=PATIENCE)
    connection.sock = socket.socket(socket.AF_UNIX)
    connection.sock.connect(ENDPOINT.replace("unix://", "", 1))
    connection.request("POST", "/volumes/create", json.dumps(body), {"Content-Type": "application/json"})
    assert connection.getresponse().status == 201
    connection.close()
    remove_later(name)


def test_half_made():
    """Its maker was killed before it gave it its owner."""
    make_volume("caisson-%s-half" % INSTANCE, instance=INSTANCE, session="half", uid="31234", gid="31234")
    make_volume("caisson-%s-data" % INSTANCE, instance=INSTANCE, uid="31234", gid="31234")
    box = Box(workspace={"type": "volume", "dirs": {"uploads": "0700"}},
              mounts=[{"type": "volume", "source": "caisson-{instance}-data", "target": "/data", "own": True,
                       "read_only": False}])
    is_(box.shell("half", "id -u; touch file uploads/file /data/file && stat -c '%u %a' . uploads /data"),
        "31234\n31234 750\n31234 700\n31234 750\n", "a volume that was only half made is made whole")
    is_(carriers(), [], "by containers that are gone")
    box.shell("half", "rm -r uploads; ln -s /etc uploads; chmod 0755 .")
    box.remove("half")
    is_(box.shell("half", "stat -c %a .; readlink uploads; ls file"), "755\n/etc\nfile\n",
        "once, and what its sandbox made of it stays")
    box.remove("half")


# Each host is a process of its own: the engine's name is the lock, and the workspace is made before it.
def test_race():
    name = "caisson-%s-race" % INSTANCE
    remove_later(name)
    for workspace in (BOUND, {"type": "volume"}):
        box = Box(workspace=workspace)
        with ThreadPoolExecutor(4) as pool:
            said = list(pool.map(lambda n: box.shell("race", "id -u; touch f%d && echo made" % n),
                                 range(4)))
        uids = {s.split("\n")[0] for s in said}
        ok(len(uids) == 1 and all(s.endswith("\nmade\n") for s in said),
           "four hosts at once make one %s, for one user" % workspace["type"]) or diag(said)
        is_(box.shell("race", "stat -c %u ."), uids.pop() + "\n", "whose it is")
        box.remove("race")
    is_([n for n in os.listdir(root + "/ws") if n.startswith(".caisson")], [], "nothing is left over")


def test_own_sandbox():
    box = Box(workspace=BOUND)
    before = sorted(os.listdir(root + "/ws"))
    found = box.call("", "shell", {"command": "df . | tail -n 1 | cut -d' ' -f1"})
    is_(found.get("stdout"), "tmpfs\n", "a sandbox of a call's own has memory for its workspace")
    is_(sorted(os.listdir(root + "/ws")), before, "and leaves nothing behind")


test_bind()
test_keys()
test_links()
test_forbidden()
test_owners()
test_volume()
test_half_made()
test_race()
test_own_sandbox()
done_testing()
