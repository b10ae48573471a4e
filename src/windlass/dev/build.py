"""Images of the checkout as it is, for this machine's own platform only."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from windlass import process
from windlass.dev.images import Image
from windlass.dev.load import load_image, local_name
from windlass.errors import BuildFailed, EngineUnavailable
from windlass.model.events import Emit
from windlass.model.source import Source
from windlass.steps.build import build
from windlass.steps.layouts import layouts
from windlass.steps.tools import Tools


def native_platform() -> str:
    """The engine's own platform, such as `linux/arm64`.

    Raises:
        EngineUnavailable
    """
    done = process.run(["docker", "version", "--format", "{{.Server.Os}}/{{.Server.Arch}}"])
    if not done.ok or not done.stdout.strip():
        raise EngineUnavailable(
            "the container engine does not answer", remedy="start Docker; windlass doctor tells more"
        )
    return done.stdout.strip()


def from_checkout(
    names: Sequence[str], source: Source, tools: Callable[[tuple[str, ...] | None], Tools], emit: Emit
) -> dict[str, Image]:
    """Images of services as the source has them: the registry's where it has that very content, built now otherwise.

    Args:
        tools: the drivers for some platforms only; None for all that the project is built for.

    Raises:
        BuildFailed: the first service that failed, with its log.
        WindlassError: planning or building could not go on at all.
    """
    found: dict[str, Image] = {}
    whole = tools(None)
    for one in whole.plan(source, None, only=tuple(names)).services:
        if one.service.name in names and one.action == "reuse" and one.digest is not None:
            found[one.service.name] = _published(whole, one.service.image, one.digest)
    left = tuple(name for name in names if name not in found)
    return found | (_build(left, source, tools((native_platform(),)), emit) if left else {})


def _build(names: Sequence[str], source: Source, tools: Tools, emit: Emit) -> dict[str, Image]:
    plan = tools.plan(source, None, only=tuple(names))
    found: dict[str, Image] = {}
    # A place of its own: layouts of one platform would push those of all platforms out.
    with tools.materialise(source.tree) as folder, layouts(tools.scratch, f"{tools.project.name}+dev") as kept:
        results = build(plan, tools, tools.builder(emit), folder, kept, emit)
        for name, error in results.failed.items():
            raise error if isinstance(error, BuildFailed) else BuildFailed(str(error), where=name)
        for name in names:
            built = results.done[name]
            image = built.plan.service.image
            if built.image is None:
                found[name] = _published(tools, image, built.digest)
                continue
            reference = local_name(tools.project.name, image, built.digest)
            load_image(built.image, reference)
            found[name] = Image(reference, built.digest, "checkout")
    return found


def _published(tools: Tools, image: str, digest: str) -> Image:
    registry = tools.project.registry
    return Image(f"{registry.host}/{registry.repository(image)}@{digest}", digest, "registry")
