#!/usr/bin/env python3
# caisson-host mcp and the MCP Inspector's command line: it lists every tool and calls each.
import json
import os
import subprocess

from host_support import HOST, PATIENCE, environment, host, path
from mcp_support.packages import NODE, PACKAGES
from tap import diag, done_testing, is_, ok

INSPECTOR = PACKAGES + "/node_modules/@modelcontextprotocol/inspector/clients/launcher/build/index.js"
SESSION = "inspected"

# Every tool, with arguments and what its text must have.
CALLS = (
    ("shell", {"command": "echo from the shell"}, "from the shell"),
    ("run_python", {"code": "print(6 * 7)"}, "42"),
    ("write", {"path": "a/file.txt", "content": "one two"}, "file.txt"),
    ("read", {"path": "a/file.txt"}, "one two"),
    ("edit", {"path": "a/file.txt", "old_string": "two", "new_string": "three"}, "three"),
    ("glob", {"pattern": "**/*.txt"}, "a/file.txt"),
    ("grep", {"pattern": "thr.e", "output_mode": "content"}, "three"),
    ("list", {"path": "a"}, "file.txt"),
)


def inspect(*args):
    """The inspector's command line: its exit code and what it printed, as JSON."""
    env = environment(MCP_INSPECTOR_SECRET_STORE="memory", HOME=path("home"))
    done = subprocess.run([NODE, INSPECTOR, "--cli", "--config", path("servers.json"),
                           "--server", "sandbox", *args], env=env, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=PATIENCE * 2)
    try:
        return done.returncode, json.loads(done.stdout)
    except ValueError:
        diag(done.stdout.decode(errors="replace") + done.stderr.decode(errors="replace"))
        return done.returncode, {}


def call(tool, arguments):
    pairs = ["%s=%s" % (name, value if isinstance(value, str) else json.dumps(value))
             for name, value in arguments.items()]
    return inspect("--method", "tools/call", "--tool-name", tool, "--tool-arg", *pairs)[1]


def test_inspector():
    os.makedirs(path("home"), exist_ok=True)
    with open(path("servers.json"), "w") as f:
        json.dump({"mcpServers": {"sandbox": {
            "type": "stdio", "command": HOST, "args": ["mcp", "--session", SESSION],
            "env": environment()}}}, f)
    code, listed = inspect("--method", "tools/list", "--strict")
    is_(code, 0, "the Inspector lists the tools and finds no error in their schemas")
    left = {tool["name"] for tool in listed.get("tools", [])}
    for tool, arguments, words in CALLS:
        found = call(tool, arguments)
        text = (found.get("content") or [{}])[0].get("text", "")
        ok(words in text and not found.get("isError"), "the Inspector calls " + tool) or diag(found)
        left.discard(tool)
    job = call("shell", {"command": "echo job; sleep 600", "background": True})
    job = job.get("structuredContent", {}).get("job_id", "")
    ok("job" in json.dumps(call("shell_output", {"job_id": job, "wait_ms": 20000})), "shell_output")
    ok(not call("shell_kill", {"job_id": job}).get("isError", True), "shell_kill")
    is_(left - {"shell_output", "shell_kill"}, set(), "that was every tool")
    host("rm", SESSION)


test_inspector()
done_testing()
