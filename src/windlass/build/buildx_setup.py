"""Whether the current buildx builder can export OCI for all platforms, and a builder that can where it cannot."""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from windlass import process
from windlass.build.failure import daemon_unreachable
from windlass.errors import EngineUnavailable
from windlass.model.events import Emit, Notice

OWN_BUILDER = "windlass"
"""The docker-container builder that is made where the current one does not serve."""


@dataclass(frozen=True, slots=True)
class BuilderState:
    """What `docker buildx inspect` says of a builder; `platforms` in its order, the native one first."""

    name: str
    driver: str
    status: str
    platforms: tuple[str, ...]
    error: str = ""


def parse_inspect(text: str) -> BuilderState:
    """`docker buildx inspect`: `Key:  value` lines; of several nodes the platforms are joined."""
    values: dict[str, list[str]] = {}
    for line in text.splitlines():
        found = re.match(r"^([A-Z][\w ]*):\s*(.*?)\s*$", line)
        if found:
            values.setdefault(found[1], []).append(found[2])

    def first(key: str) -> str:
        return next(iter(values.get(key, [])), "")

    platforms = [
        p.strip().rstrip("*") for listed in values.get("Platforms", []) for p in listed.split(",") if p.strip()
    ]
    return BuilderState(
        first("Name"), first("Driver"), first("Status"), tuple(dict.fromkeys(platforms)), first("Error")
    )


def parse_version(text: str) -> tuple[int, int]:
    """`github.com/docker/buildx 0.13.1+ds1 …` or `… v0.17.1 …` as (0, 13); (0, 0) when it says neither."""
    found = re.search(r"\bv?(\d+)\.(\d+)\.\d+", text)
    return (int(found[1]), int(found[2])) if found else (0, 0)


def stores_images_in_containerd(driver_status: str) -> bool:
    """From `docker info --format '{{json .DriverStatus}}'`: only that store lets the docker driver export OCI and several platforms."""
    try:
        pairs = json.loads(driver_status)
    except ValueError:
        return False
    return isinstance(pairs, list) and ["driver-type", "io.containerd.snapshotter.v1"] in pairs


def missing_platforms(wanted: Iterable[str], offered: Iterable[str]) -> tuple[str, ...]:
    have = set(offered)
    return tuple(platform for platform in wanted if platform not in have)


def create_command(name: str, config: Path | None) -> list[str]:
    """The host's network, so that a registry on this machine's loopback can be reached from the builder."""
    argv = [
        "docker",
        "buildx",
        "create",
        "--name",
        name,
        "--driver",
        "docker-container",
        "--driver-opt",
        "network=host",
    ]
    return [*argv, "--config", str(config)] if config else argv


def insecure_registries(hosts: Iterable[str]) -> str:
    """buildkitd.toml for registries that speak plain http."""
    return "".join(f'[registry."{host}"]\n  http = true\n' for host in hosts)


def find_version() -> tuple[int, int]:
    """The version of buildx.

    Raises:
        EngineUnavailable: docker or its buildx plugin is not installed.
    """
    try:
        found = process.run(["docker", "buildx", "version"])
    except process.ProgramMissing as error:
        raise EngineUnavailable(
            "docker is not installed", remedy="install Docker Engine or Docker Desktop, or set `builder: buildah`"
        ) from error
    if not found.ok:
        raise EngineUnavailable(
            "docker has no buildx plugin", remedy="install it: the package docker-buildx-plugin (Debian: docker-buildx)"
        )
    return parse_version(found.stdout)


def choose_builder(
    current: str | None,
    platforms: tuple[str, ...],
    emit: Emit,
    *,
    insecure: tuple[str, ...] = (),
    own: str = OWN_BUILDER,
) -> tuple[str | None, BuilderState]:
    """The builder to use (None: the current one) and its state.

    Raises:
        EngineUnavailable: no daemon, no emulator, or a builder cannot be started.
    """
    with ThreadPoolExecutor(1) as beside:
        exporting = beside.submit(_exports)
        state = _inspect(current)
    if state.driver == "docker" and not exporting.result():
        state = _own_builder(own, insecure)
        emit(
            Notice(
                f"this engine's image store cannot hold several platforms, so builds run in the builder '{own}'",
                remedy="switch Docker to the containerd image store and it is not needed",
            )
        )
        current = own
    elif state.status in ("inactive", "stopped"):
        state = _inspect(current, start=True)
    if missing := missing_platforms(platforms, state.platforms):
        architectures = ",".join(sorted({platform.split("/")[1] for platform in missing}))
        raise EngineUnavailable(
            f"the builder '{state.name}' cannot build {', '.join(missing)}: no emulator is registered",
            remedy=f"docker run --privileged --rm tonistiigi/binfmt --install {architectures} "
            "(Debian: apt install qemu-user-static)",
        )
    return current, state


def _inspect(name: str | None, *, start: bool = False) -> BuilderState:
    argv = ["docker", "buildx", "inspect", *(["--bootstrap"] if start else []), *([name] if name else [])]
    found = process.run(argv)
    state = parse_inspect(found.stdout)
    said = state.error or (found.stderr.strip() if not found.ok else "")
    if not said:
        return state
    if daemon_unreachable(said):
        raise EngineUnavailable(
            "the container engine does not answer",
            remedy="start it: Docker Desktop, or `sudo systemctl start docker`; DOCKER_HOST and the docker context decide which",
        )
    lines = [line.removeprefix("ERROR: ") for line in said.splitlines() if line.strip()]
    raise EngineUnavailable(
        f"the builder {name or 'of the current docker context'} does not start: {lines[-1]}",
        remedy="look at `docker buildx ls`; a docker-container builder pulls the image moby/buildkit, which must be reachable",
    )


def _exports() -> bool:
    return stores_images_in_containerd(process.run(["docker", "info", "--format", "{{json .DriverStatus}}"]).stdout)


def _own_builder(name: str, insecure: tuple[str, ...]) -> BuilderState:
    made = False
    if not process.run(["docker", "buildx", "inspect", name]).ok:
        with tempfile.TemporaryDirectory(prefix="windlass-buildkit-") as folder:
            config = Path(folder) / "buildkitd.toml"
            config.write_text(insecure_registries(insecure))
            created = process.run(create_command(name, config if insecure else None))
        if not created.ok:
            raise EngineUnavailable(
                f"a builder could not be made: {created.stderr.strip()}", remedy="look at `docker buildx ls`"
            )
        made = True
    try:
        return _inspect(name, start=True)
    except EngineUnavailable:
        if made:
            process.run(["docker", "buildx", "rm", name])
        raise
