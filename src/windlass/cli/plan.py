"""`windlass plan`: which services would be built, and why. Touches nothing."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from windlass.cli import options

if TYPE_CHECKING:
    from windlass.cli.output import Output
    from windlass.model.plan import Plan

EXAMPLE = "windlass plan --env staging --save plan.json && windlass run --plan plan.json"


def configure(parser: argparse.ArgumentParser) -> None:
    options.directory(parser)
    options.commit(parser)
    parser.add_argument("--env", metavar="ENV", help="the environment; default: the one that follows the branch")
    parser.add_argument("--save", type=Path, metavar="FILE", help="write the plan for windlass run --plan FILE")
    parser.add_argument("--exit-code", action="store_true", help="exit with 2 when something would be built")
    options.rebuild(parser)
    options.as_json(parser)


def run(arguments: argparse.Namespace) -> int:
    from windlass.cli.session import open_session
    from windlass.errors import ExitCode, UsageError
    from windlass.plan import saved

    session = open_session(arguments)
    environment = session.chosen(arguments.env)
    rebuild = session.rebuild(arguments.rebuild)
    plan = session.tools.plan(session.source, environment.name if environment else None, rebuild=rebuild)
    if arguments.save:
        try:
            arguments.save.write_text(saved.dumps(plan), encoding="utf-8")
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError) as error:
            raise UsageError(f"the plan cannot be saved there: {error.strerror}", where=str(arguments.save)) from error
    if arguments.json:
        from windlass.cli.output import print_json

        print_json(saved.report(plan, session.project))
    else:
        from windlass.cli.output import output

        tell(plan, arguments.save, output())
    if plan.failed:
        return ExitCode.STAGE_FAILED
    changes = any(service.action == "build" for service in plan.services)
    return ExitCode.CHANGES if arguments.exit_code and changes else ExitCode.DONE


def tell(plan: Plan, saved_to: Path | None, out: Output) -> None:
    from windlass.cli.output import short

    dirty = " with uncommitted changes" if plan.source.dirty else ""
    place = f" for {plan.environment}" if plan.environment else ""
    out.say(f"[bold]{plan.source.commit[:7]}[/] on {plan.source.branch or 'no branch'}{dirty}{place}")
    out.say()
    for service in plan.services:
        style = "yellow" if service.action == "build" else "dim"
        tested = "; tests to run" if service.service.test is not None and not service.tested else ""
        image = f" {short(service.digest)}" if service.digest and service.action == "reuse" else ""
        out.say(f"[{style}]{service.action:<5}[/]  [bold]{service.service.name}[/]{image}{tested}", indent=7)
        for reason in service.reasons:
            if service.action == "build":
                out.say(f"[dim]{out.plain(reason)}[/]", indent=11, first=9)
    for name, reason in plan.failed.items():
        out.say(f"[red]fails[/]  [bold]{name}[/]", indent=7)
        out.say(f"[dim]{out.plain(reason)}[/]", indent=11, first=9)
    for note in plan.notes:
        out.say(f"[dim]note[/]   {out.plain(note)}", indent=7)
    builds = sum(service.action == "build" for service in plan.services) + len(plan.failed)
    out.say()
    out.say(
        f"{builds} to build, {len(plan.services) - builds + len(plan.failed)} unchanged, for {' and '.join(plan.platforms)}"
    )
    if saved_to is not None:
        out.say(f"saved; windlass run --plan {out.plain(str(saved_to))} executes it")
