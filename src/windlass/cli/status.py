"""`windlass status [ENV]`: what runs where, and how it is."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from windlass.cli import options

if TYPE_CHECKING:
    from typing import Any

    from windlass.cli.output import Output
    from windlass.model.observation import Observation, ServiceState
    from windlass.model.release import Record

EXAMPLE = "windlass status production"

_STYLE = {"healthy": "green", "running": "green", "starting": "yellow", "restarting": "red"}


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("env", nargs="?", metavar="ENV", help="default: every environment")
    options.directory(parser)
    options.as_json(parser)


def run(arguments: argparse.Namespace) -> int:
    from windlass.cli.output import output, print_json
    from windlass.cli.session import open_session

    session = open_session(arguments, on_call=True)
    chosen = (session.environment(arguments.env),) if arguments.env else session.project.environments
    state = session.view.state
    seen = [(e.name, _told(state.records(e.name)), session.view.target(e).observe()) for e in chosen]
    if arguments.json:
        print_json({"environments": [_document(*one) for one in seen], "stale": state.stale})
        return 0
    out = output()
    for number, (name, records, observation) in enumerate(seen):
        if number:
            out.say()
        tell(name, records, observation, out)
    if not seen:
        out.say("windlass.yaml declares no environment")
    tell_stale(state.stale, out)
    return 0


def _told(records: tuple[Record, ...]) -> tuple[Record, ...]:
    return (abandoned(records[0], newest=True), *records[1:]) if records else ()


def abandoned(record: Record, *, newest: bool) -> Record:
    """A deployment whose process ended without a word, told as what it is; any other record as it stands."""
    from dataclasses import replace
    from datetime import UTC, datetime

    from windlass.state.lease import held

    if record.outcome != "deploying" or (newest and held(record, datetime.now(UTC))):
        return record
    return replace(record, outcome="interrupted", reason="its process ended without a word")


def tell_stale(reason: str | None, out: Output) -> None:
    if reason is not None:
        out.say(f"[yellow]warning[/]  this is what was known last: {out.plain(reason)}", indent=9)


def tell(name: str, records: tuple[Record, ...], observation: Observation, out: Output) -> None:
    from windlass.cli.output import short
    from windlass.state.interface import running_release

    release = running_release(records)
    if release is None:
        out.say(f"[bold]{name}[/]  no healthy release" + ("" if records else "; nothing was ever deployed"), indent=2)
    else:
        since = next((r.at for r in records if r.release.id == release.id and r.outcome == "healthy"), records[0].at)
        out.say(f"[bold]{name}[/]  {release.id}, commit {release.commit[:7]}, since {moment(since)}", indent=2)
    if records and (release is None or records[0].release.id != release.id or records[0].outcome != "healthy"):
        newest = records[0]
        reason = f": {out.plain(newest.reason)}" if newest.reason else ""
        out.say(f"[yellow]last attempt[/]  {newest.release.id} {newest.outcome}{reason}", indent=4, first=2)
    rows = []
    for state in observation.services:
        ports = ", ".join(f"{endpoint.port}" for _, endpoint in state.ports) or "-"
        style = _STYLE.get(state.health, "red")
        restarts = f", {state.restarts} restarts" if state.restarts else ""
        rows.append((state.service, f"[{style}]{state.health}[/]{restarts}", short(state.digest), ports))
    running = {state.service for state in observation.services}
    wanted = release.services if release else ()
    rows += [(s.name, "[red]missing[/]", short(s.digest), "-") for s in wanted if s.name not in running]
    if rows:
        out.table(("service", "health", "image", "ports"), rows, indent=2)


def moment(stamp: str) -> str:
    """An ISO 8601 time for people: `2026-01-31 14:05:00 UTC`."""
    return stamp.replace("T", " ").replace("+00:00", " UTC").replace("Z", " UTC")


def _document(name: str, records: tuple[Record, ...], observation: Observation) -> dict[str, Any]:
    from windlass.model.observation import ServiceState
    from windlass.state.interface import running_release

    release = running_release(records)
    there = {state.service for state in observation.services}
    missing = [service for service in (release.services if release else ()) if service.name not in there]
    return {
        "environment": name,
        "release": release.id if release else None,
        "commit": release.commit if release else None,
        "outcome": records[0].outcome if records else None,
        "services": [_service(state) for state in observation.services]
        + [_service(ServiceState(one.name, "missing", one.reference, one.digest)) for one in missing],
    }


def _service(state: ServiceState) -> dict[str, Any]:
    return {
        "name": state.service,
        "health": state.health,
        "image": state.image,
        "digest": state.digest,
        "since": state.since,
        "restarts": state.restarts,
        "ports": {str(port): f"{endpoint.host}:{endpoint.port}" for port, endpoint in state.ports},
        "detail": state.detail,
    }
