"""A project: what `windlass.yaml` and the user's Compose files say together, resolved and frozen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from windlass.model.prices import AZURE, Prices
from windlass.model.retention import USUAL, RetentionPolicy

if TYPE_CHECKING:
    from windlass.model.rules import ApprovalRule, Freeze


@dataclass(frozen=True, slots=True)
class BuildSecret:
    """A build secret by id, and where its value comes from: an environment variable or a file. Never the value."""

    id: str
    environment: str | None = None
    file: str | None = None


@dataclass(frozen=True, slots=True)
class BuildSpec:
    """Compose's `build` section of one service. Paths are relative to the repository root, POSIX style, "." the root.

    `context` may also be a remote URL or a path outside the repository (absolute): both count as changed at every plan.
    `dockerfile` is relative to the repository root too (Compose writes it relative to the context), unless
    `dockerfile_inline` holds its text. `contexts` maps a name to `service:NAME`, `docker-image://REF`, a URL or a path.
    `args` values may be private: show their names only. `options` are further settings of the build as (name, value), named
    as docker buildx names them: add-host, shm-size, ulimit, allow.
    """

    context: str
    dockerfile: str
    dockerfile_inline: str | None = None
    target: str | None = None
    args: Mapping[str, str] = field(default_factory=dict)
    contexts: Mapping[str, str] = field(default_factory=dict)
    secrets: tuple[BuildSecret, ...] = ()
    ssh: tuple[str, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    network: str | None = None
    platforms: tuple[str, ...] = ()
    options: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class TestSpec:
    """A service's unit tests: a Dockerfile `target`, or a shell `command` run in the built image with `files` at `/tests`.

    `files` is a path relative to the repository root, mounted read-only.
    """

    __test__ = False

    target: str | None = None
    command: str | None = None
    files: str | None = None


@dataclass(frozen=True, slots=True)
class HealthCheck:
    """An HTTP check of a published container port: healthy when the status is below 400 (or equal to `status`)."""

    service: str
    port: int
    path: str = "/"
    scheme: Literal["http", "https"] = "http"
    insecure: bool = False
    status: int | None = None


@dataclass(frozen=True, slots=True)
class Service:
    """One service of the Compose file. `image` is its repository name inside the registry when `build` is set.

    `reference` is Compose's `image:` as written, by which other Dockerfiles may name the service's image. `refresh` is how
    old the image may become, in seconds, before it is built anew though nothing changed. Two containers of a `singleton`
    must not run at once.
    """

    name: str
    image: str
    build: BuildSpec | None = None
    test: TestSpec | None = None
    heavy: bool = False
    profiles: tuple[str, ...] = ()
    depends_on: tuple[str, ...] = ()
    health: tuple[HealthCheck, ...] = ()
    reference: str | None = None
    refresh: float | None = None
    singleton: bool = False


@dataclass(frozen=True, slots=True)
class RegistrySpec:
    """Where images go. `host` is `localhost:5077` style, without scheme; `prefix` is put before every repository name."""

    host: str
    prefix: str = ""
    embedded: bool = False
    insecure: bool = False

    def repository(self, image: str) -> str:
        """The repository of an image name, without the host: `prefix/image`."""
        return f"{self.prefix}/{image}" if self.prefix else image


@dataclass(frozen=True, slots=True)
class TlsSpec:
    """A container port for which TLS ends at the edge, and begins again on the way to the container.

    `certificate`, `key` and `upstream_ca` are absolute paths of PEM files; without a `key` it is in the certificate's file.
    `upstream_ca` vouches for the container's certificate, which is not looked at when it is ""; `upstream_name` is the name
    in it, the service's by default.
    """

    service: str
    port: int
    certificate: str
    key: str = ""
    upstream_ca: str = ""
    upstream_name: str = ""


@dataclass(frozen=True, slots=True)
class SniSpec:
    """Connections to a published `port` whose client asks for `name` are passed on to a container port, `target`, as they
    are. `name` is in lower case; `*.` at its beginning stands for one label."""

    port: int
    name: str
    service: str
    target: int


@dataclass(frozen=True, slots=True)
class EdgeSpec:
    """The proxy through which users reach an environment, so that a release is a switch. Times are in seconds.

    `drain` is how long requests and connections under way get before their container is asked to end; `watch` how long the
    services are watched for errors after the switch; `warm` how long the containers before it are kept running. `tls` are
    the ports where it ends TLS itself, `sni` those that several services share.
    """

    image: str = "haproxy:lts"
    drain: float = 30.0
    watch: float = 3.0
    warm: float = 3600.0
    tls: tuple[TlsSpec, ...] = ()
    sni: tuple[SniSpec, ...] = ()


@dataclass(frozen=True, slots=True)
class EngineSpec:
    """A container engine elsewhere. `host`: `ssh://user@host`, `tcp://host:2376` (TLS), `unix:///socket` or `context:NAME`.

    `certificates` is the folder with ca.pem, cert.pem and key.pem; `identity` and `known_hosts` are files for `ssh`;
    `address` is the host name of published ports, where it is another one. All are "" for what Docker and ssh take.
    `registry_reachable`: a registry on this machine's loopback is reached from there under the same name.
    """

    host: str
    certificates: str = ""
    identity: str = ""
    known_hosts: str = ""
    address: str = ""
    registry_reachable: bool = False


@dataclass(frozen=True, slots=True)
class Environment:
    """A place releases are deployed to.

    `tags` are templates over `{branch}`, `{sha}`; a template without `{sha}` is a moving tag and is set only after
    verification. `ports` maps a published port to the one used here; `port_offset` is added to all others. `api` names
    API suite files relative to the repository root. Times are in seconds. Without an `edge` services are stopped and started.
    `approvals` and `freeze` hold deployments back, and never a rollback. Without an `engine`, it is the user's own.
    """

    name: str
    branch: str | None
    compose: tuple[str, ...]
    tags: tuple[str, ...]
    target: Literal["docker"] = "docker"
    profiles: tuple[str, ...] = ()
    port_offset: int = 0
    ports: Mapping[int, int] = field(default_factory=dict)
    env_files: tuple[str, ...] = ()
    api: tuple[str, ...] = ()
    secrets: tuple[str, ...] = ()
    ready_timeout: float = 180.0
    verify_timeout: float = 60.0
    edge: EdgeSpec | None = EdgeSpec()
    approvals: ApprovalRule | None = None
    freeze: tuple[Freeze, ...] = ()
    engine: EngineSpec | None = None


@dataclass(frozen=True, slots=True)
class ScanPolicy:
    """The gate: findings at or above `fail_on` stop the release; `required` makes a missing scanner stop it too."""

    fail_on: Literal["low", "medium", "high", "critical", "never"] = "critical"
    ignore_unfixed: bool = True
    ignore_file: str | None = None
    required: bool = False


@dataclass(frozen=True, slots=True)
class Project:
    """Everything the user declared. `root` is the absolute path of the checkout; `compose` the files builds come from.

    `warnings` are sentences about things that work but may not be meant, such as variables without a value.
    """

    name: str
    root: Path
    registry: RegistrySpec
    platforms: tuple[str, ...]
    compose: tuple[str, ...]
    services: tuple[Service, ...]
    environments: tuple[Environment, ...]
    scan: ScanPolicy = ScanPolicy()
    builder: Literal["auto", "buildx", "buildah"] = "auto"
    parallel: int = 2
    state_remote: str | None = None
    warnings: tuple[str, ...] = ()
    retention: RetentionPolicy = USUAL
    prices: Prices = AZURE

    @property
    def buildable(self) -> tuple[Service, ...]:
        """The services that Windlass builds, in file order."""
        return tuple(service for service in self.services if service.build is not None)

    def service(self, name: str) -> Service:
        """Raises KeyError."""
        for service in self.services:
            if service.name == name:
                return service
        raise KeyError(name)

    def environment(self, name: str) -> Environment:
        """Raises KeyError."""
        for environment in self.environments:
            if environment.name == name:
                return environment
        raise KeyError(name)

    def environment_of(self, branch: str | None) -> Environment | None:
        """The environment that follows this branch, if any."""
        return next((e for e in self.environments if branch is not None and e.branch == branch), None)


@dataclass(frozen=True, slots=True)
class Declared:
    """How a release runs: the project that its own tree declares, and the environment it is for as that tree has it, in the
    place that the environment is today."""

    project: Project
    environment: Environment
