# SPDX-License-Identifier: Apache-2.0
"""A container for each user, made when it is needed and ended when nobody uses it."""
import threading
import time

from .common import key_of, network, open_caisson


class SandboxPool:
    """idle_timeout: the seconds after which reap_idle() ends one. It ends by itself too, should nobody
    call that, somewhat later."""

    def __init__(self, image=None, idle_timeout=1800, *, network_mode="none", docker_url=None,
                 instance="users", plugin=None, **sandbox):
        self.idle_timeout = idle_timeout
        self._marked = {}
        self._lock = threading.Lock()
        sandbox.setdefault("idle_ttl_s", int(idle_timeout * 2) + 60)
        self._box = open_caisson(instance, dict(sandbox, image=image, network=network(network_mode, instance)),
                                 plugin, docker_url)

    @property
    def caisson(self):
        """For calls: session is the user's id."""
        return self._box

    def ensure(self, user_id):
        """The user's container, one however many ask at once: {name, container_id, created, ports, ...}."""
        self.mark_active(user_id)
        return self._box.operation("session.ensure", session=key_of(user_id)).check().structured

    def mark_active(self, user_id):
        """It is needed, though no call has said so: somebody looks at its page."""
        with self._lock:
            self._marked[key_of(user_id)] = time.monotonic()

    def _idle_s(self, session):
        with self._lock:
            marked = self._marked.get(session["key"])
        since_call = session.get("idle_ms", 0) / 1000
        return since_call if marked is None else min(since_call, time.monotonic() - marked)

    def reap_idle(self):
        """Ends those that nobody used or marked for idle_timeout seconds; returns whose they were. One in
        which something runs stays."""
        reaped = []
        sessions = self._box.operation("session.list", {"stats": True}).check().structured["sessions"]
        for session in sessions:
            if not session["key"] or session.get("busy") or self._idle_s(session) < self.idle_timeout:
                continue
            self._box.operation("session.remove", session=session["key"]).check()
            with self._lock:
                self._marked.pop(session["key"], None)
            reaped.append(session["key"])
        self._forget_old_marks()
        return reaped

    def _forget_old_marks(self):
        """They say no more than none; and their users may never come back."""
        oldest = time.monotonic() - self.idle_timeout
        with self._lock:
            self._marked = {key: at for key, at in self._marked.items() if at > oldest}

    def shutdown_all(self):
        """Ends every container, and this object."""
        with self._box:
            self._box.operation("session.shutdown", {"scope": "instance"}).check()
