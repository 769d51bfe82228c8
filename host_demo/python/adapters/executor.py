# SPDX-License-Identifier: Apache-2.0
"""A dispatcher of tools for a model that calls functions: schemas in OpenAI's form, results as text."""
import json

from .common import key_of, open_caisson

TIMED_OUT, CANCELLED = 124, 130


class Executor:
    """The ctx of a call has cancel_check, a function without arguments that is true once the user has
    pressed stop (or None), and session, whose sandbox is used: without one it is the executor's own
    session. box: a Caisson, which stays the caller's."""

    def __init__(self, box=None, *, session="main", image=None, docker_url=None, instance="tools", plugin=None,
                 **sandbox):
        self._own, self._session = box is None, session
        self._box = box or open_caisson(instance, dict(sandbox, image=image), plugin, docker_url)
        self._tools = {tool["name"]: tool for tool in self._box.tools()}

    def has_tool(self, name):
        return name in self._tools

    def schemas(self):
        return [{"type": "function", "function": {
            "name": tool["name"], "description": tool["description"], "parameters": tool["inputSchema"]}}
            for tool in self._tools.values()]

    def call_tool(self, name, args, ctx):
        """What the model gets to read."""
        result = self._box.call(name, args, session=key_of(getattr(ctx, "session", None), self._session),
                                cancelled=getattr(ctx, "cancel_check", None), check=False)
        error = self._error(name, args, result)
        found = result.structured
        if "stdout" not in found:
            return error or result.text
        parts = [(heading, found.get(heading, "")) for heading in ("stdout", "stderr")]
        lines = ["[%s]\n%s" % (heading, text.rstrip("\n")) for heading, text in parts if text]
        lines += [error] if error else []
        lines += ["[exit %d]" % result.exit_code]
        return "\n".join(lines)

    def _error(self, name, args, result):
        if result.exit_code == TIMED_OUT and result.outcome == "deadline":
            return "[Error] command timed out after %gs" % (self._timeout_ms(name, args) / 1000)
        if result.exit_code == CANCELLED and result.outcome == "cancelled":
            return "[Error] command cancelled by user"
        if result.outcome == "exited":
            return ""
        return "[Error] " + (result.structured.get("error", {}).get("message") or result.outcome)

    def _timeout_ms(self, name, args):
        properties = self._tools[name]["inputSchema"]["properties"]
        if isinstance(args, str):  # as the model wrote them
            args = json.loads(args)
        return args.get("timeout_ms") or properties.get("timeout_ms", {}).get("default", 0)

    def close(self):
        if self._own:
            self._box.close()
