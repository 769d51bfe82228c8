"""Engines that `make check-engines` tries the suite on, each started privately: its own data, socket and
pid file, no network settings. A newer Docker runs from a folder that holds the release of Debian which has
it; these are made once and kept."""
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
import zlib

CACHE = os.path.join(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "caisson", "engines")
PATIENCE = 90

# What of Debian such a folder has: `ps` is what the engine asks for a container's processes.
PACKAGES = "docker.io,iptables,mount,procps"

# Debian's folder becomes the root, as its engine's containers need it to be: an exec joins a mount
# namespace and would otherwise find itself at that namespace's root. /tmp and /srv are this
# machine's: what the tests have the engine bind lies there.
IN_ROOT = """set -e
root=$1; shift
mount --bind "$root" "$root"; cd "$root"
mount -t proc proc proc; mount --rbind /sys sys; mount --rbind /dev dev
mount -t tmpfs tmpfs run; mount --bind /tmp tmp; mount --bind /srv srv
mkdir -p old
pivot_root . old; umount -l /old
exec "$@"
"""


def make_root(suite):
    """The folder with that release's Docker; made by mmdebstrap if it is not there."""
    root = os.path.join(CACHE, "%s-%08x" % (suite, zlib.crc32(PACKAGES.encode())))
    if os.path.exists(os.path.join(root, "usr/sbin/dockerd")):
        return root
    print("# making %s (Debian %s with docker.io) ..." % (root, suite), flush=True)
    os.makedirs(CACHE, exist_ok=True)
    new = tempfile.mkdtemp(prefix=suite + ".", dir=CACHE)
    options = ["--aptopt=Acquire::Check-Valid-Until \"false\""] if suite == "sid" else []
    subprocess.run(["mmdebstrap", "--quiet", "--variant=apt", "--include=" + PACKAGES,
                    *options, suite, new], check=True, stdout=subprocess.DEVNULL)
    os.chmod(new, 0o755)
    try:
        os.rename(new, root)
    except OSError:  # somebody else was as quick
        shutil.rmtree(new, ignore_errors=True)
    return root


class Engine:
    """work: its folder. command(): how it is started."""

    def __init__(self, name):
        self.name = name
        self.work = tempfile.mkdtemp(prefix="caisson-%s-" % name)
        os.chmod(self.work, 0o755)
        self.endpoint = "unix://" + os.path.join(self.work, "engine.sock")
        self.process = None

    def start(self):
        log = open(os.path.join(self.work, "log"), "ab")
        self.process = subprocess.Popen(self.command(), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                        start_new_session=True, env=self.environment())
        log.close()
        end = time.monotonic() + PATIENCE
        while subprocess.run(["curl", "-fs", "--max-time", "5", "--unix-socket",
                              self.endpoint[len("unix://"):], "http://engine/version"],
                             capture_output=True, check=False).returncode != 0:
            if self.process.poll() is not None or time.monotonic() > end:
                raise AssertionError("%s does not start: %s" % (self.name, self.last_words()))
            time.sleep(0.2)

    def environment(self):
        return dict(os.environ, PATH=os.environ["PATH"] + ":/usr/sbin:/sbin")

    def last_words(self):
        with open(os.path.join(self.work, "log"), errors="replace") as f:
            return f.read()[-2000:]

    def stop(self):
        """Ends it and all that it started, and removes what it kept."""
        if self.process and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(timeout=40)
            except subprocess.TimeoutExpired:
                pass
        for pid in self.leftovers():
            try:
                os.kill(pid, signal.SIGKILL)
            except OSError:
                pass
        if self.process:
            self.process.wait()
        with open("/proc/self/mounts") as f:
            mounts = [line.split()[1] for line in f if line.split()[1].startswith(self.work + "/")]
        for mount in sorted(mounts, reverse=True):
            subprocess.run(["umount", "-l", mount], check=False)
        shutil.rmtree(self.work, ignore_errors=True)

    def leftovers(self):
        """Processes with its folder in their command line: itself, shims, monitors."""
        found = [self.process.pid] if self.process and self.process.poll() is None else []
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open("/proc/%s/cmdline" % pid, "rb") as f:
                    words = f.read()
            except OSError:
                continue
            if int(pid) != os.getpid() and self.work.encode() in words:
                found.append(int(pid))
        return found


def docker_options(folder, settings):
    return ["--config-file", folder + "/daemon.json", "--host", "unix://" + folder + "/engine.sock",
            "--data-root", folder + "/data", "--exec-root", folder + "/exec", "--pidfile", folder + "/pid",
            "--bridge=none", "--iptables=false", "--ip-forward=false", "--ip-masq=false", *settings]


class Docker(Engine):
    """suite: the release of Debian whose it is; None: the one that is installed here."""

    def __init__(self, name, suite=None, settings=None):
        super().__init__(name)
        self.root = make_root(suite) if suite else None
        with open(os.path.join(self.work, "daemon.json"), "w") as f:
            json.dump(settings or {}, f)

    def command(self):
        if not self.root:
            return ["dockerd", *docker_options(self.work, [])]
        return ["unshare", "--mount", "--propagation", "private", "sh", "-c", IN_ROOT, "sh", self.root,
                "dockerd", *docker_options(self.work, ["--ip6tables=false"])]


class Podman(Engine):
    """As root; crun refuses the hybrid cgroups that runc accepts."""

    def command(self):
        return ["podman", "--runtime", "/usr/sbin/runc", "--cgroup-manager", "cgroupfs",
                "--root", self.work + "/data", "--runroot", self.work + "/run", "--tmpdir", self.work + "/tmp",
                "system", "service", "--time=0", self.endpoint]

    def environment(self):
        """Registries of the tests' own are on this machine and speak HTTP, as Docker takes for granted."""
        path = os.path.join(self.work, "registries.conf")
        with open(path, "w") as f:
            f.write('[[registry]]\nprefix = "127.0.0.1"\nlocation = "127.0.0.1"\ninsecure = true\n')
        return dict(super().environment(), CONTAINERS_REGISTRIES_CONF=path)


RUNSC = {"path": "/usr/bin/runsc", "runtimeArgs": ["--network=none", "--platform=ptrace"]}
ENGINES = {
    "docker-26.1": lambda: Docker("docker-26.1", "trixie"),
    "docker-28.5": lambda: Docker("docker-28.5", "sid"),
    "podman-4.3": lambda: Podman("podman-4.3"),
    "gvisor": lambda: Docker("gvisor", settings={"runtimes": {"runsc": RUNSC}, "default-runtime": "runsc"}),
}
