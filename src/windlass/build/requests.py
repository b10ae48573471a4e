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
_IMAGE = "docker-image://"
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
        images: at least every service in `plan.needs`: its image in a layout when it was just built, or the digest of the one
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
        args=_arguments(plan, spec),
        contexts=_contexts(project, plan, spec, tree, images),
        secrets=spec.secrets,
        ssh=spec.ssh,
        labels=spec.labels,
        network=spec.network,
        options=spec.options,
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


def image_place(project: Project, service: Service, image: LayoutImage | str) -> str:
    """An image as a named build context: from the layout it was just built into, or by digest from the registry."""
    if isinstance(image, LayoutImage):
        return f"oci-layout://{image.layout.absolute()}@{image.digest}"
    return f"{_IMAGE}{project.registry.host}/{project.registry.repository(service.image)}@{image}"


def _dockerfile(spec: BuildSpec, service: Service, tree: Path, scratch: Path) -> Path:
    if spec.dockerfile_inline is None:
        return Path(spec.dockerfile) if _REMOTE.match(spec.context) else (tree / spec.dockerfile).absolute()
    scratch.mkdir(parents=True, exist_ok=True)
    path = scratch.absolute() / f"{_TAG_SAFE.sub('.', service.name)}.Dockerfile"
    path.write_text(spec.dockerfile_inline)
    return path


def _arguments(plan: ServicePlan, spec: BuildSpec) -> dict[str, str]:
    """The user's own; a pinned `# syntax=` frontend is named by BuildKit's argument for it."""
    if plan.frontend is None:
        return dict(spec.args)
    return {"BUILDKIT_SYNTAX": f"{plan.frontend.name.partition('@')[0]}@{plan.frontend.digest}", **spec.args}


def _contexts(
    project: Project, plan: ServicePlan, spec: BuildSpec, tree: Path, images: Mapping[str, LayoutImage | str]
) -> dict[str, str]:
    """Named contexts: the user's own, pinned base images, and the images of other services under the names they are called by."""
    pins = {base.name: f"{_IMAGE}{base.name.partition('@')[0]}@{base.digest}" for base in plan.bases}
    contexts = {name: place for name, place in pins.items() if "@" not in name}
    for name, place in spec.contexts.items():
        if place.startswith(_IMAGE):
            contexts[name] = pins.get(place.removeprefix(_IMAGE), place)
        elif place.startswith("service:"):
            contexts[name] = _needed(project, plan, place.removeprefix("service:"), images)
        else:
            contexts[name] = context_path(place, tree)
    return contexts | {name: _needed(project, plan, need, images) for name, need in plan.links}


def _needed(project: Project, plan: ServicePlan, need: str, images: Mapping[str, LayoutImage | str]) -> str:
    if need not in images:
        raise BuildFailed(f"it starts from the image of '{need}', which was not built", where=plan.service.name)
    return image_place(project, project.service(need), images[need])
