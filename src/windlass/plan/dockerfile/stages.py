"""A Dockerfile as stages, and which of them a target needs."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from windlass.plan.dockerfile.instructions import Arg, Copy, From, Instruction, Run, understand
from windlass.plan.dockerfile.lines import DockerfileError, parse


@dataclass(frozen=True, slots=True)
class Stage:
    """`number` counts from 0 in file order."""

    number: int
    start: From
    body: tuple[Instruction, ...]

    @property
    def name(self) -> str:
        return self.start.stage or str(self.number)


@dataclass(frozen=True, slots=True)
class Dockerfile:
    """`globals` are the ARGs before the first FROM; `syntax` the frontend it asks for, or None."""

    globals: tuple[Arg, ...]
    stages: tuple[Stage, ...]
    escape: str
    syntax: str | None

    def stage(self, reference: str, *, before: int | None = None) -> Stage | None:
        """The stage a name or number means; for FROM, only those `before` it count, by name alone."""
        name = reference.lower()
        found = None
        for stage in self.stages[:before]:
            if stage.start.stage == name:
                found = stage
        if found is None and before is None and name.isdecimal() and int(name) < len(self.stages):
            return self.stages[int(name)]
        return found

    def target(self, name: str | None) -> Stage:
        """The stage to build: the last one, or the one named.

        Raises:
            DockerfileError: there is no such stage.
        """
        if not name:
            return self.stages[-1]
        found = self.stage(name)
        if found is None:
            known = ", ".join(stage.start.stage for stage in self.stages if stage.start.stage) or "none has a name"
            raise DockerfileError(f"there is no stage '{name}' (stages: {known})", self.stages[-1].start.line.line)
        return found


@lru_cache(maxsize=2048)
def read(text: str) -> Dockerfile:
    """Read a Dockerfile.

    Raises:
        DockerfileError: with the line.
    """
    parsed = parse(text)
    globals_: list[Arg] = []
    starts: list[From] = []
    bodies: list[list[Instruction]] = []
    for line in parsed.lines:
        instruction = understand(line, parsed.escape)
        if isinstance(instruction, From):
            starts.append(instruction)
            bodies.append([])
        elif bodies:
            bodies[-1].append(instruction)
        elif isinstance(instruction, Arg):
            globals_.append(instruction)
        else:
            raise DockerfileError(f"{line.keyword.upper()} stands before the first FROM", line.line)
    if not starts:
        raise DockerfileError("there is no FROM", parsed.lines[-1].line)
    stages = tuple(Stage(n, start, tuple(body)) for n, (start, body) in enumerate(zip(starts, bodies, strict=True)))
    return Dockerfile(tuple(globals_), stages, parsed.escape, parsed.syntax)


def origins(instruction: Instruction) -> tuple[str, ...]:
    """Stages, images or named contexts that an instruction takes files from."""
    if isinstance(instruction, Copy):
        return (instruction.origin,) if instruction.origin else ()
    if isinstance(instruction, Run):
        return tuple(mount.origin for mount in instruction.mounts if mount.origin)
    return ()
