# ruff: noqa: T201
"""The planner's decisions over a repository's history, each compared with what BuildKit makes of the two commits.

For every pair of consecutive commits and every service with a build section: did its fingerprint change, and did its image?
All images are built at every commit, with the layer cache on (so that a RUN runs again only when something before it
changed) and base images pinned; only a pair of equal trees needs no build. A first run takes as long as the history's
installations do.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Literal

from windlass.build.buildx import BuildxBuilder
from windlass.build.requests import build_request
from windlass.build.tidy import tidy
from windlass.compose.load import load, unescape
from windlass.config.build import build_spec
from windlass.errors import BuildFailed
from windlass.git.refs import Refs
from windlass.git.repository import Repository
from windlass.git.tree import GitFiles
from windlass.model.plan import Input, Plan, ServicePlan
from windlass.model.project import Project, RegistrySpec, Service
from windlass.model.source import Source
from windlass.oci.bases import RegistryBaseImages
from windlass.plan.planner import make_plan
from windlass.plan.why import compare
from windlass.testing.memory import FakeMemory

PLATFORM = "linux/amd64"
Verdict = Literal["agreed: changed", "agreed: same", "missed", "needless", "first image", "no image"]
VERDICTS: tuple[Verdict, ...] = ("agreed: changed", "agreed: same", "missed", "needless", "first image", "no image")


@dataclass(frozen=True)
class Image:
    """A service at a commit. `digest` is None where no image can be built, with `failure` saying why."""

    fingerprint: str | None = None
    inputs: tuple[Input, ...] = ()
    digest: str | None = None
    failure: str = ""


@dataclass(frozen=True)
class Row:
    commit: str
    service: str
    verdict: Verdict
    detail: str = ""


def verdict(before: Image, after: Image) -> Verdict:
    """What the planner said of a pair of commits, against what BuildKit says."""
    if after.digest is None:
        return "no image"
    if before.digest is None:
        return "first image"
    planned = before.fingerprint is None or before.fingerprint != after.fingerprint
    if before.digest != after.digest:
        return "agreed: changed" if planned else "missed"
    return "needless" if planned else "agreed: same"


class Replay:
    """Builds at commits of one repository.

    Args:
        services: as the newest commit declares them.
        folder: for layouts and materialised trees.
    """

    def __init__(self, repository: Repository, services: Sequence[Service], folder: Path) -> None:
        self.repository = repository
        self.folder = folder
        self.project = Project(
            "windlass-test-replay",
            repository.root,
            RegistrySpec("localhost:1"),
            (PLATFORM,),
            (),
            tuple(services),
            (),
        )
        self.bases = RegistryBaseImages()
        self.builder = BuildxBuilder()
        self.builder.prepare((PLATFORM,), _silent)

    def plan(self, source: Source) -> Plan:
        return make_plan(self.project, source, GitFiles(self.repository, source.tree), FakeMemory(), self.bases)

    def images(self, commit: str) -> dict[str, Image]:
        """Every service at a commit."""
        source = self.repository.snapshot(commit)
        plan = self.plan(source)
        found = {name: Image(failure=reason) for name, reason in plan.failed.items()}
        with tempfile.TemporaryDirectory(dir=self.folder) as tree:
            self.repository.materialise(source.tree, Path(tree))
            built: dict[str, str] = {}
            for planned in plan.services:
                found[planned.service.name] = self._image(planned, Path(tree), built)
        return found

    def _image(self, planned: ServicePlan, tree: Path, built: dict[str, str]) -> Image:
        name = planned.service.name
        layout = self.folder / "layouts" / name
        image = Image(planned.fingerprint.digest, tuple(planned.fingerprint.inputs))
        try:
            request = build_request(
                self.project, planned, tree=tree, layout=layout, scratch=self.folder / "inline", images=built
            )
            made = self.builder.build(replace(request, cache=None), _silent)
        except BuildFailed as error:
            return replace(image, failure=" ".join((*error.log[-3:], error.message)))
        tidy(layout, made.digest)
        built[name] = made.digest
        return replace(image, digest=made.digest)


def rows(commits: Sequence[str], replay: Replay, say: Callable[[str], None]) -> Iterator[Row]:
    """One row for each service and each commit after the first, oldest first."""
    before = replay.images(commits[0])
    for number, (parent, commit) in enumerate(pairwise(commits), 1):
        if replay.repository.snapshot(parent).tree == replay.repository.snapshot(commit).tree:
            after = before
        else:
            after = replay.images(commit)
        for name in sorted({*before, *after}):
            pair = before.get(name, Image()), after.get(name, Image())
            outcome = verdict(*pair)
            if outcome == "missed":
                # A layer cache that was cleared in between makes a RUN run again: once more, one right after the other.
                pair = replay.images(parent).get(name, Image()), replay.images(commit).get(name, Image())
                outcome = verdict(*pair)
            yield Row(commit, name, outcome, _detail(name, outcome, *pair))
        say(f"{number:3} of {len(commits) - 1}  {commit[:7]}")
        before = after


def _detail(name: str, outcome: Verdict, before: Image, after: Image) -> str:
    if outcome == "no image":
        return after.failure
    if outcome in ("needless", "agreed: changed"):
        return "; ".join(compare(name, before.inputs, after.inputs).sentences())
    return ""


def services_of(repository: Repository, commit: str, compose: str, left_out: Sequence[str]) -> list[Service]:
    """The services with a build section in a Compose file of a commit."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place).resolve()
        repository.materialise(repository.snapshot(commit).tree, folder)
        model = unescape(load([folder / compose], directory=folder))
        return [
            Service(name, name, build_spec(name, one["build"], {}, directory=folder, root=folder, environ={}))
            for name, one in model["services"].items()
            if one.get("build") and name not in left_out
        ]


def _silent(event: object) -> None:
    pass


def main(words: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="script/bench replay", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--repository", type=Path, required=True, metavar="DIR", help="a checkout of the repository")
    parser.add_argument("--compose", default="docker-compose.yml", metavar="FILE", help="declares the services' builds")
    parser.add_argument("--commits", type=int, default=60, help="pairs of commits to look at (default: 60)")
    parser.add_argument("--at", default="HEAD", metavar="REF", help="the newest commit (default: HEAD)")
    parser.add_argument("--leave-out", action="append", default=[], metavar="SERVICE", help="a service not to build")
    parser.add_argument("--scratch", type=Path, metavar="DIR", help="where images are written to")
    given = parser.parse_args(words)

    repository = Repository.discover(given.repository)
    commits = Refs(repository).history(given.at, given.commits + 1)[::-1]
    services = services_of(repository, commits[-1], given.compose, given.leave_out)
    print(f"{len(commits) - 1} pairs of commits, {len(services)} services", flush=True)
    seen: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="windlass-replay-", dir=given.scratch) as folder:
        replay = Replay(repository, services, Path(folder).resolve())
        for row in rows(commits, replay, lambda text: print(text, file=sys.stderr, flush=True)):
            seen.append(row)
            if row.verdict != "agreed: same" and not row.detail.endswith("there is no Dockerfile here"):
                print(f"{row.commit[:7]}  {row.service:36}{row.verdict:17}{row.detail[:150]}", flush=True)
    _summary(seen)
    return 0


def _summary(seen: Sequence[Row]) -> None:
    print(f"\n{'service':36}" + "".join(f"{name:>17}" for name in VERDICTS))
    for service in sorted({row.service for row in seen}):
        counts = Counter(row.verdict for row in seen if row.service == service)
        print(f"{service:36}" + "".join(f"{counts[name]:17}" for name in VERDICTS))
    total = Counter(row.verdict for row in seen)
    print(f"{'all':36}" + "".join(f"{total[name]:17}" for name in VERDICTS))
    print(
        f"missed {total['missed']}, needless {total['needless']}, agreed {total['agreed: changed'] + total['agreed: same']}"
    )
