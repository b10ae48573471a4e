"""What may stand in `windlass.yaml`, as models. `schema.py` makes the editors' JSON schema from them.

Only the shape of each value is judged here; what needs the repository (files, services) is judged in `load.py`.
Validators raise ValueError with what was *expected*; `problems.py` adds what was found and what to write, from the
field's first example.
"""

from __future__ import annotations

import math
import re
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator

from windlass.config.duration import PATTERN, parse_duration
from windlass.config.edge import EdgeSection as EdgeSection
from windlass.config.edge import OptionalEdge
from windlass.config.engine import OptionalEngine
from windlass.config.naming import REPOSITORY
from windlass.config.prices import CostSection
from windlass.config.retention import RetentionSection
from windlass.config.rules import ApprovalsSection, FreezeSection
from windlass.config.section import Section as Section

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]*")
NEVER = "never"
_HOST = re.compile(r"(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9a-fA-F:]+\])(?::(?P<port>\d{1,5}))?")
_PLATFORM = re.compile(r"[a-z0-9]+/[a-z0-9_]+(?:/[a-z0-9.]+)?")
_TAG_PART = re.compile(r"[A-Za-z0-9_.-]*")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def _matching(pattern: re.Pattern[str], expected: str, longest: int = 255) -> BeforeValidator:
    def check(value: Any) -> Any:
        if isinstance(value, str) and (not pattern.fullmatch(value) or len(value) > longest):
            raise ValueError(f"expected {expected}")
        return value

    return BeforeValidator(check)


def _shown(pattern: re.Pattern[str]) -> WithJsonSchema:
    """The pattern for editors, which anchor nothing by themselves."""
    return WithJsonSchema({"type": "string", "pattern": f"^(?:{pattern.pattern})$"})


def _port(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 65535:
        raise ValueError("expected a port from 1 to 65535")
    return value


def _offset(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 65534:
        raise ValueError("expected a whole number from 0 to 65534")
    return value


def _port_map(value: Any) -> Any:
    """Keys of a mapping arrive as text."""
    if not isinstance(value, dict):
        return value
    for key in value:
        if not (isinstance(key, int) or (key.isascii() and key.isdigit())) or not 1 <= int(key) <= 65535:
            raise ValueError("expected ports from 1 to 65535 as keys")
    return {int(key): item for key, item in value.items()}


def _duration(value: Any) -> Any:
    if isinstance(value, str):
        return parse_duration(value)
    raise ValueError("expected a duration such as 180s, 2m or 1h30m")


def _refresh(value: Any) -> Any:
    if value == NEVER:
        return math.inf
    try:
        return _duration(value)
    except ValueError:
        raise ValueError("expected a duration within a year such as 7d or 12h, or never") from None


def _tag(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    fixed = value.replace("{branch}", "b").replace("{sha}", "abc1234")
    if "{" in fixed or "}" in fixed:
        raise ValueError("expected a tag in which only {branch} and {sha} are replaced")
    if not fixed or not _TAG_PART.fullmatch(fixed) or fixed[0] in ".-" or len(fixed) > 128:
        raise ValueError("expected a tag of letters, digits, '_', '.' and '-', with {branch} or {sha}")
    return value


def _inside(value: Any) -> Any:
    """A path below the repository root: what a commit cannot hold cannot be delivered from one."""
    if isinstance(value, str):
        parts = value.replace("\\", "/").split("/")
        if not value or not value.isprintable() or any(len(part.encode()) > 255 for part in parts):
            raise ValueError("expected a path")
        if value.startswith(("/", "~")) or ".." in parts:
            raise ValueError("expected a path inside the repository, relative to its root")
    return value


def _registry(value: Any) -> Any:
    """The short forms: `embedded`, or just a host."""
    return {"host": value} if isinstance(value, str) else value


def _host(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    if "://" in value:
        raise ValueError("expected a host without https://")
    if "/" in value:
        raise ValueError("expected a host without a path (a path goes to prefix)")
    found = _HOST.fullmatch(value)
    if found is None or not 1 <= int(found["port"] or 1) <= 65535:
        raise ValueError("expected a host, with or without a port")
    return value


def _entries(value: Any) -> Any:
    """`name:` with nothing after it means an entry of defaults."""
    if isinstance(value, dict):
        return {key: {} if item is None else item for key, item in value.items()}
    return value


Text = Annotated[str, Field(min_length=1)]
Path = Annotated[str, BeforeValidator(_inside)]
Port = Annotated[int, BeforeValidator(_port), WithJsonSchema({"type": "integer", "minimum": 1, "maximum": 65535})]
Duration = Annotated[float, BeforeValidator(_duration), WithJsonSchema({"type": "string", "pattern": PATTERN})]
Refresh = Annotated[
    float, BeforeValidator(_refresh), WithJsonSchema({"type": "string", "pattern": f"{PATTERN}|^{NEVER}$"})
]
"""Seconds; infinity for `never`."""
Name = Annotated[
    str,
    _matching(_NAME, "lower-case letters, digits, '-' and '_', starting with a letter or digit", 63),
    _shown(_NAME),
]
Repository = Annotated[
    str,
    _matching(REPOSITORY, "a repository name: lower-case letters, digits, '.', '_', '-' and '/'"),
    _shown(REPOSITORY),
]
Variable = Annotated[str, _matching(_VARIABLE, "the name of an environment variable, not its value"), _shown(_VARIABLE)]
Platform = Annotated[str, _matching(_PLATFORM, "a platform as os/architecture"), _shown(_PLATFORM)]
Tag = Annotated[str, BeforeValidator(_tag)]


class RegistrySection(Section):
    """Where images go."""

    host: Annotated[str, BeforeValidator(_host)] = Field(
        description="Host of the registry, with its port if it has one; `embedded` is the one that Windlass runs itself.",
        examples=["registry.example.com"],
    )
    prefix: Repository = Field(
        default="", validate_default=False, description="Put before every repository name.", examples=["team"]
    )
    insecure: bool | None = Field(
        default=None,
        description="The registry speaks plain http. Default: only when it is on this machine.",
        examples=[True],
    )


class StateSection(Section):
    """Where the desired state of each environment is kept."""

    remote: Text = Field(
        description="The git remote that environment refs are pushed to. Default: kept in the local repository only.",
        examples=["origin"],
    )


class ScanSection(Section):
    """The vulnerability gate."""

    fail_on: Literal["low", "medium", "high", "critical", "never"] = Field(
        default="critical", description="Findings of this severity or above stop the release.", examples=["critical"]
    )
    ignore_unfixed: bool = Field(
        default=True, description="Findings that no version mends do not stop the release.", examples=[True]
    )
    ignore_file: Path | None = Field(
        default=None,
        description="Accepted findings, in the format of .trivyignore. Default: .trivyignore, when it exists.",
        examples=[".trivyignore"],
    )
    required: bool = Field(
        default=False, description="Without a scanner, stop instead of reporting 'not scanned'.", examples=[True]
    )


class TestSection(Section):
    """A service's unit tests: a Dockerfile target, or a command in the built image."""

    __test__ = False

    target: Text | None = Field(
        default=None, description="A stage of the service's Dockerfile whose build runs the tests.", examples=["test"]
    )
    command: Text | None = Field(
        default=None,
        description="A shell command, run in the built image.",
        examples=["python -m unittest discover -s /tests"],
    )
    files: Path | None = Field(
        default=None,
        description="A folder or file of the repository that `command` sees at /tests, read-only.",
        examples=["services/platform/tests"],
    )

    @model_validator(mode="after")
    def _one_way(self) -> TestSection:
        if (self.target is None) == (self.command is None):
            raise ValueError("expected either target or command")
        if self.files is not None and self.command is None:
            raise ValueError("expected command beside files")
        return self


class HealthSection(Section):
    """An HTTP check of a published container port. Healthy: a status below 400, or exactly `status`."""

    port: Port = Field(description="The container port; it must be published.", examples=[8443])
    path: str = Field(default="/", description="The path asked for.", pattern="^/", examples=["/health/live"])
    scheme: Literal["http", "https"] = Field(default="http", description="http or https.", examples=["https"])
    insecure: bool = Field(default=False, description="Accept a self-signed certificate.", examples=[True])
    status: int | None = Field(
        default=None, ge=100, le=599, description="The one status that counts as healthy.", examples=[200]
    )


class ServiceSection(Section):
    """What Compose cannot say about a service. The same keys may stand under `x-windlass` in the Compose service."""

    image: Repository | None = Field(
        default=None,
        description="Repository name of the image. Default: that of Compose's `image`, or the service's name.",
        examples=["crank-platform"],
    )
    singleton: bool | None = Field(
        default=None,
        description="Two containers of it must not run at once: it is stopped and started.",
        examples=[True],
    )
    heavy: bool | None = Field(
        default=None, description="Heavy on a laptop: a minimal local start leaves it out.", examples=[True]
    )
    refresh: Refresh | None = Field(
        default=None,
        description="How old the image may become before it is built anew, though nothing changed. Default: the project's.",
        examples=["7d"],
    )
    test: TestSection | None = Field(
        default=None, description="Unit tests, run in the pipeline.", examples=[{"target": "test"}]
    )
    health: list[HealthSection] | None = Field(
        default=None,
        description="Checks of the live service. Default: the Compose healthcheck, where it asks for a URL.",
        examples=[[{"port": 8443, "path": "/health/live"}]],
    )


class EnvironmentSection(Section):
    """A place that releases are deployed to."""

    branch: Text | None = Field(
        default=None, description="The branch that is deployed here. Without one: by hand only.", examples=["develop"]
    )
    target: Literal["docker"] = Field(default="docker", description="What it runs on.", examples=["docker"])
    engine: OptionalEngine = Field(
        default=None,
        description="Where the container engine is. Default: the one that `docker` talks to.",
        examples=["ssh://deploy@example.org"],
    )
    tags: list[Tag] = Field(
        default=["{branch}-{sha}"],
        description="Image tags. {branch} and {sha} are replaced; one without {sha} moves, after verification only.",
        examples=[["develop-{sha}"]],
        min_length=1,
    )
    compose: list[Path] | None = Field(
        default=None,
        description="Compose files, merged in this order. Default: the project's.",
        examples=[["docker-compose.yml"]],
        min_length=1,
    )
    port_offset: Annotated[int, BeforeValidator(_offset)] = Field(
        default=0,
        description="Added to every published port, so that two environments share one engine.",
        examples=[10000],
        json_schema_extra={"minimum": 0, "maximum": 65534},
    )
    ports: Annotated[dict[Port, Port], BeforeValidator(_port_map)] = Field(
        default={}, description="Published ports, one by one: {port in Compose: port here}.", examples=[{8443: 18443}]
    )
    env_files: list[Path] = Field(
        default=[], description="Files with variables for this environment.", examples=[[".env.staging"]]
    )
    profiles: list[Text] = Field(
        default=[], description="Compose profiles to start. None: services without a profile.", examples=[["gpu"]]
    )
    api: list[Path] = Field(
        default=[], description="API suites to run against the live environment.", examples=[["tests/api.yaml"]]
    )
    secrets: list[Variable] = Field(
        default=[],
        description="Variables that must have a value here or in env_files before anything is touched.",
        examples=[["PLATFORM_AUTH_TOKEN"]],
    )
    ready_timeout: Duration = Field(
        default=180.0,
        description="How long a service may take to become healthy, from when its container starts.",
        examples=["180s"],
    )
    verify_timeout: Duration = Field(
        default=60.0, description="How long health checks and API suites may take to pass.", examples=["60s"]
    )
    approvals: ApprovalsSection | None = Field(
        default=None, description="Whose word a release needs. Default: nobody's.", examples=[{"required": 1}]
    )
    freeze: list[FreezeSection] = Field(
        default=[],
        description="Times without deployments; rollbacks go on.",
        examples=[[{"begin": "Fri 16:00", "end": "Mon 06:00"}]],
    )
    edge: OptionalEdge = Field(
        default=EdgeSection(),
        description="The proxy in front of the services; `false` stops and starts services instead.",
        examples=[{"watch": "10s"}],
    )


class ProjectSection(Section):
    """The whole file."""

    project: Name = Field(description="The project's name.", examples=["crank"])
    registry: Annotated[RegistrySection, BeforeValidator(_registry)] = Field(
        default=RegistrySection(host="embedded"),
        description="Where images go: `embedded`, a host, or a mapping.",
        examples=["embedded"],
    )
    platforms: list[Platform] = Field(
        default=["linux/amd64", "linux/arm64"],
        description="What every image is built for.",
        examples=[["linux/amd64", "linux/arm64"]],
        min_length=1,
    )
    compose: list[Path] | None = Field(
        default=None,
        description="Compose files where builds are declared. Default: the ones Compose itself would take.",
        examples=[["docker-compose.yml"]],
        min_length=1,
    )
    builder: Literal["auto", "buildx", "buildah"] = Field(
        default="auto", description="What builds images.", examples=["auto"]
    )
    parallel: int = Field(default=2, ge=1, le=64, description="How many images are built at once.", examples=[2])
    refresh: Refresh | None = Field(
        default=None,
        description="How old images may become before they are built anew, though nothing changed. Default: `never`.",
        examples=["7d"],
    )
    state: StateSection | None = Field(
        default=None, description="Where desired state is kept.", examples=[{"remote": "origin"}]
    )
    scan: ScanSection = Field(
        default=ScanSection(), description="The vulnerability gate.", examples=[{"fail_on": "critical"}]
    )
    cost: CostSection = Field(
        default=CostSection(), description="Prices that `registry cost` counts with.", examples=[{"tier": "basic"}]
    )
    retention: RetentionSection = Field(
        default=RetentionSection(), description="What a clean-up of the registry keeps.", examples=[{"keep": 10}]
    )
    services: Annotated[dict[str, ServiceSection], BeforeValidator(_entries)] = Field(
        default={}, description="By Compose service: what Compose cannot say.", examples=[{"platform": {"heavy": True}}]
    )
    environments: Annotated[dict[Name, EnvironmentSection], BeforeValidator(_entries)] = Field(
        default={},
        description="Places that releases are deployed to.",
        examples=[{"staging": {"branch": "develop"}}],
    )
