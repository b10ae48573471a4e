"""The text of a `windlass.yaml` that `init` writes: short, commented, the same every time. Pure."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from windlass.config.problems import flow
from windlass.model.project import HealthCheck

_WIDTH = 78


@dataclass(frozen=True, slots=True)
class ServiceDraft:
    """What is written about a service; `image` only where it is not the default."""

    name: str
    image: str | None = None
    heavy: bool = False
    test_target: str | None = None
    health: HealthCheck | None = None


@dataclass(frozen=True, slots=True)
class EnvironmentDraft:
    name: str
    branch: str
    tags: tuple[str, ...]
    compose: tuple[str, ...]
    comments: tuple[str, ...]
    port_offset: int = 0
    ports: Mapping[int, int] = field(default_factory=dict)
    env_files: tuple[str, ...] = ()
    secrets: tuple[str, ...] = ()
    optional_secrets: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Draft:
    """Everything that goes into the file. `*_comments` are whole sentences, one a list entry."""

    project: str
    project_comment: str
    registry_hint: tuple[str, str] | None
    compose: tuple[str, ...]
    compose_comments: tuple[str, ...]
    services: tuple[ServiceDraft, ...]
    services_comments: tuple[str, ...]
    environments: tuple[EnvironmentDraft, ...]


def render(draft: Draft) -> str:
    lines = [
        *_comment(["Windlass: how this repository's services are built and delivered. Written by windlass init."]),
        "",
        *_comment([draft.project_comment]),
        f"project: {flow(draft.project)}",
        "",
        *_comment(["Windlass runs this registry itself; any other is named by its host."]),
        "registry: embedded",
    ]
    if draft.registry_hint is not None:
        host, source = draft.registry_hint
        lines += [*_comment([f"{source} names this one:"]), f"# registry: {host}"]
    lines += ["", "platforms: [linux/amd64, linux/arm64]", ""]
    lines += [*_comment(draft.compose_comments), *_list("compose", draft.compose, "")]
    written = [service for service in draft.services if _service(service)]
    if written:
        lines += ["", *_comment(draft.services_comments), "services:"]
        for service in written:
            lines += [f"  {flow(service.name)}:", *_service(service)]
    lines += ["", "environments:"]
    for environment in draft.environments:
        lines += _environment(environment, draft.compose)
    return "\n".join(lines) + "\n"


def _service(service: ServiceDraft) -> list[str]:
    lines = []
    if service.image is not None:
        lines.append(f"    image: {flow(service.image)}")
    if service.heavy:
        lines.append("    heavy: true")
    if service.test_target is not None:
        lines.append(f"    test: {{target: {flow(service.test_target)}}}")
    if service.health is not None:
        check = service.health
        said: dict[str, object] = {"port": check.port, "path": check.path}
        if check.scheme != "http":
            said["scheme"] = check.scheme
        if check.insecure:
            said["insecure"] = True
        lines.append(f"    health: [{flow(said)}]")
    return lines


def _environment(environment: EnvironmentDraft, compose: tuple[str, ...]) -> list[str]:
    lines = [*_comment(environment.comments, "  "), f"  {environment.name}:", f"    branch: {flow(environment.branch)}"]
    lines += _list("tags", environment.tags, "    ", quoted=True)
    if environment.compose != compose:
        lines += _list("compose", environment.compose, "    ")
    if environment.port_offset:
        lines.append(f"    port_offset: {environment.port_offset}")
    if environment.ports:
        lines.append("    ports:")
        lines += [f"      {port}: {here}" for port, here in sorted(environment.ports.items())]
    if environment.env_files:
        lines += _list("env_files", environment.env_files, "    ")
    if environment.secrets:
        lines += _list("secrets", environment.secrets, "    ")
    if environment.optional_secrets:
        lines += _comment(["The Compose file has a default for these; insist on a value:"], "    ")
        lines += [f"    # {line.strip()}" for line in _list("secrets", environment.optional_secrets, "")]
    return lines


def _list(key: str, items: Iterable[str], indent: str, *, quoted: bool = False) -> list[str]:
    """A list on one line, or an entry a line where that is too long."""
    written = [f'"{item}"' if quoted else flow(item) for item in items]
    line = f"{indent}{key}: [{', '.join(written)}]"
    if len(line) <= _WIDTH:
        return [line]
    return [f"{indent}{key}:", *(f"{indent}  - {item}" for item in written)]


def _comment(sentences: Iterable[str], indent: str = "") -> list[str]:
    lines = []
    for sentence in sentences:
        start = f"{indent}# "
        rest = f"{indent}#   " if sentence.startswith("- ") else start
        lines += textwrap.wrap(
            sentence,
            _WIDTH,
            initial_indent=start,
            subsequent_indent=rest,
            break_long_words=False,
            break_on_hyphens=False,
        )
    return lines
