"""What is to be said of an environment beside what runs in it: who changes it, what failed, what is held back."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from windlass.errors import UsageError
from windlass.model.times import moment as moment
from windlass.model.times import since as since
from windlass.state.interface import running_release
from windlass.state.lease import held
from windlass.state.quarantine import Quarantine, quarantined

if TYPE_CHECKING:
    from collections.abc import Iterator

    from windlass.model.project import Environment
    from windlass.model.release import Record
    from windlass.steps.tools import Tools

_SHOWN = 3


def nothing_serves(environment: str, records: tuple[Record, ...]) -> UsageError:
    """The error for an environment that runs no release."""
    if not records:
        return UsageError(f"nothing is deployed to {environment}", remedy=f"windlass run --env {environment}")
    return UsageError(
        f"{environment} runs no release: {records[0].release.id}, the last one, is {records[0].outcome}",
        remedy=f"windlass status {environment} shows what is there",
    )


def told(records: tuple[Record, ...]) -> tuple[Record, ...]:
    """A history, its newest record told as what it is: a deployment whose process ended without a word was interrupted."""
    return (abandoned(records[0], newest=True), *records[1:]) if records else ()


def abandoned(record: Record, *, newest: bool) -> Record:
    """A deployment whose process ended without a word, told as what it is; any other record as it stands."""
    if record.outcome != "deploying" or (newest and held(record, datetime.now(UTC))):
        return record
    return replace(record, outcome="interrupted", reason="its process ended without a word")


def remarks(records: tuple[Record, ...]) -> Iterator[tuple[str, str, str]]:
    """(colour, word, sentence) about a history, as `told` gives it."""
    if not records:
        return
    newest, release = records[0], running_release(records)
    if newest.outcome == "deploying":
        run = f", {newest.lease.run}" if newest.lease and newest.lease.run else ""
        process = f" (process {newest.lease.pid}{run})" if newest.lease else ""
        yield (
            "cyan",
            "in work",
            f"{newest.kind} of {newest.release.id} by {newest.by}{process} since {moment(newest.at)}",
        )
    elif release is None or newest.release.id != release.id or newest.outcome != "healthy":
        reason = f": {newest.reason}" if newest.reason else ""
        yield "yellow", "last attempt", f"{newest.release.id} {newest.outcome}{reason}"
    kept = quarantined(records)
    for one in kept[:_SHOWN]:
        yield "yellow", "quarantine", f"{one.release.id} since {moment(one.since)}" + _why(one, newest)
    if len(kept) > _SHOWN:
        yield "yellow", "quarantine", f"and {len(kept) - _SHOWN} more; windlass history shows them"


def held_back(environment: Environment, records: tuple[Record, ...], tools: Tools) -> Iterator[tuple[str, str, str]]:
    """(colour, word, sentence) about what an environment's rules hold back now."""
    from windlass.errors import EnvironmentUnusable
    from windlass.state.quarantine import content
    from windlass.steps.approval import standing, waiting
    from windlass.steps.gate import frozen

    try:
        if found := frozen(environment.freeze, datetime.now(UTC)):
            reason = f": {found[0].reason}" if found[0].reason else ""
            yield "cyan", "frozen", f"no deployments until {found[1]:%a %Y-%m-%d %H:%M} {found[0].zone}{reason}"
        if environment.approvals is None:
            return
        approvals = tools.state.approvals
        entries = approvals.entries(environment.name)
        done = {content(record.release) for record in records if record.outcome == "healthy"}
        for release in waiting(entries):
            if content(release) not in done:
                found_ = standing(release, environment.approvals, entries, approvals.authors(release.commit))
                state = "may be deployed" if found_.enough else f"needs {found_.missing}"
                yield "cyan", "waits", f"{release.id} has {found_}; it {state}"
    except EnvironmentUnusable as error:
        yield "yellow", "warning", error.message


def _why(one: Quarantine, newest: Record) -> str:
    """Nothing where the newest record has just said it."""
    return "" if one.release.id == newest.release.id and newest.blamed else f": {one.why}"
