"""What `init` makes of a survey: which file builds, what images are called, which ports move. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from windlass.compose.images import registry_of, repository_of
from windlass.config.survey import Candidate, Survey

DEFAULT_NAMES = ("compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml")
_ASIDE = {
    "example",
    "examples",
    "sample",
    "samples",
    "demo",
    "demos",
    "doc",
    "docs",
    "test",
    "tests",
    "e2e",
    "fixtures",
}
_PURPOSES: Mapping[str, tuple[str, ...]] = {
    "production": ("production", "prod"),
    "staging": ("staging", "stage", "stg"),
    "development": ("development", "dev", "devel", "local"),
    "testing": ("test", "tests", "testing", "ci"),
}
_ENDINGS = re.compile(r"[-_](?:dev|devel|development|local|prod|production|stage|staging|test)$")
_PRIVATE = {
    "TOKEN",
    "TOKENS",
    "KEY",
    "KEYS",
    "SECRET",
    "SECRETS",
    "PASSWORD",
    "PASSWD",
    "PASS",
    "CREDENTIALS",
    "APIKEY",
}
_OFFSETS = (10000, 20000, 30000, 1000, 2000, 5000, 40000, 50000, 100)
_HIGHEST = 65535


@dataclass(frozen=True, slots=True)
class Named:
    """Image names of the built services, the sentence that explains them, and a registry that a Compose file names."""

    images: Mapping[str, str]
    reason: str
    registry: str | None = None
    source: str | None = None


@dataclass(frozen=True, slots=True)
class Shift:
    """How the second environment's ports make room: an offset for all, or a map of single ports."""

    offset: int = 0
    ports: tuple[tuple[int, int], ...] = ()


def words(path: str) -> set[str]:
    """The words of a file's name: `docker-compose.local-prod.yml` → compose, docker, local, prod, yml."""
    return set(re.split(r"[^a-z0-9]+", PurePosixPath(path).name.lower()))


def purpose(path: str) -> str | None:
    """What a Compose file is for, judging by its name; production before the others (`local-prod`)."""
    found = words(path)
    return next((name for name, signs in _PURPOSES.items() if found & set(signs)), None)


def builds_from(candidates: Sequence[Candidate]) -> Candidate | None:
    """The file to build from: every Dockerfile there, then Compose's default name, then nearest to the root, then most builds."""
    order = [None, *_PURPOSES]

    def rank(candidate: Candidate) -> tuple[Any, ...]:
        path = PurePosixPath(candidate.path)
        return (
            bool(candidate.missing) and len(candidate.missing) == len(candidate.built),
            bool(candidate.missing),
            candidate.path not in DEFAULT_NAMES,
            bool(_ASIDE & {part.lower() for part in path.parts[:-1]}),
            len(path.parts),
            -len(candidate.built),
            order.index(purpose(candidate.path)),
            candidate.path,
        )

    return min((one for one in candidates if one.kind == "builds"), key=rank, default=None)


def environment_files(
    environment: str, chosen: Candidate, images: Mapping[str, str], survey: Survey
) -> tuple[str, ...]:
    """The Compose files of an environment: its own file where one fits what is built, otherwise the one that builds."""
    signs = set(_PURPOSES[environment])
    for one in survey.candidates:
        if one is chosen or not words(one.path) & signs or one.folder != chosen.folder:
            continue
        if one.kind == "override" and set(one.services) <= set(chosen.services):
            return (chosen.path, one.path)
        if one.kind in ("builds", "images") and not one.missing and fits(one, chosen, images):
            return (one.path,)
    return (chosen.path,)


def fits(other: Candidate, chosen: Candidate, images: Mapping[str, str]) -> bool:
    """Whether another file runs what is built here: every build of it is one of ours, and so is at least one image."""
    ours = set(chosen.built)
    return not set(other.built) - ours and bool(set(other.services) & ours or _images_of(other) & set(images.values()))


def unbuilt(other: Candidate, images: Mapping[str, str]) -> list[str]:
    """Images of another file that come from the same registry as ours and are not built here."""
    known = [str(service.get("image") or "") for service in other.services.values() if service]
    ours = {PurePosixPath(name).name for name in images.values()}
    hosts = {registry_of(image) for image in known if PurePosixPath(repository_of(image)).name in ours}
    named = {PurePosixPath(repository_of(image)).name for image in known if registry_of(image) in hosts - {None}}
    return sorted(named - ours)


def _images_of(other: Candidate) -> set[str]:
    return {
        PurePosixPath(repository_of(str(service.get("image") or ""))).name
        for service in other.services.values()
        if service
    }


def image_names(chosen: Candidate, survey: Survey) -> Named:
    """What images are called: as a file of ready-made images calls them, otherwise the service names without a common ending."""
    endings = {found[0] if (found := _ENDINGS.search(name)) else "" for name in chosen.built}
    ending = endings.pop() if len(endings) == 1 else ""
    own = {name: _explicit(chosen, name) or name.removesuffix(ending).lower() for name in chosen.built}
    if ending:
        reason = f"The ending '{ending}' that all built services share is not part of the image names."
    else:
        reason = "Images are named after their services."
    for other in survey.candidates:
        if other.kind != "images":
            continue
        known = {
            name: str(service["image"]) for name, service in other.services.items() if service and service.get("image")
        }
        matched = _matched(own, ending, known)
        if len(matched) * 2 > len(known) or len(matched) > 2:
            named = {
                **own,
                **{service: PurePosixPath(repository_of(known[name])).name for service, name in matched.items()},
            }
            hosts = {registry_of(known[name]) for name in matched.values()}
            host = hosts.pop() if len(hosts) == 1 else None
            return Named(named, f"{reason} {other.path} calls them the same.", host, other.path)
    return Named(own, reason)


def _explicit(chosen: Candidate, name: str) -> str:
    service = chosen.services[name]
    return str((service.get("x-windlass") or {}).get("image") or repository_of(str(service.get("image") or "")))


def _matched(own: Mapping[str, str], ending: str, known: Mapping[str, str]) -> dict[str, str]:
    """Built service → service of a file with ready-made images that means the same: by image name, else by service name."""
    by_image = {PurePosixPath(repository_of(image)).name: name for name, image in known.items()}
    matched = {}
    for service, image in own.items():
        if image in by_image:
            matched[service] = by_image[image]
        elif service.removesuffix(ending) in known:
            matched[service] = service.removesuffix(ending)
    return matched


def branch_for(environment: str, survey: Survey) -> tuple[str, bool]:
    """(branch, it exists) for staging or production."""
    names: tuple[str, ...]
    if environment == "staging":
        names = ("develop", "development", "dev", "staging")
        return next(((name, True) for name in names if name in survey.branches), ("develop", False))
    names = ("main", "master", "trunk")
    found = next((name for name in names if name in survey.branches), None) or survey.default_branch
    return (found, found in survey.branches) if found else ("main", False)


def shift(moving: set[int], staying: set[int], taken: set[int]) -> Shift:
    """Make room for `moving` beside `staying` on one engine; `taken` are ports that neither may use."""
    if not moving & (staying | taken):
        return Shift()
    for offset in _OFFSETS:
        moved = {port + offset for port in moving}
        if max(moved) <= _HIGHEST and not moved & (staying | taken):
            return Shift(offset)
    used = staying | taken | (moving - staying - taken)
    ports = []
    for port in sorted(moving & (staying | taken)):
        free = next(one for one in range(20000, _HIGHEST + 1) if one not in used)
        used.add(free)
        ports.append((port, free))
    return Shift(ports=tuple(ports))


def host_ports(candidates: Sequence[Candidate]) -> set[int]:
    """All ports that these files publish on the host, TCP and UDP."""
    ports: set[int] = set()
    for candidate in candidates:
        for service in candidate.services.values():
            for entry in (service or {}).get("ports") or ():
                ends = [int(end) for end in str(entry.get("published") or "").split("-") if end.isdigit()]
                ports.update(range(ends[0], ends[-1] + 1) if ends else ())
    return ports


def looks_private(variable: str) -> bool:
    """Whether a variable's name says that its value is a secret; `PUBLIC_KEY` is not one, nor is `KEY_FILE`."""
    parts = variable.upper().split("_")
    return (
        bool(_PRIVATE & set(parts))
        and "PUBLIC" not in parts
        and not {"FILE", "PATH", "URL", "ID", "NAME"} & set(parts[-1:])
    )


def env_files(environment: str, folder: str, files: Sequence[str]) -> tuple[str, ...]:
    """Files with an environment's variables that stand beside the Compose file: `.env.staging`, `staging.env`."""
    names = {name for sign in _PURPOSES[environment] for name in (f".env.{sign}", f"{sign}.env")}
    return tuple(
        path for path in files if PurePosixPath(path).name in names and PurePosixPath(path).parent.as_posix() == folder
    )
