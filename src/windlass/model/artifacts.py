"""Images on their way from the builder to the registry. Each stage of the flow accepts only the value of the one before."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeAlias

from windlass.model.plan import ServicePlan

Severity: TypeAlias = Literal["unknown", "low", "medium", "high", "critical"]


@dataclass(frozen=True, slots=True)
class LayoutImage:
    """An image in an OCI image layout on disk (`layout` is the folder that holds index.json); `digest` that of its index."""

    layout: Path
    digest: str


@dataclass(frozen=True, slots=True)
class Built:
    """A service's image exists: freshly built (`image` set) or already in the registry (`image` None, digest known).

    `on` are the images of other services that it was just built from: service → digest.
    """

    plan: ServicePlan
    digest: str
    image: LayoutImage | None
    seconds: float = 0.0
    on: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Tested:
    """`verdict`: passed now, known to have passed before, or the service has no tests."""

    built: Built
    verdict: Literal["passed", "known", "none"]
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Finding:
    """One vulnerability in one package of one image. `id` is a CVE or advisory id; `fixed` the version that mends it, or empty."""

    id: str
    severity: Severity
    package: str
    installed: str
    fixed: str
    title: str = ""
    target: str = ""
    url: str = ""
    platform: str = ""


@dataclass(frozen=True, slots=True)
class NotScanned:
    """Nobody looked. Every report of the release repeats it."""

    reason: str


@dataclass(frozen=True, slots=True)
class ScanReport:
    """What a scanner found in one image, before and after the policy."""

    scanner: str
    findings: tuple[Finding, ...]
    refused: tuple[Finding, ...] = ()
    ignored: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True)
class Scanned:
    tested: Tested
    report: ScanReport | NotScanned


@dataclass(frozen=True, slots=True)
class Published:
    """The image is in the registry under its digest and its immutable tags; `uploaded` counts bytes sent for it."""

    service: str
    repository: str
    digest: str
    tags: tuple[str, ...]
    fingerprint: str | None
    built: bool
    scanned: str
    uploaded: int = 0
