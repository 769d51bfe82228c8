#!/usr/bin/env python3
# Files and trees into a session and out of it: whole or not at all, byte for byte, and nothing that a
# hostile archive holds reaches the place it aims at.
import hashlib
import io
import json
import os
import re
import signal
import struct
import subprocess
import sys
import tarfile
import time
import zipfile

from host_support import (HOST, PATIENCE, Terminal, configuration, environment, finish, host, path,
                          start)
from tap import diag, done_testing, is_, ok

IMAGE = os.environ.get("CAISSON_IMAGE", "caisson-python:local")
SLOW = int(os.environ.get("CAISSON_SLOW", "1"))
MEGABYTE = 1 << 20
ENV = environment(CAISSON_CONFIG=configuration(
    "files.json", sandbox={"image": IMAGE, "workspace": {"size": "200m"}}))


def op(name, args=None, data=None, session="files", env=ENV):
    """Runs an operation with `data` as its input; returns structuredContent and how it ended."""
    more = [] if data is None else ["--input", "-"]
    done = host("--session", session, "op", "--json", *more, name, json.dumps(args or {}),
                stdin=data or b"", env=env)
    return done.json()["structuredContent"], done


def shell(command, session="files"):
    return host("--session", session, "call", "shell", command, env=ENV).out


def reason(found):
    return found.get("error", {}).get("reason")


def leftovers(session="files"):
    return shell("find / -name '.caisson-put-*' 2>/dev/null", session)


def wait_for_leftovers(title):
    until = time.monotonic() + PATIENCE
    while not leftovers() and time.monotonic() < until:
        time.sleep(0.05)
    ok(leftovers(), title)


# ---- file.upload ---------------------------------------------------------------------------------


def test_upload():
    data = os.urandom(300000)
    found, _ = op("file.upload", {"name": "../../etc/a b.csv"}, data)
    is_(found.get("path"), "/workspace/uploads/a b.csv", "a name cannot climb") or diag(found)
    is_(found.get("sha256"), hashlib.sha256(data).hexdigest(), "the digest is that of what was sent")
    is_(found.get("size"), len(data), "so is the size")
    is_(shell("sha256sum < 'uploads/a b.csv'").split()[0], found.get("sha256"), "and of what is there")
    found, _ = op("file.upload", {"name": "a b.csv"}, b"2")
    ok(found.get("name") == "a b_1.csv" and found.get("renamed"), "a taken name gets a number")
    found, _ = op("file.upload", {"name": "a b.csv"}, b"3")
    is_(found.get("name"), "a b_2.csv", "and the next one the next")
    shell("chmod 600 'uploads/a b.csv'")
    found, _ = op("file.upload", {"name": "a b.csv", "on_conflict": "replace"}, b"new")
    ok(found.get("replaced") and found.get("name") == "a b.csv", "replace replaces")
    is_(shell("cat 'uploads/a b.csv'; stat -c %a 'uploads/a b.csv'"), "new600\n", "and keeps the mode")
    found, done = op("file.upload", {"name": "a b.csv", "on_conflict": "error"}, b"no")
    ok(reason(found) == "file.exists" and done.code == 125, "error refuses")
    found, _ = op("file.upload", {"name": "e", "path": "deep/er/dir"}, b"")
    is_(found.get("size"), 0, "an empty file, and parents are made")
    found, _ = op("file.upload", {"name": "short", "size": 10}, b"123")
    is_(reason(found), "file.size", "fewer bytes than announced are refused")
    found, _ = op("file.upload", {"name": "long", "max_bytes": 2}, b"123")
    is_(reason(found), "file.too_large", "and more than allowed")
    found, _ = op("file.upload", {"name": "x", "path": "uploads/a b.csv"}, b"123")
    is_(reason(found), "file.type", "a file is no directory to put it in")
    found, _ = op("file.upload", {"name": "x", "path": "/usr"}, b"123")
    is_(reason(found), "file.permission", "a read-only place is refused")
    found, _ = op("file.upload", {"name": "x"})
    is_(reason(found), "arguments.invalid", "without input there is nothing to upload")
    found, _ = op("file.upload", {"name": "big"}, bytes(210 * MEGABYTE))
    is_(reason(found), "disk.full", "a file that does not fit is refused")
    is_(shell("ls uploads"), "a b.csv\na b_1.csv\na b_2.csv\n", "and nothing refused is there")
    is_(leftovers(), "", "under any name")


def test_cancelled_upload():
    process = start("--session", "files", "op", "--input", "-", "file.upload",
                    '{"name": "half", "path": "cancelled"}', env=ENV, stdin=subprocess.PIPE)
    process.stdin.write(bytes(4 * MEGABYTE))
    process.stdin.flush()
    # More than a pipe holds: most of it is under way.
    process.send_signal(signal.SIGINT)
    code = process.wait(PATIENCE)
    done = finish(process)
    is_(code, 130, "it is cancelled in the middle, its input still open") or diag(done.err)
    is_(shell("ls -A cancelled 2>/dev/null"), "", "and nothing has its name")
    is_(leftovers(), "", "or another")


# ---- archives ------------------------------------------------------------------------------------


def make_tree(top):
    os.makedirs(os.path.join(top, "sub/empty"))
    base = os.fsencode(top) + b"/"
    for name in [b"a b", b"q'\"uote", b"new\nline", b"bad\xff\xfe", "ünï".encode(), b"n" * 255,
                 "e\u0301".encode(), b"empty", b"-rf", b"sub/x"]:
        with open(base + name, "wb") as f:
            f.write(b"" if name == b"empty" else name * 3)
    with open(base + b"sparse", "wb") as f:
        f.truncate(3 * MEGABYTE)
        f.seek(MEGABYTE)
        f.write(b"middle")
    os.symlink("sub/empty", base + b"link")
    os.symlink("../a b", base + b"sub/up")
    os.chmod(base + b"a b", 0o640)
    os.chmod(base + b"sub/x", 0o755)
    os.chmod(base + b"sub/empty", 0o500)
    for name in [b"a b", b"sub/empty", b"sub"]:
        os.utime(base + name, (981173106, 981173106))


def listing(top):
    """Everything that is to survive, by path."""
    found = {}
    for folder, folders, files in os.walk(os.fsencode(top)):
        for name in folders + files:
            full = os.path.join(folder, name)
            st = os.lstat(full)
            what = os.readlink(full) if os.path.islink(full) else b""
            if os.path.isfile(full) and not os.path.islink(full):
                with open(full, "rb") as f:
                    what = hashlib.sha256(f.read()).digest()
            found[os.path.relpath(full, os.fsencode(top))] = (st.st_mode, int(st.st_mtime), what)
    return found


def test_round_trip(session, env=ENV, title=""):
    top = path("tree" + session)
    make_tree(top)
    packed = {}
    for compression, suffix in [("", "tar"), ("gz", "tar.gz"), ("xz", "tar.xz"), ("bz2", "tar.bz2")]:
        memory = io.BytesIO()
        with tarfile.open(fileobj=memory, mode="w:" + compression, format=tarfile.PAX_FORMAT) as tar:
            tar.add(top, "top")
        packed[suffix] = memory.getvalue()
    wanted = listing(top)
    for suffix, data in packed.items():
        found, done = op("archive.put", {"path": "rt-" + suffix}, data, session, env)
        ok(found.get("entries") == len(wanted) + 1, "%s%s is unpacked" % (title, suffix)) or diag(done.out)
    for suffix in ["tar", "tar.gz"]:
        done = host("--session", session, "op", "archive.get", json.dumps(
            {"path": "rt-%s/top" % suffix, "format": suffix}), env=env)
        back = path("back-%s-%s" % (session, suffix))
        os.makedirs(back)
        subprocess.run(["tar", "-xzf" if suffix == "tar.gz" else "-xf", "-", "-C", back], input=done.raw, check=True)
        is_(listing(os.path.join(back, "top")), wanted, "%s%s comes back the same" % (title, suffix))
        os.chmod(os.path.join(back, "top/sub/empty"), 0o700)
    done = host("--session", session, "op", "archive.get",
                '{"path": "rt-tar/top/sub", "format": "zip"}', env=env)
    with zipfile.ZipFile(io.BytesIO(done.raw)) as z:
        is_(sorted(z.namelist()), ["sub/", "sub/empty/", "sub/up", "sub/x"], title + "a zip")
        is_(z.read("sub/x"), b"sub/xsub/xsub/x", title + "with what is in it")
    os.chmod(os.path.join(top, "sub/empty"), 0o700)


def tar_of(*entries, compression=""):
    """A tar of (name, type, content or link target, mode)."""
    memory = io.BytesIO()
    with tarfile.open(fileobj=memory, mode="w:" + compression) as tar:
        for name, kind, what, *mode in entries:
            info = tarfile.TarInfo(name)
            info.type, info.mode = kind, mode[0] if mode else 0o644
            if kind == tarfile.REGTYPE:
                info.size = len(what)
                tar.addfile(info, io.BytesIO(what))
            else:
                info.linkname = what
                tar.addfile(info)
    return memory.getvalue()


def zip_of(name, data, attributes=0o100644):
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w", zipfile.ZIP_DEFLATED) as z:
        info = zipfile.ZipInfo(name)
        info.external_attr = attributes << 16
        info.create_system = 3
        info.compress_type = zipfile.ZIP_DEFLATED
        z.writestr(info, data)
    return memory.getvalue()


def zip_of_many(count, counted=None):
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w") as z:
        for i in range(count):
            z.writestr("f%d" % i, b"")
    data = bytearray(memory.getvalue())
    if counted is not None:
        struct.pack_into("<HH", data, len(data) - 14, counted, counted)
    return bytes(data)


F, D, S, H = tarfile.REGTYPE, tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE
GOOD = ("good", F, b"good")
PLAIN = tar_of(GOOD, ("more", F, os.urandom(100000)))

HOSTILE = [
    ("a path that climbs", tar_of(GOOD, ("../evil", F, b"x")), {}, "archive.unsafe", "evil"),
    ("one that climbs later", tar_of(GOOD, ("a/../../evil", F, b"x")), {}, "archive.unsafe", "evil"),
    ("an absolute path", tar_of(GOOD, ("/tmp/evil", F, b"x")), {}, "archive.unsafe", "/tmp/evil"),
    ("a link out", tar_of(GOOD, ("l", S, "../.."), ("l/evil", F, b"x")), {}, "archive.unsafe", "l"),
    ("an absolute link", tar_of(GOOD, ("l", S, "/tmp"), ("l/evil", F, b"x")), {}, "archive.unsafe", "l"),
    ("a file through a link", tar_of(("d", D, "", 0o755), ("l", S, "d"), ("l/evil", F, b"x")), {},
     "archive.unsafe", "l/evil"),
    ("a link through a link", tar_of(("d/e", D, "", 0o755), ("d/e/l", S, "../.."),
                                     ("m", S, "d/e/l/../x")), {}, "archive.unsafe", "m"),
    ("a file over a link", tar_of(("l", S, "d"), ("l", F, b"x")), {}, "archive.unsafe", "l"),
    ("a hard link out", tar_of(GOOD, ("h", H, "../../etc/passwd")), {}, "archive.unsafe", "h"),
    ("a hard link to an absolute path", tar_of(GOOD, ("h", H, "/etc/passwd")), {}, "archive.unsafe", "h"),
    ("a hard link to nothing", tar_of(GOOD, ("h", H, "absent")), {}, "archive.unsafe", "h"),
    ("a device", tar_of(GOOD, ("dev", tarfile.CHRTYPE, "")), {}, "archive.unsafe", "dev"),
    ("a FIFO", tar_of(GOOD, ("fifo", tarfile.FIFOTYPE, "")), {}, "archive.unsafe", "fifo"),
    ("a setuid bit", tar_of(GOOD, ("su", F, b"x", 0o4755)), {}, "archive.unsafe", "su"),
    ("a sticky bit", tar_of(GOOD, ("st", D, "", 0o1777)), {}, "archive.unsafe", "st"),
    ("a directory over a file", tar_of(GOOD, ("good", D, "", 0o755)), {}, "archive.unsafe", "good"),
    ("a file over a directory", tar_of(("d", D, "", 0o755), ("d", F, b"x")), {}, "archive.unsafe", "d"),
    ("a zip that climbs", zip_of("../evil", b"x"), {}, "archive.unsafe", "evil"),
    ("a link in a zip", zip_of("l", b"/etc/passwd", 0o120777), {}, "archive.unsafe", "l"),
    ("too many entries", tar_of(*[("f%d" % i, F, b"") for i in range(20)]), {"max_entries": 10},
     "archive.limit", "10"),
    ("too many parents", tar_of(("a/" * 20 + "f", F, b"")), {"max_entries": 10}, "archive.limit", "10"),
    ("too many bytes", PLAIN, {"max_bytes": 1000}, "archive.limit", "1000"),
    ("a bomb", tar_of(GOOD, ("bomb", F, bytes(40 * MEGABYTE)), compression="gz"), {}, "archive.limit",
     "200"),
    ("a bomb in a zip", zip_of("bomb", bytes(40 * MEGABYTE)), {}, "archive.limit", "200"),
    ("a truncated tar", PLAIN[:60000], {}, "archive.invalid", "damaged"),
    ("one cut between entries", PLAIN[:1024], {}, "archive.invalid", "damaged"),
    ("one cut behind a file of zeros", tar_of(("zeros", F, bytes(4096)), GOOD)[:512 + 4096], {},
     "archive.invalid", "early"),
    ("a bomb that is left out", tar_of(("bomb", F, bytes(40 * MEGABYTE)), compression="gz"),
     {"strip_components": 1}, "archive.limit", "200"),
    ("too many bytes left out", PLAIN, {"strip_components": 1, "max_bytes": 1000}, "archive.limit",
     "1000"),
    ("a zip of too many", zip_of_many(20), {"max_entries": 10}, "archive.limit", "10"),
    ("one that counts none", zip_of_many(20, 0), {"max_entries": 10}, "archive.limit", "10"),
    ("a 7z with a huge index", b"7z\xbc\xaf\x27\x1c\0\x04" + bytes(12) + b"\xff" * 8 + bytes(100), {},
     "archive.limit", "index"),
    ("a truncated tar.gz", tar_of(("r", F, os.urandom(100000)), compression="gz")[:60000], {},
     "archive.invalid", "damaged"),
    ("a truncated zip", zip_of("f", os.urandom(100000))[:60000], {}, "archive.invalid", "damaged"),
    ("no archive", b"this is no archive at all" * 100, {}, "archive.invalid", "none"),
    ("nothing at all", b"", {}, "archive.invalid", "none"),
    ("an empty tar", tar_of(), {}, "archive.invalid", "nothing"),
]


def everything():
    return shell("find / \\( -path /proc -o -path /.caisson -o -path /sys -o -path /dev "
                 "-o -path /tmp/.caisson \\) -prune -o -printf '%p %y %m %l %s\\n' 2>/dev/null | sort | sha256sum")


def test_hostile():
    shell("rm -rf target; mkdir target; echo old > target/kept")
    before = everything()
    for title, data, limits, wanted, word in HOSTILE:
        found, done = op("archive.put", dict(limits, path="target"), data)
        message = found.get("error", {}).get("message", "")
        ok(reason(found) == wanted and word in message and done.code == 125,
           "%s: %s" % (title, wanted)) or diag(done.out + done.err)
    is_(shell("ls -A target; cat target/kept"), "kept\nold\n", "nothing of them is there")
    is_(leftovers(), "", "nor anywhere else")
    is_(everything(), before, "all the rest is as it was")
    found, _ = op("archive.put", {"path": "fresh/er"}, HOSTILE[0][1])
    is_(shell("ls -d fresh 2>/dev/null"), "", "not even a directory that was to be made")


def test_million():
    """1,000,000 entries, made as they are read."""
    maker = ("import sys, tarfile\n"
             "out = sys.stdout.buffer\n"
             "for i in range(1000000):\n"
             "    out.write(tarfile.TarInfo('d/f%d' % i).tobuf(tarfile.USTAR_FORMAT))\n")
    source = subprocess.Popen([sys.executable, "-c", maker], stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL)
    process = start("--session", "files", "op", "--json", "--input", "-", "archive.put",
                    '{"path": "many"}', env=ENV, stdin=source.stdout)
    source.stdout.close()
    done = finish(process)
    source.wait()
    is_(reason(done.json()["structuredContent"]), "archive.limit", "1,000,000 entries are too many")
    is_(shell("ls -d many 2>/dev/null") + leftovers(), "", "and nothing is left of them")


def test_put():
    data = tar_of(("a/x", F, b"new"), ("a/y", F, b"y"))
    shell("rm -rf m; mkdir -p m/a; echo old > m/a/x; echo z > m/a/z")
    found, _ = op("archive.put", {"path": "m", "on_conflict": "error"}, data)
    is_(reason(found), "file.exists", "with on_conflict error a file that is there is a refusal")
    is_(shell("cat m/a/x; ls m/a"), "old\nx\nz\n", "and nothing was unpacked")
    found, _ = op("archive.put", {"path": "m"}, data)
    is_(shell("cat m/a/x; ls m/a"), "newx\ny\nz\n", "else it is replaced and folders are merged")
    found, _ = op("archive.put", {"path": "s", "strip_components": 1}, data)
    is_(shell("ls s"), "x\ny\n", "leading components can be left out")
    shell("mkdir -p outside; ln -s ../outside m/out")
    found, _ = op("archive.put", {"path": "m"}, tar_of(("out/evil", F, b"x")))
    is_(shell("ls outside"), "", "a link that was there is not written through") or diag(found)
    found, _ = op("archive.put", {"path": "z"}, zip_of("dir/\u00fc\u6f22", b"text", 0o100751))
    is_(shell("cat z/dir/*; stat -c '%a %n' z/dir/*"), "text751 z/dir/\u00fc\u6f22\n", "a zip")
    twice = tar_of(("f", F, b"first"), ("f", F, b"second"), ("h", H, "f"))
    op("archive.put", {"path": "t"}, twice)
    is_(shell("cat t/f t/h; stat -c %h t/f"), "secondsecond2\n", "the later of two, and hard links")


def test_cancelled_put():
    process = start("--session", "files", "op", "--input", "-", "archive.put", '{"path": "half"}',
                    env=ENV, stdin=subprocess.PIPE)
    process.stdin.write(tar_of(GOOD, ("big", F, bytes(8 * MEGABYTE)))[:6 * MEGABYTE])
    process.stdin.flush()
    wait_for_leftovers("an archive is unpacked aside")
    process.send_signal(signal.SIGINT)
    code = process.wait(PATIENCE)
    done = finish(process)
    is_(code, 130, "it is cancelled in the middle, its input still open") or diag(done.err)
    is_(shell("ls -d half 2>/dev/null") + leftovers(), "", "and nothing of it is left")
    shell("mkdir -p .caisson-put-0000000000000000/left")
    op("archive.put", {"path": "after"}, PLAIN)
    is_(leftovers(), "", "what a crash left goes with the next one")


def test_get():
    shell("rm -rf odd; mkdir odd; cd odd; mkfifo fifo; ln -s /etc/passwd link; echo x > file")
    found, _ = op("archive.get", {"path": "absent"})
    is_(reason(found), "file.not_found", "what is not there is refused")
    done = host("--session", "files", "op", "archive.get", '{"path": "odd", "format": "tar"}', env=ENV)
    with tarfile.open(fileobj=io.BytesIO(done.raw)) as tar:
        is_(sorted(tar.getnames()), ["odd", "odd/file", "odd/link"], "a FIFO does not hang it")
        is_(tar.getmember("odd/link").linkname, "/etc/passwd", "a link is kept as one")
    found, _ = op("archive.get", {"path": "odd"})
    is_([s["path"] for s in found["skipped"]], ["odd/fifo"], "what was left out is named")
    found, _ = op("archive.get", {"path": "odd", "max_bytes": 1})
    is_(reason(found), "archive.limit", "a limit on bytes")
    found, _ = op("archive.get", {"path": "odd", "max_entries": 1})
    is_(reason(found), "archive.limit", "and on entries")


def test_get_times():
    shell("rm -rf /tmp/times; mkdir /tmp/times; cd /tmp/times; touch -d @4611686018427387904 late; "
          "touch -d @-4611686018427387904 early; touch -d @981173106 usual")
    for kind in ["zip", "tar"]:
        done = host("--session", "files", "op", "archive.get",
                    json.dumps({"path": "/tmp/times", "format": kind}), env=ENV)
        is_(done.code, 0, "files of any time at all go into a " + kind) or diag(done.err)
        memory = io.BytesIO(done.raw)
        if kind == "zip":
            with zipfile.ZipFile(memory) as z:
                years = {i.filename: i.date_time[0] for i in z.infolist()}
            wanted = (1980, 2001, 2106)
        else:
            with tarfile.open(fileobj=memory) as tar:
                years = {i.name: i.mtime for i in tar}
            wanted = (0, 981173106, 0o77777777777)
        is_(tuple(years["times/" + name] for name in ["early", "usual", "late"]), wanted,
            "as far as it has them")


def test_get_deadline():
    """A few bytes from the helper stand for very many of the archive."""
    shell("truncate -s 15G /tmp/huge")
    begin = time.monotonic()
    process = start("--session", "files", "--timeout", "2", "op", "--json", "archive.get",
                    '{"path": "/tmp/huge", "format": "tar.gz"}', env=ENV)
    done = finish(process)
    took = time.monotonic() - begin
    found = done.json()["structuredContent"]
    ok(found.get("outcome") == "deadline" and done.code == 124, "an archive of zeros ends at a deadline") or \
        diag(done.out + done.err)
    ok(took < PATIENCE / 3, "and not when the zeros do") or diag(took)
    is_(host("--session", "files", "call", "shell", "rm /tmp/huge; echo well", env=ENV).out, "well\n",
        "the session lives on")


# ---- the host ------------------------------------------------------------------------------------


def peak_so_far(pid):
    """In KiB; 0 once it has ended."""
    with open("/proc/%d/status" % pid) as f:
        found = re.search(r"^VmHWM:\s*(\d+) kB", f.read(), re.M)
    return int(found.group(1)) if found else 0


def peak(args, data_path):
    """The most memory that a run took, in KiB. Not from wait4: that counts what this process had
    before the exec."""
    # What a sanitizer keeps of freed memory is none that the program takes.
    env = dict(ENV, ASAN_OPTIONS=os.environ.get("ASAN_OPTIONS", "") + ":quarantine_size_mb=1")
    most = 0
    with open(data_path, "rb") as f:
        process = subprocess.Popen([HOST, *args], stdin=f, stdout=subprocess.DEVNULL, env=env)
        while process.poll() is None:
            most = max(most, peak_so_far(process.pid))
            time.sleep(0.002)
    is_(process.returncode, 0, "a transfer of %d bytes" % os.path.getsize(data_path))
    ok(most > 0, "its memory was looked at")
    return most


def test_memory():
    for name, size in [("small", MEGABYTE), ("large", 96 * MEGABYTE)]:
        with open(path(name), "wb") as f:
            for _ in range(size // MEGABYTE):
                f.write(os.urandom(MEGABYTE))
        subprocess.run(["tar", "-cf", path(name + ".tar"), "-C", path(""), name], check=True)
    up = ["--session", "memory", "op", "--input", "-", "file.upload",
          '{"name": "f", "on_conflict": "replace"}']
    put = ["--session", "memory", "op", "--input", "-", "archive.put", '{"path": "."}']
    sizes = {}
    for name in ["small", "large"]:
        sizes[name] = [peak(up, path(name)), peak(put, path(name + ".tar"))]
        host("--session", "memory", "call", "shell", "mv %s got; rm -rf uploads" % name, env=ENV)
        get = ["--session", "memory", "op", "archive.get", '{"path": "got", "format": "tar"}']
        sizes[name].append(peak(get, "/dev/null"))
    growth = [large - small for small, large in zip(sizes["small"], sizes["large"])]
    for what, grown in zip(["an upload", "an archive that is unpacked", "a download"], growth):
        ok(grown < 8 * 1024 * SLOW, "%s of 96 MiB takes no more memory than one of 1 MiB" % what) or \
            diag(growth)
    host("rm", "memory", env=ENV)


def test_commands():
    work = path("work")
    os.makedirs(work + "/project/src")
    with open(work + "/project/src/a.c", "w") as f:
        f.write("int a;\n")
    def cli(*args, stdin=b""):
        return host("--session", "cli", *args, env=ENV, stdin=stdin)
    done = cli("put", work + "/project/src/a.c")
    ok(done.code == 0 and "uploads/a.c" in done.out, "put sends a file") or diag(done.err)
    is_(done.err, "", "and draws nothing where there is no terminal")
    ok("a_1.c" in cli("put", work + "/project/src/a.c").out, "again: under another name")
    is_(cli("put", "--force", work + "/project/src/a.c").code, 0, "or with --force under its own")
    is_(cli("put", work + "/project").code, 0, "put sends a folder")
    is_(cli("call", "shell", "cat project/src/a.c; ls uploads").out, "int a;\na.c\na_1.c\n", "all of it")
    ok(cli("put", work + "/project").code == 125, "it replaces nothing without --force")
    is_(cli("put", "-", "notes/n.txt", stdin=b"text").code, 0, "put - sends stdin")
    is_(cli("put", "--extract", "-", "x", stdin=PLAIN).code, 0, "--extract unpacks")
    is_(cli("call", "shell", "cat notes/n.txt x/good").out, "textgood", "all of it is there")
    is_(cli("put", "/nowhere/at/all").code, 2, "a file that is not there is named")
    target = work + "/p.tar"
    is_(cli("get", "project", target).code, 0, "get fetches a folder")
    with tarfile.open(target) as tar:
        ok("project/src/a.c" in tar.getnames(), "as the archive that the name asks for")
    is_(cli("get", "project", target).code, 2, "it does not replace a file")
    is_(cli("get", "--force", "project", target).code, 0, "but with --force")
    is_(cli("get", "absent", work + "/q.zip").code, 125, "what is not there")
    is_(sorted(os.listdir(work)), ["p.tar", "project"], "leaves nothing")
    raw = cli("get", "project", "-").raw
    with tarfile.open(fileobj=io.BytesIO(raw)) as tar:
        ok("project/src/a.c" in tar.getnames(), "get - writes to stdout")
    with open(path("big"), "wb") as f:
        f.truncate(100 * MEGABYTE)
    terminal = Terminal("--session", "cli", "put", path("big"), env=ENV)
    terminal.expect(r"uploaded /workspace/uploads/big")
    is_(terminal.close(), 0, "on a terminal too")


test_upload()
test_cancelled_upload()
test_round_trip("files")
test_round_trip("bare", environment(CAISSON_CONFIG=configuration(
    "bare.json", sandbox={"image": os.environ.get("CAISSON_EMPTY_IMAGE", "caisson-empty:local")})),
    "in an image with nothing in it, ")
test_put()
test_hostile()
test_million()
test_cancelled_put()
test_get()
test_get_times()
test_get_deadline()
test_memory()
test_commands()
done_testing()
