"""`windlass dev test`."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from windlass.cli import options

if TYPE_CHECKING:
    from collections.abc import Sequence

    from windlass.cli.output import Output
    from windlass.model.observation import CheckResult

EXAMPLE = "windlass dev test"


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--timeout", type=float, default=10.0, metavar="SECONDS", help="for each endpoint (default 10)")
    options.directory(parser)
    options.as_json(parser)


def run(arguments: argparse.Namespace) -> int:
    from windlass.cli.dev.bench import open_bench
    from windlass.cli.output import output, print_json
    from windlass.dev.choice import set_aside
    from windlass.dev.endpoints import test_endpoints
    from windlass.errors import ExitCode, UsageError

    bench = open_bench(arguments)
    running = bench.observe()
    if not running.services:
        raise UsageError("nothing runs here that could be tested", remedy="windlass dev start")
    aside = set_aside(running, bench.heavy)
    results = test_endpoints(bench.project.services, running, seconds=arguments.timeout, aside=aside)
    failed = [result for result in results if not result.passed]
    if arguments.json:
        rows = [
            {"service": r.service, "endpoint": r.url, "check": r.name, "passed": r.passed,
             "seconds": round(r.seconds, 3), "last": r.last}
            for r in results
        ]  # fmt: skip
        print_json({"passed": not failed, "endpoints": rows, "left_out": list(aside)})
        return ExitCode.DONE if not failed else ExitCode.NOTHING_TO_RESTORE
    tell(results, aside, output())
    return ExitCode.DONE if not failed else ExitCode.NOTHING_TO_RESTORE


def tell(results: Sequence[CheckResult], aside: Sequence[str], out: Output) -> None:
    """A table; what was seen stands below it where it would break addresses up."""
    from windlass.cli.output import seconds

    shown = sorted(results, key=lambda r: (r.passed, r.service))
    rows = [
        (
            "[green]passed[/]" if r.passed else "[red]failed[/]",
            r.service,
            out.plain(r.url),
            seconds(r.seconds),
            out.plain(r.last),
        )
        for r in shown
    ]
    headers = ("", "service", "endpoint", "took", "last seen")
    bare = [("failed", r.service, r.url, seconds(r.seconds), r.last) for r in shown]
    widths = [max(len(row[column]) for row in (headers, *bare)) for column in range(len(headers))]
    fits = sum(widths) + 2 * (len(headers) - 1) <= out.width
    out.table(headers if fits else headers[:-1], rows if fits else [row[:-1] for row in rows])
    out.say()
    failed = [result for result in shown if not result.passed]
    for name in aside:
        out.say(f"[yellow]left out[/]  {name}: it is heavy, and stopped", indent=10)
    if not fits:
        for result in failed:
            out.say(f"[red]failed[/]  [bold]{result.service}[/]  {out.plain(result.last)}", indent=8)
    if failed:
        out.say(
            f"[red bold]failed[/]  {len(failed)} of {len(results)} endpoints; windlass dev logs shows what they say",
            indent=8,
        )
    elif results:
        answer = "the endpoint answers" if len(results) == 1 else f"all {len(results)} endpoints answer"
        out.say(f"[green bold]passed[/]  {answer}", indent=8)
    else:
        out.say("nothing that runs here has an endpoint", indent=2)
