"""A release that somebody names, as `deploy --release` brings it."""

from __future__ import annotations

from dataclasses import dataclass

from windlass.errors import UsageError
from windlass.model.project import Environment
from windlass.model.release import Record, Release
from windlass.state.interface import find_release
from windlass.steps.approval import proposed
from windlass.steps.compose_release import unique
from windlass.steps.promote import tag_images
from windlass.steps.tools import Tools


@dataclass(frozen=True, slots=True)
class Named:
    """Chooses the release of an id, tag or commit (`wanted`): one of the history, or one that waited for approvals."""

    wanted: str
    environment: Environment
    tools: Tools

    def __call__(self, records: tuple[Record, ...]) -> Release:
        """Raises UsageError: there is none."""
        if (known := find_release(records, self.wanted)) is not None:
            return known
        if self.environment.approvals is not None:
            waited = proposed(self.wanted, self.tools.state.approvals.entries(self.environment.name))
            if waited is not None:
                release = unique(waited, records)
                tag_images(release, self.tools)
                return release
        raise UsageError(
            f"{self.environment.name} has no release '{self.wanted}'",
            remedy=f"windlass history {self.environment.name} lists them",
        )
