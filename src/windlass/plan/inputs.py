"""Everything that one image is made from, short of what only a registry can say: which digests its base images have."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from windlass.model.plan import Input
from windlass.model.project import BuildSpec
from windlass.plan.context import Context, Selection
from windlass.plan.dockerfile.instructions import Arg, Copy, Env, Instruction, Onbuild, Run, trigger_of
from windlass.plan.dockerfile.lines import DockerfileError, Line
from windlass.plan.dockerfile.stages import Dockerfile, Stage, read
from windlass.plan.graph import service_named
from windlass.plan.names import digest_of, familiar, is_remote, pinned_commit, platform_of
from windlass.plan.patterns import BadPattern
from windlass.plan.scope import (
    BadWord,
    Scope,
    UnknownVariable,
    assign,
    declare,
    global_scope,
    predefined,
)
from windlass.plan.tree import Tree, clean, join

_PER_PLATFORM = re.compile(r"(?:TARGET|BUILD)(?:PLATFORM|OS|ARCH|VARIANT)")
_PREDEFINED = frozenset(
    f"{side}{what}" for side in ("TARGET", "BUILD") for what in ("PLATFORM", "OS", "OSVERSION", "ARCH", "VARIANT")
)
_STANDARD_FRONTEND = re.compile(r"(?:^|/)dockerfile(?:-upstream)?(?::|@|$)")
BUILDERS = ("linux/amd64", "linux/arm64")
"""Platforms a builder may have. What hangs on the builder's own platform is counted for each, so that a laptop and a CI
runner come to the same fingerprint."""


@dataclass(frozen=True)
class Survey:
    """What was found. `images` maps an image name, as the Dockerfile has it, to the platforms it is needed for; `links` a
    name to the service that stands for it; `onbuild` are the triggers of the target stage, for images built from it."""

    inputs: tuple[Input, ...] = ()
    images: Mapping[str, frozenset[str]] = field(default_factory=dict)
    links: Mapping[str, str] = field(default_factory=dict)
    frontend: str | None = None
    unpinned: tuple[str, ...] = ()
    onbuild: tuple[str, ...] = ()


def digest(*parts: str) -> str:
    """`sha256:<hex>` over some strings; no two lists of strings share one."""
    hasher = hashlib.sha256()
    for part in parts:
        raw = part.encode("utf-8", "surrogateescape")
        hasher.update(b"%d:" % len(raw))
        hasher.update(raw)
    return f"sha256:{hasher.hexdigest()}"


class Surveyor:
    """Surveys builds of one tree. Contexts and their ignore rules are shared by all services that use them."""

    def __init__(self, tree: Tree, services: Mapping[str, str]) -> None:
        """Args:
        services: which names stand for a service's image, from `graph.image_names`.
        """
        self.tree = tree
        self.services = services
        self._contexts: dict[tuple[str, str | None], Context] = {}

    def context(self, root: str, ignore_file: str | None = None) -> Context:
        """Raises ConfigError's DockerfileError when the ignore file is malformed."""
        key = (root, ignore_file)
        if key not in self._contexts:
            self._contexts[key] = Context(self.tree, root, ignore_file)
        return self._contexts[key]

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
        work = _Work(self, spec, dockerfile, shown, service, onbuild or {})
        try:
            for targets, build in _rounds(text, spec, platforms):
                work.evaluate(targets, build, target or spec.target)
        except DockerfileError as error:
            raise _located(error, shown) from error
        return work.survey()

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
    if "BUILD" not in text:
        return [((name,), name) for name in names]
    return [((name,), build) for name in names for build in dict.fromkeys([*BUILDERS, *names])]


def _located(error: DockerfileError, shown: str) -> DockerfileError:
    error.where = f"{shown}:{error.line}" if error.line else shown
    return error


@dataclass
class _Done:
    """A stage that was evaluated for one platform."""

    number: int
    scope: Scope
    onbuild: tuple[str, ...]


class _Work:
    """Collects what one build reads, over all its platforms."""

    def __init__(
        self,
        surveyor: Surveyor,
        spec: BuildSpec,
        dockerfile: Dockerfile,
        shown: str,
        service: str,
        onbuild: Mapping[str, tuple[str, ...] | None],
    ) -> None:
        self.surveyor = surveyor
        self.tree = surveyor.tree
        self.spec = spec
        self.dockerfile = dockerfile
        self.shown = shown
        self.service = service
        self.known_onbuild = onbuild
        self.contexts = {familiar(name): value for name, value in spec.contexts.items()}
        self.selection = Selection()
        self.images: dict[str, set[str]] = {}
        self.links: dict[str, str] = {}
        self.unpinned: dict[str, None] = {}
        self.args: dict[str, set[str]] = {}
        self.texts: dict[tuple[int, str], set[str]] = {}
        self.secrets: set[str] = set()
        self.ssh = False
        self.pins: dict[tuple[str, str], str] = {}
        self.onbuild: tuple[str, ...] = ()

    # -- one platform -----------------------------------------------------------------------------------------------

    def evaluate(self, target_platforms: tuple[str, ...], build_platform: str, target: str | None) -> None:
        """One round, which stands for all these target platforms."""
        stage = self.dockerfile.target(target)
        self.platforms = target_platforms
        self.done: dict[int, _Done] = {}
        self.busy: set[int] = set()
        builtin = predefined(target_platforms[0], build_platform, target or stage.start.stage or "default")
        try:
            self.globals = global_scope(self.dockerfile, self.spec.args, builtin)
        except BadWord as error:
            raise DockerfileError(str(error), self.dockerfile.globals[0].line.line) from error
        self.onbuild = self.visit(stage).onbuild

    def visit(self, stage: Stage) -> _Done:
        if stage.number in self.done:
            return self.done[stage.number]
        if stage.number in self.busy:
            raise DockerfileError(f"stage '{stage.name}' is built from itself", stage.start.line.line)
        self.busy.add(stage.number)
        try:
            done = self._evaluate(stage)
        except BadWord as error:
            raise DockerfileError(str(error), stage.start.line.line) from error
        self.busy.discard(stage.number)
        self.done[stage.number] = done
        return done

    def _evaluate(self, stage: Stage) -> _Done:
        escape = self.dockerfile.escape
        line = stage.start.line.line
        name = self.globals.expand(stage.start.name, escape)
        if not name:
            raise DockerfileError(f"the base image '{stage.start.name}' is empty: a variable in it has no value", line)
        platform = None
        if stage.start.platform is not None:
            platform = self.globals.expand(stage.start.platform, escape)
            if not platform:
                raise DockerfileError(f"the platform '{stage.start.platform}' is empty", line)
            platform = platform_of(platform)
        text: list[str] = []
        if stage.start.stage and self._context_of(stage.start.stage, platform) is not None:
            # A named build context takes the place of a whole stage of that name.
            self.use(stage.start.stage, platform, whole=True)
            return self._finish(stage, [f"FROM context {stage.start.stage}"], Scope(open=True), ())
        base = self.dockerfile.stage(name, before=stage.number)
        inherited: tuple[str, ...]
        if base is not None:
            parent = self.visit(base)
            scope, inherited = parent.scope.copy(), parent.onbuild
            text.append(f"FROM stage {parent.number}")
        elif name == "scratch":
            scope, inherited = Scope(), ()
            text.append("FROM scratch")
        else:
            inherited = self.use(name, platform, whole=True)
            scope = Scope(open=True)
            text.append(f"FROM {name}" + (f" for {stage.start.platform}" if stage.start.platform else ""))
        triggers: list[str] = []
        body = [trigger_of(trigger, escape if base is not None else "\\") for trigger in inherited]
        for instruction in [*body, *stage.body]:
            text.append(self._instruction(instruction, scope, triggers, platform))
        return self._finish(stage, text, scope, tuple(triggers))

    def _finish(self, stage: Stage, text: list[str], scope: Scope, triggers: tuple[str, ...]) -> _Done:
        number = len(self.done)
        self.texts.setdefault((number, stage.name), set()).add(digest(str(number), *text))
        return _Done(number, scope, triggers)

    def _instruction(self, instruction: Instruction, scope: Scope, triggers: list[str], platform: str | None) -> str:
        escape = self.dockerfile.escape
        if isinstance(instruction, Arg):
            for name, value in declare(instruction, scope, self.globals, self.spec.args, escape).items():
                if name not in _PREDEFINED or name in self.spec.args:
                    self.args.setdefault(name, set()).add(value)
        elif isinstance(instruction, Env):
            assign(instruction, scope, escape)
        elif isinstance(instruction, Onbuild):
            triggers.append(instruction.trigger)
        elif isinstance(instruction, Copy):
            return self._copy(instruction, scope, platform)
        elif isinstance(instruction, Run):
            return self._run(instruction, scope, platform)
        return _canonical(instruction.line, instruction.line.flags)

    # -- instructions that read -------------------------------------------------------------------------------------

    def _copy(self, copy: Copy, scope: Scope, platform: str | None) -> str:
        flags = copy.line.flags
        if copy.origin is not None:
            stage = self._stage_of(copy.origin)
            if stage is not None:
                number = self.visit(stage).number
                flags = tuple(f"from=stage {number}" if f.startswith("from=") else f for f in flags)
            else:
                self._from_elsewhere(copy.origin, copy.sources, copy, scope, platform)
            return _canonical(copy.line, flags)
        for source in copy.sources:
            try:
                place = scope.expand(source, self.dockerfile.escape)
            except UnknownVariable:
                place = None
            if place is not None and copy.add and is_remote(place):
                self._add_remote(place, copy, scope)
            else:
                self._read(self._main(), place, copy, scope)
        return _canonical(copy.line, flags)

    def _run(self, run: Run, scope: Scope, platform: str | None) -> str:
        flags = run.line.flags
        for mount in run.mounts:
            if mount.type == "secret":
                self.secrets.add(mount.id or "")
            elif mount.type == "ssh":
                self.ssh = True
            if mount.origin is not None:
                stage = self._stage_of(mount.origin)
                if stage is not None:
                    number = self.visit(stage).number
                    flags = tuple(_renamed(flag, mount.origin, number) for flag in flags)
                else:
                    self._from_elsewhere(mount.origin, (mount.source,), None, scope, platform)
            elif mount.type not in ("cache", "tmpfs", "secret", "ssh"):
                try:
                    place = scope.expand(mount.source, self.dockerfile.escape)
                except UnknownVariable:
                    place = None
                self._read(self._main(), place, None, scope)
        return _canonical(run.line, flags)

    def _from_elsewhere(
        self, origin: str, sources: Iterable[str], copy: Copy | None, scope: Scope, platform: str | None
    ) -> None:
        value = self._context_of(origin, platform)
        local = self._local(origin, value) if value is not None else None
        if local is None:
            self.use(origin, platform, whole=False)
            return
        for source in sources:
            try:
                place = scope.expand(source, self.dockerfile.escape)
            except UnknownVariable:
                place = None
            self._read(local, place, copy, scope)

    def _read(self, context: Context | None, source: str | None, copy: Copy | None, scope: Scope) -> None:
        """Count what is read from a context; all of it where it cannot be told apart."""
        if context is None:
            return
        if source is None or (copy is not None and copy.strange):
            context.everything(self.selection)
            return
        excludes = copy.excludes if copy is not None else ()
        context.copy(source, self.selection, excludes=excludes, parents=copy is not None and copy.parents)

    def _add_remote(self, url: str, copy: Copy, scope: Scope) -> None:
        checksum = copy.checksum
        if checksum is not None:
            try:
                checksum = scope.expand(checksum, self.dockerfile.escape)
            except UnknownVariable:
                checksum = None
        pin = checksum or pinned_commit(url)
        if pin:
            self.pins[("context", url)] = pin
        else:
            self.unpinned[f"ADD {url} has no --checksum"] = None

    # -- where things come from -------------------------------------------------------------------------------------

    def _stage_of(self, reference: str) -> Stage | None:
        return self.dockerfile.stage(reference)

    def _context_of(self, name: str, platform: str | None) -> str | None:
        """The named build context that a name means, if there is one."""
        if name in ("scratch", "context"):
            return None
        short = familiar(name)
        return self.contexts.get(f"{short}::{platform or self.platforms[0]}") or self.contexts.get(short)

    def _main(self) -> Context | None:
        if is_remote(self.spec.context):
            self.unpinned[f"its context is fetched from {self.spec.context}"] = None
            return None
        root = clean(self.spec.context)
        if root is None:
            self.unpinned[f"its context {self.spec.context} is outside the repository"] = None
            return None
        own = None
        if self.spec.dockerfile_inline is None:
            own = f"{clean(self.spec.dockerfile)}.dockerignore"
            own = own if self.tree.index(own) is not None else None
        return self._opened(root, own)

    def _opened(self, root: str, ignore_file: str | None) -> Context:
        try:
            return self.surveyor.context(root, ignore_file)
        except BadPattern as error:
            shown = ignore_file or join(root, ".dockerignore")
            raise DockerfileError(f"{shown} has a malformed pattern: {error}", 0) from error

    def _local(self, name: str, value: str) -> Context | None:
        """The context of a folder in the tree; None for anything that is not one."""
        if is_remote(value) or value.startswith(("service:", "docker-image:", "oci-layout:", "target:")):
            return None
        root = clean(value)
        if root is None:
            self.unpinned[f"the build context '{name}' is outside the repository: {value}"] = None
            return Context(self.tree, "\0", None)  # reads nothing
        return self._opened(root, None)

    # A platform of None is the target's own: that of every platform the round stands for.

    def use(self, name: str, platform: str | None, *, whole: bool) -> tuple[str, ...]:
        """Count an image, a service's image or a named context; returns the triggers it brings (`whole`: it is a FROM)."""
        value = self._context_of(name, platform)
        if value is None:
            if name == "scratch":
                return ()
            return self._image(name, name, platform, whole=whole)
        if value.startswith("service:"):
            return self._service(name, value.removeprefix("service:"), whole=whole)
        if value.startswith("docker-image:"):
            image = value.removeprefix("docker-image:").removeprefix("//")
            return () if image == "scratch" else self._image(image, name, platform, whole=whole)
        if value.startswith("oci-layout:") or is_remote(value):
            pin = digest_of(value) or pinned_commit(value)
            if pin:
                self.pins[("context", name)] = pin
            else:
                self.unpinned[f"the build context '{name}' is fetched from {value}"] = None
            return ()
        local = self._local(name, value)
        if local is not None:
            local.everything(self.selection)
        return ()

    def _image(self, image: str, name: str, platform: str | None, *, whole: bool) -> tuple[str, ...]:
        service = service_named(self.surveyor.services, image)
        if service is not None and service != self.service:
            return self._service(name, service, whole=whole)
        self.images.setdefault(image, set()).update([platform] if platform else self.platforms)
        return self._triggers(image, whole)

    def _service(self, name: str, service: str, *, whole: bool) -> tuple[str, ...]:
        self.links[name] = service
        return self._triggers(f"service:{service}", whole)

    def _triggers(self, key: str, whole: bool) -> tuple[str, ...]:
        if not whole:
            return ()
        found = self.known_onbuild.get(key, ())
        if found is None:
            self.unpinned[f"nobody could look at what {key.removeprefix('service:')} adds to a build (ONBUILD)"] = None
            return ()
        return found

    # -- the result -------------------------------------------------------------------------------------------------

    def survey(self) -> Survey:
        spec = self.spec
        inputs = [
            Input("dockerfile", f"{self.shown}#{name}", _merged(texts))
            for (_, name), texts in sorted(self.texts.items())
        ]
        for index in self.selection.files():
            entry = self.tree.entry(index)
            inputs.append(Input("file", entry.path, f"{entry.mode}:{entry.oid}"))
        inputs += [Input("file", f"{folder}/", "040000") for folder in sorted(self.selection.folders)]
        inputs += [Input("arg", name, _merged({digest(name, v) for v in values})) for name, values in self.args.items()]
        inputs += [
            Input("arg", name, digest(name, value))
            for name, value in spec.args.items()
            if (name.startswith("BUILDKIT_") or name == "SOURCE_DATE_EPOCH") and name not in self.args
        ]
        inputs += [Input(kind, name, pin) for (kind, name), pin in self.pins.items()]
        mounted_any = any("$" in name or not name for name in self.secrets)
        inputs += [
            Input("secret", secret.id, digest("secret", secret.id))
            for secret in spec.secrets
            if mounted_any or secret.id in self.secrets
        ]
        if self.ssh:
            inputs += [Input("setting", f"ssh {name}", digest("ssh", name)) for name in spec.ssh]
        inputs += [Input("setting", f"label {key}", digest(key, value)) for key, value in spec.labels.items()]
        if spec.network:
            inputs.append(Input("setting", "network", digest("network", spec.network)))
        inputs += [Input("unpinned", reason, "") for reason in self.unpinned]
        frontend = spec.args.get("BUILDKIT_SYNTAX") or self.dockerfile.syntax
        return Survey(
            inputs=tuple(inputs),
            images={name: frozenset(platforms) for name, platforms in self.images.items()},
            links=dict(self.links),
            frontend=frontend,
            unpinned=tuple(self.unpinned),
            onbuild=self.onbuild,
        )


def _merged(digests: set[str]) -> str:
    """One digest for the values of several platforms."""
    return next(iter(digests)) if len(digests) == 1 else digest(*sorted(digests))


def _canonical(line: Line, flags: Sequence[str]) -> str:
    """An instruction without what BuildKit drops: case of the keyword, comments, where its lines break."""
    documents = [f"{document.name} {document.expand} {document.text}" for document in line.heredocs]
    words = line.words if line.words is not None else (line.rest,)
    return "\0".join([line.keyword, "json" if line.words is not None else "text", *flags, "", *words, "", *documents])


def _renamed(flag: str, origin: str, number: int) -> str:
    if not flag.startswith("mount="):
        return flag
    return re.sub(rf"(^mount=|,)from={re.escape(origin)}(?=,|$)", rf"\1from=stage {number}", flag)
