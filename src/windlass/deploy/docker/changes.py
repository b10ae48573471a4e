"""What a switch would do: the wanted configuration against the containers that are there. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence, Set

from windlass.deploy.docker.containers import Container, worst
from windlass.deploy.docker.watch import CRASH_LOOP
from windlass.deploy.interface import Change


def parse_hashes(printed: str) -> dict[str, str]:
    """Read `docker compose config --hash '*'`: service → hash of its configuration."""
    return dict(line.split()[:2] for line in printed.splitlines() if len(line.split()) >= 2)


def compute(
    wanted: Mapping[str, str],
    containers: Sequence[Container],
    images: Mapping[str, tuple[str, str]],
    replicas: Mapping[str, int],
) -> tuple[Change, ...]:
    """Compare, service by service.

    Args:
        wanted: service → configuration hash, for every service that is to run.
        containers: what is there.
        images: service → (reference, id) of the image it is to run.
        replicas: service → how many containers it is to have; 1 unless named.
    """
    there = worst(containers)
    changes = [_change(name, digest, there.get(name), *images.get(name, ("", ""))) for name, digest in wanted.items()]
    count = Counter(container.service for container in containers)
    changes = [
        Change(change.service, "recreate", f"it has {count[change.service]} containers, not {number}")
        if change.action == "keep" and count[change.service] != (number := replicas.get(change.service, 1))
        else change
        for change in changes
    ]
    gone = [Change(name, "remove", "the release does not have it") for name in sorted(there.keys() - wanted.keys())]
    return (*changes, *gone)


def in_the_way(there: Sequence[Container], changed: Set[str], wanted: Mapping[str, str]) -> tuple[Container, ...]:
    """Containers of the changed services that must go before Compose begins; all others it replaces itself, and hands
    their anonymous volumes on.

    Compose leaves a container of the right configuration alone, also one that failed, and stumbles over a replacement
    that an interrupted deployment has created and never started. The one beside such a replacement may have been told
    to stop, and the engine goes on with that: running now, it is gone in seconds.
    """
    left = {
        c.id for c in there if c.status == "created" and not c.started and any(_beside(c, other) for other in there)
    }
    doubtful = {c.service for c in there if c.id in left}
    return tuple(
        c
        for c in there
        if c.service in changed
        and (c.id in left or (c.config_hash == wanted.get(c.service) and (c.service in doubtful or is_failing(c))))
    )


def is_failing(container: Container) -> bool:
    """Whether it will not become well by itself, also where it happens to be up between two crashes."""
    looping = container.state == "starting" and container.restarts >= CRASH_LOOP
    return looping or container.state in ("unhealthy", "restarting", "exited")


def _beside(new: Container, other: Container) -> bool:
    return other.service == new.service and bool(other.started)


def with_lodgers(computed: Sequence[Change], affected: Callable[[set[str]], frozenset[str]]) -> tuple[Change, ...]:
    """The same changes, where services that cannot stay when another one is replaced (`partial.affected`) are replaced too."""
    replaced = {change.service for change in computed if change.action in ("create", "recreate")}
    lost = affected(replaced) - replaced
    return tuple(
        Change(change.service, "recreate", "it goes with a service that is replaced")
        if change.service in lost and change.action == "keep"
        else change
        for change in computed
    )


def _change(service: str, digest: str, there: Container | None, image: str, image_id: str) -> Change:
    if there is None:
        return Change(service, "create", "not there yet")
    if there.image != image:
        return Change(service, "recreate", "its image changed")
    if there.config_hash != digest:
        return Change(service, "recreate", "its configuration changed", cause="configuration")
    if image_id and there.image_id and there.image_id != image_id:
        return Change(service, "recreate", f"{image} is another image now")
    if there.state in ("running", "healthy", "completed"):
        return Change(service, "keep")
    if there.state == "starting":
        return Change(service, "create", "it is still starting")
    said = f"it is {there.state}" + (f" ({there.detail})" if there.detail else "")
    return Change(service, "recreate", said, cause="unwell")
