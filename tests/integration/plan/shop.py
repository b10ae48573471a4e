"""A repository with one service, and a registry that remembers what of it was built."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from windlass import process
from windlass.git.repository import Repository
from windlass.git.tree import GitFiles
from windlass.model.plan import Plan, ServicePlan
from windlass.model.project import BuildSpec, Project, RegistrySpec, Service
from windlass.oci.bases import RegistryBaseImages
from windlass.oci.client import RegistryClient
from windlass.oci.images import RegistryImages
from windlass.oci.memory import RegistryMemory
from windlass.oci.mirrors import Mirrors
from windlass.plan.fingerprint import built_on
from windlass.plan.planner import make_plan
from windlass.testing.images import make_image

BOTH = ("linux/amd64", "linux/arm64")
FILES = {
    "Dockerfile": "FROM scratch\nCOPY app /app\n",
    "app/main.py": "print(1)\n",
    "app/data/a.txt": "a\n",
    "docs/guide.md": "guide\n",
    ".gitattributes": "*.txt text=auto\n",
    ".gitignore": "*.log\n",
}
_PERSON = {f"GIT_{role}_{what}": "test@example.com" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
_PLAIN = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull, "GIT_ALLOW_PROTOCOL": "file"}


@dataclass
class Shop:
    """`origin` is the checkout that things happen to. `prefix` keeps tests apart in one registry."""

    origin: Path
    host: str
    prefix: str
    image: str = "app"
    platforms: tuple[str, ...] = BOTH
    below: bool = False
    published: list[ServicePlan] = field(default_factory=list)

    def begin(self) -> None:
        self.origin.mkdir(parents=True)
        self.git("init", "-q", "-b", "main")
        self.commit(FILES)

    @property
    def client(self) -> RegistryClient:
        return RegistryClient(self.host)

    @property
    def project(self) -> Project:
        services = [Service("app", self.image, BuildSpec(".", "Dockerfile"))]
        if self.below:
            services.append(Service("lib", "lib", BuildSpec(".", "lib.Dockerfile")))
        registry = RegistrySpec(self.host, self.prefix)
        return Project("shop", self.origin, registry, self.platforms, (), tuple(services), ())

    def git(self, *words: str, at: Path | None = None) -> str:
        return process.run(["git", *words], cwd=at or self.origin, env={**_PERSON, **_PLAIN}, check=True).stdout.strip()

    def write(self, files: Mapping[str, str]) -> None:
        for name, text in files.items():
            place = self.origin / name
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(text)

    def commit(self, files: Mapping[str, str], message: str = "change") -> str:
        self.write(files)
        self.git("add", "--all")
        self.git("commit", "-q", "--allow-empty", "-m", message)
        return self.git("rev-parse", "HEAD")

    def clone(self, name: str, *options: str) -> Path:
        place = self.origin.parent / name
        self.git("clone", "-q", *options, f"file://{self.origin}", str(place), at=self.origin.parent)
        return place

    def build_from_lib(self) -> None:
        """From now on there is a service below, which the other one is built from."""
        self.below = True
        self.commit({"lib.Dockerfile": "FROM scratch\nCOPY docs /docs\n", "Dockerfile": "FROM lib\nCOPY app /app\n"})

    def plan(self, checkout: Path | None = None, ref: str | None = None, rebuild: Sequence[str] = ()) -> Plan:
        repository = Repository(checkout or self.origin)
        source = repository.snapshot(ref)
        bases = RegistryBaseImages(Mirrors())
        files = GitFiles(repository, source.tree)
        memory = RegistryMemory(self.client, self.prefix)
        return make_plan(self.project, source, files, memory, bases, rebuild=rebuild)

    def publish(
        self,
        checkout: Path | None = None,
        ref: str | None = None,
        *,
        rebuild: Sequence[str] = (),
        packages: str = "",
        failing: Sequence[str] = (),
    ) -> None:
        """What a run does: images of all that has to be built and does not fail, and their records.

        `packages` stands for what builds fetch: other packages make other images of the same inputs.
        """
        plan = self.plan(checkout, ref, rebuild)
        images = {planned.service.name: planned.digest or "" for planned in plan.services}
        for planned in plan.services:
            fingerprint = planned.fingerprint
            if planned.action == "reuse" or fingerprint.digest is None or planned.service.name in failing:
                continue
            key = built_on(fingerprint.digest, {name: images[name] for name in planned.needs})
            folder = self.origin.parent / "layouts" / f"{key[-16:]}{packages}"
            image = make_image(folder, name=f"{key}{packages}", platforms=self.platforms)
            images[planned.service.name] = image.digest
            repository = self.project.registry.repository(planned.service.image)
            RegistryImages(self.client).push(image, repository, (f"{plan.source.branch or 'none'}-{plan.source.sha}",))
            memory = RegistryMemory(self.client, self.prefix)
            memory.remember(repository, key, image.digest, fingerprint.inputs, plan.source.branch)
            self.published.append(replace(planned, digest=image.digest))

    def base(self, tag: str, name: str, platforms: Sequence[str] = BOTH) -> str:
        """Publish a base image under a tag; images of one `name` are alike on each platform. Returns what FROM calls it."""
        folder = self.origin.parent / "bases" / f"{name}-{len(platforms)}"
        image = make_image(folder, name=name, platforms=platforms)
        RegistryImages(self.client).push(image, f"{self.prefix}/base", (tag,))
        return f"{self.host}/{self.prefix}/base:{tag}"

    def manifests(self) -> tuple[str, dict[str, str]]:
        """The published image's repository, and the digest of each platform's manifest."""
        repository = self.project.registry.repository(self.image)
        content = self.client.get_manifest(repository, self.published[-1].digest or "").content
        return repository, {str(entry.platform): entry.digest for entry in content.manifests}  # type: ignore[union-attr]
