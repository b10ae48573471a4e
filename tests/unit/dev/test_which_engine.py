"""`windlass dev` goes where the user's own `docker` goes, and says so."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from windlass.dev.workbench import Workbench
from windlass.errors import ConfigError
from windlass.model.project import Project, RegistrySpec
from windlass.model.source import Source

COMMIT = "0" * 40
ROOT = Path("/checkout")
MODEL: dict[str, Any] = {
    "services": {
        "web": {"volumes": [{"type": "bind", "source": "/checkout/www", "target": "/www"}]},
        "api": {"volumes": [{"type": "bind", "source": "/srv/data", "target": "/data"}]},
        "db": {"volumes": [{"type": "volume", "source": "data", "target": "/data"}]},
    }
}


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Workbench:
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    monkeypatch.delenv("DOCKER_CONTEXT", raising=False)

    def unused(*_: object) -> Any:
        raise AssertionError("nothing else is asked")

    project = Project("shop", ROOT, RegistrySpec("localhost:1"), ("linux/amd64",), ("compose.yml",), (), ())
    return Workbench(project, Source(COMMIT, COMMIT, "main", False, 0), MODEL, "shop", ROOT, unused, unused)


def test_the_usual_engine_needs_no_word(bench: Workbench) -> None:
    assert bench.engine == ""
    bench.refuse_elsewhere(["web", "api", "db"])


def test_another_engine_of_this_machine_is_named_and_sees_the_files(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///run/user/1000/docker.sock")
    assert bench.engine == "unix:///run/user/1000/docker.sock"
    bench.refuse_elsewhere(["web"])


def test_an_engine_elsewhere_is_named_and_is_given_no_files_of_the_checkout(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", "tcp://10.0.0.7:2376")
    assert bench.engine == "tcp://10.0.0.7:2376"
    with pytest.raises(ConfigError, match=r"www \(services\.web\.volumes\)") as refused:
        bench.refuse_elsewhere(["web", "api", "db"])
    assert "/srv/data" not in refused.value.message
    bench.refuse_elsewhere(["api", "db"])
