#!/usr/bin/env python3
"""What caisson-host shows of the audit: with --verbose each line whole and alone, otherwise none."""
import json

from host_support import host
from tap import diag, done_testing, is_, ok

FORGED = 'key\n{"audit":1,"event":"forged"}'


def lines(done):
    found = [json.loads(line) for line in done.err.split("\n") if line.startswith('{"audit":1,')]
    return {line["event"]: line for line in found}


def test_shown():
    done = host("--verbose", "--session", FORGED, "--options",
                json.dumps({"principal": "ann\n\u2028\"", "trace_id": "t"}), "call", "shell",
                "echo said; exit 3")
    is_(done.code, 3, "a call") or diag(done.err)
    found = lines(done)
    is_(sorted(found), ["call", "instance.created", "instance.destroyed", "sandbox.created"],
        "each line of the audit can be read, and nobody forged one") or diag(done.err)
    call = found.get("call", {})
    is_((call.get("principal"), call.get("trace_id"), call.get("session"), call.get("exit_code"),
         call.get("bytes_out")), ("ann\n\u2028\"", "t", FORGED, 3, 5), "with what was asked")
    ok("echo said" not in done.err, "and not with the command")


def test_quiet():
    done = host("--session", FORGED, "call", "shell", "true")
    is_((done.code, lines(done), done.err.count("audit")), (0, {}, 0), "without it there is none")
    done = host("rm", FORGED)
    is_(done.code, 0, "and the sandbox is removed") or diag(done.err)


test_shown()
test_quiet()
done_testing()
