"""caisson-host repl on pipes: lines to it, and waiting for what it prints and says."""
import os
import signal
import subprocess

from . import HOST, environment, finish, path, read_until, started


class Repl:
    def __init__(self, *args, program=HOST, env=None, preexec_fn=None):
        self.process = subprocess.Popen([program, *args], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                        env=env or environment(), preexec_fn=preexec_fn)
        started.append(self.process)
        self.rest = {self.process.stdout: b"", self.process.stderr: b""}

    def line(self, text):
        self.process.stdin.write(text.encode() + b"\n")
        self.process.stdin.flush()

    def until(self, stream, words):
        """What came up to the words; what came behind them is kept for the next time."""
        got = self.rest[stream]
        if words not in got:
            got = read_until(stream, words, got)
        at = got.index(words) + len(words)
        self.rest[stream] = got[at:]
        return got[:at].decode()

    def says(self, words):
        return self.until(self.process.stderr, words.encode())

    def prints(self, words):
        return self.until(self.process.stdout, words.encode())

    def hang_up(self):
        self.process.send_signal(signal.SIGHUP)

    def end(self):
        """Closes its input and waits for its end; err has what was not yet waited for."""
        self.process.stdin.close()
        self.process.stdin = None
        done = finish(self.process)
        done.err = self.rest[self.process.stderr].decode() + done.err
        done.out = self.rest[self.process.stdout].decode() + done.out
        return done


def point_to(target, link="plugin.so"):
    """What an installation does: the link changes at once from one version to another."""
    os.symlink(target, path("new-link"))
    os.rename(path("new-link"), path(link))
    return path(link)
