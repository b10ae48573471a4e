from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.registry.serving import Server, free_port
from windlass.process import run


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    found = Server(tmp_path / "root", free_port())
    found.start()
    yield found
    if found.process is not None and found.process.poll() is None:
        found.end()


@pytest.fixture
def small_disk_server(tmp_path: Path) -> Iterator[Server]:
    """A registry on a file system of 8 MiB; needs root."""
    disk = tmp_path / "disk"
    disk.mkdir()
    if not run(["mount", "-t", "tmpfs", "-o", "size=8m", "windlass-test-registry", str(disk)]).ok:
        pytest.skip("this machine does not let tests mount a small file system")
    try:
        found = Server(disk / "root", free_port())
        found.start()
        yield found
        found.end()
    finally:
        run(["umount", "-l", str(disk)])
