"""What the chaos run does to others: kills, stops and restarts, each counted by its kind."""
import collections
import http.client
import json
import os
import signal
import time

from private_engine import Refused, command_lines, kill_if_there


def send(pid, number):
    try:
        os.kill(pid, number)
    except OSError:
        pass


def parent_of(pid):
    try:
        with open("/proc/%d/stat" % pid) as f:
            return int(f.read().rpartition(") ")[2].split()[1])
    except OSError:
        return 0


class Trouble:
    def __init__(self, engine, workers, chance):
        self.engine, self.workers, self.chance = engine, workers, chance
        self.counts = collections.Counter()
        # Process -> when it goes on.
        self.stopped = {}
        self.rest_until = time.monotonic() + REST_S

    # ---- who is there --------------------------------------------------------------------------

    def ours(self):
        return [(pid, words) for pid, words in command_lines() if self.engine.folder.encode() in words]

    def shims(self):
        return [pid for pid, words in self.ours() if b"containerd-shim" in words.split(b"\0")[0]]

    def inside(self):
        """Processes in sandboxes: (pid, is it process 1)."""
        shims = set(self.shims())
        parents = {pid: parent_of(pid) for pid, _ in command_lines()}
        for pid in parents:
            above = parents[pid]
            depth = 0
            while above > 1 and above not in shims and depth < 50:
                above, depth = parents.get(above, 0), depth + 1
            if above in shims:
                yield pid, parents[pid] in shims

    def containerd(self):
        return [pid for pid, words in self.ours() if words.split(b"\0")[0].endswith(b"containerd")]

    # ---- what is done ----------------------------------------------------------------------------

    def pick(self, pids):
        return self.chance.choice(pids) if pids else None

    def kill(self, pid):
        if pid:
            kill_if_there(pid)
        return pid

    def stop_for_a_while(self, pid):
        if pid:
            send(pid, signal.SIGSTOP)
            self.stopped[pid] = time.monotonic() + self.chance.uniform(0.1, 4)
        return pid

    def go_on(self, everything=False):
        for pid, when in list(self.stopped.items()):
            if everything or time.monotonic() > when:
                send(pid, signal.SIGCONT)
                del self.stopped[pid]

    def kill_inside(self):
        return self.kill(self.pick([pid for pid, is_first in self.inside() if not is_first]))

    def stop_inside(self):
        return self.stop_for_a_while(self.pick([pid for pid, _ in self.inside()]))

    def kill_container(self):
        return self.kill(self.pick([pid for pid, is_first in self.inside() if is_first]))

    def remove_container(self):
        return self.on_container(lambda c: True)

    def remove_one_shot(self):
        return self.on_container(lambda c: c["State"] == "created")

    def on_container(self, wanted):
        found = self.pick([c["Id"] for c in self.ask("GET", "/containers/json?all=1") or [] if wanted(c)])
        return found and self.ask("DELETE", "/containers/%s?force=1" % found) is not None

    def remove_volume(self):
        return self.ask("DELETE", "/volumes/caisson-guest") is not None

    def ask(self, method, target):
        try:
            return json.loads(self.engine.ask(method, target, timeout=5) or b"true")
        except (OSError, http.client.HTTPException, Refused, ValueError):
            return None

    def kill_containerd(self):
        return self.kill(self.pick(self.containerd()))

    def stop_containerd(self):
        return self.stop_for_a_while(self.pick(self.containerd()))

    def stop_engine(self):
        return self.stop_for_a_while(self.engine.process.pid)

    def kill_engine(self):
        self.engine.kill()
        time.sleep(self.chance.uniform(0, 2))
        self.engine.start()
        return True

    def kill_host(self):
        return self.workers.kill_one(self.chance)

    def stop_host(self):
        return self.workers.stop_one(self.chance, self.stop_for_a_while)

    def step(self):
        self.go_on()
        kinds = KINDS if time.monotonic() > self.rest_until else MILD
        name = self.chance.choices(list(kinds), list(kinds.values()))[0]
        if getattr(self, name)():
            self.counts[name] += 1
        if name not in MILD:
            self.rest_until = time.monotonic() + REST_S


# What ends everything is followed by a while in which something can run.
REST_S = 6
KINDS = {"kill_inside": 30, "stop_inside": 10, "kill_container": 12, "remove_container": 8, "remove_one_shot": 6,
         "remove_volume": 3, "kill_containerd": 4, "stop_containerd": 4, "stop_engine": 6, "kill_engine": 5,
         "kill_host": 6, "stop_host": 5}
MILD = {name: weight for name, weight in KINDS.items() if not name.endswith(("_engine", "_containerd"))}
