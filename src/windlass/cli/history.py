"""`windlass history ENV`: what ran, newest first."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from windlass.cli import options

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from windlass.cli.output import Output
    from windlass.model.release import Record
    from windlass.state.interface import Approval

EXAMPLE = "windlass history production"

_STYLE = {"healthy": "green", "restored": "yellow", "failed": "red", "interrupted": "red"}
_INDENT = 4


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("env", metavar="ENV")
    parser.add_argument("-n", "--limit", type=int, default=20, metavar="N", help="how many entries (default 20)")
    options.directory(parser)
    options.as_json(parser)


def run(arguments: argparse.Namespace) -> int:
    from windlass.cli.output import output, print_json
    from windlass.cli.session import open_session
    from windlass.cli.standing import abandoned
    from windlass.cli.status import tell_stale
    from windlass.state.quarantine import content, quarantined

    session = open_session(arguments, on_call=True)
    environment = session.environment(arguments.env)
    state = session.view.state
    records = state.records(environment.name)
    ended = {record.sequence - 1 for record in records if record.outcome != "deploying"}
    shown = [r for r in records if r.outcome != "deploying" or r.sequence not in ended][: max(arguments.limit, 1)]
    shown = [abandoned(record, newest=record is records[0]) for record in shown]
    condemned = {content(one.release) for one in quarantined(records)}
    kept = frozenset(record.release.id for record in shown if content(record.release) in condemned)
    given = _approvals(state.approvals.entries(environment.name)) if environment.approvals else {}
    if arguments.json:
        from dataclasses import asdict

        rows = [
            {
                **asdict(record),
                "quarantine": record.release.id in kept,
                "approvals": [
                    {"by": str(a.by), "email": a.by.email, "at": a.at} for a in given.get(record.release.id, ())
                ],
            }
            for record in shown
        ]
        print_json({"environment": environment.name, "records": rows, "stale": state.stale})
        return 0
    out = output()
    tell(shown, environment.name, out, kept, given)
    tell_stale(state.stale, out)
    return 0


def tell(
    shown: Sequence[Record],
    environment: str,
    out: Output,
    quarantine: frozenset[str] = frozenset(),
    approvals: Mapping[str, Sequence[Approval]] | None = None,
) -> None:
    """An entry is a line, and below it who did it and why it ended so, folded."""
    from windlass.cli.standing import moment

    if not shown:
        out.say(f"nothing was ever deployed to {environment}")
        return
    serving = shown[0].running
    wide = min(max(len(record.release.id) for record in shown), 40)
    said: set[str] = set()
    for record in shown:
        name = record.release.id
        marks = []
        if name == serving and record.outcome in ("healthy", "restored") and name not in said:
            marks.append("[bold]serves[/]")
        if name in quarantine and name not in said:
            marks.append("[yellow]in quarantine[/]")
        said.add(name)
        when = moment(record.at).removesuffix(" UTC")[:16]
        outcome = f"[{_STYLE.get(record.outcome, 'cyan')}]{record.outcome}[/]" + " " * (11 - len(record.outcome))
        line = f"{when}  {name:<{wide}}  {record.kind:<8}  {outcome}  {', '.join(marks)}"
        out.say(line.rstrip(), indent=_INDENT)
        out.say(f"[dim]{out.plain(_below(record, (approvals or {}).get(name, ())))}[/]", indent=_INDENT, first=_INDENT)


def _below(record: Record, approvals: Sequence[Approval]) -> str:
    by = f"by {record.by}"
    if record.lease is not None and record.lease.run:
        by += f", {record.lease.run}"
    if record.retry:
        by += ", with --retry"
    if approvals:
        by += f", approved by {' and '.join(str(one.by) for one in approvals)}"
    return f"{by}: {' '.join(record.reason.split())}" if record.reason else by


def _approvals(entries: Sequence[Approval]) -> dict[str, list[Approval]]:
    """Approvals by release, each person's first."""
    found: dict[str, list[Approval]] = {}
    for one in reversed(entries):
        given = found.setdefault(one.release.id, [])
        if one.withdrawn:
            given[:] = [other for other in given if not one.by.is_same(other.by)]
        elif not one.proposed and not any(one.by.is_same(other.by) for other in given):
            given.append(one)
    return found
