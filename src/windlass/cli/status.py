"""`windlass status [ENV]`: what runs where, and how it is."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from windlass.cli import options

if TYPE_CHECKING:
    from typing import Any

    from windlass.cli.output import Output
    from windlass.cli.session import Session
    from windlass.errors import WindlassError
    from windlass.model.observation import Observation, ServiceState
    from windlass.model.project import Environment
    from windlass.model.release import Record

EXAMPLE = "windlass status production"

_STYLE = {"healthy": "green", "running": "green", "completed": "green", "starting": "yellow", "restarting": "red"}
_UNDECLARED = "windlass.yaml does not declare it any more; what is left of it runs on"


@dataclass(frozen=True, slots=True)
class Standing:
    """An environment: its history, what runs there, and what is to be said of it. `unknown` is why nobody can see what runs:
    nothing is known of its services then; `untold` why nobody can read its history."""

    name: str
    records: tuple[Record, ...]
    observation: Observation
    rules: tuple[tuple[str, str, str], ...] = ()
    unknown: WindlassError | None = None
    untold: WindlassError | None = None


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("env", nargs="?", metavar="ENV", help="default: every environment")
    options.directory(parser)
    options.as_json(parser)


def run(arguments: argparse.Namespace) -> int:
    from windlass.cli.output import output, print_json
    from windlass.cli.session import open_session
    from windlass.errors import ExitCode

    session = open_session(arguments, on_call=True)
    chosen = (session.environment(arguments.env),) if arguments.env else session.project.environments
    state = session.view.state
    seen = [_seen(environment, session) for environment in chosen]
    code = ExitCode.UNUSABLE if any(one.unknown or one.untold for one in seen) else ExitCode.DONE
    if not arguments.env:
        seen += _left_over(session)
    if arguments.json:
        print_json({"environments": [document(one) for one in seen], "stale": state.stale})
        return code
    out = output()
    for number, one in enumerate(seen):
        if number:
            out.say()
        tell(one, out)
    if not seen:
        out.say("windlass.yaml declares no environment")
    tell_stale(state.stale, out)
    return code


def _seen(environment: Environment, session: Session) -> Standing:
    from windlass.cli.standing import held_back, told
    from windlass.errors import EnvironmentUnusable

    observation, unknown = _looked(environment, session)
    try:
        records = told(session.view.state.records(environment.name))
    except EnvironmentUnusable as error:  # the remote is away, and this clone has never seen a history of it
        return Standing(environment.name, (), observation, (), unknown, error)
    rules = tuple(held_back(environment, records, session.view))
    return Standing(environment.name, records, observation, rules, unknown)


def _looked(environment: Environment, session: Session) -> tuple[Observation, WindlassError | None]:
    """What runs; an engine that is away takes nothing from what git knows, and nothing from other environments."""
    from windlass.errors import WindlassError
    from windlass.model.observation import Observation

    try:
        return session.view.target(environment).observe(), None
    except WindlassError as error:
        return Observation(()), error


def _left_over(session: Session) -> Iterator[Standing]:
    """Environments that have a history, and that windlass.yaml does not declare any more."""
    from windlass.cli.standing import told
    from windlass.model.project import Environment

    state = session.view.state
    for name in state.others([environment.name for environment in session.project.environments]):
        records = told(state.records(name))
        compose = records[0].release.compose if records else session.project.compose
        observation, unknown = _looked(Environment(name, None, compose, ("{branch}-{sha}",)), session)
        yield Standing(name, records, observation, (("yellow", "left over", _UNDECLARED),), unknown)


def tell_stale(reason: str | None, out: Output) -> None:
    if reason is not None:
        out.say(f"[yellow]warning[/]  this is what was known last: {out.plain(reason)}", indent=9)


def tell(one: Standing, out: Output) -> None:
    from windlass.cli.output import short
    from windlass.cli.standing import moment, remarks, since
    from windlass.state.interface import running_release
    from windlass.steps.running import missing

    name, records, observation = one.name, one.records, one.observation
    release = running_release(records)
    if one.untold is not None:
        out.say(f"[bold]{name}[/]  what was deployed is not known here: {out.plain(one.untold.message)}", indent=2)
    elif release is None:
        out.say(f"[bold]{name}[/]  no healthy release" + ("" if records else "; nothing was ever deployed"), indent=2)
    else:
        began = next((r.at for r in records if r.release.id == release.id and r.outcome == "healthy"), records[0].at)
        out.say(f"[bold]{name}[/]  {release.id}, commit {release.commit[:7]}, since {moment(began)}", indent=2)
    for style, word, sentence in (*remarks(records), *one.rules):
        out.say(f"[{style}]{word}[/]  {out.plain(sentence)}", indent=4, first=2)
    if one.unknown is not None:
        out.say(f"[red]unknown[/]  what runs: {out.plain(str(one.unknown))}", indent=4, first=2)
        if one.unknown.remedy:
            out.say(f"[bold]do[/] {out.plain(one.unknown.remedy)}", indent=7, first=4)
        return
    rows = []
    for state in observation.services:
        ports = ", ".join(f"{endpoint.port}" for _, endpoint in state.ports) or "-"
        style = _STYLE.get(state.health, "red")
        restarts = f", {state.restarts} restart{'' if state.restarts == 1 else 's'}" if state.restarts else ""
        health = f"[{style}]{state.health}[/]{restarts}"
        rows.append((state.service, health, short(state.digest), ports, since(state.since)))
    if release is not None:
        for name in missing(release, observation):
            built = release.service(name)
            rows.append((name, "[red]missing[/]", short(built.digest if built else None), "-", "-"))
    if rows:
        out.table(("service", "health", "image", "ports", "up for"), rows, indent=2)
    for state in observation.services:
        if state.detail and not state.well:
            out.say(f"[red]{state.service}[/]  {out.plain(state.detail)}", indent=4, first=2)


def document(one: Standing) -> dict[str, Any]:
    from windlass.cli.failure import as_document
    from windlass.model.observation import ServiceState
    from windlass.state.interface import running_release
    from windlass.state.quarantine import quarantined
    from windlass.steps.running import missing

    records, observation = one.records, one.observation
    release = running_release(records)
    gone = missing(release, observation) if release and not one.unknown else ()
    lost = [(name, release.service(name) if release else None) for name in gone]
    began = (r.at for r in records if release and r.release.id == release.id and r.outcome == "healthy")
    return {
        "environment": one.name,
        "unknown": as_document(problem) if (problem := one.unknown or one.untold) else None,
        "release": release.id if release else None,
        "commit": release.commit if release else None,
        "since": next(began, None),
        "outcome": records[0].outcome if records else None,
        "services": [_service(state) for state in observation.services]
        + [
            _service(ServiceState(name, "missing", s.reference if s else "", s.digest if s else None))
            for name, s in lost
        ],
        "quarantine": [
            {"release": kept.release.id, "since": kept.since, "by": kept.by, "why": kept.why}
            for kept in quarantined(records)
        ],
        "remarks": [{"about": word, "text": text} for _, word, text in one.rules],
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
