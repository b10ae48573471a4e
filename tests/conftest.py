"""Shared fixtures.

- `tests/unit`: pure logic. Starting a program or opening a connection raises.
- `tests/integration`: real programs on this machine (git, registries on loopback), no container engine.
- `tests/engine`: a real container engine and builder; `script/engine` brings one up.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
from pathlib import Path
from typing import Any, NoReturn

import pytest
from hypothesis import HealthCheck, settings

PROGRAMS = Path(
    os.environ.get("WINDLASS_TEST_PROGRAMS")
    or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "windlass/test-programs"
)
"""Where `script/test-programs` puts what it makes."""
# How quick a machine is says nothing about what is tested.
settings.register_profile("patient", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")
CI = os.environ.get("CI", "").lower() not in ("", "0", "false")


def pytest_configure(config: pytest.Config) -> None:
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # begun in the background by a shell: it would be handed on
        signal.signal(signal.SIGINT, signal.default_int_handler)
    config.addinivalue_line(
        "markers", "needs(*programs): skipped where one of them is missing; in CI that is a failure"
    )
    os.environ["PATH"] = f"{PROGRAMS}{os.pathsep}{os.environ.get('PATH', '')}"


def pytest_runtest_setup(item: pytest.Item) -> None:
    wanted = dict.fromkeys(name for marker in item.iter_markers("needs") for name in marker.args)
    missing = [name for name in wanted if shutil.which(name) is None]
    if missing:
        reason = f"not here: {', '.join(missing)} (script/test gets everything that tests need)"
        pytest.fail(reason, pytrace=False) if CI else pytest.skip(reason)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "engine" in item.path.relative_to(Path(__file__).parent).parts[:1]:
            item.add_marker("engine")


@pytest.fixture(autouse=True)
def _sealed(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Every test has a home of its own; unit tests can reach no other program and no network."""
    monkeypatch.setenv("WINDLASS_HOME", str(tmp_path / "windlass-home"))
    for name in ("GITHUB_REF_NAME", "GITHUB_REF_TYPE", "GITHUB_SHA", "TAG"):
        monkeypatch.delenv(name, raising=False)
    if request.path.relative_to(Path(__file__).parent).parts[0] != "unit":
        return

    def refuse(what: str) -> Any:
        def raiser(*args: object, **kwargs: object) -> NoReturn:
            raise AssertionError(f"a unit test tried to {what}: {args[:2]}")

        return raiser

    monkeypatch.setattr(subprocess.Popen, "__init__", refuse("start a program"))
    monkeypatch.setattr(socket.socket, "connect", refuse("open a connection"))
    monkeypatch.setattr(socket.socket, "connect_ex", refuse("open a connection"))
