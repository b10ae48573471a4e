"""The target in memory keeps to the contract, so that tests of the flow may rely on it."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from windlass.deploy.interface import LogLine
from windlass.errors import ConfigError, DeploymentFailed, EngineUnavailable
from windlass.model.events import silent
from windlass.model.observation import Endpoint
from windlass.model.release import Release, ReleasedService
from windlass.testing.contracts.target import TargetBench, TargetContract
from windlass.testing.target import FakeTarget


@dataclass
class _Bench:
    target: FakeTarget = field(
        default_factory=lambda: FakeTarget(
            ports={("web", 80): Endpoint("localhost", 8080)}, said=[LogLine("web", "web is here")]
        )
    )

    def release(
        self, id: str, *, web: str = "1", api: str | None = "1", broken: bool = False, absent: bool = False
    ) -> Release:
        if broken:
            self.target.troubles[id] = "never ready"
        if absent:
            self.target.troubles[id] = "missing image"
        versions = {"web": f"broken-{id}" if broken else web} | ({"api": api} if api else {})
        services = tuple(
            ReleasedService(name, f"localhost:1/{name}", f"sha256:{version * 64}"[:71])
            for name, version in versions.items()
        )
        return Release(id, "staging", "c" * 40, "t" * 40, ("compose.yml",), services, "2030-01-01T00:00:00Z")


class TestFakeTarget(TargetContract):
    @pytest.fixture
    def bench(self) -> TargetBench:
        return _Bench()


@pytest.mark.parametrize(
    ("trouble", "error"),
    [("missing variable", ConfigError), ("engine gone", EngineUnavailable), ("missing image", DeploymentFailed)],
)
def test_what_can_go_wrong_while_preparing(trouble: str, error: type[Exception]) -> None:
    bench = _Bench()
    bench.target.troubles["r1"] = trouble  # type: ignore[assignment]
    with pytest.raises(error):
        bench.target.prepare(bench.release("r1"), silent)
    assert bench.target.observe().services == ()


def test_a_crash_loop_leaves_its_service_restarting() -> None:
    bench = _Bench()
    bench.target.troubles["r1"] = "crash loop"
    prepared = bench.target.prepare(bench.release("r1"), silent)
    with pytest.raises(DeploymentFailed, match="crash loop"):
        bench.target.switch(bench.target.check(prepared, silent), 1, silent)
    assert {state.health for state in bench.target.observe().services} == {"restarting"}
