#!/usr/bin/env python3
# The host in Node, as `npm ci` installs it: tests/integration/host_node has the tests themselves. This
# starts them with an instance of their own and cleans up after them.
import os
import subprocess
import sys

from host_support import environment
from sanitizer import preload

here = os.path.dirname(os.path.realpath(__file__))
root = os.path.dirname(os.path.dirname(here))
env = dict(environment(CAISSON_NODE=os.path.join(root, "build", "node")), **preload())
sys.exit(subprocess.run(["node", os.path.join(here, "host_node", "main.mjs"), *sys.argv[1:]], env=env).returncode)
