"""What the flow works with: protocols, put together in `wiring`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:  # a plan needs none of these
    from windlass.build.interface import Builder
    from windlass.deploy.interface import Target
    from windlass.model.events import Emit
    from windlass.model.observation import CheckResult, Endpoint
    from windlass.model.plan import Plan
    from windlass.model.project import Declared, Environment, Project
    from windlass.model.release import Release
    from windlass.model.source import Source
    from windlass.oci.interface import Images
    from windlass.plan.interface import Memory
    from windlass.scan.interface import Scanner
    from windlass.state.interface import State
    from windlass.verify.asking import Asking
    from windlass.waiting import Clock


class Planner(Protocol):
    def __call__(
        self, source: Source, environment: str | None, *, only: Sequence[str] = (), rebuild: Sequence[str] = ()
    ) -> Plan: ...


class Verifier(Protocol):
    """Run the health checks and API suites that a release brings with it. `asking` counts and stops them."""

    def __call__(
        self,
        environment: Environment,
        release: Release,
        endpoint: Callable[[str, int], Endpoint | None],
        emit: Emit,
        *,
        asking: Asking | None = None,
    ) -> tuple[CheckResult, ...]: ...


@dataclass(frozen=True, slots=True)
class Tools:
    """One project's drivers behind their protocols.

    `materialise` gives a folder with a source's files for the time of a `with` block; `scratch` is where OCI layouts are
    kept between runs; `services_of` maps each service of an environment's Compose files to the project service whose image it
    runs; `declared` says how a release of a tree runs in an environment; `evidence` is where logs of failed releases are kept; `verifiable` raises ConfigError when `verify` could not
    even ask what it has to (a suite that cannot be read, a variable without a value). `shared_registry` is true when others use the
    registry too: then a run by hand moves no moving tag.
    """

    project: Project
    plan: Planner
    memory: Memory
    images: Images
    builder: Callable[[Emit], Builder]
    scanner: Scanner
    state: State
    target: Callable[[Environment], Target]
    verify: Verifier
    materialise: Callable[[str], AbstractContextManager[Path]]
    services_of: Callable[[Source, Environment], Mapping[str, str]]
    declared: Callable[[Environment, str], Declared]
    ignore_file: Callable[[Source], str | None]
    scratch: Path
    evidence: Path
    clock: Clock
    verifiable: Callable[[Environment, Release], None] = lambda environment, release: None
    shared_registry: bool = False
    continuous_integration: bool = False
