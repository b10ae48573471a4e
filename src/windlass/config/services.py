"""The services of the Compose files, with what windlass.yaml and `x-windlass` say about them."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from windlass.compose.images import repository_of
from windlass.config.build import build_spec
from windlass.config.extras import merged
from windlass.config.health import from_compose
from windlass.config.yaml import Document, Keys, one_line
from windlass.errors import ConfigError
from windlass.model.project import HealthCheck, Service, TestSpec

if TYPE_CHECKING:
    from windlass.config.models import ServiceSection


@dataclass(frozen=True, slots=True)
class Sources:
    """Where things stand: the parsed windlass.yaml, the Compose files (relative to `directory`), the checkout's `root`."""

    document: Document
    files: tuple[str, ...]
    directory: Path
    root: Path

    @property
    def named(self) -> str:
        return ", ".join(self.files)


def services(
    sections: Mapping[str, ServiceSection],
    model: Mapping[str, Any],
    sources: Sources,
    *,
    refresh: float | None = None,
) -> tuple[Service, ...]:
    """All services, in Compose's order.

    Args:
        sections: `services` of windlass.yaml.
        model: the unescaped Compose model.
        refresh: the project's interval, for services that have none of their own.

    Raises:
        ConfigError: nothing is built, or what is said about a service does not fit it.
    """
    declared: Mapping[str, Any] = model.get("services") or {}
    if not declared:
        raise ConfigError("no services; name the Compose file that declares your builds", where=sources.named)
    _known(sections, declared, sources)
    found = tuple(
        _service(name, service, sections.get(name), model, sources, refresh) for name, service in declared.items()
    )
    if not any(service.build for service in found):
        raise ConfigError(
            f"none of its {len(found)} services has a build section; name the Compose file that declares your builds",
            where=f"{sources.named}: services",
        )
    _images_differ(found, sources.document)
    return found


def _known(sections: Iterable[str], declared: Mapping[str, Any], sources: Sources) -> None:
    for name in sections:
        if name not in declared:
            from windlass.config.problems import suggestion

            raise ConfigError(
                suggestion(name, list(declared), f"there is no service '{one_line(name)}' in {sources.named}"),
                where=sources.document.where(("services", name)),
            )


def _service(
    name: str,
    compose: Mapping[str, Any],
    own: ServiceSection | None,
    model: Mapping[str, Any],
    sources: Sources,
    refresh: float | None,
) -> Service:
    extras = merged(name, compose, own, sources.files, sources.directory)
    section = compose.get("build")
    build = None
    if section is not None:
        build = build_spec(
            name,
            section,
            model.get("secrets") or {},
            directory=sources.directory,
            root=sources.root,
            environ=os.environ,
        )
    image = str(compose.get("image") or "")
    service = Service(
        name=name,
        image=image if build is None else extras.image or repository_of(image) or name.lower(),
        build=build,
        test=TestSpec(extras.test.target, extras.test.command, extras.test.files) if extras.test else None,
        heavy=bool(extras.heavy),
        singleton=bool(extras.singleton),
        profiles=tuple(compose.get("profiles") or ()),
        depends_on=tuple(compose.get("depends_on") or ()),
        health=_health(name, compose, extras),
        reference=image or None,
        refresh=_refresh(refresh if extras.refresh is None else extras.refresh) if build is not None else None,
    )
    _fits(service, extras, own, sources)
    return service


def _refresh(seconds: float | None) -> float | None:
    return seconds if seconds is not None and math.isfinite(seconds) else None


def _health(name: str, compose: Mapping[str, Any], extras: ServiceSection) -> tuple[HealthCheck, ...]:
    if extras.health is not None:
        return tuple(
            HealthCheck(name, item.port, item.path, item.scheme, item.insecure, item.status) for item in extras.health
        )
    found = from_compose(name, compose)
    return (found,) if found else ()


def _fits(service: Service, extras: ServiceSection, own: ServiceSection | None, sources: Sources) -> None:
    """Images and tests are those of something that is built; test files exist; the image's name can be one."""
    from windlass.config.naming import REPOSITORY

    def where(key: str, *rest: str) -> str:
        if own is not None and getattr(own, key) is not None:
            keys: Keys = ("services", service.name, key, *rest)
            return sources.document.where(keys)
        return f"{sources.named}: {'.'.join(('services', service.name, 'x-windlass', key, *rest))}"

    if service.build is None:
        for key in ("image", "test", "refresh"):
            if getattr(extras, key) is not None:
                raise ConfigError(f"{service.name} has no build section; take {key} out", where=where(key))
        return
    if service.test and service.test.files and not (sources.directory / service.test.files).exists():
        raise ConfigError(
            f"there is no file or folder {service.test.files}; write one, relative to the repository's root",
            where=where("test", "files"),
        )
    if not REPOSITORY.fullmatch(service.image):
        raise ConfigError(
            f"'{service.image}' cannot name an image; write services: {{{service.name}: {{image: NAME}}}}",
            where=sources.document.where(("services", service.name)),
        )


def _images_differ(found: Iterable[Service], document: Document) -> None:
    """Two services may share an image only when they build the same one."""
    seen: dict[str, Service] = {}
    for service in found:
        if service.build is None:
            continue
        other = seen.setdefault(service.image, service)
        if other.build != service.build:
            raise ConfigError(
                f"the services {other.name} and {service.name} build different images named {service.image}; "
                f"write services: {{{service.name}: {{image: NAME}}}}",
                where=document.where(("services", service.name, "image")),
            )
