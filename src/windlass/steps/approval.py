"""Whether a release has the approvals that its environment asks for. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from windlass.errors import Refused
from windlass.model.project import Environment
from windlass.model.release import Release
from windlass.model.rules import ApprovalRule, Person
from windlass.model.times import moment
from windlass.state.interface import Approval
from windlass.state.quarantine import Content, content


@dataclass(frozen=True, slots=True)
class Standing:
    """How far a release has come: `given` are the approvals that count, each person's first."""

    rule: ApprovalRule
    given: tuple[Approval, ...]
    authors: tuple[Person, ...]

    @property
    def enough(self) -> bool:
        return len(self.given) >= self.rule.required

    @property
    def missing(self) -> str:
        """What it lacks: "1 more approval, of bob or eve"."""
        lacking = self.rule.required - len(self.given)
        names = [name for name in self.rule.by if not any(one.by.is_called(name) for one in self.given)]
        names = [name for name in names if not any(author.is_called(name) for author in self.authors)]
        whose = f", of {' or '.join(names)}" if names else ""
        return f"{lacking} more approval{'' if lacking == 1 else 's'}{whose}"

    def __str__(self) -> str:
        given = ", ".join(f"{one.by} at {moment(one.at)}" for one in self.given)
        return f"{len(self.given)} of {self.rule.required} approvals" + (f" ({given})" if given else "")


def standing(
    release: Release, rule: ApprovalRule, entries: Iterable[Approval], authors: tuple[Person, ...]
) -> Standing:
    """Count approvals of a release's content, of those who may approve it. `entries` are newest first: of each person the
    last word counts, and no clock says which that is."""
    given: list[Approval] = []
    for one in reversed(tuple(entries)):
        if one.proposed or content(one.release) != content(release) or one.release.commit != release.commit:
            continue
        if one.withdrawn:
            given = [other for other in given if not one.by.is_same(other.by)]
            continue
        if any(one.by.is_same(other.by) for other in given) or any(one.by.is_same(author) for author in authors):
            continue
        if rule.counts(one.by):
            given.append(one)
    return Standing(rule, tuple(given), authors)


def refuse_approver(person: Person, release: Release, environment: Environment, standing: Standing) -> None:
    """Raises Refused: this person's approval of the release would not count, or was given."""
    if any(person.is_same(author) for author in standing.authors):
        raise Refused(
            f"{person} wrote {release.commit[:7]}, and cannot approve it",
            where=environment.name,
            remedy=f"it needs {standing.missing}",
        )
    if not standing.rule.counts(person):
        raise Refused(
            f"{person} <{person.email}> is not among those whose approval counts",
            where=environment.name,
            remedy=f"it needs {standing.missing}; environments.{environment.name}.approvals.by in windlass.yaml names them",
        )
    if given := next((one for one in standing.given if one.by.is_same(person)), None):
        raise Refused(f"{person} has approved {release.id} already, at {moment(given.at)}", where=environment.name)


def refuse_withdrawal(person: Person, release: Release, environment: Environment, standing: Standing) -> None:
    """Raises Refused: there is no approval of this person to take back."""
    if not any(one.by.is_same(person) for one in standing.given):
        raise Refused(
            f"{person} has given no approval of {release.id} that counts",
            where=environment.name,
            remedy=f"windlass approve {environment.name} shows who has",
        )


def proposed(wanted: str, entries: Iterable[Approval]) -> Release | None:
    """The release that waits under an id, tag or commit; the latest one of them. None when there is none."""
    for one in entries:
        release = one.release
        names = {release.id, *(tag for service in release.services for tag in service.tags)}
        if one.proposed and (wanted in names or (len(wanted) >= 7 and release.commit.startswith(wanted))):
            return release
    return None


def waiting(entries: Iterable[Approval]) -> tuple[Release, ...]:
    """Releases that were proposed, the latest first, each content once."""
    found: dict[Content, Release] = {}
    for one in entries:
        if one.proposed:
            found.setdefault(content(one.release), one.release)
    return tuple(found.values())
