"""What deploying a plan would do to its environment, told before anything is built."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from windlass.deploy.interface import Change
from windlass.errors import WindlassError
from windlass.model.artifacts import Published
from windlass.model.events import silent
from windlass.model.plan import Plan
from windlass.model.project import Environment
from windlass.steps.compose_release import compose_release
from windlass.steps.tools import Tools

_TO_COME = "sha256:" + "0" * 64
"""Stands for the digest of an image that is yet to be built: it differs from every one that runs."""


@dataclass(frozen=True, slots=True)
class Foreseen:
    """`changes` has what is not to stay as it is: none where nothing runs yet. `details` maps a service whose configuration
    changed to sentences that name what did, never a value. `unknown` says why it cannot be told, or is empty."""

    changes: tuple[Change, ...] = ()
    details: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    unknown: str = ""

    @property
    def noticed(self) -> tuple[Change, ...]:
        """What users would notice."""
        return tuple(change for change in self.changes if change.noticed)


def foresee(plan: Plan, environment: Environment, tools: Tools) -> Foreseen:
    """Ask the environment what would change there. Nothing is pulled, started or recorded; that it cannot be told fails nothing."""
    images = {
        item.service.name: Published(
            service=item.service.name,
            repository=tools.project.registry.repository(item.service.image),
            digest=(item.digest if item.action == "reuse" else None) or _TO_COME,
            tags=(),
            fingerprint=item.fingerprint.digest,
            built=item.action == "build",
            scanned="",
        )
        for item in plan.services
    }
    try:
        runs = tools.services_of(plan.source, environment)
        release = compose_release(tools.project, environment, plan.source, images, {}, runs, (), datetime.now(UTC))
        target = tools.target(environment)
        if not target.observe().services:
            return Foreseen()
        prepared = target.prepare(release, silent, pulling=False)
        configured = [change.service for change in prepared.changes if change.cause == "configuration"]
        differs = target.differences(prepared) if configured else {}
    except WindlassError as error:
        return Foreseen(unknown=str(error))
    unplanned = {name for name, service in runs.items() if service not in images}
    changes = tuple(c for c in prepared.changes if c.action != "keep" and c.service not in unplanned)
    return Foreseen(changes, {name: differs[name] for name in configured if name in differs})
