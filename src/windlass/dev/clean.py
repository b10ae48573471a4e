"""Taking everything of a checkout's services off this machine."""

from __future__ import annotations

from dataclasses import dataclass

from windlass import process
from windlass.deploy.docker import engine
from windlass.dev.load import PREFIX
from windlass.errors import EngineUnavailable


@dataclass(frozen=True, slots=True)
class Removed:
    """How many of each; `kept` are images that containers of another checkout of the project are made from."""

    containers: int
    networks: int
    images: int
    volumes: int
    kept: tuple[str, ...] = ()


def volumes(compose_project: str) -> tuple[str, ...]:
    """Names of the project's volumes. Raises EngineUnavailable."""
    return tuple(_listed(["volume", "ls", "--quiet", "--filter", _of(compose_project)]))


def clean(compose_project: str, project: str, *, data: bool) -> Removed:
    """Remove containers, networks and images built from the checkout; volumes only with `data`. Checkouts of one project
    share images: those that another one uses stay.

    Raises:
        EngineUnavailable
    """
    containers = engine.containers(compose_project)
    engine.remove([container.id for container in containers])
    networks = _listed(["network", "ls", "--quiet", "--filter", _of(compose_project)])
    engine.remove_networks(networks)
    gone = volumes(compose_project) if data else ()
    if gone and not (done := _docker(["volume", "rm", *gone])).ok:
        raise _refused("volumes", done)
    wanted = ["image", "ls", "--format", "{{.Repository}}:{{.Tag}}", "--filter", f"reference={PREFIX}/{project}/*"]
    names = _listed(wanted)
    kept = tuple(name for name in names if not _is_removed(name))
    return Removed(len(containers), len(networks), len(names) - len(kept), len(gone), kept)


def _is_removed(image: str) -> bool:
    """Remove an image, unless a container is made from it. Raises EngineUnavailable."""
    done = _docker(["image", "rm", image])
    if done.ok or not _docker(["image", "inspect", image]).ok:  # somebody else has removed it
        return True
    if not _listed(["ps", "--all", "--quiet", "--filter", f"ancestor={image}"]):
        raise _refused(f"the image {image}", done)
    return False


def _of(compose_project: str) -> str:
    return f"label=com.docker.compose.project={compose_project}"


def _listed(arguments: list[str]) -> list[str]:
    done = _docker(arguments)
    if not done.ok:
        raise engine.refusal(done.stderr)
    return done.stdout.split()


def _docker(arguments: list[str]) -> process.Completed:
    return process.run(["docker", *arguments])


def _refused(what: str, done: process.Completed) -> EngineUnavailable:
    said = (done.stderr.strip().splitlines() or ["no reason given"])[-1].removeprefix("Error response from daemon: ")
    return EngineUnavailable(f"{what} cannot be removed: {said}", remedy="stop what uses it, then run again")
