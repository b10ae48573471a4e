"""Every `docker` program for one engine is started here, told which engine that is."""

from __future__ import annotations

import json
import os
import socket
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

from windlass import process
from windlass.deploy.docker.reach import Reach, loopback_ports, resolve, why
from windlass.deploy.docker.ssh import CONNECT, Connection
from windlass.errors import ConfigError, EngineUnavailable
from windlass.model.project import EngineSpec

_REMEDY = "start Docker Desktop, or the service: sudo systemctl start docker"
_OPEN = 0.5


class Access:
    """The way to an engine. Nothing is asked of anybody before the first program is started.

    Args:
        spec: where the engine is; None takes the one that the user's own `docker` talks to.
    """

    def __init__(self, spec: EngineSpec | None = None) -> None:
        self._spec = spec
        self._guard = threading.RLock()
        self._reach: Reach | None = None
        self._known_for: tuple[str | None, ...] = ()
        self._connection: Connection | None = None
        self._arrived = False

    @property
    def reach(self) -> Reach:
        """Where the engine is, without going there. Raises ConfigError, EngineUnavailable."""
        told = tuple(os.environ.get(name) for name in ("DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_CONFIG"))
        with self._guard:
            if self._reach is None or self._known_for != told:
                self._known_for, self._arrived = told, False
                self._reach = resolve(self._spec, os.environ, current_context(), _endpoint_of)
                if self._reach.login is not None:
                    self._connection = Connection(self._reach.login)
                    if not (self._spec and self._spec.address):
                        self._reach = replace(self._reach, host=self._connection.hostname())
            return self._reach

    @property
    def remote(self) -> bool:
        """Whether it is elsewhere: it does not see this machine's files, nor its loopback ports."""
        return self.reach.remote

    def host(self) -> str:
        """The host name under which published ports are reached from here."""
        return self.reach.host

    def run(
        self,
        argv: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        input: str | None = None,
        with_us: bool = False,
    ) -> process.Completed:
        """As `process.run`. Raises EngineUnavailable where the engine's host is not reached."""
        return process.run(argv, env={**self.environ(), **(env or {})} or None, input=input, with_us=with_us)

    def stream(
        self,
        argv: Sequence[str],
        on_line: Callable[[str], None],
        *,
        env: Mapping[str, str] | None = None,
        input: str | None = None,
        stop: Callable[[], bool] | None = None,
        ended_by: process.Ending | None = None,
        with_us: bool = False,
    ) -> int:
        """As `process.stream`. Raises EngineUnavailable where the engine's host is not reached."""
        told = {**self.environ(), **(env or {})} or None
        return process.stream(argv, on_line, env=told, input=input, stop=stop, ended_by=ended_by, with_us=with_us)

    def detach(self, argv: Sequence[str], *, log: Path) -> None:
        """As `process.detach`."""
        process.detach(argv, log=log, env=self.environ())

    def environ(self) -> dict[str, str]:
        """The variables that lead `docker` to the engine; its host is gone to once.

        Raises:
            EngineUnavailable: the host is not reached, its key is not known, or it refuses the login.
        """
        with self._guard:
            reach = self.reach
            if not self._arrived:
                self._arrive(reach)
                self._arrived = True
            path = {}
            if reach.login is not None and self._connection is not None:
                path = {"PATH": f"{self._connection.folder}{os.pathsep}{os.environ.get('PATH', os.defpath)}"}
            return {**reach.environ, **path}

    def _arrive(self, reach: Reach) -> None:
        if reach.login is not None and self._connection is not None:
            if said := self._connection.open():
                raise _unavailable(said, reach)
        elif reach.kind == "tcp" and reach.port is not None:
            try:
                socket.create_connection((reach.engine, reach.port), timeout=CONNECT).close()
            except OSError as error:
                raise _unavailable(str(error), reach) from error

    def refusal(self, stderr: str) -> EngineUnavailable:
        """The error for a `docker` command that the engine did not carry out."""
        return _unavailable(stderr, self.reach) if self.remote else refusal(stderr)

    @contextmanager
    def lending(self, references: Iterable[str]) -> Iterator[str]:
        """While images are pulled: registries on this machine's loopback are reached from the engine's host, under the
        same names. The result is "" or a sentence about what stands in the way, for the case that the pull fails.

        Raises:
            ConfigError: there is no way for them to get there.
        """
        ports = loopback_ports(references) if self.remote and not self.reach.lent else []
        if ports and self._connection is None:
            raise ConfigError(
                f"the registry localhost:{ports[0]} is on this machine, and not reached from {self.reach.shown}",
                where="windlass.yaml: registry",
                remedy="use a registry that both reach; reach the engine by ssh://, which lends it this one; or, where a "
                "tunnel of your own leads there: engine: {registry_reachable: true}",
            )
        with ExitStack() as stack:
            taken = []
            if ports:
                self.environ()
            for port in ports:
                assert self._connection is not None
                if not stack.enter_context(self._connection.lent(port)):
                    taken.append(str(port))
            yield f"port {', '.join(taken)} is taken on {self.reach.host}, or its ssh server forwards no ports" if taken else ""  # fmt: skip

    def reaches(self, gateways: Iterable[str]) -> bool:
        """Whether containers are reached from here (`way_to`), by the engine's addresses on their networks: on Linux, here
        or through `ssh`; not where the engine is in a virtual machine, or behind TLS only."""
        if not self.remote:
            return is_here(gateways)
        if self._connection is None:
            return False
        self.environ()
        return self._connection.stands_among(tuple(gateways))

    def way_to(self, address: str, port: int) -> tuple[str, int] | None:
        """Where a container's port is reached from here."""
        return (address, port) if self._connection is None else self._connection.way_to(address, port)

    def close_ways(self) -> None:
        """End what `way_to` opened: containers are not asked directly any more."""
        if self._connection is not None:
            self._connection.close_ways()

    def listens(self, address: str, ports: Iterable[int]) -> bool:
        """Whether something takes connections on one of the ports of a container."""
        for port in ports:
            way = self.way_to(address, port)
            if way is not None and _listens(*way, forwarded=self._connection is not None):
                return True
        return False


def is_here(gateways: Iterable[str]) -> bool:
    """Whether one of an engine's addresses on its networks is this machine's own: containers are reached directly then,
    and not where the engine is in a virtual machine or elsewhere."""
    for gateway in gateways:
        family = socket.AF_INET6 if ":" in gateway else socket.AF_INET
        try:
            with socket.socket(family, socket.SOCK_DGRAM) as probe:
                probe.bind((gateway, 0))
                return True
        except OSError:
            continue
    return False


def _listens(address: str, port: int, *, forwarded: bool) -> bool:
    """A forwarded port takes every connection; one that nobody listens to at the other end is closed at once."""
    try:
        with socket.create_connection((address, port), timeout=1.0) as connection:
            if not forwarded:
                return True
            connection.settimeout(_OPEN)
            return bool(connection.recv(1))
    except TimeoutError:
        return forwarded
    except OSError:
        return False


def current_context() -> str:
    """The context that `docker context use` wrote."""
    folder = Path(os.environ.get("DOCKER_CONFIG") or Path.home() / ".docker")
    try:
        return str(json.loads((folder / "config.json").read_bytes()).get("currentContext") or "")
    except (OSError, ValueError, AttributeError):
        return ""


def _endpoint_of(context: str) -> str:
    done = process.run(
        ["docker", "context", "inspect", "--format", "{{json .Endpoints.docker.Host}}", context],
        env={"DOCKER_HOST": "", "DOCKER_CONTEXT": ""},
    )
    if not done.ok:
        said = (done.stderr.strip().splitlines() or ["no answer"])[-1]
        raise EngineUnavailable(f"the Docker context {context} cannot be read: {said}", remedy="docker context ls")
    return str(json.loads(done.stdout or '""'))


def _unavailable(said: str, reach: Reach) -> EngineUnavailable:
    message, remedy = why(said, reach)
    return EngineUnavailable(message, remedy=remedy)


def refusal(stderr: str) -> EngineUnavailable:
    """The error for a `docker` command that the engine on this machine did not carry out."""
    said = (stderr.strip().splitlines() or ["no answer"])[-1]
    if "permission denied" in stderr:
        return EngineUnavailable(
            "the container engine refuses this user", remedy="add yourself to the docker group, then log in again"
        )
    named = os.environ.get("DOCKER_HOST")
    remedy = f"look whether an engine runs at {named}, or take DOCKER_HOST out of the environment" if named else _REMEDY
    return EngineUnavailable(f"the container engine does not answer: {said}", remedy=remedy)
