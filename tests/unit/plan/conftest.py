"""A small world to plan in: files, services, a memory and base images, all in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from windlass.model.plan import Plan, ServicePlan
from windlass.model.project import BuildSpec, Project, RegistrySpec, Service, TestSpec
from windlass.model.source import Source
from windlass.plan.fingerprint import built_on, combine
from windlass.plan.planner import make_plan
from windlass.testing.bases import FakeBaseImages
from windlass.testing.files import FakeFiles
from windlass.testing.memory import FakeMemory


@dataclass
class World:
    files: dict[str, str] = field(default_factory=dict)
    services: list[Service] = field(default_factory=list)
    memory: FakeMemory = field(default_factory=FakeMemory)
    bases: FakeBaseImages = field(default_factory=FakeBaseImages)
    platforms: tuple[str, ...] = ("linux/amd64", "linux/arm64")
    prefix: str = ""

    def service(
        self,
        name: str,
        dockerfile: str | None = None,
        *,
        spec: BuildSpec | None = None,
        test: TestSpec | None = None,
        reference: str | None = None,
        **build: Any,
    ) -> None:
        """Add a service with its Dockerfile in a folder of its own; the context is the repository."""
        path = f"{name}/Dockerfile"
        if dockerfile is not None:
            self.files[path] = dockerfile
        build = {"context": ".", "dockerfile": path, **build}
        self.services = [service for service in self.services if service.name != name]
        self.services.append(Service(name, name, spec or BuildSpec(**build), test=test, reference=reference))

    def plan(self, **options: Any) -> Plan:
        registry = RegistrySpec("localhost:5077", prefix=self.prefix)
        project = Project("shop", Path("/nowhere"), registry, self.platforms, (), tuple(self.services), ())
        source = Source("c" * 40, "t" * 40, "main", False, 0)
        return make_plan(project, source, FakeFiles(self.files), self.memory, self.bases, **options)

    def publish(self, *only: str, packages: str = "", **options: Any) -> None:
        """Build everything that the plan says (with `only`: what else it says fails), and remember it.

        `packages` stands for what a build fetches: other packages make another image of the same inputs.
        """
        images: dict[str, str] = {}
        for planned in self.plan(**options).services:
            name, print_ = planned.service.name, planned.fingerprint
            images[name] = planned.digest or ""
            if print_.digest is not None and planned.action == "build" and (not only or name in only):
                key = built_on(print_.digest, {need: images[need] for need in planned.needs})
                images[name] = combine(key, packages)
                repository = f"{self.prefix}/{planned.service.image}" if self.prefix else planned.service.image
                self.memory.remember(repository, key, images[name], print_.inputs, "main")

    def of(self, name: str, **options: Any) -> ServicePlan:
        return next(planned for planned in self.plan(**options).services if planned.service.name == name)

    def built(self, **options: Any) -> list[str]:
        return [planned.service.name for planned in self.plan(**options).services if planned.action == "build"]

    def edit(self, changes: Mapping[str, str | None]) -> None:
        for path, text in changes.items():
            if text is None:
                del self.files[path]
            else:
                self.files[path] = text

    def inputs(self, name: str, kind: str) -> Sequence[str]:
        return [item.name for item in self.of(name).fingerprint.inputs if item.kind == kind]


@pytest.fixture
def world() -> World:
    return World()
