# SPDX-License-Identifier: Apache-2.0
"""The rules: what is done to a create body, what the engine then shows of it, and by which name of
plugin/session/attest.md it has to be called."""
import os

# The settings under which all sandboxes are alike but for their key.
SANDBOX = {"image": os.environ["CAISSON_IMAGE"], "user": "41234:41234"}


STOPS = "helper.lost"
NETWORK = "caisson-deceit-%d" % os.getpid()  # a bridge that the test makes


class Rule:
    """edit(body) changes it. shows: the members of the inspect answer's HostConfig and Config that then
    differ. item: what differs in the engine's answer. kernel: what differs in the helper's report, where
    the engine lies; None: the kernel does not show it. STOPS: the helper cannot work so, which ends
    the sandbox before it is asked."""

    def __init__(self, edit, shows, item, kernel=None):
        self.edit, self.shows, self.item, self.kernel = edit, set(shows.split()), item, kernel


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


def no_option(name, instead=""):
    """SecurityOpt without the option that begins so."""
    return security(lambda option: instead if option.startswith(name) else option)


MIB = 1 << 20
SOCKET = os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock").replace("unix://", "", 1)

RULES = {
    # who it is and what it may (to privileged, pid and ipc Docker adds label=disable by itself)
    "privileged": Rule(host(Privileged=True), "Privileged MaskedPaths ReadonlyPaths SecurityOpt",
                       "privileged", "devices"),
    "cap-add": Rule(host(CapAdd=["SYS_ADMIN"]), "CapAdd", "cap_add", "cap_bounding"),
    "cap-drop": Rule(without("CapDrop"), "CapDrop", "cap_drop", "cap_bounding"),
    "no-new-privileges": Rule(no_option("no-new"), "SecurityOpt", "no_new_privileges",
                              "given_no_new_privileges"),
    "seccomp-off": Rule(no_option("seccomp", "seccomp=unconfined"), "SecurityOpt", "seccomp", "seccomp"),
    "seccomp-default": Rule(no_option("seccomp"), "SecurityOpt", "seccomp"),
    "user-root": Rule(config(User="0:0"), "User", "user", "uid"),
    "user-other": Rule(config(User="41235:41235"), "User", "user", "uid"),
    "group-root": Rule(config(User="41234:0"), "User", "user", "gid"),
    "group-added": Rule(host(GroupAdd=["0"]), "GroupAdd", "groups", "groups"),
    # namespaces and network
    "network-bridge": Rule(host(NetworkMode=NETWORK), "NetworkMode", "network", "interfaces"),
    "network-host": Rule(both(host(NetworkMode="host"), config(Hostname="")), "NetworkMode Hostname",
                         "network", "interfaces"),
    "pid-host": Rule(host(PidMode="host"), "PidMode SecurityOpt", "pid_namespace", STOPS),
    "ipc-host": Rule(host(IpcMode="host"), "IpcMode SecurityOpt", "ipc_namespace", "ipc_namespace"),
    "ipc-shareable": Rule(host(IpcMode="shareable"), "IpcMode", "ipc_namespace"),
    "uts-host": Rule(both(host(UTSMode="host"), config(Hostname="")), "UTSMode Hostname",
                     "uts_namespace", "uts_namespace"),
    "cgroup-host": Rule(host(CgroupnsMode="host"), "CgroupnsMode", "cgroup_namespace",
                        "cgroup_namespace"),
    "userns-host": Rule(host(UsernsMode="host"), "UsernsMode", "user_namespace"),
    "port": Rule(both(host(PortBindings={"80/tcp": [{"HostIp": "0.0.0.0", "HostPort": ""}]}),
                      config(ExposedPorts={"80/tcp": {}})), "PortBindings ExposedPorts", "ports"),
    "ports-all": Rule(host(PublishAllPorts=True), "PublishAllPorts", "publish_all_ports"),
    "dns": Rule(host(Dns=["192.0.2.53"]), "Dns", "dns"),
    "extra-host": Rule(host(ExtraHosts=["db:192.0.2.7"]), "ExtraHosts", "extra_hosts"),
    # limits
    "memory-off": Rule(host(Memory=0, MemorySwap=0), "Memory MemorySwap", "memory", "memory"),
    "memory-larger": Rule(host(Memory=2048 * MIB, MemorySwap=2048 * MIB), "Memory MemorySwap",
                          "memory", "memory"),
    "swap-off": Rule(host(MemorySwap=-1), "MemorySwap", "swap", "swap"),
    "swap-larger": Rule(host(MemorySwap=4096 * MIB), "MemorySwap", "swap", "swap"),
    "oom-kill-off": Rule(host(OomKillDisable=True), "OomKillDisable", "oom_kill_disable"),
    "cpus-off": Rule(host(NanoCpus=0), "NanoCpus", "cpus", "cpus"),
    "cpus-larger": Rule(host(NanoCpus=1900000000), "NanoCpus", "cpus", "cpus"),
    "pids-off": Rule(host(PidsLimit=0), "PidsLimit", "pids", "pids"),
    "pids-larger": Rule(host(PidsLimit=4096), "PidsLimit", "pids", "pids"),
    "nofile": Rule(ulimit("nofile", 8192), "Ulimits", "ulimits", "nofile"),
    "core": Rule(ulimit("core", 4096), "Ulimits", "ulimits", "given_core"),
    "oom-score": Rule(host(OomScoreAdj=0), "OomScoreAdj", "oom_score_adj", "oom_score_adj"),
    "cgroup-parent": Rule(host(CgroupParent="/elsewhere"), "CgroupParent", "cgroup_parent"),
    # devices and files
    "device": Rule(host(Devices=[{"PathOnHost": "/dev/kmsg", "PathInContainer": "/dev/more",
                                  "CgroupPermissions": "rwm"}]), "Devices", "devices", "devices"),
    "device-rule": Rule(host(DeviceCgroupRules=["c 10:200 rwm"]), "DeviceCgroupRules",
                        "device_cgroup_rules"),
    "read-only-off": Rule(host(ReadonlyRootfs=False), "ReadonlyRootfs", "read_only_root", "mount /"),
    "bind-etc": Rule(bind("/etc", "/mnt/etc"), "Mounts", "mount /mnt/etc", "mount /mnt/etc"),
    "bind-socket": Rule(host(Binds=[SOCKET + ":/srv/engine.sock"]), "Binds", "mount /srv/engine.sock",
                        "mount /srv/engine.sock"),
    "bind-root": Rule(bind("/", "/mnt/host", writable=True), "Mounts", "mount /mnt/host",
                      "mount /mnt/host"),
    "volume": Rule(config(Volumes={"/srv/more": {}}), "Volumes", "mount /srv/more", "mount /srv/more"),
    "helper-writable": Rule(helper_writable, "Mounts", "mount /.caisson", "mount /.caisson"),
    "tmpfs-suid": Rule(tmpfs("/tmp", "nosuid", "suid"), "Tmpfs", "mount /tmp", "mount /tmp"),
    "tmpfs-dev": Rule(tmpfs("/workspace", "nodev", "dev"), "Tmpfs", "mount /workspace",
                      "mount /workspace"),
    "tmpfs-larger": Rule(tmpfs("/tmp", "size=134217728", "size=268435456"), "Tmpfs", "mount /tmp",
                         "mount /tmp"),
    "tmpfs-more": Rule(lambda body: body["HostConfig"]["Tmpfs"].update({"/srv": "rw,exec"}), "Tmpfs",
                       "mount /srv", "mount /srv"),
    "shm-larger": Rule(host(ShmSize=64 * MIB), "ShmSize", "shm_size", "mount /dev/shm"),
    "masked-paths": Rule(host(MaskedPaths=[]), "MaskedPaths", "masked_paths", "masked_paths"),
    "readonly-paths": Rule(host(ReadonlyPaths=[]), "ReadonlyPaths", "readonly_paths", "readonly_paths"),
    # how it runs and ends
    "entrypoint": Rule(config(Entrypoint=["/usr/bin/env", "/.caisson/none"]), "Entrypoint", "entrypoint",
                       STOPS),
    "init": Rule(host(Init=True), "Init", "init", STOPS),
    "tty": Rule(config(Tty=True), "Tty", "tty", STOPS),
    "health-check": Rule(config(Healthcheck={"Test": ["CMD", "true"]}), "Healthcheck", "health_check"),
    "image": Rule(config(Image="caisson-busybox:local"), "Image", "image"),
    "log-driver": Rule(host(LogConfig={"Type": "json-file"}), "LogConfig", "log_driver"),
    "restart": Rule(host(RestartPolicy={"Name": "always"}, AutoRemove=False),
                    "RestartPolicy AutoRemove", "restart_policy"),
    "auto-remove": Rule(host(AutoRemove=False), "AutoRemove", "auto_remove"),
    "sysctl": Rule(host(Sysctls={"net.ipv4.ip_forward": "1"}), "Sysctls", "sysctls"),
}
