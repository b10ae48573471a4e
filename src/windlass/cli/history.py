"""`windlass history ENV`: what ran, newest first."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from windlass.cli import options

if TYPE_CHECKING:
    from collections.abc import Sequence

    from windlass.cli.output import Output
    from windlass.model.release import Record

EXAMPLE = "windlass history production"


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("env", metavar="ENV")
    parser.add_argument("-n", "--limit", type=int, default=20, metavar="N", help="how many entries (default 20)")
    options.directory(parser)
    options.as_json(parser)


def run(arguments: argparse.Namespace) -> int:
    from windlass.cli.output import output, print_json
    from windlass.cli.session import open_session
    from windlass.cli.status import abandoned, tell_stale

    session = open_session(arguments, on_call=True)
    environment = session.environment(arguments.env)
    records = session.view.state.records(environment.name, max(arguments.limit, 1) * 2)
    ended = {record.sequence - 1 for record in records if record.outcome != "deploying"}
    shown = [r for r in records if r.outcome != "deploying" or r.sequence not in ended][: max(arguments.limit, 1)]
    shown = [abandoned(record, newest=record is records[0]) for record in shown]
    if arguments.json:
        from dataclasses import asdict

        document = {"environment": environment.name, "records": [asdict(record) for record in shown]}
        print_json({**document, "stale": session.view.state.stale})
        return 0
    out = output()
    tell(shown, environment.name, out)
    tell_stale(session.view.state.stale, out)
    return 0


def tell(shown: Sequence[Record], environment: str, out: Output) -> None:
    from windlass.cli.status import moment

    if not shown:
        out.say(f"nothing was ever deployed to {environment}")
        return
    style = {"healthy": "green", "restored": "yellow", "failed": "red", "interrupted": "red"}
    serving = shown[0].running
    rows = [
        (
            moment(record.at).removesuffix(" UTC"),
            f"{record.release.id}{' [bold](serves)[/]' if number == 0 and record.release.id == serving else ''}",
            record.kind,
            f"[{style.get(record.outcome, 'cyan')}]{record.outcome}[/]",
            out.plain(record.reason) if record.reason else record.by,
        )
        for number, record in enumerate(shown)
    ]
    out.table(("when (UTC)", "release", "kind", "outcome", ""), rows)
