# SPDX-License-Identifier: Apache-2.0
"""A container for each chat: commands, scripts and files by the chat's id, answers as text."""
import io
import posixpath
import tarfile

from caisson import CaissonError

from .common import LONGEST_TIMEOUT_MS, Output, distinct, key_of, network, open_caisson, safe_name, said_of

LIMIT = 50000
TRUNCATED = "\n... (output truncated)"
NO_OUTPUT = "(no output)"
FAILED = "ERROR: Command execution failed: "
# The key of those that belong to no chat: one container, which lasts like the others.
NO_CHAT = "ephemeral"
MODE = 0o644


def cut(text):
    return text[:LIMIT] + TRUNCATED if len(text) > LIMIT else text


class DockerManager:
    """container_timeout: the seconds after which a container that nobody uses ends. network_mode:
    "none", "bridge", or a network of the engine by its name."""

    def __init__(self, docker_url=None, docker_image=None, container_timeout=900, network_mode="none",
                 read_only=True, *, instance="chats", plugin=None, **sandbox):
        # A command has as long as it takes; whoever calls cancels it.
        self._box = open_caisson(instance, dict(
            sandbox, image=docker_image, idle_ttl_s=container_timeout, read_only=read_only,
            network=network(network_mode, instance)), plugin, docker_url,
            {"shell_timeout_ms": LONGEST_TIMEOUT_MS, "max_timeout_ms": LONGEST_TIMEOUT_MS})

    def _run(self, chat_id, tool, args):
        """Result and output; raises CaissonError where it did not end by itself."""
        output = Output(LIMIT)
        result = self._box.call(tool, args, session=key_of(chat_id, NO_CHAT), on_output=output)
        if said_of(result):
            raise CaissonError(said_of(result), result=result)
        return result, output

    def exec_command(self, chat_id, command):
        try:
            _, output = self._run(chat_id, "shell", {"command": command})
        except CaissonError as error:
            return FAILED + error.message
        return cut(output.text(1) + output.text(2)) or NO_OUTPUT

    def run_script(self, chat_id, script, stdin_data=None):
        """A Python program; stdin_data is text or bytes."""
        args = {"code": script, "timeout_ms": LONGEST_TIMEOUT_MS}
        output = Output(LIMIT)
        stdin = stdin_data.encode(errors="surrogatepass") if isinstance(stdin_data, str) else stdin_data or b""
        try:
            result = self._box.call("run_python", args, session=key_of(chat_id, NO_CHAT), on_output=output,
                                    stdin=stdin)
        except CaissonError as error:
            return FAILED + error.message
        if said_of(result):
            return FAILED + said_of(result)
        out, err = output.text(1), output.text(2)
        if result.exit_code != 0:
            return cut("ERROR: " + err)
        return cut(out + "\nSTDERR: " + err if err else out)

    def put_files(self, chat_id, files, extract_to="/workspace", subdir=""):
        """files: (name, bytes) pairs, or a dict of them. All are there, or none. Returns [{name, path,
        size}]."""
        pairs = [(name, bytes(memoryview(data)))
                 for name, data in (files.items() if isinstance(files, dict) else files)]
        names = distinct([safe_name(name) for name, _ in pairs])
        if not pairs:
            return []
        archive = io.BytesIO()
        with tarfile.open(fileobj=archive, mode="w") as tar:
            for name, (_, data) in zip(names, pairs):
                info = tarfile.TarInfo(name)
                info.size, info.mode = len(data), MODE
                tar.addfile(info, io.BytesIO(data))
        archive.seek(0)
        folder = self._box.put(key_of(chat_id, NO_CHAT), archive,
                               path=posixpath.join(extract_to or ".", subdir or ""))["path"]
        return [{"name": name, "path": posixpath.join(folder, name), "size": len(data)}
                for name, (_, data) in zip(names, pairs)]

    @property
    def active_container_count(self):
        sessions = self._box.operation("session.list").check().structured["sessions"]
        return sum(session["state"] == "running" for session in sessions)

    def shutdown(self):
        """Ends every container, and this object."""
        with self._box:
            self._box.operation("session.shutdown", {"scope": "instance"}).check()
