#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# The CIS Docker Benchmark 1.6, section 5 (container runtime), item by item, for a default sandbox: as the
# engine tells it and, where it can be seen, as it is inside. Where an item does not hold, or is not a
# sandbox's to hold, what is asserted is the fact that is its reason.
import json
import os
import time

from host_support import INSTANCE, PATIENCE, configuration, engine, environment, host, start
from tap import diag, done_testing, is_, ok

env = environment(CAISSON_CONFIG=configuration("default.json"))
NAME = "caisson-%s-cis" % INSTANCE
SENSITIVE = ["/", "/boot", "/dev", "/etc", "/lib", "/proc", "/sys", "/usr", "/run", "/var/run", "/root"]


def shell(command):
    done = host("--session", "cis", "call", "shell", command, env=env)
    if done.code:
        diag(done.err)
    return done.out


def status(name):
    return shell("sed -n 's/^%s:[[:space:]]*//p' /proc/self/status" % name).strip()


def an_exec():
    """How the engine runs a further channel into the sandbox, which it tells while one is there."""
    process = start("--session", "cis", "call", "shell", "sleep 1000", env=env)
    end = time.monotonic() + PATIENCE
    ids = None
    while not ids and time.monotonic() < end:
        ids = json.loads(engine("GET", "/containers/%s/json" % NAME))["ExecIDs"]
        time.sleep(0.01)
    found = json.loads(engine("GET", "/exec/%s/json" % ids[0]))["ProcessConfig"]
    process.kill()
    process.wait()
    return found


def cgroup(v1, v2):
    """A limit as the kernel has it, in the hierarchy that this machine has."""
    return shell("cat /sys/fs/cgroup/%s 2>/dev/null || cat /sys/fs/cgroup/%s" % (v1, v2)).strip()


def namespace(name):
    """Is the sandbox's another than the one in which this test, and the engine, run?"""
    inside = shell("readlink /proc/self/ns/" + name).strip()
    return inside.startswith(name + ":[") and inside != os.readlink("/proc/self/ns/" + name)


is_(shell("echo made"), "made\n", "a default sandbox")
box = json.loads(engine("GET", "/containers/%s/json" % NAME))
info = json.loads(engine("GET", "/info"))
set_, mounts = box["HostConfig"], box["Mounts"]
options = [option.split(",")[0] for option in info["SecurityOptions"]]
mountinfo = [line.split() for line in shell("cat /proc/self/mountinfo").splitlines()]
executed = an_exec()

# Exception to 5.1: whether the engine is in a swarm is not a sandbox's to say; none of it is used.
ok(not any(label.startswith("com.docker.swarm") for label in box["Config"]["Labels"]),
   "5.1 the sandbox is no part of a swarm")
# Exceptions to 5.2 and 5.3: a kernel without AppArmor, or without SELinux, has no profile to give.
if "name=apparmor" in options:
    ok(box["AppArmorProfile"] not in ("", "unconfined"), "5.2 it has an AppArmor profile")
else:
    is_(box["AppArmorProfile"], "", "5.2 exception: the engine's kernel has no AppArmor")
if "name=selinux" in options:
    ok(box["ProcessLabel"] and "label=disable" not in set_["SecurityOpt"], "5.3 it has an SELinux label")
else:
    is_(box["ProcessLabel"], "", "5.3 exception: the engine's kernel has no SELinux")
is_((set_["CapDrop"], set_["CapAdd"], status("CapBnd"), status("CapEff"), status("CapInh")),
    (["ALL"], None, "0" * 16, "0" * 16, "0" * 16), "5.4 it has no capability, nor can it get one")
is_(set_["Privileged"], False, "5.5 it is not privileged")
is_([m for m in mounts if m["Type"] == "bind"], [], "5.6 no directory of the host is mounted")
ok(all(not any(m["Source"].rstrip("/") == path.rstrip("/") for path in SENSITIVE) for m in mounts),
   "5.6 nor is a sensitive one in another way")
top = json.loads(engine("GET", "/containers/%s/top?ps_args=-o%%20pid,args" % NAME))
ok(top["Processes"] and all("/.caisson/guest-" in " ".join(p) for p in top["Processes"]),
   "5.7 nothing runs in it but the helper, so no sshd") or diag(top)
is_((set_["PortBindings"], set_["PublishAllPorts"]), (None, False), "5.8 it publishes no privileged port")
is_(box["NetworkSettings"]["Ports"], {}, "5.9 nor any other")
ok(set_["NetworkMode"] == "none" and namespace("net"), "5.10 it is not in the host's network namespace")
is_((set_["Memory"], cgroup("memory/memory.limit_in_bytes", "memory.max")), (1 << 30, str(1 << 30)),
    "5.11 its memory is limited")
is_(set_["NanoCpus"], 10 ** 9, "5.12 so is its CPU time")
ok(cgroup("cpu/cpu.cfs_quota_us", "cpu.max").split()[0] == "100000", "5.12 by the kernel too")
is_(set_["ReadonlyRootfs"], True, "5.13 its root is read-only")
ok([m for m in mountinfo if m[4] == "/"][0][5].split(",")[0] == "ro", "5.13 as it sees it too")
is_(set_["PortBindings"], None, "5.14 nothing comes in on any of the host's interfaces")
is_((set_["RestartPolicy"]["Name"], set_["AutoRemove"]), ("no", True), "5.15 it is never restarted")
ok(set_["PidMode"] == "" and namespace("pid"), "5.16 it is not in the host's process namespace")
ok(set_["IpcMode"] == "private" and namespace("ipc"), "5.17 nor in its IPC namespace")
is_((set_["Devices"], set_["DeviceCgroupRules"], set_["DeviceRequests"]), (None, None, None),
    "5.18 it has no device of the host")
is_(shell("find /dev -type b").strip(), "", "5.18 nor a block device at all")
limits = {limit["Name"]: limit["Hard"] for limit in set_["Ulimits"]}
is_((limits, shell("ulimit -Hn; ulimit -Hc").split()), ({"nofile": 4096, "core": 0}, ["4096", "0"]),
    "5.19 its limits are its own")
ok(not any(field.startswith("shared:") for m in mountinfo for field in m[6:m.index("-")]) and
   all(m["Propagation"] in ("", "rprivate") for m in mounts), "5.20 no mount is shared")
ok(set_["UTSMode"] == "" and namespace("uts"), "5.21 it is not in the host's UTS namespace")
ok(status("Seccomp") == "2" and not any("unconfined" in o for o in set_["SecurityOpt"]),
   "5.22 a seccomp profile is in force")
is_(executed["privileged"], False, "5.23 what is executed in it is not privileged")
is_(executed.get("user") or box["Config"]["User"], box["Config"]["User"], "5.24 nor another user than its own")
ok(not box["Config"]["User"].startswith(("0", "root")) and status("Uid").split() == [
    box["Config"]["User"].split(":")[0]] * 4, "5.24 which is not root")
is_(set_["CgroupParent"], "", "5.25 it is in the engine's own cgroup")
ok("no-new-privileges" in set_["SecurityOpt"] and status("NoNewPrivs") == "1", "5.26 it can gain no privilege")
# Exception to 5.27: a health check would run the image's commands beside the model's; process 1 ends the
# sandbox by itself, and whether it lives each call finds out.
is_(box["Config"]["Healthcheck"], {"Test": ["NONE"]}, "5.27 exception: the image's health check is off")
# Exception to 5.28: which image it is, and when it is pulled again, the operator says (sandbox.pull); what is
# asserted is that it runs the very one that its name stands for now.
is_(box["Image"], json.loads(engine("GET", "/images/%s/json" % box["Config"]["Image"]))["Id"],
    "5.28 exception: the image is the operator's, and the one that its name stands for")
is_((set_["PidsLimit"], cgroup("pids/pids.max", "pids.max")), (256, "256"), "5.29 its processes are limited")
is_(list(box["NetworkSettings"]["Networks"]), ["none"], "5.30 it is not on docker0, nor on another bridge")
is_(set_["UsernsMode"], "", "5.31 it is not put into the host's user namespace against the engine's settings")
sockets = shell("find / -xdev -type s 2>/dev/null; find /run /var/run -name '*.sock' 2>/dev/null; true")
ok("docker.sock" not in json.dumps(mounts) and sockets.strip() == "", "5.32 no engine's socket is in it") or \
    diag(sockets)
done_testing()
