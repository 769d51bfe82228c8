# SPDX-License-Identifier: Apache-2.0
"""Containers for threads of an agent, by ids that any process can work out, so that each finds what
another made."""
import time
from dataclasses import dataclass, field

from .common import network, open_caisson


@dataclass
class SandboxInfo:
    sandbox_id: str
    sandbox_url: str  # of its service's port; "" where it publishes none
    container_name: str
    container_id: str
    created_at: float = field(default_factory=time.time)


class ContainerBackend:
    """bind_roots: the directories under which extra_mounts may lie. ports: the first one is sandbox_url's;
    service: what answers there ("image", or a program and its arguments), which create() waits for."""

    def __init__(self, image=None, *, bind_roots=(), ports=(), service=None, network_mode="none",
                 docker_url=None, instance="threads", plugin=None, **sandbox):
        if service and ports and not isinstance(service, dict):
            service = {"command": service, "ready": {"tcp": self._port_inside(ports[0])}}
        self._box = open_caisson(instance, dict(
            sandbox, image=image, bind_roots=list(bind_roots) or None, ports=list(ports) or None,
            service=service, network=network(network_mode, instance)), plugin, docker_url)

    @property
    def caisson(self):
        """For calls: session is the sandbox's id."""
        return self._box

    def create(self, thread_id, sandbox_id, extra_mounts=None):
        """extra_mounts: (path on this machine, path in the container, read-only?), all of them the
        thread's. One that runs already is taken as it is."""
        options = {"labels": {"thread": thread_id}} if thread_id else {}
        if extra_mounts:
            options["mounts"] = [{"type": "bind", "source": source, "target": target, "read_only": read_only}
                                 for source, target, read_only in extra_mounts]
        found = self._box.operation("session.ensure", session=sandbox_id, options=options).check().structured
        return self._info(sandbox_id, found)

    def discover(self, sandbox_id):
        """What any process made under this id and still runs, or None."""
        found = self._inspect(sandbox_id)
        return self._info(sandbox_id, found) if found else None

    def is_alive(self, info):
        found = self._inspect(info.sandbox_id)
        return bool(found) and found["container_id"] == info.container_id

    def destroy(self, info):
        """Of one that is no more too."""
        self._box.operation("session.remove", session=info.sandbox_id).check()

    def close(self):
        """Ends this object; the containers go on."""
        self._box.close()

    @staticmethod
    def _port_inside(port):
        """Of "9000:8080/tcp"."""
        return int(str(port).rpartition(":")[2].partition("/")[0])

    def _inspect(self, sandbox_id):
        found = self._box.operation("session.inspect", session=sandbox_id).check().structured
        return found if found["found"] and found["state"] == "running" else None

    @staticmethod
    def _info(sandbox_id, found):
        ports = found.get("ports") or {}
        url = next((port.get("url", "") for port in ports.values()), "")
        return SandboxInfo(sandbox_id, url, found["name"], found["container_id"])
