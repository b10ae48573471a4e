"""One build, read stage by stage as BuildKit would run it: which files, images, contexts and values it takes in."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from windlass.model.project import BuildSpec
from windlass.plan.context import Context, Contexts, Selection
from windlass.plan.dockerfile.instructions import Arg, Copy, Env, Instruction, Onbuild, Run, trigger_of
from windlass.plan.dockerfile.lines import DockerfileError, Line
from windlass.plan.dockerfile.stages import Dockerfile, Stage
from windlass.plan.fingerprint import combine
from windlass.plan.graph import service_named
from windlass.plan.names import digest_of, familiar, is_remote, pinned_commit, platform_of
from windlass.plan.patterns import BadPattern
from windlass.plan.scope import BadWord, Scope, UnknownVariable, assign, declare, global_scope, predefined
from windlass.plan.tree import clean, join

_PREDEFINED = frozenset(
    f"{side}{what}" for side in ("TARGET", "BUILD") for what in ("PLATFORM", "OS", "OSVERSION", "ARCH", "VARIANT")
)


@dataclass
class _Done:
    """A stage that was evaluated for one platform."""

    number: int
    scope: Scope
    onbuild: tuple[str, ...]


class Reading:
    """Collects what one build reads, over all its platforms.

    `selection` are files of the tree; `images` the platforms an image is needed for; `links` names that stand for services;
    `args` values that come from outside the stages' text; `texts` digests of stages' instructions by position and name.
    """

    def __init__(
        self,
        contexts: Contexts,
        services: Mapping[str, str],
        spec: BuildSpec,
        dockerfile: Dockerfile,
        service: str,
        onbuild: Mapping[str, tuple[str, ...] | None],
    ) -> None:
        self.contexts = contexts
        self.tree = contexts.tree
        self.services = services
        self.spec = spec
        self.dockerfile = dockerfile
        self.service = service
        self.known_onbuild = onbuild
        self.named = {familiar(name): value for name, value in spec.contexts.items()}
        self.selection = Selection()
        self.images: dict[str, set[str]] = {}
        self.links: dict[str, str] = {}
        self.unpinned: dict[str, None] = {}
        self.args: dict[str, set[str]] = {}
        self.texts: dict[tuple[int, str], set[str]] = {}
        self.secrets: set[str] = set()
        self.ssh = False
        self.runs = False
        self.said: list[str] = []
        self.pins: dict[str, str] = {}
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
        for instruction in body:
            text.append(self._instruction(instruction, scope, triggers, platform))
        for instruction in stage.body:
            try:
                text.append(self._instruction(instruction, scope, triggers, platform))
            except BadWord as error:
                raise DockerfileError(str(error), instruction.line.line) from error
        return self._finish(stage, text, scope, tuple(triggers))

    def _finish(self, stage: Stage, text: list[str], scope: Scope, triggers: tuple[str, ...]) -> _Done:
        number = len(self.done)
        self.texts.setdefault((number, stage.name), set()).add(combine(str(number), *text))
        return _Done(number, scope, triggers)

    def uses(self, name: str) -> bool:
        """Whether the value of an argument can reach the image: a RUN sees all of them, other instructions those they name."""
        return self.runs or any(name in text for text in self.said)

    def _instruction(self, instruction: Instruction, scope: Scope, triggers: list[str], platform: str | None) -> str:
        text = self._read_instruction(instruction, scope, triggers, platform)
        self.runs = self.runs or isinstance(instruction, Run)
        if isinstance(instruction, Arg):
            self.said += [default for _, default in instruction.names if default is not None]
        else:
            self.said.append(text)
        return text

    def _read_instruction(
        self, instruction: Instruction, scope: Scope, triggers: list[str], platform: str | None
    ) -> str:
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
            elif copy.origin.isdecimal():
                raise DockerfileError(f"there is no stage number {copy.origin}", copy.line.line)
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
            self.pins[url] = pin
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
        return self.named.get(f"{short}::{platform or self.platforms[0]}") or self.named.get(short)

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
            return self.contexts.open(root, ignore_file)
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
                self.pins[name] = pin
            else:
                self.unpinned[f"the build context '{name}' is fetched from {value}"] = None
            return ()
        local = self._local(name, value)
        if local is not None:
            local.everything(self.selection)
        return ()

    def _image(self, image: str, name: str, platform: str | None, *, whole: bool) -> tuple[str, ...]:
        service = service_named(self.services, image)
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


def _canonical(line: Line, flags: Sequence[str]) -> str:
    """An instruction without what BuildKit drops: case of the keyword, comments, where its lines break."""
    documents = [f"{document.name} {document.expand} {document.text}" for document in line.heredocs]
    words = line.words if line.words is not None else (line.rest,)
    return "\0".join([line.keyword, "json" if line.words is not None else "text", *flags, "", *words, "", *documents])


def _renamed(flag: str, origin: str, number: int) -> str:
    if not flag.startswith("mount="):
        return flag
    return re.sub(rf"(^mount=|,)from={re.escape(origin)}(?=,|$)", rf"\1from=stage {number}", flag)
