"""`windlass drill [ENV]`: rehearse failures on a throwaway copy of an environment."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from windlass.cli import options

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
    with copy(session.project, environment, session.repository, release) as twin:
        reports = rehearse(twin, wanted, lambda text: err.say(f"[dim]drill[/]  {err.plain(text)}", indent=7))
    if arguments.json:
        print_json(document(environment.name, release.id, reports))
    else:
        tell(environment.name, release.id, reports, output())
    return ExitCode.UNEXPECTED if failed(reports) else ExitCode.DONE


def document(environment: str, release: str, reports: Sequence[Report]) -> dict[str, Any]:
    from windlass.drill.cases import failed

    return {
        "environment": environment,
        "release": release,
        "as_it_should_be": not failed(reports),
        "cases": [_case(report) for report in reports],
    }


def tell(environment: str, release: str, reports: Sequence[Report], out: Output) -> None:
    from windlass.cli.output import seconds

    style = {"as it should be": "green", "wrong": "red", "not tried": "yellow"}
    rows = []
    for report in reports:
        seen = report.seen
        noticed = "-" if seen is None else f"{seconds(seen.noticed)}" if seen.noticed else "nothing"
        came = report.skipped if seen is None else _came(seen)
        rows.append((report.case.title, out.plain(came), noticed, f"[{style[report.verdict]}]{report.verdict}[/]"))
    out.table(("what happened", "what came of it", "users noticed", "verdict"), rows)
    for report in reports:
        for sentence in report.wrong:
            out.say(f"[red]wrong[/]  {report.case.title}: {out.plain(sentence)}", indent=7)
    wrong = sum(bool(report.wrong) for report in reports)
    tried = sum(report.seen is not None for report in reports)
    verdict = f"[red bold]{wrong} wrong[/]" if wrong else "[green bold]as it should be[/]"
    out.say()
    out.say(
        f"{verdict}  {tried} of {len(reports)} tried on a copy of {environment} ({release}), which is gone again",
        indent=2,
    )


def _came(seen: Seen) -> str:
    from windlass.cli.output import seconds

    back = f" after {seconds(seen.back)}" if seen.back is not None and seen.noticed else ""
    return f"exit {seen.code}: {seen.serves}{back}"


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
