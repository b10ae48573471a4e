"""Which release a rollback goes back to."""

from __future__ import annotations

from dataclasses import dataclass

from windlass.deploy.interface import Target
from windlass.errors import UsageError, WindlassError
from windlass.model.events import Emit, Notice, silent
from windlass.model.project import Environment
from windlass.model.release import Record, Release
from windlass.state.interface import broken_off, earlier, find_release, running_release, was_healthy, ways_back
from windlass.steps.tools import Tools


@dataclass(frozen=True, slots=True)
class Rollback:
    """Chooses from a history: the release that was asked for, or the last healthy one that would make a difference."""

    environment: Environment
    tools: Tools
    wanted: str | None
    emit: Emit

    def __call__(self, records: tuple[Record, ...]) -> Release:
        """Raises UsageError: there is no such release, or nothing to go back to."""
        remedy = f"windlass history {self.environment.name} lists its releases"
        if self.wanted:
            named = find_release(records, self.wanted)
            if named is None:
                raise UsageError(f"no release '{self.wanted}' was healthy on {self.environment.name}", remedy=remedy)
            if not was_healthy(records, named):  # approvals and freezes hold no rollback back: it brings nothing new
                raise UsageError(
                    f"{named.id} was never healthy on {self.environment.name}: that is no way back",
                    remedy=f"windlass deploy {self.environment.name} --release {named.id} deploys it",
                )
            return named
        current = running_release(records)
        skipped: list[str] = []
        for release in ways_back(records):
            if current is not None and _images(release) == _images(current) and self._is_idle(release):
                skipped.append(release.id)
                continue
            if skipped and current is not None:
                self.emit(Notice(f"skipped {', '.join(skipped)}: going back to it would change nothing that runs"))
            return release
        if skipped and broken_off(records) and (further := earlier(records)):
            raise UsageError(
                f"{self.environment.name} runs {skipped[0]} as it did before {records[0].release.id}, which was broken off",
                remedy=f"windlass rollback {self.environment.name} {further[0].id} goes back further",
            )
        if skipped:
            raise UsageError(
                f"{self.environment.name} has no earlier healthy release that differs from what runs "
                f"(skipped: {', '.join(skipped)})",
                remedy=remedy,
            )
        raise UsageError(f"{self.environment.name} has no earlier healthy release to go back to", remedy=remedy)

    def _is_idle(self, release: Release) -> bool:
        """Whether bringing a release changes nothing at all: its files, which the images do not tell, included."""
        target: Target = self.tools.target(self.environment)
        try:
            return target.prepare(release, silent).nothing_to_do
        except WindlassError:
            return False  # bringing it will say what is wrong


def _images(release: Release) -> frozenset[tuple[str, str]]:
    return frozenset((service.name, service.reference) for service in release.services)
