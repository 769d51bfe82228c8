#!/usr/bin/env python3
"""One host process of the chaos run: threads that make random calls and look at every answer. What they
did and saw goes into a journal, a line for each begin and each end, so that nothing is lost when the process
is killed. It ends, and says what it still holds, once the file `stop` is there."""
import ctypes
import hashlib
import json
import os
import random
import signal
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "../../host_demo/python"))
import caisson

# Which sandbox this is, of all that a session ever had: the namespace, and when its process 1 began.
GENERATION = ("read -r stat < /proc/1/stat; set -- ${stat##*) }; "
              "echo \"gen $(readlink /proc/self/ns/pid) ${20}\"\n")


def whole(generation):
    """Not if one of the processes that told it was killed."""
    return len(generation.split()) == 3


def resident_kb():
    with open("/proc/self/status") as f:
        return next(int(line.split()[1]) for line in f if line.startswith("VmRSS"))


def descriptors():
    return len(os.listdir("/proc/self/fd"))


def threads_left():
    return len(os.listdir("/proc/self/task"))


class Journal:
    def __init__(self, path):
        self.fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def add(self, **record):
        os.write(self.fd, (json.dumps(dict(record, t=time.monotonic())) + "\n").encode())


class Wrong(Exception):
    """An answer that cannot be true."""


def must(holds, text):
    if not holds:
        raise Wrong(text)


class Caller(threading.Thread):
    def __init__(self, box, journal, mark, seed, sessions, stop):
        super().__init__(daemon=True)
        self.box, self.journal, self.mark, self.sessions, self.stop = box, journal, mark, sessions, stop
        self.chance = random.Random(seed)
        self.count, self.pause = 0, 0
        self.files = {}  # session -> {path: (content, when its write began, in which sandbox or None)}
        self.jobs = {}   # session -> (job_id, token)

    def run(self):
        kinds, weights = zip(*((getattr(self, "do_" + name), weight) for name, weight in KINDS.items()))
        while not os.path.exists(self.stop):
            self.count += 1
            token = "%s.%d.%d" % (self.mark, self.ident % 1000000007, self.count)
            self.chance.choices(kinds, weights)[0](self.chance.choice(self.sessions), token)
            time.sleep(self.pause)

    # ---- one call --------------------------------------------------------------------------------

    def call(self, kind, session, name, args, check=None, operation=False, limit=None, cancel=None, **how):
        """Makes it, and hands its result to check() if it came to its end. Returns the result or None."""
        limit = limit or self.chance.choice([5, 10, 20])
        token = "%s.%d.%d" % (self.mark, self.ident % 1000000007, self.count)
        begun = time.monotonic()
        self.journal.add(e="begin", id=token, s=session, kind=kind, limit=limit)
        end = {"flags": [], "wrong": None, "missing": []}
        cancelled = (lambda: time.monotonic() - begun > cancel) if cancel is not None else None
        result, self.pause = None, 0
        try:
            call = self.box.open(name, args, session=session, deadline=limit, operation=operation, **how)
            result = call.run(cancelled=cancelled, check=False)
            self.look(result, end, limit, time.monotonic() - begun, cancel)
            # By whom nobody says; what a cancel or a deadline killed is known.
            end["killed"] = result.outcome == "exited" and result.term_signal == signal.SIGKILL
            if result.outcome == "exited" and result.status == 0 and check and not end["killed"]:
                end["missing"] = check(result) or []
        except Wrong as wrong:
            end["wrong"] = "%s; result %s" % (wrong, result.json[:800] if result else None)
        except caisson.CaissonError as error:
            end.update(status=error.status, reason=error.reason, message=error.message)
        if end.get("status"):
            self.pause = 0.3  # as a host that is told to try again later
        self.journal.add(e="end", id=token, s=session, kind=kind, took=time.monotonic() - begun, limit=limit,
                         **end)
        return result

    def look(self, result, end, limit, took, cancel):
        said = result.structured.get("error", {})
        end.update(status=result.status, outcome=result.outcome, flags=sorted(result.flags),
                   reason=said.get("reason", ""), message=said.get("message", ""))
        must(result.outcome != "cancelled" or cancel is not None, "cancelled, and nobody asked for it")
        must(result.outcome != "deadline" or took > 0.9 * min(limit, 1), "a deadline long before it")
        failed = result.status != 0 or result.outcome == "lost"
        must(not failed or (said.get("reason") and said.get("message")), "a failure without a reason")

    def shell(self, session, token, command, code=0, check=None, **how):
        def look(result):
            found = result.structured
            must(result.exit_code == code, "exit code %d, not %d" % (result.exit_code, code))
            must(found.get("stdout", "").endswith(token + "\n"), "another's output, or half of it")
            return check(found["stdout"]) if check else None
        return self.call("shell", session, "shell", {"command": "%s\necho %s; exit %d" % (command, token, code)},
                         look, **how)

    # ---- commands --------------------------------------------------------------------------------

    def do_shell(self, session, token):
        commands = ["", "sleep 0.2", "head -c 300000 /dev/zero | tr '\\0' x; echo", "(setsid sleep 0.5 &)",
                    "for i in 1 2 3 4; do sh -c true; done"]
        self.shell(session, token, self.chance.choice(commands),
                   self.chance.choice([0, 0, 1, 7, 255]))

    def do_python(self, session, token):
        def look(result):
            must(result.structured.get("stdout") == token + "\n", "another's output")
        self.call("run_python", session, "run_python", {"code": "print(%r)" % token}, look)

    def do_own(self, session, token):
        self.shell("", token, "")

    def do_cancel(self, session, token):
        self.shell(session, token, "(setsid sleep 30 &) ; sleep 30", cancel=self.chance.uniform(0, 1.5))

    def do_deadline(self, session, token):
        self.shell(session, token, "sleep 30", limit=self.chance.uniform(0.05, 2))

    def do_job(self, session, token):
        job, self.jobs[session] = self.jobs.pop(session, None), None
        if not job:
            del self.jobs[session]
            result = self.call("job", session, "shell",
                               {"command": "echo %s; sleep 40" % token, "background": True})
            if result and result.outcome == "exited" and not result.is_error:
                self.jobs[session] = (result.structured["job_id"], token)
            return
        del self.jobs[session]

        def look(result):
            text = result.structured.get("new_stdout", "")
            must(result.is_error or text == job[1] + "\n", "another job's output")
        self.call("shell_output", session, "shell_output", {"job_id": job[0], "wait_ms": 500}, look)
        self.call("shell_kill", session, "shell_kill", {"job_id": job[0]})

    # ---- files: what was acknowledged is there, in the same sandbox ---------------------------------

    def keep(self, session, path, content, begun, generation=None):
        files = self.files.setdefault(session, {})
        files[path] = (content, begun, generation)
        for old in list(files)[:-6]:
            del files[old]

    def do_shell_write(self, session, token):
        content, begun = token * 50, time.monotonic()

        def look(stdout):
            generation = stdout.splitlines()[0]
            self.keep(session, "s-" + token, content, begun, generation if whole(generation) else None)
        self.shell(session, token, GENERATION + "printf %s {0} > s-{1}".format(content, token), check=look)

    def do_write(self, session, token):
        content, begun = token * self.chance.choice([1, 100, 4000]) + "\n", time.monotonic()
        result = self.call("write", session, "write", {"path": "w-" + token, "content": content})
        if result and result.outcome == "exited" and not result.is_error:
            self.keep(session, "w-" + token, content, begun)
            if self.chance.random() < 0.3:
                self.edit(session, "w-" + token, content, begun, token)

    def edit(self, session, path, content, begun, token):
        self.files[session].pop(path, None)  # an edit that is lost may have been made, or not
        changed = content.replace(token, "edited", 1)
        done = self.call("edit", session, "edit", {
            "path": path, "old_string": content, "new_string": changed})
        if done and done.outcome == "exited" and not done.is_error:
            self.keep(session, path, changed, begun)

    def do_upload(self, session, token):
        content, begun = token * self.chance.choice([10, 20000]), time.monotonic()
        result = self.call("upload", session, "file.upload", {"name": "u-" + token, "path": "."}, operation=True,
                           stdin=content.encode())
        if result and result.outcome == "exited" and not result.is_error:
            self.keep(session, "u-" + token, content, begun)

    def do_verify(self, session, token):
        files = self.files.get(session)
        if not files:
            return self.do_write(session, token)

        def look(stdout):
            lines = stdout.splitlines()
            if not whole(lines[0]) or lines[-2] not in ("sums 0", "sums 1"):
                return []  # one of its processes was killed
            sums = dict(reversed(line.split("  ", 1)) for line in lines[1:-2])
            return list(self.compare(session, lines[0], sums))
        self.shell(session, token, GENERATION + "sha256sum %s 2>/dev/null; echo sums $?" % " ".join(files),
                   check=look)

    def compare(self, session, generation, sums):
        """Yields what is gone: when its write began. What is there must be whole, and a file that was seen in
        this very sandbox must be there."""
        files = self.files[session]
        for path, (content, begun, seen) in list(files.items()):
            if path in sums:
                must(sums[path] == hashlib.sha256(content.encode()).hexdigest(), path + " holds something else")
                files[path] = (content, begun, generation)
                continue
            must(seen != generation, path + " is gone from the sandbox in which it was acknowledged")
            del files[path]
            yield begun

    def do_search(self, session, token):
        name, args = self.chance.choice([("glob", {"pattern": "**"}), ("list", {}),
                                         ("grep", {"pattern": "chaos", "path": "."})])
        self.call(name, session, name, args)

    def do_read(self, session, token):
        for path, (content, begun, seen) in list(self.files.get(session, {}).items())[:1]:
            def look(result):
                text = result.text
                must(result.is_error or content[:40] in text, "another file's text")
            self.call("read", session, "read", {"path": path}, look)

    # ---- operations ------------------------------------------------------------------------------

    def do_ensure(self, session, token):
        self.call("ensure", session, "session.ensure", {}, operation=True)

    def do_remove(self, session, token):
        self.call("remove", session, "session.remove", {}, operation=True)

    def do_look(self, session, token):
        name = self.chance.choice(["session.list", "session.inspect", "engine.info", "session.reap"])
        args = {"dry_run": False, "older_than_s": 30} if name == "session.reap" else {}
        self.call(name, session if name == "session.inspect" else "", name, args, operation=True)

    def do_shutdown(self, session, token):
        self.call("shutdown", "", "session.shutdown", {"scope": "instance", "grace_ms": 100}, operation=True)


KINDS = {"shell": 20, "python": 8, "own": 2, "cancel": 6, "deadline": 5, "job": 8, "shell_write": 10, "write": 10,
         "upload": 6, "verify": 20, "search": 5, "read": 5, "ensure": 5, "remove": 2, "look": 3, "shutdown": 0.2}


def main():
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)
    plugin, config, path, mark, seed, threads, stop = sys.argv[1:]
    with open(config) as f:
        config = json.load(f)
    journal = Journal(path)
    before = descriptors()
    box = caisson.Caisson(plugin, config)
    sessions = ["%s-%d" % (config["instance"], n) for n in range(30)]
    callers = [Caller(box, journal, mark, "%s.%d" % (seed, n), sessions, stop) for n in range(int(threads))]
    for caller in callers:
        caller.start()
    while not os.path.exists(stop) and sum(c.count for c in callers) < 60:
        time.sleep(0.1)
    warm = resident_kb()
    for caller in callers:
        caller.join()
    grown = resident_kb() - warm
    box.close()
    end = time.monotonic() + 10
    while threads_left() > 1 and time.monotonic() < end:  # join() is over before the thread is
        time.sleep(0.05)
    journal.add(e="quiet", descriptors=descriptors() - before, grown_kb=grown, threads=threads_left())


main()
