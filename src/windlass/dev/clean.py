"""Taking everything of a checkout's services off this machine."""

from __future__ import annotations

from dataclasses import dataclass

from windlass import process
from windlass.deploy.docker import engine
from windlass.dev.load import PREFIX


@dataclass(frozen=True, slots=True)
class Removed:
    containers: int
    networks: int
    images: int
    volumes: int


def volumes(compose_project: str) -> tuple[str, ...]:
    """Names of the project's volumes. Raises EngineUnavailable."""
    return tuple(_listed(["volume", "ls", "--quiet", "--filter", _of(compose_project)]))


def clean(compose_project: str, project: str, *, data: bool) -> Removed:
    """Remove containers, networks and images built from the checkout; volumes only with `data`.

    Raises:
        EngineUnavailable
    """
    containers = engine.containers(compose_project)
    engine.remove([container.id for container in containers])
    networks = _listed(["network", "ls", "--quiet", "--filter", _of(compose_project)])
    engine.remove_networks(networks)
    images = _listed(["image", "ls", "--quiet", "--filter", f"reference={PREFIX}/{project}/*"])
    names = _listed(
        ["image", "ls", "--format", "{{.Repository}}:{{.Tag}}", "--filter", f"reference={PREFIX}/{project}/*"]
    )
    _remove("image", "rm", names)
    gone = list(volumes(compose_project)) if data else []
    _remove("volume", "rm", gone)
    return Removed(len(containers), len(networks), len(images), len(gone))


def _of(compose_project: str) -> str:
    return f"label=com.docker.compose.project={compose_project}"


def _listed(arguments: list[str]) -> list[str]:
    done = process.run(["docker", *arguments])
    if not done.ok:
        raise engine.refusal(done.stderr)
    return done.stdout.split()


def _remove(kind: str, verb: str, names: list[str]) -> None:
    if names and not (done := process.run(["docker", kind, verb, *names])).ok:
        raise engine.refusal(done.stderr)
