"""The Node that runs the official clients, and where they are: `make build/mcp/.packages`."""
import glob
import os
import sys

ROOT = os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "..", "..")
PACKAGES = os.path.join(ROOT, "build", "mcp")
FOUND = glob.glob(PACKAGES + "/node_modules/node-linux-*/bin/node")
if not FOUND:
    print("Bail out! build/mcp has no Node for this machine: make build/mcp/.packages")
    sys.exit(1)
NODE = FOUND[0]
