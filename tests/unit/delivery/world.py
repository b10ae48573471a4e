"""A whole installation in memory: files, registry, builder, target and history, behind the same protocols as the real one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from windlass.delivery import Order, deliver, deploy
from windlass.model.delivery import Delivery
from windlass.model.events import Emit, Event
from windlass.model.observation import CheckResult, Endpoint
from windlass.model.plan import Plan
from windlass.model.project import (
    BuildSpec,
    Declared,
    Environment,
    Project,
    RegistrySpec,
    Service,
    TestSpec,
)
from windlass.model.release import Kind, Release
from windlass.model.source import Source
from windlass.plan.planner import make_plan
from windlass.steps.promote import Promotion
from windlass.steps.rollback import Rollback
from windlass.steps.tools import Tools
from windlass.testing.bases import FakeBaseImages
from windlass.testing.builder import FakeBuilder
from windlass.testing.clock import ManualClock
from windlass.testing.files import FakeFiles
from windlass.testing.images import FakeImages
from windlass.testing.memory import FakeMemory
from windlass.testing.scanner import FakeScanner
from windlass.testing.state import FakeState
from windlass.testing.target import FakeTarget
from windlass.verify.asking import Asking

FILES = {
    "lib/kit.py": "shared",
    "api/Dockerfile": "FROM python:3.12-slim\nCOPY lib lib\nCOPY api/app.py .\n",
    "api/app.py": "api",
    "api/tests/test_app.py": "passes",
    "web/Dockerfile": "FROM python:3.12-slim\nCOPY lib lib\nCOPY web/app.py .\n",
    "web/app.py": "web",
    "batch/Dockerfile": "FROM python:3.12-slim\nCOPY batch/app.py .\n",
    "batch/app.py": "batch",
}


def service(name: str, test: TestSpec | None = None) -> Service:
    return Service(name, name, BuildSpec(".", f"{name}/Dockerfile"), test)


PROJECT = Project(
    name="shop",
    root=Path("/nowhere"),
    registry=RegistrySpec("localhost:5077", embedded=True, insecure=True),
    platforms=("linux/amd64", "linux/arm64"),
    compose=("compose.yml",),
    services=(service("api", TestSpec(command="true", files="api/tests")), service("web"), service("batch")),
    environments=(
        Environment("staging", "develop", ("compose.yml",), ("develop-{sha}",)),
        Environment("production", "main", ("compose.yml",), ("main-{sha}", "latest")),
    ),
)


@dataclass
class World:
    """Change `files` and run again.

    `wrong` maps a release id to the last word of its failing check, `unable` to what keeps it from being verified,
    `unverifiable` to why that is known beforehand. `targets` are those of environments that have one of their own.
    """

    folder: Path
    project: Project = PROJECT
    files: dict[str, str] = field(default_factory=lambda: dict(FILES))
    images: FakeImages = field(default_factory=FakeImages)
    builder: FakeBuilder = field(default_factory=FakeBuilder)
    scanner: FakeScanner = field(default_factory=FakeScanner)
    state: FakeState = field(default_factory=FakeState)
    target: FakeTarget = field(default_factory=FakeTarget)
    targets: dict[str, FakeTarget] = field(default_factory=dict)
    bases: FakeBaseImages = field(default_factory=FakeBaseImages)
    wrong: dict[str, str] = field(default_factory=dict)
    unable: dict[str, Exception] = field(default_factory=dict)
    unverifiable: dict[str, Exception] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    shared_registry: bool = False
    ci: bool = False
    commits: int = 0
    clock: ManualClock = field(default_factory=ManualClock)

    def __post_init__(self) -> None:
        self.memory = FakeMemory(self.images)

    @property
    def tools(self) -> Tools:
        return Tools(
            project=self.project,
            plan=self._plan,
            memory=self.memory,
            images=self.images,
            builder=lambda emit: self.builder,
            scanner=self.scanner,
            state=self.state,
            target=lambda environment: self.targets.get(environment.name, self.target),
            verify=self._verify,
            verifiable=self._verifiable,
            materialise=self._materialise,
            services_of=lambda source, environment: {s.name: s.name for s in self.project.buildable},
            declared=lambda environment, tree: Declared(self.project, environment),
            ignore_file=lambda source: None,
            scratch=self.folder / "cache",
            evidence=self.folder / "evidence",
            clock=self.clock,
            shared_registry=self.shared_registry,
            continuous_integration=self.ci,
        )

    def run(self, environment: str | None = "production", *, same_commit: bool = False, **order: object) -> Delivery:
        """A commit of the files as they are, delivered."""
        if not same_commit:
            self.commits += 1
        branch = {"staging": "develop", "production": "main", None: "feature/x"}[environment]
        commit = f"{self.commits:07d}" + "0" * 33
        source = Source(commit, commit[::-1], branch, False, 0)
        place = self.project.environment(environment) if environment else None
        self.builder.built.clear()
        self.builder.executed.clear()
        self.images.moves.clear()
        self.target.calls.clear()
        return deliver(Order(source, place, **order), self.tools, self.events.append)  # type: ignore[arg-type]

    def bring(self, release: Release, kind: Kind, **more: Any) -> Delivery:
        self.images.moves.clear()
        self.builder.built.clear()
        place = self.project.environment(release.environment)
        return deploy(lambda records: release, kind, place, self.tools, self.events.append, **more)

    def roll_back(self, wanted: str | None = None, **more: Any) -> Delivery:
        place = self.project.environment("production")
        choose = Rollback(place, self.tools, wanted, self.events.append)
        return deploy(choose, "rollback", place, self.tools, self.events.append, **more)

    def promote(self, wanted: str | None = None, **more: Any) -> Delivery:
        origin, to = (self.project.environment(name) for name in ("staging", "production"))
        choose = Promotion(origin, to, self.tools, wanted, self.events.append)
        return deploy(choose, "promote", to, self.tools, self.events.append, **more)

    def change(self, name: str, **changes: Any) -> None:
        """Change what windlass.yaml says of an environment."""
        environments = tuple(replace(one, **changes) if one.name == name else one for one in self.project.environments)
        self.project = replace(self.project, environments=environments)

    def edit(self, path: str, text: str) -> None:
        self.files[path] = text

    @property
    def built(self) -> list[str]:
        return sorted(request.service for request in self.builder.built)

    def _plan(
        self, source: Source, environment: str | None, *, only: Sequence[str] = (), rebuild: Sequence[str] = ()
    ) -> Plan:
        return make_plan(
            self.project,
            source,
            FakeFiles(self.files),
            self.memory,
            self.bases,
            environment=environment,
            only=only,
            rebuild=rebuild,
        )

    @contextmanager
    def _materialise(self, tree: str) -> Iterator[Path]:
        folder = self.folder / "tree" / tree
        for path, text in self.files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text)
        yield folder

    def _verify(
        self,
        environment: Environment,
        release: Release,
        endpoint: Callable[[str, int], Endpoint | None],
        emit: Emit,
        *,
        asking: Asking | None = None,
    ) -> tuple[CheckResult, ...]:
        if error := self.unable.get(release.id):
            raise error
        last = self.wrong.get(release.id, "200 OK")
        return (CheckResult("it answers", "api", "http://localhost/", release.id not in self.wrong, 1, 0.1, last),)

    def _verifiable(self, environment: Environment, release: Release) -> None:
        if error := self.unverifiable.get(release.id):
            raise error
