#!/usr/bin/python3
"""sdk.py CONTAINER: says "ready", then for each line on stdin runs `sh -c true` in the container by
Docker's Python SDK and prints how many milliseconds that took."""
import sys
import time

import docker

container = docker.from_env().containers.get(sys.argv[1])
print("ready", flush=True)
for _ in sys.stdin:
    start = time.monotonic()
    code, _ = container.exec_run(["sh", "-c", "true"])
    spent = time.monotonic() - start
    if code != 0:
        sys.exit("exec_run: exit code %s" % code)
    print("%.6f" % (spent * 1e3), flush=True)
