#!/usr/bin/env python3
# What an operator can say of every sandbox, as the sandbox and the engine then see it: names, hosts, name
# servers, labels, profile, capabilities, a root that can be written; and what is refused.
from host_support import INSTANCE, engine
from host_support.sandboxes import Box, containers, message, reason
from tap import diag, done_testing, is_, ok


def test_traits():
    box = Box(hostname="box", labels={"team": "blue", "note": "a b"}, dns=["192.0.2.53", "2001:db8::53"],
              extra_hosts={"db.internal": "192.0.2.7", "v6": "2001:db8::7"},
              cap_add=["CHOWN", "NET_BIND_SERVICE"])
    is_(box.shell("t", "cat /proc/sys/kernel/hostname; grep -E 'db|v6' /etc/hosts | tr '\\t' ' '"),
        "box\n192.0.2.7 db.internal\n2001:db8::7 v6\n", "its name, and the names it knows")
    seen = box.inspect("t")
    is_({k: v for k, v in seen["Config"]["Labels"].items() if not k.startswith("caisson.")},
        {"team": "blue", "note": "a b"}, "labels")
    is_(seen["Config"]["Labels"]["caisson.session"], "t", "beside its own")
    is_(seen["HostConfig"]["Dns"], ["192.0.2.53", "2001:db8::53"], "name servers")
    ok(seen["HostConfig"]["ReadonlyRootfs"], "the root is read-only")
    # What the schema tells of cap_add.
    is_(box.shell("t", "grep -E 'CapEff|CapPrm|CapAmb|CapBnd|NoNewPrivs' /proc/self/status | tr -d '\\t'"),
        "CapPrm:0000000000000000\nCapEff:0000000000000000\nCapBnd:0000000000000401\n"
        "CapAmb:0000000000000000\nNoNewPrivs:1\n",
        "every capability is dropped but those that were asked for, which no program gets")
    box.remove("t")


def test_root():
    box = Box(read_only=False, user="4000:4001")
    said = box.shell("w", "grep ' / ' /proc/mounts | cut -d' ' -f4 | cut -d, -f1")
    is_(said, "rw\n", "a root that can be written")
    box.remove("w")


def test_apparmor():
    # An engine on a host without AppArmor takes no profile: either it is in force, or it is refused.
    box = Box(apparmor="unconfined")
    found = box.ensure("a")
    if message(found):
        ok("pparmor" in message(found).lower() or "AppArmor" in message(found), "the engine refuses it")
    else:
        ok("apparmor=unconfined" in box.inspect("a")["HostConfig"]["SecurityOpt"], "AppArmor's profile")
    box.remove("a")


def test_names():
    box = Box(name_template="box.{key}.{instance}")
    found = box.ensure("n")
    is_(found.get("name"), "box.n." + INSTANCE, "a container is called as the template says")
    is_(box.shell("n", "echo works"), "works\n", "and found again by that name")
    ok(box.op("session.inspect", "n").get("found"), "by operations too")
    found = box.ensure("a/b")
    ok(found.get("name", "").startswith("box.x") and found["name"].endswith("." + INSTANCE),
       "a key that is no name is hashed in it") or diag(found)
    same = Box(instance=INSTANCE + ".b", name_template="box.{key}." + INSTANCE)
    found = same.ensure("n")
    is_(reason(found), "session.conflict", "two instances never share a container") or diag(found)
    is_(box.shell("n", "echo still"), "still\n", "which goes on")
    is_(same.remove("n").get("removed"), None, "and is not removed by the other")
    box.remove("n")
    box.remove("a/b")


def test_refused():
    cases = [("cap_add", ["SYS_ADMIN"]), ("cap_add", ["NET_ADMIN"]), ("cap_add", ["NET_RAW"]),
             ("cap_add", ["SYS_PTRACE"]), ("cap_add", ["ALL"]), ("cap_add", ["CAP_CHOWN "]),
             ("labels", {"caisson.session": "x"}), ("dns", ["localhost"]),
             ("extra_hosts", {"a": "host-gateway"}), ("extra_hosts", {"a\nb": "192.0.2.1"}),
             ("apparmor", "a,b"), ("hostname", "a b"), ("name_template", "fixed"),
             ("name_template", "{key}/x"), ("name_template", "-{key}"), ("name_template", "{key}{x}"),
             ("read_only", "yes"), ("tmpfs", {"/proc": {}}), ("tmpfs", {"/x": {"size": "lots"}})]
    for name, value in cases:
        found = Box(**{name: value}).ensure("refused")
        ok("sandbox." + name in message(found), "sandbox.%s: %r is refused" % (name, value)) or diag(found)
    is_(containers(), [], "before there is a container")


test_traits()
test_root()
test_apparmor()
test_names()
test_refused()
done_testing()
