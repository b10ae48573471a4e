"""`windlass diff ENV`: how what runs differs from the release that should run."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from windlass.cli import options

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from windlass.cli.output import Output
    from windlass.deploy.interface import Change
    from windlass.model.events import Notice

EXAMPLE = "windlass diff staging"


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("env", metavar="ENV")
    parser.add_argument("--exit-code", action="store_true", help="exit with 2 when something differs")
    options.directory(parser)
    options.as_json(parser)


def run(arguments: argparse.Namespace) -> int:
    from windlass.cli.output import output, print_json
    from windlass.cli.session import open_session
    from windlass.cli.standing import nothing_serves
    from windlass.cli.status import tell_stale
    from windlass.errors import ExitCode
    from windlass.model.events import Event, Notice
    from windlass.state.interface import running_release

    session = open_session(arguments, on_call=True)
    environment = session.environment(arguments.env)
    state = session.view.state
    records = state.records(environment.name)
    release = running_release(records)
    if release is None:
        raise nothing_serves(environment.name, records)
    target = session.view.target(environment)
    notices: list[Notice] = []

    def hear(event: Event) -> None:
        if isinstance(event, Notice):
            notices.append(event)

    prepared = target.prepare(release, hear, pulling=False)
    drift = [change for change in prepared.changes if change.action != "keep"]
    details = target.differences(prepared) if drift else {}
    if arguments.json:
        rows = [
            {
                "service": c.service,
                "action": c.action,
                "reason": c.reason,
                "differences": list(details.get(c.service, ())) if c.action != "keep" else [],
            }
            for c in prepared.changes
        ]
        remarks = [{"text": one.text, "remedy": one.remedy} for one in notices]
        print_json(
            {
                "environment": environment.name,
                "release": release.id,
                "drift": bool(drift),
                "services": rows,
                "notices": remarks,
                "stale": state.stale,
            }
        )
    else:
        tell(drift, environment.name, release.id, output(), details, notices)
        tell_stale(state.stale, output())
    return ExitCode.CHANGES if arguments.exit_code and drift else ExitCode.DONE


def tell(
    drift: Sequence[Change],
    environment: str,
    release: str,
    out: Output,
    details: Mapping[str, Sequence[str]] | None = None,
    notices: Sequence[Notice] = (),
) -> None:
    from windlass.cli.progress.words import notice

    if not drift:
        out.say(f"{environment} runs {release} as declared", indent=2)
    else:
        _changes(drift, environment, release, out, details or {})
    for one in notices:
        out.say(notice(one, out), indent=9)


def _changes(
    drift: Sequence[Change], environment: str, release: str, out: Output, details: Mapping[str, Sequence[str]]
) -> None:
    out.say(f"{environment} should run {release}; a deployment of it would:", indent=2)
    for change in drift:
        style = {"remove": "red", "create": "green"}.get(change.action, "yellow")
        out.say(
            f"[{style}]{change.action}[/]  [bold]{change.service}[/]  {out.plain(change.reason)}", indent=6, first=2
        )
        for sentence in details.get(change.service, ()):
            out.say(f"[dim]{out.plain(sentence)}[/]", indent=8, first=6)
