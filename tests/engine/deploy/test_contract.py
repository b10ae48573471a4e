"""The Docker target keeps to the contract that the fake keeps to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from windlass.deploy.docker import DockerTarget
from windlass.model.release import Release
from windlass.testing.contracts.target import TargetBench, TargetContract

COMPOSE = """
services:
  web:
    build: .
    command: ["sh", "-c", "echo web is here; {wait}exec httpd -f -p 80 -h /"]
    stop_signal: SIGKILL
    ports: ["{port}:80"]
    healthcheck: {{test: ["CMD", "test", "-e", "{file}"], interval: 1s, retries: 2}}
"""
API = """
  api:
    build: .
    command: sleep 1000
    stop_signal: SIGKILL
"""


@dataclass
class _Bench:
    world: Any
    target: DockerTarget
    port: int

    def release(
        self, id: str, *, web: str = "1", api: str | None = "1", broken: bool = False, absent: bool = False
    ) -> Release:
        text = COMPOSE.format(port=self.port, file="/nowhere" if broken else "/bin/sh", wait="")
        tree = self.world.write({"compose.yml": text + (API if api else "")})
        versions = {"web": "sha256:" + "0" * 64 if absent else web} | ({"api": api} if api else {})
        release: Release = self.world.release(id, tree, **versions)
        return release


class TestDockerTarget(TargetContract):
    @pytest.fixture
    def bench(self, world: Any, port: Any) -> TargetBench:
        return _Bench(world, world.target(), port())
