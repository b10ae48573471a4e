"""What a target is: a place where a release runs. The same shape for Docker, ACI and Kubernetes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol, TypeAlias

from windlass.model.events import Emit
from windlass.model.observation import Asked, Endpoint, Observation
from windlass.model.release import Release, ReleasedService
from windlass.waiting import Stop

Cause: TypeAlias = Literal["", "configuration", "unwell"]


@dataclass(frozen=True, slots=True)
class Change:
    """What a switch would do to one service. `noticed`: it cuts users' connections, or leaves them without it for a moment.
    `reason` is for people; `cause` is the same for programs, where these treat it differently from others."""

    service: str
    action: str  # create | recreate | remove | keep; of an edge also update
    reason: str = ""
    noticed: bool = False
    cause: Cause = ""


@dataclass(frozen=True, slots=True)
class Prepared:
    """Images are on the target, the configuration is valid, nothing a user can see has changed yet.

    `changes` name every service that the target would run, those that stay included: a service of the release that they do
    not name is not active there.
    """

    release: Release
    changes: tuple[Change, ...]

    @property
    def nothing_to_do(self) -> bool:
        return all(change.action == "keep" for change in self.changes)


@dataclass(frozen=True, slots=True)
class Checked:
    """The release passed the checks that this target can make before user requests reach it.

    `beside` says that new containers run beside the old ones already; `services` are those that can be asked before the
    switch (`Target.endpoint_beside`).
    """

    prepared: Prepared
    beside: bool
    services: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Deployed:
    """User requests reach this release."""

    release: Release
    observation: Observation


@dataclass(frozen=True, slots=True)
class LogLine:
    service: str
    text: str


@dataclass(frozen=True, slots=True)
class Meanwhile:
    """What goes on while a release is watched: its checks run. The watch lasts as long as they do at least (`going`).

    `asked` says by service what the checks have asked themselves: these are no users' requests, and the checks judge their
    answers. `stop` is set when the verdict has fallen elsewhere.
    """

    asked: Callable[[], Mapping[str, Asked]] = dict
    going: Callable[[], bool] = lambda: False
    stop: Stop = field(default_factory=Stop)


class Target(Protocol):
    """Drivers: `docker.DockerTarget` and `testing.target.FakeTarget`. One contract suite for all.

    `sequence` is the lease's number: a change with a lower number than the target has seen is refused with `Locked`.
    """

    def prepare(self, release: Release, emit: Emit, *, pulling: bool = True) -> Prepared:
        """Pull images by digest, load and validate the configuration, compute the changes.

        Args:
            pulling: otherwise images that are not here are taken to be like those that run, and the result is only to be
                looked at (`differences`): a switch prepares again.

        Raises:
            ConfigError: a variable or file that the release needs is missing here.
            DeploymentFailed: an image cannot be pulled.
            EngineUnavailable: nothing answers.
        """

    def lacking(self, release: Release) -> tuple[ReleasedService, ...]:
        """The active services of a release whose images are not on the target, and have to come from a registry.

        Raises:
            EngineUnavailable: nothing answers.
        """

    def check(self, prepared: Prepared, emit: Emit, sequence: int | None = None) -> Checked:
        """Start what can stand beside what runs, and wait until it is well; users do not reach it.

        Raises:
            DeploymentFailed: never ready, crash loop; `evidence` holds logs and health output.
            Locked: a newer sequence has been here.
        """

    def endpoint_beside(self, checked: Checked, service: str, port: int) -> Endpoint | None:
        """Where a container port of a service that stands beside the old one is reached from here; None for all others, and
        where it cannot be reached. Port 0 asks for the only published one."""

    def switch(self, checked: Checked, sequence: int, emit: Emit) -> Deployed:
        """Let users reach the release; wait until all its services are well.

        Raises:
            DeploymentFailed: never ready, crash loop; `evidence` holds logs and health output.
            Locked: a newer sequence has been here.
        """

    def watch(self, deployed: Deployed, emit: Emit, meanwhile: Meanwhile | None = None) -> None:
        """See how users fare with the release, for as long as the environment says, counted from the switch, and for as long
        as its checks run. Called from a thread of its own; it returns soon when it is to stop.

        Raises:
            DeploymentFailed: services were restarted, or answer with more errors than before.
        """

    def retire(self, deployed: Deployed, emit: Emit) -> None:
        """Remove what the release no longer has: until now it served those who still called it, and could have been needed
        for the way back. Raises Locked: somebody else is changing the environment."""

    def restore(self, release: Release, sequence: int, emit: Emit) -> Deployed:
        """Bring an earlier release back, whole. Raises as `switch`."""

    def observe(self) -> Observation:
        """What runs now, whoever started it."""

    def differences(self, prepared: Prepared) -> Mapping[str, tuple[str, ...]]:
        """How what serves differs from a release that was prepared here, as far as it can be told: service → sentences that
        name settings, never their values."""

    def endpoint(self, service: str, port: int) -> Endpoint | None:
        """Where a container port is reached from here; None when it is not published. Port 0 asks for the only published one."""

    def logs(self, service: str | None, *, tail: int, follow: bool, on_line: Callable[[LogLine], None]) -> None:
        """Give log lines of the environment's containers, oldest first; `follow` goes on until interrupted."""
