"""`windlass.yaml` and the Compose files that declare builds, as one frozen Project."""

from __future__ import annotations

import math
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from windlass.config.ahead import Ahead
from windlass.config.services import Sources, services
from windlass.config.yaml import Document, Keys, one_line, read
from windlass.errors import ConfigError
from windlass.model.prices import AZURE, Prices, Tier
from windlass.model.project import (
    EdgeSpec,
    EngineSpec,
    Environment,
    Project,
    RegistrySpec,
    ScanPolicy,
)
from windlass.model.retention import USUAL, RetentionPolicy

if TYPE_CHECKING:
    from windlass.compose.load import Loaded
    from windlass.config.models import EnvironmentSection, ProjectSection, RegistrySection
    from windlass.config.prices import CostSection
    from windlass.config.retention import RetentionSection
    from windlass.model.rules import ApprovalRule, Freeze

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
    ahead = _start(document, directory, root)
    try:
        section = _section(document)
        files = _compose_files(section, document, directory)
        _environments_agree(section, document, directory)
        policy = _scan(section, document, directory)
    except ConfigError:
        if ahead is not None:
            ahead.abandon()
        raise
    loaded = ahead.result() if ahead is not None else _read(files, section.project, directory, root)
    model = compose.unescape(loaded.model)
    found = services(section.services, model, Sources(document, files, directory, root), refresh=section.refresh)
    _edges_lead_to(section, [service.name for service in found], document)
    return Project(
        name=section.project,
        root=root,
        registry=_registry(section.registry),
        platforms=tuple(dict.fromkeys(section.platforms)),
        compose=files,
        services=found,
        environments=tuple(_environment(name, env, files, root) for name, env in section.environments.items()),
        scan=policy,
        builder=section.builder,
        parallel=section.parallel,
        state_remote=section.state.remote if section.state else None,
        warnings=loaded.warnings,
        prices=_prices(section.cost),
        retention=_retention(section.retention),
    )


def _read(files: tuple[str, ...], project: str, directory: Path, root: Path) -> Loaded:
    from windlass.compose import load as compose
    from windlass.compose.known import Question

    folder = compose.project_directory(files)
    paths = [directory / name for name in files]
    dotenv = directory / folder / ".env"
    question = Question(paths, directory / folder, project, dotenv if dotenv.exists() else root / folder / ".env")
    if (known := question.recall()) is not None:
        return compose.Loaded(known)
    loaded = compose.read(
        paths,
        directory=directory / folder,
        project=project,
        checkout=root / folder,
        builds_only=True,
        shown_from=directory,
    )
    if not loaded.warnings and not loaded.unset:
        question.remember(loaded.model)
    return loaded


def _start(document: Document, directory: Path, root: Path) -> Ahead[Loaded] | None:
    """Start Compose while the models, which take as long to import, judge windlass.yaml.

    Only where there is no doubt what will be asked of it; otherwise it is asked afterwards.
    """
    value = document.value if isinstance(document.value, dict) else {}
    project, files = value.get("project"), value.get("compose")
    if not isinstance(project, str) or not re.fullmatch(r"[a-z0-9][a-z0-9_-]*", project):
        return None
    if not isinstance(files, list) or not files:
        return None
    if not all(isinstance(name, str) and _is_inside(name) and (directory / name).is_file() for name in files):
        return None
    return Ahead(lambda: _read(tuple(files), project, directory, root))


def _is_inside(name: str) -> bool:
    return name.isprintable() and len(name) < 200 and not name.startswith(("/", "~")) and ".." not in name


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
    from windlass.config import known

    if (section := known.recall(document.data)) is not None:
        return section
    from windlass.config.models import ProjectSection
    from windlass.config.problems import validate

    if not isinstance(document.value, dict):
        found = "a list" if isinstance(document.value, list) else f"'{one_line(str(document.value))}'"
        raise ConfigError(f"expected a mapping, found {found}; write project: NAME", where=document.where(()))
    section = validate(ProjectSection, document.value, document)
    known.remember(document.data, section)
    return section


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
    raise ConfigError(
        f"there is no file {name}; write the path of one, relative to the repository's root", where=document.where(keys)
    )


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
        tls = env.engine is not None and env.engine.host.startswith("tcp://") and not env.engine.registry_reachable
        if tls and section.registry.host == "embedded":
            raise ConfigError(
                "an engine elsewhere does not reach the embedded registry by tcp; write ssh://, use a registry that both "
                "reach, or registry_reachable: true where a tunnel of your own leads there",
                where=document.where((*at, "engine")),
            )
        for key, names in (("compose", env.compose or ()), ("api", env.api)):
            for index, file in enumerate(names):
                _must_exist(directory, file, document, (*at, key, index))


def _edges_lead_to(section: ProjectSection, services: list[str], document: Document) -> None:
    """What edges are to do is for services that exist. Where an environment has Compose files of its own, a deployment
    looks."""
    for name, env in section.environments.items():
        if env.edge is None or env.compose is not None:
            continue
        at: Keys = ("environments", name, "edge")
        named: list[tuple[str, Keys]] = [
            (entry.service, (*at, "tls", index, "service")) for index, entry in enumerate(env.edge.tls)
        ]
        named += [
            (place.rpartition(":")[0], (*at, "sni")) for routes in env.edge.sni.values() for place in routes.values()
        ]
        for service, keys in named:
            if service not in services:
                from windlass.config.problems import suggestion

                raise ConfigError(
                    suggestion(service, services, f"there is no service '{one_line(service)}'"),
                    where=document.where(keys),
                )


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


def _prices(section: CostSection) -> Prices:
    tiers = tuple(
        Tier(name, tier.month, tier.included_gib, tier.gib_month, tier.most_gib) for name, tier in section.tiers.items()
    )
    return Prices(section.currency, section.as_of or AZURE.as_of, tiers or AZURE.tiers, section.tier)


def _retention(section: RetentionSection) -> RetentionPolicy:
    return RetentionPolicy(
        keep=section.keep,
        branches=tuple(section.branches.items()),
        older_than=section.older_than or 0.0,
        idle=USUAL.idle if section.idle is None else None if section.idle == math.inf else section.idle,
        rollback=section.rollback,
        cache=section.cache or USUAL.cache,
        tests=section.tests or USUAL.tests,
    )


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


def _environment(name: str, env: EnvironmentSection, files: tuple[str, ...], root: Path) -> Environment:
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
        approvals=_approvals(env),
        freeze=_freezes(env),
        engine=_engine(env, root),
        edge=_edge(env, root),
    )


def _edge(env: EnvironmentSection, root: Path) -> EdgeSpec | None:
    section = env.edge
    if section is None:
        return None
    if section.tls or section.sni:
        from windlass.config.edge import edge

        return edge(section, root)
    return EdgeSpec(section.image, section.drain, section.watch, section.warm)


def _approvals(env: EnvironmentSection) -> ApprovalRule | None:
    if env.approvals is None:
        return None
    from windlass.config.rules import rule

    return rule(env.approvals)


def _engine(env: EnvironmentSection, root: Path) -> EngineSpec | None:
    if env.engine is None:
        return None
    from windlass.config.engine import engine

    return engine(env.engine, root)


def _freezes(env: EnvironmentSection) -> tuple[Freeze, ...]:
    if not env.freeze:
        return ()
    from windlass.config.rules import freeze

    return tuple(freeze(section) for section in env.freeze)
