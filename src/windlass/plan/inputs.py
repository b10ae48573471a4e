"""Everything that one image is made from, short of what only a registry can say: which digests its base images have."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from windlass.model.plan import Input
from windlass.model.project import BuildSpec
from windlass.plan.attributes import Attributes
from windlass.plan.chosen import Chosen
from windlass.plan.context import Contexts
from windlass.plan.dockerfile.lines import DockerfileError
from windlass.plan.dockerfile.stages import read
from windlass.plan.fingerprint import combine
from windlass.plan.names import is_remote, pinned_commit, platform_of
from windlass.plan.reading import Reading
from windlass.plan.tree import Tree, clean

_PER_PLATFORM = re.compile(r"(?:TARGET|BUILD)(?:PLATFORM|OS|ARCH|VARIANT)")
_PER_BUILDER = re.compile(r"BUILD(?:PLATFORM|OS|ARCH|VARIANT)")
_STANDARD_FRONTEND = re.compile(r"(?:^|/)dockerfile(?:-upstream)?(?::|@|$)")
BUILDERS = ("linux/amd64", "linux/arm64")
"""Platforms a builder may have. What hangs on the builder's own platform is counted for each, so that a laptop and a CI
runner come to the same fingerprint."""


@dataclass(frozen=True)
class Survey:
    """What was found. `files` are those of the tree, `inputs` all else; `images` maps an image name, as the Dockerfile has it, to the platforms it is needed for; `links` a
    name to the service that stands for it; `onbuild` are the triggers of the target stage, for images built from it."""

    inputs: tuple[Input, ...] = ()
    files: Chosen | None = None
    images: Mapping[str, frozenset[str]] = field(default_factory=dict)
    links: Mapping[str, str] = field(default_factory=dict)
    frontend: str | None = None
    unpinned: tuple[str, ...] = ()
    onbuild: tuple[str, ...] = ()


class Surveyor:
    """Surveys builds of one tree. Contexts and their ignore rules are shared by all services that use them."""

    def __init__(self, tree: Tree, services: Mapping[str, str]) -> None:
        """Args:
        services: which names stand for a service's image, from `graph.image_names`.
        """
        self.tree = tree
        self.services = services
        self.contexts = Contexts(tree)
        self.attributes = Attributes(tree)

    def survey(
        self,
        spec: BuildSpec,
        platforms: Sequence[str],
        *,
        service: str,
        target: str | None = None,
        onbuild: Mapping[str, tuple[str, ...] | None] | None = None,
    ) -> Survey:
        """Look at everything the build of a stage reads.

        Args:
            target: the stage; None for the one the build names, or the last.
            onbuild: triggers of images by name, as far as they are known; None for one that nobody can look at.

        Raises:
            DockerfileError: there is no Dockerfile, or it cannot be read; `where` names file and line.
        """
        if is_remote(spec.context) and spec.dockerfile_inline is None:
            return self._remote(spec)
        if spec.dockerfile_inline is not None:
            shown, text = f"{spec.context}: inline Dockerfile", spec.dockerfile_inline
        else:
            path = clean(spec.dockerfile)
            if path is None:
                return Survey(unpinned=(f"its Dockerfile {spec.dockerfile} is outside the repository",))
            shown, found = path, self.tree.read(self.tree.follow("", path)[0] or "")
            if found is None:
                raise _located(DockerfileError("there is no Dockerfile here", 0), path)
            text = found
        try:
            dockerfile = read(text)
        except DockerfileError as error:
            raise _located(error, shown) from error
        if dockerfile.syntax and not _STANDARD_FRONTEND.search(dockerfile.syntax):
            return Survey(unpinned=(f"the frontend {dockerfile.syntax} reads its Dockerfile in its own way",))
        reading = Reading(self.contexts, self.services, spec, dockerfile, service, onbuild or {})
        try:
            for targets, build in _rounds(text, spec, platforms):
                reading.evaluate(targets, build, target or spec.target)
        except DockerfileError as error:
            raise _located(error, shown) from error
        files = Chosen(self.tree, reading.selection.ranges())
        return Survey(
            inputs=tuple(_listed(reading, shown, self.attributes, files)),
            files=files,
            images={name: frozenset(platforms) for name, platforms in reading.images.items()},
            links=dict(reading.links),
            frontend=spec.args.get("BUILDKIT_SYNTAX") or dockerfile.syntax,
            unpinned=tuple(reading.unpinned),
            onbuild=reading.onbuild,
        )

    def _remote(self, spec: BuildSpec) -> Survey:
        commit = pinned_commit(spec.context)
        reason = f"its context is fetched from {spec.context}"
        if commit is None:
            return Survey(unpinned=(reason,))
        return Survey(unpinned=(f"{reason}, whose Dockerfile nobody here can read",))


def _rounds(text: str, spec: BuildSpec, platforms: Sequence[str]) -> list[tuple[tuple[str, ...], str]]:
    """Target platforms to evaluate for, with the builder's: all at once where nothing in the Dockerfile hangs on them."""
    names = tuple(platform_of(name) for name in platforms)
    if not _PER_PLATFORM.search(text) and not any("::" in name for name in spec.contexts):
        return [(names, names[0])] if names else []
    if not _PER_BUILDER.search(text):
        return [((name,), name) for name in names]
    return [((name,), build) for name in names for build in dict.fromkeys([*BUILDERS, *names])]


def _located(error: DockerfileError, shown: str) -> DockerfileError:
    error.where = f"{shown}:{error.line}" if error.line else shown
    return error


def _listed(reading: Reading, shown: str, attributes: Attributes, files: Chosen) -> Iterator[Input]:
    """What was read beside files, as inputs; `shown` is the Dockerfile's name for people."""
    spec = reading.spec
    for (_, stage), texts in sorted(reading.texts.items()):
        yield Input("dockerfile", f"{shown}#{stage}", _merged(texts))
    yield from attributes.inputs(files)
    for folder in sorted(reading.selection.folders):
        yield Input("file", f"{folder}/", "040000")
    for name, values in reading.args.items():
        if _reaches_all(name) or reading.uses(name):
            yield Input("arg", name, _merged({combine(name, value) for value in values}))
    for name, value in spec.args.items():
        if _reaches_all(name) and name not in reading.args:
            yield Input("arg", name, combine(name, value))
    for name, pin in reading.pins.items():
        yield Input("context", name, pin)
    any_secret = any("$" in name or not name for name in reading.secrets)
    for secret in spec.secrets:
        if any_secret or secret.id in reading.secrets:
            yield Input("secret", secret.id, combine("secret", secret.id))
    if reading.ssh:
        yield from (Input("setting", f"ssh {name}", combine("ssh", name)) for name in spec.ssh)
    yield from (Input("setting", f"label {key}", combine(key, value)) for key, value in spec.labels.items())
    for number, (option, value) in enumerate(spec.options):
        yield Input("setting", f"{option} {number}", combine(option, value))
    if spec.network:
        yield Input("setting", "network", combine("network", spec.network))


def _reaches_all(argument: str) -> bool:
    """Whether an argument reaches every build, declared or not: BuildKit's own switches."""
    return argument.startswith("BUILDKIT_") or argument == "SOURCE_DATE_EPOCH"


def _merged(digests: set[str]) -> str:
    """One digest for the values of several platforms."""
    return next(iter(digests)) if len(digests) == 1 else combine(*sorted(digests))
