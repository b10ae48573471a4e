"""The examinations: each asks one thing of this machine and answers with a `Verdict`. None changes anything."""

from __future__ import annotations

import json
import shutil
import socket
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from windlass import process
from windlass.errors import WindlassError


@dataclass(frozen=True, slots=True)
class Verdict:
    """`fine` works, `limited` works for some things, `broken` does not; `remedy` says what to do about the last two."""

    subject: str
    state: Literal["fine", "limited", "broken"]
    found: str
    remedy: str | None = None


def git_state(commit: str, branch: str | None, dirty: bool) -> Verdict:
    where = f"{commit[:7]} on {branch or 'no branch'}"
    if dirty:
        return Verdict(
            "git", "limited", f"{where}, with uncommitted changes", "commit them to get a release without -dirty-"
        )
    return Verdict("git", "fine", where)


def engine() -> Verdict:
    if shutil.which("docker") is None:
        return Verdict("engine", "broken", "no docker program", "install Docker Engine or Docker Desktop")
    done = process.run(["docker", "version", "--format", "{{.Server.Version}}"])
    if not done.ok:
        return Verdict("engine", "broken", _last(done.stderr), "start Docker; check DOCKER_HOST and docker context ls")
    return Verdict("engine", "fine", f"Docker {done.stdout.strip()}")


def compose() -> Verdict:
    done = _docker_plugin(["docker", "compose", "version", "--short"])
    if done is None:
        return Verdict("compose", "broken", "no Docker Compose", "install the Docker Compose plugin, 2.20 or later")
    return Verdict("compose", "fine", f"Docker Compose {done}")


def builder(platforms: Iterable[str]) -> Verdict:
    """Whether the current buildx builder can build for all platforms, through emulation where it must."""
    done = _docker_plugin(["docker", "buildx", "inspect"])
    if done is None:
        if shutil.which("buildah"):
            return Verdict("builder", "fine", "buildah")
        return Verdict("builder", "broken", "neither docker buildx nor buildah", "install the Docker buildx plugin")
    can = parse_platforms(done)
    missing = [platform for platform in platforms if platform not in can]
    if missing:
        return Verdict(
            "builder",
            "broken",
            f"cannot build for {', '.join(missing)}",
            "install emulation: apt-get install qemu-user-static, or docker run --privileged tonistiigi/binfmt --install all",
        )
    return Verdict("builder", "fine", f"buildx, for {', '.join(platforms)}")


def parse_platforms(inspected: str) -> frozenset[str]:
    """The platforms in the output of `docker buildx inspect`; a star marks those set by hand."""
    lines = [line for line in inspected.splitlines() if line.startswith("Platforms:")]
    return frozenset(name.strip().rstrip("*") for line in lines for name in line.partition(":")[2].split(","))


def registry(host: str, ping: Callable[[], None]) -> Verdict:
    try:
        ping()
    except WindlassError as error:
        return Verdict("registry", "broken", f"{host}: {error.message}", error.remedy)
    return Verdict("registry", "fine", host)


def scanner() -> Verdict:
    if shutil.which("trivy"):
        return Verdict("scanner", "fine", "trivy")
    return Verdict("scanner", "limited", "none: releases will say NOT SCANNED", "install trivy")


def ports(environment: str, published: Mapping[int, str], ours: frozenset[int]) -> Verdict:
    """Whether the ports an environment publishes are free here, or its own already."""
    subject = f"ports of {environment}"
    taken = [port for port in published if port not in ours and _in_use(port)]
    if taken:
        shown = ", ".join(f"{port} ({published[port]})" for port in taken)
        return Verdict(
            subject,
            "broken",
            f"in use by something else: {shown}",
            f"free them, or set environments.{environment}.port_offset",
        )
    return Verdict(subject, "fine", ", ".join(map(str, published)) or "none published")


def disk(folder: str, free_bytes: int) -> Verdict:
    gigabytes = free_bytes / 1e9
    if gigabytes < 2:
        return Verdict("disk", "limited", f"{gigabytes:.1f} GB free in {folder}", "make room: images need some GB")
    return Verdict("disk", "fine", f"{gigabytes:.0f} GB free")


def _in_use(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _docker_plugin(argv: list[str]) -> str | None:
    if shutil.which("docker") is None:
        return None
    done = process.run(argv)
    return done.stdout.strip() if done.ok else None


def _last(text: str) -> str:
    return (text.strip().splitlines() or ["no answer"])[-1]


def parse_published(compose_model: Mapping[str, object]) -> dict[int, str]:
    """Published port → service, from a loaded Compose model; ranges and ports chosen by the engine are left out."""
    services = json.loads(json.dumps(compose_model)).get("services") or {}
    found: dict[int, str] = {}
    for name, service in services.items():
        for port in service.get("ports") or []:
            published = str(port.get("published") or "")
            if published.isdigit():
                found[int(published)] = name
    return found
