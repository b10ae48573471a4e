"""`windlass verify ENV`: health checks and API suites against what runs now."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from windlass.cli import options

if TYPE_CHECKING:
    from collections.abc import Sequence

    from windlass.cli.output import Output
    from windlass.model.observation import CheckResult

EXAMPLE = "windlass verify production"


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("env", metavar="ENV")
    options.directory(parser)
    options.progress(parser)
    options.as_json(parser)


def run(arguments: argparse.Namespace) -> int:
    from windlass.cli.output import output, print_json
    from windlass.cli.progress import sink
    from windlass.cli.session import open_session
    from windlass.cli.standing import nothing_serves
    from windlass.cli.status import tell_stale
    from windlass.errors import ExitCode
    from windlass.state.interface import running_release
    from windlass.steps.running import missing

    session = open_session(arguments, on_call=True)
    environment = session.environment(arguments.env)
    state = session.view.state
    records = state.records(environment.name)
    release = running_release(records)
    if release is None:
        raise nothing_serves(environment.name, records)
    target = session.view.target(environment)
    with sink(arguments.progress) as emit:
        checks = session.view.verify(environment, release, target.endpoint, emit)
    observed = target.observe()
    unwell = [
        f"{state.service} is {state.health}" + (f": {state.detail}" if state.detail else "")
        for state in observed.services
        if not state.well
    ]
    unwell += [f"{name} is missing" for name in missing(release, observed)]
    passed = all(check.passed for check in checks) and not unwell
    if arguments.json:
        rows = [_row(check) for check in checks]
        print_json(
            {
                "environment": environment.name,
                "passed": passed,
                "checks": rows,
                "unwell": unwell,
                "stale": state.stale,
            }
        )
    else:
        out = output()
        tell(checks, out)
        for one in unwell:
            out.say(f"[red]failed[/]  {out.plain(one)}", indent=8)
        tell_stale(state.stale, out)
    return ExitCode.DONE if passed else ExitCode.NOTHING_TO_RESTORE


def tell(checks: Sequence[CheckResult], out: Output) -> None:
    from windlass.cli.output import seconds

    rows = [
        (
            "[green]passed[/]" if check.passed else "[red]failed[/]",
            check.service,
            out.plain(check.name),
            seconds(check.seconds),
            out.plain(check.last),
        )
        for check in checks
    ]
    if rows:
        out.table(("", "service", "check", "took", "last seen"), rows)
    else:
        out.say("no checks are configured: give services a health: or the environment an api: in windlass.yaml")


def _row(check: CheckResult) -> dict[str, object]:
    return {
        "name": check.name,
        "service": check.service,
        "url": check.url,
        "passed": check.passed,
        "attempts": check.attempts,
        "seconds": round(check.seconds, 2),
        "last": check.last,
    }
