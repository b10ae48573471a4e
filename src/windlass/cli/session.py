"""What most commands begin with: the repository, what is being delivered, and the project it declares."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from windlass import wiring
from windlass.config.ahead import Ahead
from windlass.errors import ConfigError, UsageError
from windlass.git.repository import Repository
from windlass.steps.tools import Planner, Tools

if TYPE_CHECKING:
    from windlass.model.plan import Plan
    from windlass.model.project import Environment, Project
    from windlass.model.source import Source


@dataclass(frozen=True)
class Session:
    repository: Repository
    source: Source
    project: Project
    started: wiring.HeadStart | None = None

    @cached_property
    def tools(self) -> Tools:
        """All drivers; the embedded registry is up."""
        return wiring.tools(self.project, self.repository, self.source.tree, started=self.started)

    @cached_property
    def existing(self) -> Tools:
        """The same for commands that bring what was built before: the embedded registry is started when it is needed, so that
        it stops nobody who does not need it."""
        return wiring.tools(self.project, self.repository, self.source.tree, registry="on demand")

    @cached_property
    def plan(self) -> Planner:
        """What makes plans, for commands that need nothing else."""
        return wiring.planner(self.project, self.repository, self.started)

    @cached_property
    def view(self) -> Tools:
        """The same for commands that only look: no registry is started."""
        return wiring.tools(self.project, self.repository, self.source.tree, registry="as it is")

    def environment(self, name: str) -> Environment:
        """An environment by name.

        Raises:
            UsageError: there is none of that name; suggests one.
        """
        try:
            return self.project.environment(name)
        except KeyError:
            known = ", ".join(environment.name for environment in self.project.environments) or "none"
            raise UsageError(f"there is no environment '{name}'", remedy=f"windlass.yaml declares: {known}") from None

    def chosen(self, name: str | None) -> Environment | None:
        """The environment asked for, or the one that follows the branch being delivered."""
        return self.environment(name) if name else self.project.environment_of(self.source.branch)

    def services(self, names: list[str]) -> tuple[str, ...]:
        """Names of services to build, checked.

        Raises:
            UsageError: no such service, or one that Windlass does not build.
        """
        known = [service.name for service in self.project.buildable]
        for name in names:
            if name not in known:
                from difflib import get_close_matches

                close = get_close_matches(name, known, n=1)
                hint = f"did you mean {close[0]}?" if close else f"services with a build: {', '.join(known)}"
                raise UsageError(f"there is no service '{name}' to build", remedy=hint)
        return tuple(names)

    def rebuild(self, names: list[str]) -> tuple[str, ...]:
        """The services of `--rebuild`; `all` is every one."""
        if "all" in names:
            return tuple(service.name for service in self.project.buildable)
        return self.services(names)


def open_session(arguments: argparse.Namespace, *, planning: bool = False, on_call: bool = False) -> Session:
    """Open the repository around `--directory`, at `--commit` or as it is.

    Args:
        planning: a plan will be made of it for certain: begin with what does not hang on the project.
        on_call: half-edited files must not stop who looks or goes back: where the checkout's configuration is broken, the
            last commit's counts, and that is said.

    Raises:
        EnvironmentUnusable, ConfigError, UsageError
    """
    repository = wiring.open_repository(arguments.directory)
    ref = getattr(arguments, "commit", None)
    source = repository.snapshot(ref) if ref is not None else repository.head()
    started = wiring.HeadStart(repository, source) if planning else None
    if ref is not None:
        if started is not None:
            started.know(source)
        return Session(repository, source, wiring.load_project(repository, source, from_checkout=False), started)
    at_head = source
    loading = Ahead(lambda: wiring.load_project(repository, at_head, from_checkout=True))
    try:
        source = repository.worktree(at_head)
    except BaseException:
        loading.abandon()
        raise
    if started is not None:
        started.know(source)
    try:
        return Session(repository, source, loading.result(), started)
    except ConfigError as error:
        if not on_call or source.tree == at_head.tree:
            raise
        from windlass.cli.output import errors

        project = wiring.load_project(repository, at_head, from_checkout=False)
        out = errors()
        out.say(f"[yellow]warning[/]  {out.plain(str(error))}; the last commit's files count instead", indent=9)
        return Session(repository, at_head, project)


def open_plan(arguments: argparse.Namespace) -> tuple[Session, Plan]:
    """Open the repository at what a saved plan (`--plan`) delivers.

    Raises:
        UsageError: `--commit` contradicts it, or the repository does not have its tree any more.
        ConfigError: the file is not a saved plan.
    """
    from windlass.plan import saved

    file: Path = arguments.plan
    if arguments.commit or arguments.rebuild:
        raise UsageError("--plan says already what is delivered and built", remedy="leave out --commit and --rebuild")
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            f"the plan cannot be read: {error}", where=str(file), remedy="windlass plan --save FILE"
        ) from error
    repository = wiring.open_repository(arguments.directory)
    source = saved.source_of(text, str(file))
    if repository.kind(source.tree) != "tree":
        raise UsageError(
            "this repository does not have what the plan delivers", where=str(file), remedy="make the plan again"
        )
    project = wiring.load_project(repository, source, from_checkout=False)
    return Session(repository, source, project), saved.loads(text, project, str(file))
