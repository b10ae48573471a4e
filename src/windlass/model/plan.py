"""What would be built, and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from windlass.model.project import Service
from windlass.model.source import Source


@dataclass(frozen=True, slots=True)
class Input:
    """One thing an image is made from.

    `kind` is one of: dockerfile (instructions of the stages used), file (context path, digest of content and mode), arg,
    base (base image per platform), context (named context), service (another service's fingerprint), secret (by id),
    platform, setting, unpinned (a URL, a remote context: never equal to itself). `digest` is `sha256:<hex>` or a git
    object id with its mode; for secrets and args it is a hash, never the value.
    """

    kind: str
    name: str
    digest: str


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """`digest` (`sha256:<64 hex>`) over the canonical list of `inputs`; None when some input cannot be pinned, with `unpinned` saying which and why.

    `inputs` may be a list that is made when it is first looked into: few are, of a large repository.
    """

    digest: str | None
    inputs: Sequence[Input]
    unpinned: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class BaseImage:
    """A base image as the Dockerfile names it, pinned: `digest` is the index or manifest digest to pass to the builder, `platforms` maps a platform to its manifest's digest.

    `onbuild` are the instructions it runs in every build from it (its configuration's `OnBuild`); None when nobody looked,
    which makes what such a build reads unknown.
    """

    name: str
    digest: str
    platforms: Mapping[str, str]
    onbuild: tuple[str, ...] | None = ()


@dataclass(frozen=True, slots=True)
class ServicePlan:
    """The decision for one service.

    `digest` is the index digest in the registry when action is reuse. `needs` are the services whose images this build
    starts from. `test_fingerprint` is None when the service has no tests; `tested` says these tests already passed.

    Pins for the builder: each of `bases` replaces the build context of its `name`; each of `links` is a name in the
    Dockerfile (or among the named contexts) and the service whose image stands for it; `frontend` is the pinned `# syntax=`.

    `lfs` are files of the image that git LFS keeps elsewhere: what git has of them are pointers.

    `fresh`: build it without any layer cache, because it is wanted anew though its inputs are those of an image there is.
    """

    service: Service
    action: Literal["build", "reuse"]
    reasons: tuple[str, ...]
    fingerprint: Fingerprint
    digest: str | None = None
    bases: tuple[BaseImage, ...] = ()
    needs: tuple[str, ...] = ()
    test_fingerprint: str | None = None
    tested: bool = False
    links: tuple[tuple[str, str], ...] = ()
    frontend: BaseImage | None = None
    fresh: bool = False
    lfs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """`services` in build order: a service comes after all it needs. `failed` maps a service whose Dockerfile cannot be planned to the reason."""

    source: Source
    environment: str | None
    platforms: tuple[str, ...]
    services: tuple[ServicePlan, ...]
    notes: tuple[str, ...] = ()
    failed: Mapping[str, str] = field(default_factory=dict)


def summary(plan: Plan) -> str:
    """One line about a plan: "2 to build, 3 unchanged, 1 cannot be planned"."""
    build = sum(service.action == "build" for service in plan.services)
    failed = f", {len(plan.failed)} cannot be planned" if plan.failed else ""
    return f"{build} to build, {len(plan.services) - build} unchanged{failed}"
