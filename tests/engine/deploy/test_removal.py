"""Containers that several want to remove at once, as the program does that ends what was replaced."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from windlass import process
from windlass.deploy.docker.engine import Docker


@pytest.mark.parametrize("way", ["remove", "discard"])
def test_who_removes_what_another_removes_already_finds_it_gone(way: str) -> None:
    docker = Docker()
    for _ in range(4):
        made = process.run(
            ["docker", "run", "--detach", "--stop-signal", "KILL", "busybox:1", "sleep", "600"], check=True
        )
        id = made.stdout.strip()

        def remove(id: str = id) -> list[str]:
            getattr(docker, way)([id])
            return docker.run(["docker", "ps", "--all", "--quiet", "--filter", f"id={id}"]).stdout.split()

        with ThreadPoolExecutor(8) as pool:
            left = [each.result() for each in [pool.submit(remove) for _ in range(8)]]
        assert left == [[]] * 8
