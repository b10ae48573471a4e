"""A release made ready for an engine: images there, model loaded, and what it would change computed. Nothing runs yet."""

from __future__ import annotations

import json
import stat
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from windlass.compose.load import unescape
from windlass.deploy import environ
from windlass.deploy.docker import changes, going, mounts, naming, partial, workers
from windlass.deploy.docker.announcing import edge_changes, explained, why_anew
from windlass.deploy.docker.containers import Container
from windlass.deploy.docker.edge import compose as edge_compose
from windlass.deploy.docker.edge.allocate import Edge, allocate
from windlass.deploy.docker.edge.board import Board, RunningEdge, ends_of
from windlass.deploy.docker.edge.certificates import terminated
from windlass.deploy.docker.edge.held import refuse_held
from windlass.deploy.docker.edge.layout import ImageFacts, Layout, lay_out
from windlass.deploy.docker.edge.reuse import Claims, claims, needed_elsewhere
from windlass.deploy.docker.edge.router import routers
from windlass.deploy.docker.engine import Docker, Image
from windlass.deploy.docker.hashing import Hashes
from windlass.deploy.docker.health import with_quick_starts
from windlass.deploy.docker.loading import Loaded, load_release
from windlass.deploy.docker.model import Runnable, Selection, select, to_run
from windlass.deploy.docker.pull import pull
from windlass.deploy.docker.up import Compose, compose_command, compose_refusal
from windlass.deploy.interface import Prepared
from windlass.errors import ConfigError, DeploymentFailed
from windlass.git.repository import Repository
from windlass.model.events import Emit, Notice, StageName
from windlass.model.project import Declared, Project
from windlass.model.release import Release


@dataclass(frozen=True, slots=True)
class Ready:
    """A prepared release.

    `compose` holds the model as it runs, services under their own names; `wanted` maps each to the configuration hash it
    must come to run; `instances` maps each that stands beside its old containers to the name it is started under.
    """

    prepared: Prepared
    compose: Compose
    wanted: Mapping[str, str]
    layout: Layout
    instances: Mapping[str, str]
    edges: tuple[Edge, ...]

    def why_anew(self, edge: Edge, board: Board) -> str:
        """Why an edge cannot go on as it runs; "" where it can."""
        return why_anew(edge, board.edge(edge.name), self.edges, self.layout, self.compose.model["services"])

    @property
    def gone(self) -> frozenset[str]:
        """The services that run and that the release does not have."""
        return frozenset(self.to_do("remove"))

    def gives_way(self, board: Board) -> frozenset[str]:
        """Those of them that stand in place and go before what is new starts."""
        return going.gives_way(self.prepared.changes, self.layout, board, self.claimed())

    def claimed(self, edge: str = "") -> Claims:
        """What the release needs; what it needs beside an edge, where one is named."""
        services = {name: one for name, one in self.compose.model["services"].items() if name in self.wanted}
        return claims(edge, self.edges, services, self.layout.fronted)

    def needed_elsewhere(self, running: RunningEdge) -> bool:
        """Whether an edge that the release has no use for has a port or a name that it needs elsewhere."""
        return needed_elsewhere(running.made_for, self.claimed(running.name))

    @property
    def lasting(self) -> tuple[str, ...]:
        """The services that are there as long as the release is; of those that may end as well, where an edge leads to them."""
        services = self.compose.model["services"]
        once = {name for name in self.wanted if naming.ONE_SHOT in (services[name].get("labels") or {})}
        return tuple(sorted(self.wanted.keys() - (once - self.layout.beside)))

    def edge(self, name: str) -> Edge | None:
        return next((edge for edge in self.edges if edge.name == name), None)

    def to_do(self, *actions: str) -> list[str]:
        return [change.service for change in self.prepared.changes if change.action in actions]

    def counts(self, container: Container) -> bool:
        """Whether a container is the release's own, and not one that is about to go with the same configuration."""
        return not container.beside or container.key == self.instances.get(container.service)


class Preparer:
    """Makes releases ready for one environment.

    Args:
        declared: how a release runs. `project` is today's: it names what runs.
        home: a folder of this machine for bind-mounted copies; `own` is the environment's alone.
        board: looks at what runs.
    """

    def __init__(
        self,
        project: Project,
        repository: Repository,
        declared: Callable[[Release], Declared],
        *,
        name: str,
        docker: Docker,
        home: Path,
        own: Path,
        board: Callable[[], Board],
    ) -> None:
        self._project = project
        self._repository = repository
        self._declared = declared
        self._name = name
        self._docker = docker
        self._home = home
        self._own = own
        self._known = Hashes(own / "hashes.json")
        self._board = board

    def prepare(self, release: Release, emit: Emit, stage: StageName, *, pulling: bool = True) -> Ready:
        """Raises as `Target.prepare`.

        Args:
            pulling: otherwise images that are not here are taken to be like those that run, and what comes of it is no more
                than a forecast.
        """
        with ThreadPoolExecutor(3) as beside:  # programs that do not need each other: nothing to do must be quick
            looking = beside.submit(self._board)
            declared = self._declared(release)
            environment, edge = declared.environment, declared.environment.edge
            known = environ.of_release(self._repository, release, environment.env_files)
            environ.require(environment.secrets, known, environment=environment.name)
            loading = beside.submit(
                load_release,
                self._repository,
                release,
                env_files=environment.env_files,
                project=self._name,
                apart=self._docker.remote,
            )
            likely = [service.reference for service in release.services] + ([edge.image] if edge is not None else [])
            finding = beside.submit(self._docker.images, likely)
            answered = self._docker.connect()
            board, there = looking.result(), finding.result()
            loaded = loading.result()
        for name in loaded.unset:
            emit(Notice(f"the variable {name} has no value: Compose takes it as empty", "warning"))
        selection = select(loaded.model, release)
        for service, reason in selection.excluded.items():
            emit(Notice(f"{service} is left out: {reason}", "warning"))
        wanted_images, always = _references(loaded, selection, release)
        there |= self._docker.images([reference for reference in wanted_images.values() if reference not in likely])
        missing = {ref: name for name, ref in wanted_images.items() if ref not in there or ref in always}
        if missing and pulling:
            pull(missing, emit, stage, self._docker)
            there |= self._docker.images(list(missing))
        elif missing:
            there = self._alike(missing, board) | there
        images = {
            name: (reference, there[reference]) for name, reference in wanted_images.items() if reference in there
        }
        runnable = to_run(
            loaded.model,
            release,
            selection,
            project=self._project.name,
            environment=environment,
            mounts=self._mounts(loaded, selection, release, emit),
        )
        facts = {name: image.facts for name, (_, image) in images.items()}
        has_edge = edge is not None and (edge.image in there or not pulling)
        layout = self._layout(runnable, facts, has_edge, board, declared, emit, stage)
        self._own.mkdir(parents=True, exist_ok=True)
        model = workers.with_room(edge_compose.without_front(runnable.model, layout.fronted), layout.workers)
        model, given = edge_compose.with_certificates(model, layout.fronted)
        variables = {**_referenced(model, known), **given}
        plain = Compose(self._name, partial.without_order(model), self._own, variables, self._docker)
        hashes = partial.with_resources(plain.model, self._hashes(plain, release), plain.environ)
        compose = replace(plain, model=partial.with_hashes(model, hashes))
        wanted = {service: digest for service, digest in hashes.items() if runnable.replicas.get(service, 1) > 0}
        ids = {service: (reference, image.id) for service, (reference, image) in images.items()}
        computed = changes.with_lodgers(
            changes.compute(wanted, board.current, ids, runnable.replicas),
            lambda names: partial.affected(compose.model, names),
        )
        if answered.knows_start_interval:
            started = [change.service for change in computed if change.action in ("create", "recreate")]
            health = {service: image.health for service, (_, image) in images.items()}
            compose = replace(compose, model=with_quick_starts(compose.model, started, health))
        stays = _names(board, [change.service for change in computed if change.action == "keep"])
        edges = allocate({n: f for n, f in layout.fronted.items() if n in wanted}, board.carrier)
        if edge is not None:
            edges += routers(edge.sni, unescape(runnable.model["services"]), environment.name, emit)
        active = {name: one for name, one in model["services"].items() if name in wanted}
        early = going.early(computed, edges, layout, board, active)
        refuse_held([port for one in edges for port in one.published], board, self._name, self._docker)
        return Ready(
            Prepared(
                release,
                (
                    *(explained(c, layout, board, early) for c in computed),
                    *edge_changes(edges, board, layout, model["services"]),
                ),
            ),
            compose,
            wanted,
            layout,
            {
                name: stays.get(name)
                or edge_compose.instance(
                    name,
                    wanted[name],
                    ids.get(name, ("", ""))[1],
                    board.taken,
                    replicas=runnable.replicas.get(name, 1),
                )
                for name in runnable.model["services"]
                if name in layout.beside and name in wanted
            },
            edges,
        )

    def _layout(
        self,
        runnable: Runnable,
        images: Mapping[str, ImageFacts],
        has_edge: bool,
        board: Board,
        declared: Declared,
        emit: Emit,
        stage: StageName,
    ) -> Layout:
        services = runnable.model["services"]
        place, settings = declared.environment.name, declared.environment.edge
        if settings is None:
            return Layout({}, dict.fromkeys(services, ""))
        layout = lay_out(
            unescape(services),
            images=images,
            health=[check for service in declared.project.services for check in service.health],
            singletons=[service.name for service in declared.project.services if service.singleton],
            writable=self._lasting,
        )
        if (layout.fronted or settings.sni) and not has_edge:
            try:
                pull({settings.image: "the edge"}, emit, stage, self._docker)
            except DeploymentFailed as error:
                if (settings.tls or settings.sni) and not board.edges:
                    raise  # services would show certificates of their own, or would not be reached
                if board.edges:  # those that run may do
                    return terminated(layout, settings.tls, place, ends_of(board), emit)
                emit(
                    Notice(
                        f"services are stopped and started, not replaced beside each other: {error.message}",
                        "warning",
                        f"environments.{place}.edge: {{image: …}} names another image, edge: false ends this",
                    )
                )
                return Layout({}, dict.fromkeys(services, ""))
        return terminated(layout, settings.tls, place, ends_of(board), emit)

    def _lasting(self, source: str) -> bool:
        """Whether a path that is mounted writable may hold what two containers must not write at once: a folder of this
        machine. Copies of a release's files are made again whenever these change."""
        if self._docker.remote:
            return True
        path = Path(source)
        if path.is_relative_to(self._own / "mounts") or path.is_relative_to(self._home / "mounts"):
            return False
        try:
            return stat.S_ISDIR(path.stat().st_mode)
        except OSError:
            return True

    def _alike(self, missing: Mapping[str, str], board: Board) -> dict[str, Image]:
        """For images that are not here (reference → service): what is known of the one that runs."""
        running = {c.service: c.image for c in board.current}
        known = self._docker.images([running[name] for name in missing.values() if name in running])
        unknown = Image("", {}, ImageFacts())
        return {ref: replace(known.get(running.get(name, ""), unknown), id="") for ref, name in missing.items()}

    def _mounts(self, loaded: Loaded, selection: Selection, release: Release, emit: Emit) -> dict[str, str]:
        tree, paths = release.tree, {}
        wanted = mounts.sources(loaded.model, selection.services, loaded.root, loaded.base)
        if self._docker.remote:
            mounts.refuse_elsewhere(wanted, self._docker.reach.shown)
        for source in wanted:
            inside = source.relative is not None and source.relative.split("/")[0] != ".."
            entry = self._repository.entry(tree, source.relative or ".") if inside else None
            decision = mounts.decide(
                source,
                entry,
                substantial=entry is not None
                and entry.kind == "tree"
                and mounts.has_content(self._repository, tree, source.relative or "."),
                in_checkout=inside and (self._repository.root / (source.relative or ".")).exists(),
            )
            paths[source.loaded] = mounts.provide(
                decision, self._repository, tree, home=self._home, own=self._own, emit=emit
            )
        return paths

    def _hashes(self, compose: Compose, release: Release) -> dict[str, str]:
        """Configuration hashes as Compose itself computes them; it validates the model on the way."""
        if (known := self._known.of(compose.document)) is not None:
            return known
        command = compose_command(compose.project, compose.directory, "config", "--hash", "*")
        done = compose.docker.run(command, env=compose.environ, input=compose.document)
        if not done.ok:
            raise ConfigError(
                compose_refusal(done.stderr.splitlines()) or "Docker Compose refuses the configuration",
                where=", ".join(release.compose),
                remedy="docker compose config shows more",
            )
        hashes = changes.parse_hashes(done.stdout)
        self._known.note(compose.document, hashes)
        return hashes


def _names(board: Board, kept: Collection[str]) -> dict[str, str]:
    """The names in Compose under which services that stay beside others run: which one it is depends on what was about to go
    when they were started."""
    return {c.service: c.key for c in board.current if c.beside and c.service in kept and c.key not in board.taken}


def _references(loaded: Loaded, selection: Selection, release: Release) -> tuple[dict[str, str], set[str]]:
    """Service → reference of the image it is to run; and those that the user wants pulled always."""
    wanted: dict[str, str] = {}
    always: set[str] = set()
    for name in selection.services:
        released, service = release.service(name), loaded.model["services"][name]
        wanted[name] = released.reference if released is not None else str(service["image"])
        if released is None and service.get("pull_policy") == "always":
            always.add(wanted[name])
    return wanted, always


def _referenced(model: Mapping[str, object], known: Mapping[str, str]) -> dict[str, str]:
    """The variables that secrets and configs are made from: Compose reads those when it starts containers."""
    names = set()
    for kind in ("secrets", "configs"):
        resources = json.loads(json.dumps(model.get(kind) or {}))
        names |= {resource["environment"] for resource in resources.values() if (resource or {}).get("environment")}
    return {name: known[name] for name in names if name in known}
