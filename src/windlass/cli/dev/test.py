"""`windlass dev test`."""

from __future__ import annotations

import argparse

from windlass.cli import options

EXAMPLE = "windlass dev test"


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--timeout", type=float, default=10.0, metavar="SECONDS", help="for each endpoint (default 10)")
    options.directory(parser)
    options.as_json(parser)


def run(arguments: argparse.Namespace) -> int:
    from windlass.cli.dev.bench import open_bench
    from windlass.cli.output import output, print_json, seconds
    from windlass.dev.endpoints import test_endpoints
    from windlass.errors import ExitCode, UsageError

    bench = open_bench(arguments)
    running = bench.observe()
    if not running.services:
        raise UsageError("nothing runs here that could be tested", remedy="windlass dev start")
    results = test_endpoints(bench.project.services, running, seconds=arguments.timeout)
    failed = [result for result in results if not result.passed]
    if arguments.json:
        rows = [
            {"service": r.service, "endpoint": r.url, "check": r.name, "passed": r.passed,
             "seconds": round(r.seconds, 3), "last": r.last}
            for r in results
        ]  # fmt: skip
        print_json({"passed": not failed, "endpoints": rows})
        return ExitCode.DONE if not failed else ExitCode.NOTHING_TO_RESTORE
    out = output()
    out.table(
        ("", "service", "endpoint", "took", "last seen"),
        [
            (
                "[green]passed[/]" if r.passed else "[red]failed[/]",
                r.service,
                out.plain(r.url),
                seconds(r.seconds),
                out.plain(r.last),
            )
            for r in sorted(results, key=lambda r: (r.passed, r.service))
        ],
    )
    out.say()
    if failed:
        out.say(
            f"[red bold]failed[/]  {len(failed)} of {len(results)} endpoints; windlass dev logs shows what they say"
        )
        return ExitCode.NOTHING_TO_RESTORE
    out.say(f"[green bold]passed[/]  all {len(results)} endpoints answer")
    return ExitCode.DONE
