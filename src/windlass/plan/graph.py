"""Which service's image is built from which other's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from windlass.errors import ConfigError
from windlass.model.project import Project
from windlass.plan.names import familiar, untagged


def image_names(project: Project) -> dict[str, str]:
    """Names that a Dockerfile may use for a service's image (`familiar` form) and the service.

    They are the image's name without a tag, Compose's default name and `image:` as written, and the name in the registry
    under any of them. A tagged name such as `redis:7` is never taken for a service that happens to be called `redis`.
    """
    names: dict[str, str] = {}
    for service in project.buildable:
        own = [service.image, f"{project.name}-{service.name}", f"{project.name}_{service.name}"]
        own.append(f"{project.registry.host}/{project.registry.repository(service.image)}")
        if service.reference:
            own += [service.reference]
        for name in own:
            names.setdefault(familiar(name), service.name)
    return names


def service_named(names: Mapping[str, str], image: str) -> str | None:
    """The service whose image a name means, if any; a name with a registry's host in it may have any tag."""
    found = names.get(familiar(image))
    if found is None and "/" in image:
        host = image.partition("/")[0]
        if "." in host or ":" in host or host == "localhost":
            found = names.get(untagged(image))
    return found


def order(names: Sequence[str], needs: Mapping[str, Sequence[str]]) -> list[str]:
    """Names sorted so that each comes after all it needs; otherwise in the order given.

    Raises:
        ConfigError: some need each other in a circle, which the message spells out.
    """
    done: dict[str, None] = {}
    path: list[str] = []

    def visit(name: str) -> None:
        if name in done:
            return
        if name in path:
            circle = [*path[path.index(name) :], name]
            raise ConfigError(
                f"these services are built from each other in a circle: {' → '.join(circle)}",
                remedy="let one of them start from an image that none of the others builds",
            )
        path.append(name)
        for other in needs.get(name, ()):
            visit(other)
        path.pop()
        done[name] = None

    for name in names:
        visit(name)
    return list(done)
