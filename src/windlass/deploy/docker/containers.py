"""Containers as `docker inspect` describes them, read into values. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from windlass.deploy.docker import naming
from windlass.model.observation import Endpoint, Health, ServiceState

_NEVER = "0001-01-01"
_GRACE = 10.0
"""Seconds that Docker gives a container to end, where it says nothing."""
_ANYWHERE = ("", "0.0.0.0", "::", "127.0.0.1", "::1")


@dataclass(frozen=True, slots=True)
class Container:
    """One container of a Compose project.

    `status` is the engine's own word (created, running, paused, restarting, removing, exited, dead); `health` is ""
    where no health check is declared. `started` is the engine's time stamp. `image_id` is what Compose noted as the
    image's id. `ports` holds (container port, protocol, host address, host port), `addresses` (network, address),
    `gateways` the engine's own addresses on these networks.
    `key` is Compose's name of the service, of which `service` is known to the user; `fronted` says that users reach it
    through an edge, `owner` the project and the environment it was made for ("" on others' containers), `grace` the seconds it has to end, `worker` that it stands beside others without one; `created` is a time stamp; `edge` is what an edge was made for, as JSON, and "" on all others.
    """

    id: str
    name: str
    service: str
    status: str
    health: str
    restarts: int
    exit_code: int
    image: str
    image_id: str
    config_hash: str
    digest: str | None
    started: str
    finished: str
    error: str
    health_output: str
    may_end: bool
    ports: tuple[tuple[int, str, str, int], ...]
    key: str = ""
    fronted: bool = False
    edge: str = ""
    addresses: tuple[tuple[str, str], ...] = ()
    gateways: tuple[str, ...] = ()
    worker: bool = False
    created: str = ""
    owner: tuple[str, str] = ("", "")
    grace: float = _GRACE

    @property
    def beside(self) -> bool:
        """Whether it was made to stand beside others of its service."""
        return self.fronted or self.worker

    @property
    def ended_well(self) -> bool:
        return self.status == "exited" and self.exit_code == 0 and self.may_end

    @property
    def state(self) -> Health:
        """The health as `Observation` names it."""
        if self.ended_well:
            return "completed"
        if self.status == "running":
            if self.health in ("healthy", "starting", "unhealthy"):
                return self.health  # type: ignore[return-value]
            return "running"
        if self.status == "restarting":
            return "restarting"
        if self.status == "paused":
            return "unhealthy"
        return "starting" if self.status == "created" and not self.error else "exited"

    @property
    def detail(self) -> str:
        """What there is to say about the state, in one line."""
        if self.status in ("exited", "dead", "restarting"):
            return f"exit code {self.exit_code}" + (f": {self.error}" if self.error else "")
        if self.status == "paused":
            return "it is paused"
        if self.health in ("unhealthy", "starting"):
            return (self.health_output.strip().splitlines() or [""])[-1][:200]
        return self.error


def parse_containers(printed: str) -> list[Container]:
    """Read the JSON array of `docker inspect`; containers of `docker compose run` are left out."""
    found = []
    for document in json.loads(printed or "[]"):
        labels = document["Config"].get("Labels") or {}
        if labels.get("com.docker.compose.oneoff") != "True":
            found.append(_container(document, labels))
    return found


def _container(document: Mapping[str, Any], labels: Mapping[str, str]) -> Container:
    state, config, host = document["State"], document["Config"], document.get("HostConfig") or {}
    check = state.get("Health") or {}
    probes = check.get("Log") or []
    image = str(config.get("Image", ""))
    declared = labels.get(naming.DIGEST)
    policy = (host.get("RestartPolicy") or {}).get("Name") or "no"
    alone = policy == "no" and not config.get("Healthcheck") and not host.get("PortBindings")
    return Container(
        id=document["Id"],
        name=str(document.get("Name", "")).removeprefix("/"),
        service=labels.get(naming.SERVICE) or labels.get("com.docker.compose.service", ""),
        status=state.get("Status", ""),
        health="" if check.get("Status") in (None, "none") else check["Status"],
        restarts=document.get("RestartCount", 0),
        exit_code=state.get("ExitCode", 0),
        image=image,
        image_id=labels.get("com.docker.compose.image", ""),
        config_hash=labels.get(naming.CONFIG, ""),
        digest=declared or (image.partition("@")[2] or None),
        started=_stamp(state.get("StartedAt")),
        finished=_stamp(state.get("FinishedAt")),
        error=" ".join(str(state.get("Error") or "").split()),
        health_output=str(probes[-1].get("Output", "")) if probes else "",
        may_end=labels.get(naming.ONE_SHOT) == "true" or (naming.SERVICE not in labels and alone),
        ports=tuple(_ports((document.get("NetworkSettings") or {}).get("Ports") or {})),
        key=labels.get("com.docker.compose.service", ""),
        fronted=naming.FRONTED in labels,
        edge=labels.get(naming.EDGE, ""),
        addresses=tuple(_addresses((document.get("NetworkSettings") or {}).get("Networks") or {})),
        gateways=tuple(
            str(network["Gateway"])
            for network in ((document.get("NetworkSettings") or {}).get("Networks") or {}).values()
            if network.get("Gateway")
        ),
        worker=naming.WORKER in labels,
        created=str(document.get("Created") or "").removesuffix("Z"),
        grace=float(config.get("StopTimeout") or _GRACE),
        owner=(labels.get(naming.PROJECT, ""), labels.get(naming.ENVIRONMENT, "")),
    )


def _ports(published: Mapping[str, list[dict[str, str]] | None]) -> Iterable[tuple[int, str, str, int]]:
    for key, bindings in published.items():
        port, _, protocol = key.partition("/")
        for binding in bindings or ():
            if binding.get("HostPort"):
                yield int(port), protocol or "tcp", binding.get("HostIp", ""), int(binding["HostPort"])


def _addresses(networks: Mapping[str, Mapping[str, Any]]) -> Iterable[tuple[str, str]]:
    for name, network in sorted(networks.items()):
        if address := network.get("IPAddress") or network.get("GlobalIPv6Address"):
            yield name, str(address)


def _stamp(text: str | None) -> str:
    return "" if not text or text.startswith(_NEVER) else text


def endpoints(container: Container, engine_host: str) -> tuple[tuple[int, Endpoint], ...]:
    """The TCP ports a container publishes, as reached from here; IPv4 is preferred."""
    found: dict[int, Endpoint] = {}
    for port, protocol, address, published in sorted(container.ports, key=lambda p: (p[0], ":" in p[2], p[3])):
        if protocol == "tcp":
            found.setdefault(port, Endpoint(engine_host if address in _ANYWHERE else address, published))
    return tuple(found.items())


def to_state(container: Container, *, release: str | None, engine_host: str) -> ServiceState:
    return ServiceState(
        service=container.service,
        health=container.state,
        image=container.image,
        digest=container.digest,
        release=release,
        since=container.started.partition(".")[0].rstrip("Z") + "Z" if container.started else None,
        restarts=container.restarts,
        exit_code=container.exit_code if container.status in ("exited", "dead", "restarting") else None,
        ports=endpoints(container, engine_host) if container.status == "running" else (),
        detail=container.detail,
        container=container.name,
    )


_WORST: tuple[Health, ...] = (
    "missing",
    "unhealthy",
    "restarting",
    "exited",
    "starting",
    "running",
    "healthy",
    "completed",
)


def worst(containers: Iterable[Container]) -> dict[str, Container]:
    """One container a service: where it has several, the one in the worst state."""
    chosen: dict[str, Container] = {}
    for container in sorted(containers, key=lambda c: (_WORST.index(c.state), c.name)):
        chosen.setdefault(container.service, container)
    return chosen
