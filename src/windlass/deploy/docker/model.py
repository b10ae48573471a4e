"""From the Compose model as loaded to the model to run. Pure: nothing is read or written here.

The model holds interpolated values, private ones among them: it stays in memory.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from windlass.compose.load import ComposeModel
from windlass.deploy.docker import naming
from windlass.deploy.docker.partial import replicas
from windlass.deploy.docker.ports import map_ports
from windlass.errors import ConfigError
from windlass.model.project import Environment
from windlass.model.release import Release

_LEFT_TO_OTHERS = ("build", "container_name", "develop", "env_file", "profiles", "extends")


@dataclass(frozen=True, slots=True)
class Selection:
    """Which services run. `excluded` maps one that does not, though its profile is active, to the reason."""

    services: tuple[str, ...]
    excluded: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Runnable:
    """A model that Compose can run as it is. `replicas` is how many containers each service is to have."""

    model: ComposeModel = field(repr=False)
    replicas: Mapping[str, int]


def select(model: ComposeModel, release: Release) -> Selection:
    """Decide which services of the model run: those of the release's profiles, without what it leaves out and what needs it.

    Raises:
        ConfigError: a service needs one whose profile is not active (Compose refuses that too).
    """
    services: dict[str, dict[str, Any]] = model.get("services") or {}
    active = {name for name, service in services.items() if _is_active(service, release.profiles)}
    excluded = {name: reason for name, reason in release.excluded if name in services}
    for name in sorted(active):
        if name not in excluded and release.service(name) is None and services[name].get("build") is not None:
            excluded[name] = "the release has no image of it"
    grew = True
    while grew:
        grew = False
        for name in services:
            if name in excluded or name not in active:
                continue
            for needed in _needs(services[name]):
                if needed in excluded:
                    excluded[name] = f"it depends on {needed}, which is left out: {excluded[needed]}"
                    grew = True
                    break
    for name in sorted(active - excluded.keys()):
        for needed in _needs(services[name]):
            if needed not in active:
                raise ConfigError(
                    f"it depends on '{needed}', which is behind a profile that is not active",
                    where=f"{', '.join(release.compose)}: services.{name}.depends_on",
                    remedy=f"add one of {', '.join(services.get(needed, {}).get('profiles') or ['its profiles'])}"
                    f" to environments.{release.environment}.profiles",
                )
    chosen = tuple(name for name in services if name in active and name not in excluded)
    return Selection(chosen, {name: excluded[name] for name in excluded if name in active})


def to_run(
    model: ComposeModel,
    release: Release,
    selection: Selection,
    *,
    project: str,
    environment: Environment,
    mounts: Mapping[str, str] = MappingProxyType({}),
) -> Runnable:
    """The model to run: images by digest, own networks and volumes, mapped ports, stable labels.

    Args:
        model: as `compose.load.load` returned it; not changed.
        project: the Windlass project's name, for labels.
        mounts: bind source (or secret or config file) as loaded → the path to use.

    Raises:
        ConfigError: two services would publish the same port.
    """
    result = copy.deepcopy(model)
    every = result["services"]
    containers = {s["container_name"]: name for name, s in every.items() if s.get("container_name")}
    services = {name: every[name] for name in selection.services}
    awaited = {
        needed
        for service in services.values()
        for needed, how in (service.get("depends_on") or {}).items()
        if how.get("condition") == "service_completed_successfully"
    }
    one_shots = frozenset(name for name, service in services.items() if name in awaited or _may_end(service))
    ports = map_ports(services, ports=environment.ports, offset=environment.port_offset, environment=environment.name)
    for name, service in services.items():
        _alias_container_name(service)
        for key in [key for key in service if key in _LEFT_TO_OTHERS or key.startswith("x-")]:
            del service[key]
        for key in ("network_mode", "pid", "ipc"):
            service_of = containers.get(str(service.get(key, "")).removeprefix("container:"))
            if str(service.get(key, "")).startswith("container:") and service_of in services:
                service[key] = f"service:{service_of}"
        if ports[name]:
            service["ports"] = ports[name]
        if service.get("depends_on"):
            service["depends_on"] = {key: how for key, how in service["depends_on"].items() if key in services}
        released = release.service(name)
        if released is not None:
            service["image"] = released.reference
        service["pull_policy"] = "never"  # images are pulled beforehand, with progress and by digest
        for mount in service.get("volumes") or ():
            if mount.get("type") == "bind":
                mount["source"] = mounts.get(mount["source"], mount["source"])
        service["labels"] = {
            **(service.get("labels") or {}),
            naming.PROJECT: project,
            naming.ENVIRONMENT: environment.name,
            naming.SERVICE: name,
            **({naming.DIGEST: released.digest} if released is not None else {}),
            **({naming.ONE_SHOT: "true"} if name in one_shots else {}),
        }
    result["services"] = services
    result.pop("name", None)
    _own_resources(result, mounts)
    return Runnable(result, {name: replicas(service) for name, service in services.items()})


def _own_resources(model: ComposeModel, mounts: Mapping[str, str]) -> None:
    """Let Compose name networks, volumes, secrets and configs after the environment, so that two never share one."""
    for kind in ("networks", "volumes", "secrets", "configs"):
        for resource in (model.get(kind) or {}).values():
            if resource and not resource.get("external"):
                resource.pop("name", None)
                if "file" in resource:
                    resource["file"] = mounts.get(resource["file"], resource["file"])


def _alias_container_name(service: dict[str, Any]) -> None:
    """Keep a container's name as a host name: people use it as one, but two environments cannot share it."""
    name = service.get("container_name")
    networks = service.get("networks")
    if not name or not networks:
        return
    for key, network in networks.items():
        aliases = list((network or {}).get("aliases") or ())
        if name not in aliases:
            networks[key] = {**(network or {}), "aliases": [*aliases, name]}


def _is_active(service: Mapping[str, Any], profiles: tuple[str, ...]) -> bool:
    own = service.get("profiles") or ()
    return not own or "*" in profiles or any(profile in profiles for profile in own)


def _needs(service: Mapping[str, Any]) -> list[str]:
    return [name for name, how in (service.get("depends_on") or {}).items() if (how or {}).get("required", True)]


def _may_end(service: Mapping[str, Any]) -> bool:
    """Whether ending with exit code 0 is fine for a service that nobody waits for.

    `restart: no` is Compose's default and says little: a server that publishes a port or has a health check is meant to
    stay, whatever is to be done when it ends.
    """
    policy = str(service.get("restart") or "")
    return policy.partition(":")[0] in ("", "no", "on-failure") and not (
        service.get("ports") or service.get("healthcheck")
    )
