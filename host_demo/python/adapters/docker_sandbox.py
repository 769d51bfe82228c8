# SPDX-License-Identifier: Apache-2.0
"""One container of a given name: an image that is built if it is missing, published ports, commands."""
from .common import LONGEST_TIMEOUT_MS, Output, network, open_caisson, said_of

OUTPUT_LIMIT = 1000000
NOT_RUNNING = (1, "Sandbox container is not running.")
TIMED_OUT = 124


class DockerSandbox:
    """build_context: a folder with a Dockerfile, of which `image` is made if the engine has none;
    build_network: what its steps can reach. ports: those to publish, such as "8080"; they need a
    network_mode."""

    def __init__(self, image, name, *, build_context=None, build_network=None, ports=(), env=None,
                 network_mode="none", docker_url=None, instance="named", plugin=None, **sandbox):
        self.name = name
        build = {"context": build_context, "network": build_network}
        self._box = open_caisson(instance, dict(
            sandbox, image=image, name_template="{key}", ports=list(ports) or None, env=env,
            build={key: value for key, value in build.items() if value} if build_context else None,
            network=network(network_mode, instance)), plugin, docker_url,
            {"shell_timeout_ms": LONGEST_TIMEOUT_MS, "max_timeout_ms": LONGEST_TIMEOUT_MS})

    def build_image_if_missing(self):
        self._box.operation("image.ensure").check()

    def start(self):
        """A new one; it replaces a sandbox of that name."""
        self._box.operation("session.ensure", session=self.name, options={"ensure": "fresh"}).check()

    def stop(self):
        self._box.operation("session.remove", session=self.name).check()

    def close(self):
        """Ends this object; the container goes on."""
        self._box.close()

    def get_host_port(self, port):
        """The host's port, as a number, for one such as "8080/tcp"; None where there is none."""
        result = self._box.operation("session.port", {"port": port}, session=self.name, check=False)
        if result.reason in ("port.unmapped", "session.missing"):
            return None
        return result.check().structured["port"]

    def write_file(self, path, content):
        """Text, or bytes; folders are made."""
        if isinstance(content, str):
            content = content.encode()
        folder, _, name = path.rpartition("/")
        self._box.operation(
            "file.upload", {"name": name, "path": folder or ("/" if path.startswith("/") else "."),
                            "on_conflict": "replace"}, session=self.name, stdin=content,
            options={"ensure": "adopt"}).check()

    def exec(self, command, timeout=120):
        """(exit code, stdout and stderr as they came)."""
        output = Output(OUTPUT_LIMIT)
        result = self._box.call("shell", {"command": command, "timeout_ms": int(timeout * 1000)},
                                session=self.name, options={"ensure": "adopt"}, on_output=output, check=False)
        if result.reason == "session.missing":
            return NOT_RUNNING
        text = output.mixed.decode(errors="replace")
        if result.outcome == "deadline":
            return TIMED_OUT, text
        if result.error or said_of(result):
            return 1, text + (said_of(result) or str(result.error))
        return result.exit_code, text
