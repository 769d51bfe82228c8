#!/usr/bin/env python3
# caisson-host doctor: all is well, and each thing that can be wrong.
import os
import socket

from host_support import Terminal, configuration, environment, host, path
from tap import diag, done_testing, is_, ok


def lines_of(done):
    """The first line of each check; what follows of the same name are notes."""
    found = {}
    for line in done.out.splitlines():
        if len(line.split()) > 1:
            found.setdefault(line.split()[1], line)
    return found


def test_good():
    done = host("doctor")
    ok(done.code == 0, "all is well") or diag(done.out + done.err)
    lines = lines_of(done)
    for check in ("plugin configuration engine permission image helper sandbox limits "
                  "hardening").split():
        ok(lines.get(check, "").startswith("ok "), "%s: ok" % check) or diag(done.out)
    ok(os.path.realpath(os.environ["CAISSON_PLUGIN"]) in lines["plugin"], "it says which plugin")
    ok("found by engine.endpoint in the configuration" in lines["engine"], "which engine, and why")
    ok("MiB" in lines["limits"] and "processes" in lines["limits"], "and which limits hold inside")
    ok("\033" not in done.out, "no colours in a pipe")
    is_(host("sessions", "--json").json()["structuredContent"]["sessions"], [],
        "it leaves no session")
    document = host("doctor", "--json").json()
    ok(document["ok"] and all(c["status"] in ("ok", "note") for c in document["checks"]), "--json")


def is_bad(done, check, word, name):
    line = lines_of(done).get(check, "")
    ok(done.code == 1 and line.startswith("FAIL") and word in done.out and "fix: " in done.out,
       name) or diag("code %d\n%s%s" % (done.code, done.out, done.err))


def test_bad():
    is_bad(host("--plugin", "/nowhere.so", "doctor"), "plugin", "/nowhere.so", "no plugin")
    with open(path("bad.json"), "w") as f:
        f.write('{"config_version": 1, "sandboxes": {}}')
    is_bad(host("--config", path("bad.json"), "doctor"), "configuration", "sandboxes",
           "a wrong configuration")
    wrong = configuration("wrong.json", engine={"endpoint": "unix:///nowhere.sock"})
    done = host("--config", wrong, "doctor")
    is_bad(done, "engine", "/nowhere.sock", "a wrong socket")
    ok("sandbox" not in lines_of(done), "what rests on it is not tried")
    ok(not host("--config", wrong, "doctor", "--json").json()["ok"], "--json says it too")
    image = configuration("image.json", sandbox={"image": "caisson-no-such-image:none",
                                                 "pull": "never"})
    is_bad(host("--config", image, "doctor"), "image", "caisson-no-such-image:none",
           "an image that is nowhere")


def test_silent_engine():
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path("silent.sock"))
    listener.listen(8)
    silent = configuration("silent.json", engine={"endpoint": "unix://" + path("silent.sock")})
    done = host("--config", silent, "--timeout", "5s", "doctor")
    is_bad(done, "engine", "did not answer", "an engine that accepts and never answers")
    ok(done.seconds < 20, "is not waited for for ever")
    listener.close()


def test_permission():
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path("closed.sock"))
    listener.listen(8)
    os.chmod(path("closed.sock"), 0)
    closed = configuration("closed.json", engine={"endpoint": "unix://" + path("closed.sock")})
    # What closes a file to everybody else does not stop root, unless it has to do without this.
    under = []
    if os.geteuid() == 0:
        under = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"]
    done = host("--config", closed, "doctor", under=under)
    is_bad(done, "permission", "closed.sock", "a socket that is closed to us")
    ok("usermod -aG docker" in done.out, "has the usual fix")
    done = host("--config", closed, "call", "shell", "id", under=under)
    ok(done.code == 125 and "closed.sock" in done.err, "and a call says so too")
    listener.close()


def test_colours():
    terminal = Terminal("--plugin", "/nowhere.so", "doctor")
    terminal.expect("\033\\[31mFAIL")
    is_(terminal.close(), 1, "colours on a terminal")
    terminal = Terminal("--plugin", "/nowhere.so", "doctor", env=environment(NO_COLOR="1"))
    match = terminal.expect("(?s)(.*)FAIL")
    ok("\033" not in match.group(1), "and none with NO_COLOR")
    terminal.close()


test_good()
test_bad()
test_silent_engine()
test_permission()
test_colours()
done_testing()
