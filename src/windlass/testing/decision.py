"""What the planner makes of a case, without a registry or an engine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from windlass.errors import WindlassError
from windlass.model.plan import Fingerprint
from windlass.model.project import BuildSpec, Project, RegistrySpec, Service
from windlass.model.source import Source
from windlass.plan.planner import make_plan
from windlass.testing.bases import FakeBaseImages
from windlass.testing.contracts.change_case import Case
from windlass.testing.files import FakeFiles
from windlass.testing.memory import FakeMemory

_SOURCE = Source("c" * 40, "t" * 40, "main", False, 0)


def fingerprints(
    case: Case, platforms: Sequence[str] = ("linux/amd64",)
) -> tuple[Fingerprint | None, Fingerprint | None]:
    """Of the image before and after; None where the Dockerfile cannot be planned. For cases without images and services of their own."""
    return (
        _fingerprint(case.files, case.before, platforms),
        _fingerprint(case.edited, case.after or case.before, platforms),
    )


def _fingerprint(files: Mapping[str, str], spec: BuildSpec, platforms: Sequence[str]) -> Fingerprint | None:
    services = (Service("app", "app", spec),)
    project = Project("shop", Path("/nowhere"), RegistrySpec("localhost:1"), tuple(platforms), (), services, ())
    try:
        plan = make_plan(project, _SOURCE, FakeFiles(files), FakeMemory(), FakeBaseImages())
    except WindlassError:
        return None
    return plan.services[0].fingerprint if plan.services else None
