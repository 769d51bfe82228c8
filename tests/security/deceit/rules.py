# SPDX-License-Identifier: Apache-2.0
"""The rules: what is done to a create body, what the engine then shows of it, and by which name the
attestation has to call it."""
import os

# The settings under which all sandboxes are alike but for their key.
SANDBOX = {"image": os.environ["CAISSON_IMAGE"], "user": "41234:41234"}


class Rule:
    """edit(body) changes it. shows: the members of the inspect answer's HostConfig and Config that then
    differ. item: the words by which a difference is named. inside: the kernel shows it, so that it is
    found where the engine lies."""

    def __init__(self, edit, shows, item, inside=True):
        self.edit, self.shows, self.item, self.inside = edit, set(shows.split()), item, inside


def host(**members):
    return lambda body: body["HostConfig"].update(members)


def config(**members):
    return lambda body: body.update(members)


def both(*edits):
    def edit(body):
        for one in edits:
            one(body)
    return edit


def without(name):
    return lambda body: body["HostConfig"].pop(name, None)


def security(change):
    """A function from one option to what stands in its place, "" for nothing."""
    def edit(body):
        options = [change(o) for o in body["HostConfig"]["SecurityOpt"]]
        body["HostConfig"]["SecurityOpt"] = [o for o in options if o]
    return edit


def ulimit(name, value):
    def edit(body):
        limits = [u for u in body["HostConfig"]["Ulimits"] if u["Name"] != name]
        body["HostConfig"]["Ulimits"] = limits + [{"Name": name, "Soft": value, "Hard": value}]
    return edit


def tmpfs(path, old, new):
    def edit(body):
        mounts = body["HostConfig"]["Tmpfs"]
        assert old in mounts[path], mounts
        mounts[path] = mounts[path].replace(old, new)
    return edit


def mount(**more):
    return lambda body: body["HostConfig"]["Mounts"].append(more)


def bind(path, target, writable=False):
    return mount(Type="bind", Source=path, Target=target, ReadOnly=not writable)


def helper_writable(body):
    body["HostConfig"]["Mounts"][0]["ReadOnly"] = False


MIB = 1 << 20

RULES = {
    # who it is and what it may (to privileged, pid and ipc Docker adds label=disable by itself)
    "privileged": Rule(host(Privileged=True), "Privileged MaskedPaths ReadonlyPaths SecurityOpt",
                       "privileged"),
    "cap-add": Rule(host(CapAdd=["SYS_ADMIN"]), "CapAdd", "cap"),
    "cap-drop": Rule(without("CapDrop"), "CapDrop", "cap"),
    "no-new-privileges": Rule(security(lambda o: "" if o.startswith("no-new") else o), "SecurityOpt",
                              "no-new-privileges"),
    "seccomp-off": Rule(security(lambda o: "seccomp=unconfined" if o.startswith("seccomp") else o),
                        "SecurityOpt", "seccomp"),
    "seccomp-default": Rule(security(lambda o: "" if o.startswith("seccomp") else o), "SecurityOpt",
                            "seccomp", inside=False),
    "user-root": Rule(config(User="0:0"), "User", "user"),
    "user-other": Rule(config(User="41235:41235"), "User", "user"),
    "group-root": Rule(config(User="41234:0"), "User", "user"),
    "group-added": Rule(host(GroupAdd=["0"]), "GroupAdd", "group"),
    # namespaces and network
    "network-bridge": Rule(host(NetworkMode="bridge"), "NetworkMode", "network"),
    "network-host": Rule(both(host(NetworkMode="host"), config(Hostname="")), "NetworkMode Hostname",
                         "network"),
    "pid-host": Rule(host(PidMode="host"), "PidMode SecurityOpt", "pid"),
    "ipc-host": Rule(host(IpcMode="host"), "IpcMode SecurityOpt", "ipc"),
    "ipc-shareable": Rule(host(IpcMode="shareable"), "IpcMode", "ipc", inside=False),
    "uts-host": Rule(both(host(UTSMode="host"), config(Hostname="")), "UTSMode Hostname", "uts"),
    "cgroup-host": Rule(host(CgroupnsMode="host"), "CgroupnsMode", "cgroup"),
    "userns-host": Rule(host(UsernsMode="host"), "UsernsMode", "userns", inside=False),
    "port": Rule(both(host(PortBindings={"80/tcp": [{"HostIp": "0.0.0.0", "HostPort": ""}]}),
                      config(ExposedPorts={"80/tcp": {}})), "PortBindings ExposedPorts", "port",
                 inside=False),
    "ports-all": Rule(host(PublishAllPorts=True), "PublishAllPorts", "port", inside=False),
    "dns": Rule(host(Dns=["192.0.2.53"]), "Dns", "dns", inside=False),
    "extra-host": Rule(host(ExtraHosts=["db:192.0.2.7"]), "ExtraHosts", "hosts", inside=False),
    # limits
    "memory-off": Rule(host(Memory=0, MemorySwap=0), "Memory MemorySwap", "memory"),
    "memory-larger": Rule(host(Memory=2048 * MIB, MemorySwap=2048 * MIB), "Memory MemorySwap",
                          "memory"),
    "swap-off": Rule(host(MemorySwap=-1), "MemorySwap", "swap"),
    "swap-larger": Rule(host(MemorySwap=4096 * MIB), "MemorySwap", "swap"),
    "oom-kill-off": Rule(host(OomKillDisable=True), "OomKillDisable", "oom", inside=False),
    "cpus-off": Rule(host(NanoCpus=0), "NanoCpus", "cpu"),
    "cpus-larger": Rule(host(NanoCpus=1900000000), "NanoCpus", "cpu"),
    "pids-off": Rule(host(PidsLimit=0), "PidsLimit", "pids"),
    "pids-larger": Rule(host(PidsLimit=4096), "PidsLimit", "pids"),
    "nofile": Rule(ulimit("nofile", 8192), "Ulimits", "nofile"),
    "core": Rule(ulimit("core", 4096), "Ulimits", "core"),
    "oom-score": Rule(host(OomScoreAdj=0), "OomScoreAdj", "oom"),
    "cgroup-parent": Rule(host(CgroupParent="/elsewhere"), "CgroupParent", "cgroup", inside=False),
    # devices and files
    "device": Rule(host(Devices=[{"PathOnHost": "/dev/zero", "PathInContainer": "/dev/more",
                                  "CgroupPermissions": "rwm"}]), "Devices", "device"),
    "device-rule": Rule(host(DeviceCgroupRules=["c 10:200 rwm"]), "DeviceCgroupRules", "device",
                        inside=False),
    "read-only-off": Rule(host(ReadonlyRootfs=False), "ReadonlyRootfs", "read"),
    "bind-etc": Rule(bind("/etc", "/mnt/etc"), "Mounts", "/mnt/etc"),
    "bind-socket": Rule(host(Binds=["/var/run/docker.sock:/srv/engine.sock"]), "Binds",
                        "/srv/engine.sock"),
    "bind-root": Rule(bind("/", "/mnt/host", writable=True), "Mounts", "/mnt/host"),
    "volume": Rule(config(Volumes={"/srv/more": {}}), "Volumes", "/srv/more"),
    "helper-writable": Rule(helper_writable, "Mounts", "/.caisson"),
    "tmpfs-suid": Rule(tmpfs("/tmp", "nosuid", "suid"), "Tmpfs", "/tmp"),
    "tmpfs-dev": Rule(tmpfs("/workspace", "nodev", "dev"), "Tmpfs", "/workspace"),
    "tmpfs-larger": Rule(tmpfs("/tmp", "size=134217728", "size=268435456"), "Tmpfs", "/tmp"),
    "tmpfs-more": Rule(lambda body: body["HostConfig"]["Tmpfs"].update({"/srv": "rw,exec"}), "Tmpfs",
                       "/srv"),
    "shm-larger": Rule(host(ShmSize=64 * MIB), "ShmSize", "shm"),
    "masked-paths": Rule(host(MaskedPaths=[]), "MaskedPaths", "masked"),
    "readonly-paths": Rule(host(ReadonlyPaths=[]), "ReadonlyPaths", "readonly"),
    # how it runs and ends
    "entrypoint": Rule(config(Entrypoint=["/usr/bin/env", "/.caisson/none"]), "Entrypoint", "entrypoint"),
    "init": Rule(host(Init=True), "Init", "init"),
    "tty": Rule(config(Tty=True), "Tty", "tty"),
    "environment": Rule(config(Env=["LD_PRELOAD=/workspace/a.so"]), "Env", "env", inside=False),
    "health-check": Rule(config(Healthcheck={"Test": ["CMD", "true"]}), "Healthcheck", "health",
                         inside=False),
    "image": Rule(config(Image="caisson-busybox:local"), "Image", "image", inside=False),
    "log-driver": Rule(host(LogConfig={"Type": "json-file"}), "LogConfig", "log", inside=False),
    "restart": Rule(host(RestartPolicy={"Name": "always"}, AutoRemove=False),
                    "RestartPolicy AutoRemove", "restart", inside=False),
    "auto-remove": Rule(host(AutoRemove=False), "AutoRemove", "remove", inside=False),
    "sysctl": Rule(host(Sysctls={"net.ipv4.ip_forward": "1"}), "Sysctls", "sysctl", inside=False),
    "stop-signal": Rule(config(StopSignal="SIGTERM"), "StopSignal", "stop", inside=False),
}
