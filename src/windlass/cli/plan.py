"""`windlass plan`: which services would be built, and why. Changes nothing."""

from __future__ import annotations

import argparse
import gc
import io
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from windlass.cli import options

if TYPE_CHECKING:
    from collections.abc import Sequence

    from windlass.cli.lines import Lines
    from windlass.cli.output import Output
    from windlass.cli.session import Session
    from windlass.model.plan import Plan
    from windlass.steps.audit import Audited
    from windlass.steps.foreseeing import Foreseen

EXAMPLE = "windlass plan --env staging --save plan.json && windlass run --plan plan.json"


def configure(parser: argparse.ArgumentParser) -> None:
    options.directory(parser)
    options.commit(parser)
    parser.add_argument("--env", metavar="ENV", help="the environment; default: the one that follows the branch")
    parser.add_argument("--save", type=Path, metavar="FILE", help="write the plan for windlass run --plan FILE")
    parser.add_argument("--exit-code", action="store_true", help="exit with 2 when something would be built")
    options.rebuild(parser)
    parser.add_argument(
        "--audit",
        type=_positive,
        metavar="N",
        help="build N of the services that would be reused, publish nothing, and exit with 11 when an image differs",
    )
    options.progress(parser)
    options.as_json(parser)


def run(arguments: argparse.Namespace) -> int:
    from windlass.cli.session import open_session
    from windlass.errors import ExitCode, UsageError

    gc.disable()  # a plan of a large repository makes much that lives to its end
    sys.setswitchinterval(0.0005)  # what was started in the background must not hold up what everything waits for
    session = open_session(arguments, planning=True)
    environment = session.chosen(arguments.env)
    rebuild = session.rebuild(arguments.rebuild)
    plan = session.plan(session.source, environment.name if environment else None, rebuild=rebuild)
    foreseen = None
    if environment is not None:
        from windlass.steps.foreseeing import foresee

        foreseen = foresee(plan, environment, session.tools)
    if arguments.save or arguments.json:
        from windlass.plan import saved
    if arguments.save:
        try:
            arguments.save.write_text(saved.dumps(plan), encoding="utf-8")
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError) as error:
            raise UsageError(f"the plan cannot be saved there: {error.strerror}", where=str(arguments.save)) from error
    audited = _audit(arguments, session, plan) if arguments.audit else None
    if arguments.json:
        from windlass.cli.output import print_json

        document = saved.report(plan, session.project) | {"deployment": asdict(foreseen) if foreseen else None}
        print_json(document if audited is None else {**document, "audit": [asdict(one) for one in audited]})
    else:
        tell(plan, arguments.save, _output(), foreseen)
        if audited is not None:
            tell_audit(audited, _output())
    if plan.failed:
        return ExitCode.STAGE_FAILED
    if any(one.differences for one in audited or ()):
        return ExitCode.AUDIT_DIFFERS
    changes = any(service.action == "build" for service in plan.services)
    return ExitCode.CHANGES if arguments.exit_code and changes else ExitCode.DONE


def _output() -> Output | Lines:
    from windlass.cli.lines import Lines, wanted

    if wanted(sys.stdout):
        if isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.reconfigure(write_through=False)  # PYTHONUNBUFFERED would have every line written by itself
        return Lines(sys.stdout)
    from windlass.cli.output import output

    return output()


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("a number from 1 on")
    return number


def _audit(arguments: argparse.Namespace, session: Session, plan: Plan) -> tuple[Audited, ...]:
    from windlass import wiring
    from windlass.cli.progress import sink
    from windlass.steps.audit import audit, sample

    if not sample(plan, arguments.audit):
        return ()
    tools = session.tools
    with sink(arguments.progress) as emit, tools.materialise(plan.source.tree) as folder:
        published = wiring.published_images(session.project)
        return audit(plan, arguments.audit, tools, tools.builder(emit), published, folder, emit)


def tell_audit(audited: Sequence[Audited], out: Output | Lines) -> None:
    from windlass.cli.lines import short

    out.say()
    for one in audited:
        if not one.differences:
            apart = "" if one.rebuilt == one.remembered else ", times of files apart"
            out.say(
                f"[dim]same[/]     [bold]{one.service}[/] {short(one.remembered)}: built again it is the same image{apart}"
            )
            continue
        out.say(
            f"[red]differs[/]  [bold]{one.service}[/] {short(one.remembered)} is not what its inputs give", indent=9
        )
        for text in one.differences:
            out.say(out.plain(text), indent=11, first=9)
    if not audited:
        out.say("nothing to audit: no service would be reused")
    elif any(one.differences for one in audited):
        out.say(
            "A RUN that is in no layer cache runs again, and may give other files; any other difference is a missed change."
        )
        out.say("windlass run --rebuild SERVICE replaces the image.")


def tell(plan: Plan, saved_to: Path | None, out: Output | Lines, foreseen: Foreseen | None = None) -> None:
    from windlass.cli.lines import short
    from windlass.model.plan import summary

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
    out.say()
    out.say(f"{summary(plan)}, for {' and '.join(plan.platforms)}")
    if foreseen is not None:
        tell_foreseen(foreseen, plan.environment or "", out)
    if saved_to is not None:
        out.say(f"saved; windlass run --plan {out.plain(str(saved_to))} executes it")


_DONE = {"create": "start", "recreate": "replace", "remove": "remove", "update": "update"}


def tell_foreseen(foreseen: Foreseen, environment: str, out: Output | Lines) -> None:
    """What deploying would change, beside what is said of images already; what users notice comes last, and stands out."""
    if foreseen.unknown:
        out.say(
            f"[dim]what deploying to {environment} would change is not known: {out.plain(foreseen.unknown)}[/]",
            indent=2,
        )
    if not foreseen.changes:
        return
    out.say()
    out.say(f"deployed to {environment}, it would", indent=2)
    for change in sorted(foreseen.changes, key=lambda one: one.noticed):
        style = "yellow" if change.noticed else "dim"
        out.say(
            f"[{style}]{_DONE[change.action]:<7}[/]  [bold]{change.service}[/]  {out.plain(change.reason)}",
            indent=11,
            first=2,
        )
        for sentence in foreseen.details.get(change.service, ()):
            out.say(f"[dim]{out.plain(sentence)}[/]", indent=13, first=11)
    if not foreseen.noticed:
        out.say("and users would notice nothing", indent=2)
