#!/usr/bin/env python3
# Random calls from several hosts on thirty sessions, while the engine, its containerd, containers, helpers,
# commands and the hosts themselves are killed, stopped and started again at random moments. No call hangs,
# none has another's result, every failure says why, no acknowledged write is lost as long as no result says
# that its sandbox was made anew; and when all is quiet nothing is left. CHAOS_SECONDS and CHAOS_SEED.
import collections
import json
import os
import random
import re
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, os.path.join(HERE, "../integration"))

from private_engine import IMAGE, PATIENCE, PrivateEngine, Refused, command_lines, need_root, seconds_until

need_root()

from tap import diag, done_testing, is_, ok
from trouble import Trouble

SECONDS = float(os.environ.get("CHAOS_SECONDS", "30"))
SEED = os.environ.get("CHAOS_SEED") or str(random.SystemRandom().randrange(1 << 32))
HOSTS, THREADS = 3, 4
INSTANCE = "chaos%d" % os.getpid()
# A helper is silent for 15 s before it is given up, a kill may wait for an engine that starts, and all of
# it shares the machine with thirty sandboxes.
GRACE = 60
# Of a container that was being made when its containerd died: nothing of ours runs in it yet, no engine
# lists it, and 20.10 leaves it waiting for ever.
RUNTIME = b"runc\0init"
GROWTH_KB = 64 << 10


class Host:
    """A worker and what it wrote so far."""

    def __init__(self, folder, config, number, seed):
        self.journal = os.path.join(folder, "journal-%d" % number)
        self.stop = os.path.join(folder, "stop")
        self.is_killed, self.held_up = False, 0
        self.log = open(os.path.join(folder, "host-%d.log" % number), "wb")
        self.process = subprocess.Popen(
            [sys.executable, os.path.join(HERE, "worker.py"), os.environ["CAISSON_PLUGIN"], config, self.journal,
             "%s.%d" % (INSTANCE, number), "%s.%d" % (seed, number), str(THREADS), self.stop],
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)
        self.log.close()

    def records(self):
        try:
            with open(self.journal) as f:
                lines = f.read().split("\n")
        except FileNotFoundError:
            return []
        return [json.loads(line) for line in lines[:-1]]

    def last_words(self):
        with open(self.log.name, errors="replace") as f:
            return f.read()[-1500:]


class Hosts:
    """As many as there should be: one that is killed is followed by another."""

    def __init__(self, folder, config, seed):
        self.folder, self.config, self.seed = folder, config, seed
        self.all = []

    def refill(self):
        while len(self.living()) < HOSTS:
            self.all.append(Host(self.folder, self.config, len(self.all), self.seed))

    def living(self):
        return [host for host in self.all if host.process.poll() is None]

    def kill_one(self, chance):
        host = chance.choice(self.living())
        host.is_killed = True
        host.process.kill()
        host.process.wait()
        return True

    def stop_one(self, chance, stop):
        host = chance.choice(self.living())
        host.held_up += 5
        return stop(host.process.pid)

    def end(self):
        """Asks them to end; returns those that did not."""
        open(os.path.join(self.folder, "stop"), "w").close()
        seconds_until(lambda: not self.living(), GRACE + 60)
        late = self.living()
        for host in late:
            host.process.kill()
            host.process.wait()
        return late


# ---- what must hold -----------------------------------------------------------------------------


def known_reasons():
    with open(os.path.join(HERE, "../../abi/caisson.h")) as f:
        return set(re.findall(r'#define CAISSON_REASON_\w+ "([^"]+)"', f.read()))


def made_anew(records):
    """Per session, from when to when a call may have found itself in a new sandbox: (begin, end)."""
    begun, spans = {}, collections.defaultdict(list)
    for r in records:
        if r["e"] == "begin":
            begun[r["id"], r["kind"]] = r
        elif r["e"] == "end":
            start = begun.pop((r["id"], r["kind"]))
            whole = r["kind"] in ("remove", "shutdown")
            if whole or set(r["flags"]) & {"created", "recreated"}:
                spans[None if r["kind"] == "shutdown" else r["s"]].append((start["t"], r["t"]))
    for r in begun.values():  # its host was killed: nobody heard what its result said
        spans[None if r["kind"] == "shutdown" else r["s"]].append((r["t"], float("inf")))
    return spans


def unexplained(records):
    """Writes that were acknowledged and are gone, although nobody was told of a new sandbox since."""
    spans = made_anew(records)
    ends = [r for r in records if r["e"] == "end"]
    return [(r, begun) for r in ends for begun in r["missing"]
            if not any(end >= begun and start <= r["t"] for start, end in spans[r["s"]] + spans[None])]


def kills_needed(ends):
    """At the least, to have killed all commands that were: one kill of a sandbox meets all that run in it."""
    needed, last = 0, {}
    for r in sorted((r for r in ends if r.get("killed")), key=lambda r: r["t"]):
        if r["t"] - r["took"] > last.get(r["s"], 0):
            needed, last[r["s"]] = needed + 1, r["t"]
    return needed


def kills_made(records, trouble):
    """By this test, and by the hosts' own calls."""
    removals = sum(r["e"] == "begin" and r["kind"] in ("remove", "shutdown") for r in records)
    return removals + sum(trouble.counts[kind] for kind in ("kill_inside", "kill_container", "remove_container"))


def check_calls(hosts, trouble):
    records = sorted((r for host in hosts.all for r in host.records()), key=lambda r: r["t"])
    ends = [r for r in records if r["e"] == "end"]
    reasons = known_reasons()
    ok(ends, "%d calls came to an end" % len(ends))
    late = [r for r in ends if r["took"] > r["limit"] + GRACE]
    is_(late, [], "each within its deadline and %d s" % GRACE)
    is_([r for r in ends if r["wrong"]], [], "none has a result that is not its own")
    needed, kills = kills_needed(ends), kills_made(records, trouble)
    ok(needed <= kills, "no more commands were killed than this test killed (%d, %d)" % (needed, kills))
    is_([r for r in ends if r.get("reason") and r["reason"] not in reasons], [], "every failure has a known reason")
    is_([r for r in ends if r.get("status") and not r.get("message")], [], "and says what happened")
    is_(unexplained(records), [], "no acknowledged write is lost unless a result says that the sandbox is new")
    return ends


def check_hosts(hosts, late):
    is_([host.last_words() for host in late], [], "every host comes to its end")
    died = [(h.process.returncode, h.last_words()) for h in hosts.all
            if not h.is_killed and h not in late and h.process.returncode != 0]
    is_(died, [], "and none crashes")
    quiet = [r for h in hosts.all for r in h.records() if r["e"] == "quiet"]
    ok(quiet, "those that were not killed look at what they hold")
    is_([q for q in quiet if q["descriptors"] or q["threads"] > 1], [], "no descriptor and no thread")
    is_([q for q in quiet if q["grown_kb"] > GROWTH_KB], [], "and their memory has not grown without bound")


def host_op(config, name, args):
    return subprocess.run([os.environ["CAISSON_HOST"], "--config", config, "op", "--json", name, args],
                          capture_output=True, timeout=PATIENCE, check=False)


def is_there(engine, container):
    """20.10, killed while it removes one, may go on to list it, without a name; it knows of none such."""
    try:
        engine.ask("GET", "/containers/%s/json" % container["Id"])
    except Refused as refused:
        return " 404 " not in str(refused)
    return True


def containers_left(engine):
    return [c for c in engine.containers() if is_there(engine, c)]


def check_leftovers(engine, trouble, config):
    def is_clean():
        host_op(config, "session.reap", '{"older_than_s": 1}')
        host_op(config, "session.shutdown", '{"scope": "instance"}')
        return not containers_left(engine)
    ok(seconds_until(is_clean, PATIENCE) is not None, "no container is left") or diag(containers_left(engine))
    volumes = [v["Name"] for v in json.loads(engine.ask("GET", "/volumes"))["Volumes"] or []]
    ok(set(volumes) <= {"caisson-guest"}, "no volume but the helper's") or diag(volumes)
    place = os.path.join(engine.data, "volumes/caisson-guest/_data")
    entries = os.listdir(place) if os.path.isdir(place) else []
    ok(all(re.fullmatch(r"guest-[0-9a-f]{16}(-\w+)?", e) for e in entries), "and in it no half a helper") or \
        diag(entries)
    networks = sorted(n["Name"] for n in json.loads(engine.ask("GET", "/networks")))
    is_(networks, ["host", "none"], "no network")

    def processes():
        inside = {pid for pid, _ in trouble.inside()}
        return [words for pid, words in command_lines()
                if (pid in inside or INSTANCE.encode() in words) and not words.startswith(RUNTIME)]
    ok(seconds_until(lambda: not processes(), PATIENCE) is not None, "no process") or diag(processes())
    diag("processes that the runtime itself left: %d" % len(list(trouble.inside())))


def report(ends, trouble):
    diag("seed %s, %d s, %d calls" % (SEED, SECONDS, len(ends)))
    for what in ("kind", "outcome", "reason"):
        diag("by %s: %s" % (what, dict(collections.Counter(str(r.get(what) or "-") for r in ends).most_common())))
    said = collections.Counter(re.sub(r"[0-9a-f]{8,}|\d+", "N", r.get("message") or "")[:200] for r in ends)
    for message, count in said.most_common(13)[1:]:
        diag("%4d x %s" % (count, message))
    diag("trouble: %s" % dict(trouble.counts.most_common()))
    longest = max(ends, key=lambda r: r["took"], default=None)
    if longest:
        diag("longest call: %.1f s (%s, limit %.1f s)" % (longest["took"], longest["kind"], longest["limit"]))


# ---- the run -------------------------------------------------------------------------------------


def healthy_again(engine, trouble):
    trouble.go_on(everything=True)
    if seconds_until(lambda: trouble.ask("GET", "/info"), 30) is None:
        engine.kill()
        engine.start()


def configuration(engine):
    path = os.path.join(engine.folder, "chaos.json")
    with open(path, "w") as f:
        json.dump({"config_version": 1, "instance": INSTANCE, "engine": {"endpoint": engine.endpoint, "lazy": True},
                   "sandbox": {"image": IMAGE, "memory": "256m", "workspace": {"size": "64m"},
                               "tmp": {"size": "32m"}, "idle_ttl_s": 60}}, f)
    return path


def main():
    print("# CHAOS_SEED=%s CHAOS_SECONDS=%g" % (SEED, SECONDS), flush=True)
    chance = random.Random(SEED)
    engine = PrivateEngine()
    engine.import_image()
    config = configuration(engine)
    hosts = Hosts(engine.folder, config, SEED)
    trouble = Trouble(engine, hosts, chance)
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        hosts.refill()
        time.sleep(chance.uniform(0.05, 0.7))
        trouble.step()
    healthy_again(engine, trouble)
    late = hosts.end()
    ends = check_calls(hosts, trouble)
    check_hosts(hosts, late)
    check_leftovers(engine, trouble, config)
    report(ends, trouble)
    done_testing()


main()
