"""Real registries on loopback: Debian's `docker-registry` (CNCF distribution) and the embedded one."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.ports import free_port

from windlass.errors import RegistryUnavailable
from windlass.oci.client import RegistryClient
from windlass.oci.credentials import Fixed
from windlass.oci.session import Patience
from windlass.waiting import wait_for

_CONFIG = """\
version: 0.1
log: {{level: error, accesslog: {{disabled: true}}}}
storage: {{filesystem: {{rootdirectory: {root}}}, delete: {{enabled: true}}}}
http: {{addr: "127.0.0.1:{port}"}}
"""


@pytest.fixture(scope="session")
def distribution(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `docker-registry` program; its package is unpacked, not installed, where it is missing: that starts no service."""
    if found := shutil.which("docker-registry"):
        return Path(found)
    if shutil.which("apt-get") is None:
        pytest.skip("there is no docker-registry here, and no apt-get to fetch it with")
    folder = tmp_path_factory.mktemp("docker-registry")
    for argv in (["apt-get", "update"], ["apt-get", "download", "docker-registry"]):
        subprocess.run(argv, cwd=folder, check=argv[1] == "download", capture_output=True)
    subprocess.run(["dpkg", "-x", str(next(folder.glob("*.deb"))), str(folder)], check=True)
    return folder / "usr" / "bin" / "docker-registry"


@pytest.fixture(params=["distribution", "embedded"], scope="module")
def registry_host(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """`127.0.0.1:PORT` of a registry with nothing in it, shared by the tests of one file."""
    folder = tmp_path_factory.mktemp(request.param)
    port = free_port()
    if request.param == "distribution":
        config = folder / "config.yml"
        config.write_text(_CONFIG.format(root=folder / "data", port=port))
        argv = [str(request.getfixturevalue("distribution")), "serve", str(config)]
    else:
        listen = f"127.0.0.1:{port}"
        argv = [sys.executable, "-m", "windlass.registry.server", "--listen", listen, "--root", str(folder / "data")]
    with _running(argv, folder / "log"):
        host = f"127.0.0.1:{port}"
        impatient = RegistryClient(host, patience=Patience(total=0.0))

        def answers() -> str:
            try:
                impatient.ping()
            except RegistryUnavailable as error:
                return str(error)
            return ""

        wait_for(answers, lambda problem: not problem, seconds=60)
        yield host


@contextmanager
def _running(argv: list[str], log: Path) -> Iterator[None]:
    environ = {**os.environ, "OTEL_TRACES_EXPORTER": "none"}
    with log.open("wb") as sink:
        child = subprocess.Popen(argv, stdout=sink, stderr=sink, env=environ)
        try:
            yield
        finally:
            child.terminate()
            try:
                child.wait(10)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()


@pytest.fixture
def client(registry_host: str) -> RegistryClient:
    return RegistryClient(registry_host, credentials=Fixed())
