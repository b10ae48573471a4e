"""`windlass drill [ENV]`: rehearse failures on a throwaway copy of an environment."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from windlass.cli import options
from windlass.drill.cases import DONE, NOTHING, RESTORED

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from windlass.cli.output import Output
    from windlass.drill.cases import Report, Seen

EXAMPLE = "windlass drill production --only killed --only never-ready"


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "env", nargs="?", metavar="ENV", help="whose running release is copied; default: that of the branch"
    )
    parser.add_argument(
        "--only",
        action="append",
        default=[],
        metavar="CASE",
        help="never-ready, crash-loop, failing-check, after-switch, no-image, killed, held, pruned or full-disk; "
        "may be given several times (default: all)",
    )
    options.directory(parser)
    options.as_json(parser)


def run(arguments: argparse.Namespace) -> int:
    from windlass.cli.output import errors, output, print_json
    from windlass.cli.session import open_session
    from windlass.drill.cases import chosen, failed
    from windlass.drill.rehearse import rehearse
    from windlass.drill.twin import copy
    from windlass.errors import ExitCode, UsageError
    from windlass.state.interface import running_release

    try:
        wanted = chosen(arguments.only)
    except KeyError as error:
        raise UsageError(f"there is no case {error}", remedy="windlass drill --help lists them") from None
    session = open_session(arguments, on_call=True)
    environment = session.chosen(arguments.env)
    if environment is None:
        raise UsageError("no environment follows this branch", remedy="windlass drill ENV says which one")
    release = running_release(session.tools.state.records(environment.name))
    if release is None:
        raise UsageError(
            f"{environment.name} runs no healthy release that could be copied",
            remedy=f"windlass run --env {environment.name} brings one",
        )
    err = errors()

    def say(text: str) -> None:
        err.say(f"[dim]drill[/]  {err.plain(text)}", indent=7)

    with copy(session.project, environment, session.repository, release, say) as twin:
        say(f"{twin.name}, a copy of {environment.name} ({release.id}) at {twin.docker.reach.shown or 'this machine'}")
        reports = rehearse(twin, wanted, say)
    if arguments.json:
        print_json(document(environment.name, release.id, reports))
    else:
        tell(environment.name, release.id, reports, output(), patience=environment.verify_timeout)
    return ExitCode.UNEXPECTED if failed(reports) else ExitCode.DONE


def document(environment: str, release: str, reports: Sequence[Report]) -> dict[str, Any]:
    from windlass.drill.cases import failed

    return {
        "environment": environment,
        "release": release,
        "as_it_should_be": not failed(reports),
        "cases": [_case(report) for report in reports],
    }


def tell(environment: str, release: str, reports: Sequence[Report], out: Output, *, patience: float = 0.0) -> None:
    """The table, and below it what needs a sentence.

    Args:
        patience: the environment's `verify_timeout`, seconds.
    """
    from windlass.cli.output import seconds

    style = {"as it should be": "green", "wrong": "red", "not tried": "yellow"}
    rows = []
    for report in reports:
        seen = report.seen
        code, serves, noticed = "-", "-", "-"
        if seen is not None:
            code, serves = str(seen.code), _SERVES.get(seen.serves, seen.serves)
            noticed = seconds(seen.noticed) if seen.noticed else "nothing"
        verdict = "right" if report.verdict == "as it should be" else report.verdict
        rows.append((report.case.title, code, serves, noticed, f"[{style[report.verdict]}]{verdict}[/]"))
    out.table(("what happened", "exit", "then serves", "users noticed", "verdict"), rows)
    out.say()
    for report in reports:
        for sentence in report.wrong:
            out.say(f"[red]wrong[/]  {report.case.title}: {out.plain(sentence)}", indent=7)
        if report.skipped:
            out.say(f"[yellow]not tried[/]  {report.case.title}: {out.plain(report.skipped)}", indent=11)
        if report.seen is not None and (outage := _outage(report.seen, patience)):
            out.say(f"[dim]note[/]   {report.case.title}: {outage}", indent=7)
    wrong = sum(bool(report.wrong) for report in reports)
    tried = sum(report.seen is not None for report in reports)
    verdict = f"[red bold]{wrong} wrong[/]" if wrong else "[green bold]as it should be[/]"
    out.say(
        f"{verdict}  {tried} of {len(reports)} tried on a copy of {environment} ({release}), which is gone again",
        indent=2,
    )


_SERVES = {RESTORED: "the old one", DONE: "the new one", NOTHING: "nothing"}


def _outage(seen: Seen, patience: float) -> str:
    """What an outage was made of, where a release was brought back: which part is whose to shorten."""
    from windlass.cli.output import seconds

    if seen.verdict is None:
        return ""
    return (
        f"{seconds(seen.verdict)} until the verdict, then {seconds(max(seen.noticed - seen.verdict, 0.0))} until the old one "
        f"served again. The first is over with verify_timeout ({patience:g} s) at the latest; good releases must pass in it, too"
    )


def _case(report: Report) -> dict[str, Any]:
    from dataclasses import asdict

    seen = asdict(report.seen) if report.seen else None
    return {
        "name": report.case.name,
        "title": report.case.title,
        "verdict": report.verdict,
        "wrong": list(report.wrong),
        "skipped": report.skipped or None,
        "seen": seen,
    }
