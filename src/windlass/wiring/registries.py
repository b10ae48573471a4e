"""The project's registry, and where the embedded one is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from windlass.paths import cache_dir, data_dir

if TYPE_CHECKING:
    from windlass.model.project import Project
    from windlass.oci.client import RegistryClient
    from windlass.oci.difference import Content
    from windlass.plan.interface import BaseImages

from windlass.wiring.head_start import HeadStart


def registry_client(project: Project) -> RegistryClient:
    from windlass.oci.client import RegistryClient

    return RegistryClient(project.registry.host, insecure=project.registry.insecure or None)


def looking_client(project: Project) -> RegistryClient:
    """The same for looking around: manifests are kept, so that each is asked for once on this machine."""
    from windlass.oci.keeping import KeepingClient

    registry = project.registry
    client = KeepingClient(registry.host, insecure=registry.insecure or None, folder=cache_dir() / "manifests")
    client.tidy()
    return client


def published_images(project: Project) -> Callable[[str], Content]:
    """The images of a repository of the project's registry, to be looked into."""
    from windlass.oci.content import RegistryContent

    client = registry_client(project)
    return lambda repository: RegistryContent(client, repository)


def registry_root() -> Path:
    """Where the embedded registry keeps its content."""
    return data_dir() / "registry"


def ensure_registry(project: Project) -> None:
    """Start the embedded registry when it is the one configured and does not answer. Raises RegistryUnavailable."""
    if project.registry.embedded:
        from windlass.registry.server.daemon import ensure_running

        ensure_running(project.registry.host, registry_root(), data_dir() / "registry.log")


def base_images(started: HeadStart | None = None) -> BaseImages:
    from windlass.oci.bases import RegistryBaseImages

    return RegistryBaseImages(started.mirrors.result) if started is not None else RegistryBaseImages()
