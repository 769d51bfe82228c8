#!/usr/bin/env python3
# caisson-host mcp and the clients of the official SDKs: tests/integration/mcp_clients has the tests
# themselves. This starts them with an instance of their own and cleans up after them.
import subprocess
import sys

from host_support import environment
from mcp_support.packages import NODE, PACKAGES

sys.exit(subprocess.run([NODE, PACKAGES + "/clients.mjs"], env=environment()).returncode)
