"""All services of a plan, surveyed: what they read, which base images they start from, who is built from whom."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from windlass.errors import EnvironmentUnusable, WindlassError
from windlass.model.plan import BaseImage, Input
from windlass.model.project import Project, Service
from windlass.plan.dockerfile.lines import DockerfileError
from windlass.plan.graph import image_names, order
from windlass.plan.inputs import Survey, Surveyor
from windlass.plan.names import digest_of, platform_of
from windlass.plan.tree import Tree, join

Wanted: TypeAlias = dict[str, frozenset[str]]
Resolve: TypeAlias = Callable[[Wanted], tuple[dict[str, BaseImage], dict[str, WindlassError]]]
"""Pins images by name: those that were found, and why the others were not."""
Foresee: TypeAlias = Callable[[str, frozenset[str]], None]
"""Told of an image that `Resolve` will be asked for, as soon as that is known."""


@dataclass(frozen=True)
class Surveys:
    """`services` in build order; `of` and `tests` by service name; `bases` by image name; `failed` says why one cannot be
    planned; `lfs` whether attributes give some files to git LFS."""

    services: tuple[Service, ...]
    of: Mapping[str, Survey]
    tests: Mapping[str, Survey]
    bases: Mapping[str, BaseImage]
    failed: Mapping[str, str]
    lfs: bool = False

    def base_inputs(self, survey: Survey) -> list[Input]:
        """One input per base image and platform: other platforms of the same image may move as they like."""
        inputs = []
        for name, platforms in survey.images.items():
            base = self.bases[name]
            digests = {platform_of(platform): digest for platform, digest in base.platforms.items()}
            inputs += [Input("base", f"{name} {p}", digests.get(p, base.digest)) for p in sorted(platforms)]
        if survey.frontend:
            inputs.append(Input("base", f"{survey.frontend} frontend", self.bases[survey.frontend].digest))
        return inputs

    def pins(self, service: str) -> tuple[BaseImage, ...]:
        """What the builder has to pin: every image that is named without a digest."""
        names = {**self.of[service].images, **(self.tests[service].images if service in self.tests else {})}
        return tuple(self.bases[name] for name in sorted(names) if digest_of(name) is None)


def survey_all(
    project: Project, tree: Tree, only: Sequence[str], resolve: Resolve, *, foresee: Foresee | None = None
) -> Surveys:
    """Survey the services named (all, when none is) and those they are built from.

    Raises:
        ConfigError: they are built from each other in a circle.
        EnvironmentUnusable: not one base image could be resolved.
    """
    return _Survey(project, tree, resolve, foresee).run(
        [s.name for s in project.buildable if not only or s.name in only]
    )


class _Survey:
    def __init__(self, project: Project, tree: Tree, resolve: Resolve, foresee: Foresee | None) -> None:
        self.services = {service.name: service for service in project.buildable}
        self.platforms = project.platforms
        tree.prepare([path for service in self.services.values() for path in _first_read(service)])
        self.surveyor = Surveyor(tree, image_names(project))
        self.resolve = resolve
        self.foresee = foresee
        self.of: dict[str, Survey] = {}
        self.tests: dict[str, Survey] = {}
        self.failed: dict[str, str] = {}
        self.bases: dict[str, BaseImage] = {}
        self.missing: dict[str, WindlassError] = {}
        self.onbuild: dict[str, tuple[str, ...] | None] = {}

    def run(self, wanted: Sequence[str]) -> Surveys:
        self._survey(wanted)
        self._pin()
        # Triggers of base images may name more images, and those have triggers in turn.
        while changed := self._learn():
            self._survey(changed)
            self._pin()
        away = [error for error in self.missing.values() if isinstance(error, EnvironmentUnusable)]
        if away and not self.bases:
            raise away[0]
        names = order([n for n in self.services if n in self.of or n in self.failed], self._needs())
        for name in names:
            self._fail_with_needs(name)
        planned = tuple(self.services[name] for name in names if name not in self.failed)
        return Surveys(planned, self.of, self.tests, self.bases, self.failed, self.surveyor.attributes.lfs)

    def _survey(self, names: Iterable[str]) -> None:
        todo = list(names)
        while todo:
            name = todo.pop(0)
            service = self.services[name]
            try:
                self.of[name] = self._look(service, None)
                if service.test is not None and service.test.target is not None:
                    self.tests[name] = self._look(service, service.test.target)
            except DockerfileError as error:
                self.of.pop(name, None)
                self.failed[name] = str(error)
                continue
            if self.foresee is not None:
                for image, platforms in self.of[name].images.items():
                    self.foresee(image, platforms)
            for other in self._links(name):
                if other in self.services and other not in self.of and other not in self.failed and other not in todo:
                    todo.append(other)

    def _look(self, service: Service, target: str | None) -> Survey:
        assert service.build is not None
        platforms = service.build.platforms or self.platforms
        return self.surveyor.survey(service.build, platforms, service=service.name, target=target, onbuild=self.onbuild)

    def _links(self, name: str) -> list[str]:
        found = [self.of[name]] if name in self.of else []
        found += [self.tests[name]] if name in self.tests else []
        return list(dict.fromkeys(other for survey in found for other in survey.links.values()))

    def _needs(self) -> dict[str, list[str]]:
        return {name: [other for other in self._links(name) if other in self.services] for name in self.of}

    def _pin(self) -> None:
        wanted: dict[str, set[str]] = {}
        for name in self.of:
            service = self.services[name]
            for survey in filter(None, (self.of[name], self.tests.get(name))):
                for image, platforms in survey.images.items():
                    wanted.setdefault(image, set()).update(platforms)
                if survey.frontend:
                    own = (service.build.platforms if service.build else ()) or self.platforms
                    wanted.setdefault(survey.frontend, set()).update(map(platform_of, own))
        new = {
            image: frozenset(platforms)
            for image, platforms in wanted.items()
            if image not in self.bases and image not in self.missing
        }
        if new:
            bases, missing = self.resolve(new)
            self.bases.update(bases)
            self.missing.update(missing)

    def _learn(self) -> list[str]:
        """Take note of ONBUILD triggers; returns the services that have to be looked at again."""
        known = {name: base.onbuild for name, base in self.bases.items() if base.onbuild != ()}
        known |= {f"service:{name}": survey.onbuild for name, survey in self.of.items() if survey.onbuild}
        new = {key for key, triggers in known.items() if self.onbuild.get(key, ()) != triggers}
        self.onbuild.update(known)
        return [
            name
            for name in self.of
            if new & {*self.of[name].images, *(f"service:{other}" for other in self._links(name))}
            or (name in self.tests and new & set(self.tests[name].images))
        ]

    def _fail_with_needs(self, name: str) -> None:
        if name in self.failed:
            return
        surveys = [survey for survey in (self.of[name], self.tests.get(name)) if survey is not None]
        for survey in surveys:
            for image in (*survey.images, *filter(None, [survey.frontend])):
                if image in self.missing:
                    self.failed[name] = self.missing[image].message.splitlines()[0]
                    return
        for other in self._links(name):
            if other not in self.services:
                self.failed[name] = f"it is built from the service '{other}', which has no build section"
                return
            if other in self.failed:
                self.failed[name] = f"it is built from {other}, which cannot be planned: {self.failed[other]}"
                return


def _first_read(service: Service) -> tuple[str, ...]:
    """Files that decide what else of a service is looked at."""
    if service.build is None:
        return ()
    root = "" if service.build.context == "." else service.build.context.removeprefix("./").rstrip("/")
    dockerfile = service.build.dockerfile
    return dockerfile, f"{dockerfile}.dockerignore", join(root, ".dockerignore")
