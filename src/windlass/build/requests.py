"""From a plan to what a builder is asked for."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from windlass.build.interface import BuildRequest
from windlass.errors import BuildFailed
from windlass.model.artifacts import LayoutImage
from windlass.model.plan import ServicePlan
from windlass.model.project import BuildSpec, Project, Service

_REMOTE = re.compile(r"^(\w[\w+.-]*://|git@|github\.com/)")
_TAG_SAFE = re.compile(r"[^\w.-]", re.ASCII)


def build_request(
    project: Project,
    plan: ServicePlan,
    *,
    tree: Path,
    layout: Path,
    scratch: Path,
    images: Mapping[str, LayoutImage | str],
    fresh: bool = False,
) -> BuildRequest:
    """The request for one service's image. Writes nothing but the text of an inline Dockerfile.

    Args:
        tree: the folder of the materialised source; paths of the build section are relative to it.
        layout: the OCI layout folder that the image is written to.
        scratch: a folder for generated Dockerfiles, outside every context.
        images: every service in `plan.needs`: its image in a layout when it was just built, or the digest of the one
            that is in the registry.

    Raises:
        BuildFailed: a needed service has no image.
    """
    service = plan.service
    spec = service.build
    if spec is None:
        raise BuildFailed("the service has no build section", where=service.name)
    return BuildRequest(
        service=service.name,
        context=context_path(spec.context, tree),
        dockerfile=_dockerfile(spec, service, tree, scratch),
        layout=layout,
        platforms=spec.platforms or project.platforms,
        target=spec.target,
        args=spec.args,
        contexts=_contexts(project, plan, spec, tree, images),
        secrets=spec.secrets,
        ssh=spec.ssh,
        labels=spec.labels,
        network=spec.network,
        cache=cache_reference(project, service.image),
        insecure=insecure_hosts(project),
        secret_root=project.root,
        fresh=fresh,
    )


def context_path(context: str, tree: Path) -> str:
    """A context as the builder takes it: remote ones as they are, paths absolute."""
    return context if _REMOTE.match(context) else str((tree / context).absolute())


def cache_reference(project: Project, image: str) -> str:
    """`host/prefix/windlass/cache:<image>`: one tag a service, so that layers shared between services are stored once."""
    return f"{project.registry.host}/{project.registry.repository('windlass/cache')}:{_TAG_SAFE.sub('.', image)[:128]}"


def insecure_hosts(project: Project) -> tuple[str, ...]:
    registry = project.registry
    return (registry.host,) if registry.insecure or registry.embedded else ()


def image_names(project: Project, service: Service) -> tuple[str, ...]:
    """The names under which another Dockerfile can mean this service's image: its repository, with and without the registry, and Compose's default name."""
    repository = project.registry.repository(service.image)
    names = (service.image, repository, f"{project.registry.host}/{repository}", f"{project.name}-{service.name}")
    return tuple(dict.fromkeys(names))


def image_place(project: Project, service: Service, image: LayoutImage | str) -> str:
    """An image as a named build context: from the layout it was just built into, or by digest from the registry."""
    if isinstance(image, LayoutImage):
        return f"oci-layout://{image.layout.absolute()}@{image.digest}"
    return f"docker-image://{project.registry.host}/{project.registry.repository(service.image)}@{image}"


def _dockerfile(spec: BuildSpec, service: Service, tree: Path, scratch: Path) -> Path:
    if spec.dockerfile_inline is None:
        return Path(spec.dockerfile) if _REMOTE.match(spec.context) else (tree / spec.dockerfile).absolute()
    scratch.mkdir(parents=True, exist_ok=True)
    path = scratch.absolute() / f"{_TAG_SAFE.sub('.', service.name)}.Dockerfile"
    path.write_text(spec.dockerfile_inline)
    return path


def _contexts(
    project: Project, plan: ServicePlan, spec: BuildSpec, tree: Path, images: Mapping[str, LayoutImage | str]
) -> dict[str, str]:
    pins = {base.name: f"docker-image://{base.name.partition('@')[0]}@{base.digest}" for base in plan.bases}
    contexts = {name: place for name, place in pins.items() if "@" not in name}
    places: dict[str, str] = {}
    for need in plan.needs:
        if need not in images:
            raise BuildFailed(f"it starts from the image of '{need}', which was not built", where=plan.service.name)
        needed = project.service(need)
        places[need] = image_place(project, needed, images[need])
        contexts |= dict.fromkeys(image_names(project, needed), places[need])
    for name, place in spec.contexts.items():
        kind, _, rest = place.partition(":")
        if kind == "service":
            if rest not in places:
                raise BuildFailed(
                    f"its context '{name}' is the image of '{rest}', which was not built", where=plan.service.name
                )
            contexts[name] = places[rest]
        elif place.startswith("docker-image://"):
            contexts[name] = pins.get(place.removeprefix("docker-image://"), place)
        else:
            contexts[name] = context_path(place, tree)
    return contexts
