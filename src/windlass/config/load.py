"""`windlass.yaml` and the Compose files that declare builds, as one frozen Project."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from windlass.config.build import build_spec
from windlass.config.health import from_compose
from windlass.config.images import repository_of
from windlass.config.yaml import Document, Keys, read
from windlass.errors import ConfigError
from windlass.model.project import (
    Environment,
    HealthCheck,
    Project,
    RegistrySpec,
    ScanPolicy,
    Service,
    TestSpec,
)

if TYPE_CHECKING:
    from windlass.config.models import EnvironmentSection, ProjectSection, RegistrySection, ServiceSection

FILE = "windlass.yaml"
DEFAULT_COMPOSE = ("compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml")
"""What Compose takes without `-f`, in its order."""

_EMBEDDED_PORT = 5077


def load_project(root: Path, *, directory: Path | None = None) -> Project:
    """What the user declared, resolved.

    Args:
        root: the checkout (`Project.root`).
        directory: where files are read from when that is not the checkout, such as a materialised commit.

    Raises:
        ConfigError: something in windlass.yaml or a Compose file is wrong; one line that says where and what to write.
        EnvironmentUnusable: Docker Compose is not installed.
    """
    from windlass.compose import load as compose

    root = _absolute(root)
    directory = _absolute(directory) if directory is not None else root
    document = _document(directory)
    section = _section(document)
    files = _compose_files(section, document, directory)
    _environments_agree(section, document, directory)
    folder = compose.project_directory(files)
    loaded = compose.read(
        [directory / name for name in files],
        directory=directory / folder,
        project=section.project,
        checkout=root / folder,
        builds_only=True,
    )
    model = compose.unescape(loaded.model)
    services = _services(section, document, model, files, directory=directory, root=root)
    return Project(
        name=section.project,
        root=root,
        registry=_registry(section.registry),
        platforms=tuple(dict.fromkeys(section.platforms)),
        compose=files,
        services=services,
        environments=tuple(_environment(name, env, files) for name, env in section.environments.items()),
        scan=_scan(section, document, directory),
        builder=section.builder,
        parallel=section.parallel,
        state_remote=section.state.remote if section.state else None,
        warnings=loaded.warnings,
    )


def _absolute(path: Path) -> Path:
    """As Compose makes paths absolute: symbolic links stay, so that its output can be made relative again."""
    return Path(os.path.normpath(Path.cwd() / path))


def _document(directory: Path) -> Document:
    path = directory / FILE
    if not path.exists():
        raise ConfigError(f"there is no {FILE} in {directory}; run windlass init to write one")
    document = read(path, FILE)
    if document.value is None:
        raise ConfigError("the file is empty; write project: NAME, or run windlass init --force", where=FILE)
    return document


def _section(document: Document) -> ProjectSection:
    from windlass.config.models import ProjectSection
    from windlass.config.problems import validate

    if not isinstance(document.value, dict):
        found = "a list" if isinstance(document.value, list) else f"'{str(document.value)[:40]}'"
        raise ConfigError(f"expected a mapping, found {found}; write project: NAME", where=document.where(()))
    return validate(ProjectSection, document.value, document)


# -- files ----------------------------------------------------------------------------------------------------------


def _compose_files(section: ProjectSection, document: Document, directory: Path) -> tuple[str, ...]:
    if section.compose is None:
        for name in DEFAULT_COMPOSE:
            if (directory / name).is_file():
                return (name, *_override(directory, name))
        raise ConfigError(
            f"no Compose file here: none of {', '.join(DEFAULT_COMPOSE)}; write compose: [PATH]",
            where=FILE,
        )
    for at, name in enumerate(section.compose):
        _must_exist(directory, name, document, ("compose", at))
    return tuple(section.compose)


def _override(directory: Path, name: str) -> tuple[str, ...]:
    """The file that Compose merges by itself when no `-f` is given."""
    stem = name.rpartition(".")[0]
    for suffix in ("yml", "yaml"):
        if (directory / f"{stem}.override.{suffix}").is_file():
            return (f"{stem}.override.{suffix}",)
    return ()


def _must_exist(directory: Path, name: str, document: Document, keys: Keys) -> None:
    path = directory / name
    if path.is_file():
        return
    if path.is_dir():
        raise ConfigError(
            f"expected a file, found the folder {name}; write the path of a file", where=document.where(keys)
        )
    raise ConfigError(f"there is no file {name}; write the path of one, relative to {FILE}", where=document.where(keys))


def _environments_agree(section: ProjectSection, document: Document, directory: Path) -> None:
    """Two environments cannot follow one branch, and each one's files exist. `env_files` may be absent here: they
    hold secrets, and only the machine that deploys has them."""
    branches: dict[str, str] = {}
    for name, env in section.environments.items():
        at: Keys = ("environments", name)
        if env.branch is not None and env.branch in branches:
            raise ConfigError(
                f"the branch {env.branch} belongs to {branches[env.branch]} already; write another branch, or leave it out",
                where=document.where((*at, "branch")),
            )
        if env.branch is not None:
            branches[env.branch] = name
        for key, names in (("compose", env.compose or ()), ("api", env.api)):
            for index, file in enumerate(names):
                _must_exist(directory, file, document, (*at, key, index))


def _scan(section: ProjectSection, document: Document, directory: Path) -> ScanPolicy:
    scan = section.scan
    ignore = scan.ignore_file
    if ignore is not None:
        _must_exist(directory, ignore, document, ("scan", "ignore_file"))
    elif (directory / ".trivyignore").is_file():
        ignore = ".trivyignore"
    return ScanPolicy(scan.fail_on, scan.ignore_unfixed, ignore, scan.required)


# -- values ---------------------------------------------------------------------------------------------------------


def _registry(section: RegistrySection) -> RegistrySpec:
    if section.host == "embedded":
        return RegistrySpec(f"localhost:{embedded_port()}", section.prefix, embedded=True, insecure=True)
    name = section.host.rpartition(":")[0] if section.host[-1:].isdigit() and ":" in section.host else section.host
    here = name in ("localhost", "[::1]") or name.startswith("127.")
    return RegistrySpec(section.host, section.prefix, insecure=here if section.insecure is None else section.insecure)


def embedded_port() -> int:
    """Where the embedded registry listens on loopback: `WINDLASS_REGISTRY_PORT`, or 5077.

    Raises:
        ConfigError: the variable is not a port.
    """
    text = os.environ.get("WINDLASS_REGISTRY_PORT", "").strip()
    if not text:
        return _EMBEDDED_PORT
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:6]) <= 65535):
        raise ConfigError(
            f"expected a port from 1 to 65535, found {text[:40]}; write WINDLASS_REGISTRY_PORT={_EMBEDDED_PORT}",
            where="environment: WINDLASS_REGISTRY_PORT",
        )
    return int(text)


def _environment(name: str, env: EnvironmentSection, files: tuple[str, ...]) -> Environment:
    return Environment(
        name=name,
        branch=env.branch,
        compose=tuple(env.compose) if env.compose is not None else files,
        tags=tuple(dict.fromkeys(env.tags)),
        target=env.target,
        profiles=tuple(env.profiles),
        port_offset=env.port_offset,
        ports=dict(env.ports),
        env_files=tuple(env.env_files),
        api=tuple(env.api),
        secrets=tuple(env.secrets),
        ready_timeout=env.ready_timeout,
        verify_timeout=env.verify_timeout,
    )


# -- services -------------------------------------------------------------------------------------------------------


def _services(
    section: ProjectSection,
    document: Document,
    model: Mapping[str, Any],
    files: tuple[str, ...],
    *,
    directory: Path,
    root: Path,
) -> tuple[Service, ...]:
    declared: Mapping[str, Any] = model.get("services") or {}
    where = f"{', '.join(files)}: services"
    if not declared:
        raise ConfigError("no services in it; name the Compose file that declares your builds", where=where)
    for name in section.services:
        if name not in declared:
            from windlass.config.problems import suggestion

            raise ConfigError(
                suggestion(name, list(declared), f"there is no service '{name}' in {', '.join(files)}"),
                where=document.where(("services", name)),
            )
    from windlass.config.extras import merged

    services = tuple(
        _service(
            name, service, merged(name, service, section.services.get(name), files, directory), model, directory, root
        )
        for name, service in declared.items()
    )
    if not any(service.build for service in services):
        raise ConfigError(
            f"none of its {len(services)} services has a build section; name the Compose file that declares your builds",
            where=where,
        )
    _extras_apply(section, services, document, files, directory)
    _images_differ(services, document)
    return services


def _extras_apply(
    section: ProjectSection, services: tuple[Service, ...], document: Document, files: tuple[str, ...], directory: Path
) -> None:
    """What is said about a service fits it: tests exist, images are named where they are built."""
    from windlass.config.models import REPOSITORY

    for service in services:
        own = section.services.get(service.name)
        at: Keys = ("services", service.name)
        if own is not None and service.build is None:
            for key in ("image", "test"):
                if getattr(own, key) is not None:
                    raise ConfigError(
                        f"{service.name} has no build section in {', '.join(files)}; take {key} out",
                        where=document.where((*at, key)),
                    )
        if service.test and service.test.files and not (directory / service.test.files).exists():
            here = own is not None and own.test is not None
            raise ConfigError(
                f"there is no file or folder {service.test.files}; write one, relative to {FILE}",
                where=document.where((*at, "test", "files"))
                if here
                else f"{', '.join(files)}: services.{service.name}.x-windlass.test.files",
            )
        if service.build is not None and not REPOSITORY.fullmatch(service.image):
            raise ConfigError(
                f"'{service.image}' cannot name an image; write services: {{{service.name}: {{image: NAME}}}}",
                where=document.where(at),
            )


def _service(
    name: str,
    service: Mapping[str, Any],
    extras: ServiceSection,
    model: Mapping[str, Any],
    directory: Path,
    root: Path,
) -> Service:
    section = service.get("build")
    build = None
    if section is not None:
        build = build_spec(
            name, section, model.get("secrets") or {}, directory=directory, root=root, environ=os.environ
        )
    image = str(service.get("image") or "")
    return Service(
        name=name,
        image=image if build is None else extras.image or repository_of(image) or name.lower(),
        build=build,
        test=TestSpec(extras.test.target, extras.test.command, extras.test.files) if extras.test else None,
        heavy=bool(extras.heavy),
        profiles=tuple(service.get("profiles") or ()),
        depends_on=tuple(service.get("depends_on") or ()),
        health=_health(name, service, extras),
        reference=image or None,
    )


def _health(name: str, service: Mapping[str, Any], extras: ServiceSection) -> tuple[HealthCheck, ...]:
    if extras.health is not None:
        return tuple(
            HealthCheck(name, item.port, item.path, item.scheme, item.insecure, item.status) for item in extras.health
        )
    found = from_compose(name, service)
    return (found,) if found else ()


def _images_differ(services: tuple[Service, ...], document: Document) -> None:
    """Two services may share an image only when they build the same one."""
    seen: dict[str, Service] = {}
    for service in services:
        if service.build is None:
            continue
        other = seen.setdefault(service.image, service)
        if other.build != service.build:
            raise ConfigError(
                f"the services {other.name} and {service.name} build different images named {service.image}; "
                f"write services: {{{service.name}: {{image: NAME}}}}",
                where=document.where(("services", service.name, "image")),
            )
