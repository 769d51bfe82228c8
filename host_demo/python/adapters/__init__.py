# SPDX-License-Identifier: Apache-2.0
"""Caisson under the interfaces that chat servers have for their Docker wrappers: their callers change
one import. Each is a thin layer over caisson.py, with the strings that models and users know."""
from .container_backend import ContainerBackend, SandboxInfo
from .docker_manager import DockerManager
from .docker_sandbox import DockerSandbox
from .executor import Executor
from .sandbox_pool import SandboxPool

__all__ = ["ContainerBackend", "DockerManager", "DockerSandbox", "Executor", "SandboxInfo", "SandboxPool"]
