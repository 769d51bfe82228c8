#!/usr/bin/env python3
# What `make demo` shows holds: each part ends well and says what it claims, and nothing is left.
import os
import re
import subprocess

from host_support import engine
from tap import diag, done_testing, is_, ok

DEMO = os.path.join(os.path.dirname(os.environ["PYTHONPATH"].split(":")[0]), "host_demo", "demo.sh")
SHOWN = [
    ("a user without capabilities", r"CapEff:\s+0000000000000000"),
    ("a read-only system", r"Read-only file system"),
    ("files that stay", r"cat answer; exit 3'.*\n\s+42\n"),
    ("a command's exit code", r"exit code 3"),
    ("a program fed on stdin", r"5000050000"),
    ("output as it is written", r"(?s)step 1.*step 2.*step 3"),
    ("processes to cancel", r"sleeping in the sandbox: [1-9]"),
    ("a cancel", r'"outcome":"cancelled"\s+"survivors":0\s+sleeping in the sandbox: 0'),
    ("what a call costs", r"docker exec of `true`.*\d ms"),
]


def test_demo():
    done = subprocess.run([DEMO], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          timeout=300, check=False)
    is_(done.returncode, 0, "it ends well")
    diag(done.stdout)
    for name, pattern in SHOWN:
        ok(re.search(pattern, done.stdout), name)
    left = re.findall(r"/caisson-demo_\d+", engine("GET", "/containers/json?all=true"))
    is_(left, [], "no sandbox is left")


test_demo()
done_testing()
