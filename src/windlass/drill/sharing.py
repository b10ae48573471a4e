"""What a copy would share with the real environment, and so cannot be rehearsed. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from windlass.errors import Refused

_SOCKETS = ("docker.sock", "podman.sock", "containerd.sock", "buildkitd.sock")
_NAMESPACES = ("network_mode", "pid", "ipc", "uts", "cgroup", "userns_mode")


def refuse_shared(model: Mapping[str, Any], services: Iterable[str], root: Path) -> None:
    """Refuse services that could change something of the real environment, or answer in its place.

    Args:
        model: the Compose model, unescaped.
        services: those that will run.
        root: the copy's own checkout; every other path of the machine is the real environment's too.

    Raises:
        Refused: names the service, what it shares, and what to do.
    """
    every = model.get("services") or {}
    names = {service.get("container_name") for service in every.values()}
    for name in services:
        service = every[name]
        for mount in service.get("volumes") or ():
            _mount(name, mount, model.get("volumes") or {}, root)
        for key in service.get("networks") or {}:
            if ((model.get("networks") or {}).get(key) or {}).get("external"):
                raise _shared(
                    f"{name} is on the external network {key}, where a copy would answer to the same names",
                    f"services.{name}.networks",
                    "use a network of the Compose file's own: a copy gets its own",
                )
        for key in _NAMESPACES:
            value = str(service.get(key) or "")
            kind, _, other = value.partition(":")
            if value == "host" and key == "network_mode":
                raise _shared(
                    f"{name} uses the host's own network: a copy would listen on the same ports",
                    f"services.{name}.{key}",
                    "publish its ports instead",
                )
            if kind == "container" and other not in names:
                raise _shared(f"{name} joins the container {other}", f"services.{name}.{key}", "join a service instead")
        for other in service.get("volumes_from") or ():
            if str(other).startswith("container:"):
                raise _shared(
                    f"{name} uses the volumes of the {other.replace(':', ' ', 1)}",
                    f"services.{name}.volumes_from",
                    "name the volumes themselves",
                )


def _mount(name: str, mount: Mapping[str, Any], volumes: Mapping[str, Any], root: Path) -> None:
    source, where = str(mount.get("source") or ""), f"services.{name}.volumes"
    if mount.get("type") == "bind":
        if Path(source).name in _SOCKETS:  # read-only or not: who can write to it commands the engine
            raise _shared(
                f"{name} has the engine's socket ({source}): a copy could change the real environment's containers",
                where,
                "leave this service out of what is rehearsed: put it behind a profile or into a Compose file of its own",
            )
        if not Path(source).is_relative_to(root) and not mount.get("read_only"):
            raise _written(name, source, where)
        return
    volume = volumes.get(source) or {}
    device = str((volume.get("driver_opts") or {}).get("device") or "")
    held = volume.get("driver") not in (None, "", "local") or (device and device not in ("tmpfs", "none"))
    if (volume.get("external") or held) and not mount.get("read_only"):
        raise _written(name, f"{source} ({device})" if device else source, where)


def _written(name: str, what: str, where: str) -> Refused:
    return _shared(
        f"{name} writes to {what}, which a copy would share with the real environment",
        where,
        "mount it read-only, or use a named volume: a copy gets its own",
    )


def _shared(message: str, where: str, remedy: str) -> Refused:
    return Refused(message, where=where, remedy=remedy)
