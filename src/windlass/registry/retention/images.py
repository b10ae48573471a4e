"""Which tags of a service's repository stay by the user's rules, and which may go. Pure."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, field
from functools import cache

from windlass.model.retention import DAY, RetentionPolicy
from windlass.registry.retention.ages import SETTLED, Clock
from windlass.registry.retention.graph import Graph
from windlass.registry.retention.model import Tag
from windlass.registry.retention.protected import Protected
from windlass.registry.retention.reason import Reason
from windlass.registry.retention.scope import Scope, branch_in_tag, refers_to


@dataclass(slots=True)
class Verdicts:
    """`stays` and `goes` hold tags by name; a tag in neither goes as its manifest goes. `seeds` are manifests that stay on
    their own account, by digest; `lapsed` says why others have no reason to."""

    stays: dict[str, Reason] = field(default_factory=dict)
    goes: dict[str, Reason] = field(default_factory=dict)
    seeds: dict[str, Reason] = field(default_factory=dict)
    lapsed: dict[str, Reason] = field(default_factory=dict)

    def seed(self, digest: str, reason: Reason) -> None:
        known = self.seeds.get(digest)
        if known is None or reason.rank < known.rank:
            self.seeds[digest] = reason


class BranchRules:
    """How many images of a branch stay, and whether the branch is one that never falls idle."""

    def __init__(self, policy: RetentionPolicy, scope: Scope) -> None:
        self._policy = policy
        named = [(branch_in_tag(pattern), number) for pattern, number in policy.branches]
        self._full = {name: number for name, number in named if "*" not in name}
        self._patterns = [
            (re.compile(".*".join(map(re.escape, name.split("*")))), number) for name, number in named if "*" in name
        ]
        self._steady = scope.steady | self._full.keys()
        self.number = cache(self._number)

    def _number(self, branch: str) -> int:
        if branch in self._full:
            return self._full[branch]
        fitting = (number for pattern, number in self._patterns if pattern.fullmatch(branch))
        return next(fitting, self._policy.keep)

    def idle(self, branch: str, age: float) -> bool:
        return self._policy.idle is not None and branch not in self._steady and age > self._policy.idle


def judge_tags(graph: Graph, protected: Protected, policy: RetentionPolicy, scope: Scope, clock: Clock) -> Verdicts:
    """By the rules for images: newest of each branch, age, and what protects a tag by name."""
    found = Verdicts()
    rules = BranchRules(policy, scope)
    branches: dict[str, list[Tag]] = defaultdict(list)
    for tag in graph.repository.tags:
        reason = by_itself(tag, graph)
        if (tag.digest, tag.name) in protected.tags and tag.digest in protected.digests:
            reason = protected.digests[tag.digest]
        commit = scope.names.commit(tag.name)
        if commit is None:
            if reason is None:
                reason = _without_commit(tag, graph, clock, found)
        elif tag.pushed is None:
            reason = reason or Reason("undated", "nothing tells how old it is")
        elif clock.future(tag.pushed):
            reason = reason or Reason("clock", "its time lies in the future")
        else:
            branches[commit[0]].append(tag)
        if reason is not None:
            found.stays[tag.name] = reason
    for branch, tags in branches.items():
        _judge_branch(branch, tags, rules, policy, clock, found)
    return found


def _without_commit(tag: Tag, graph: Graph, clock: Clock, found: Verdicts) -> Reason | None:
    """Moving tags stay. A tag that names what it refers to goes its way; without it, it goes when that is certain."""
    subject = refers_to(tag.name)
    if subject is None or not (graph.repository.complete or subject in graph.manifests):
        return Reason("moving", "a moving tag")
    if subject in graph.manifests:
        return None
    if tag.pushed is None or clock.age(tag.pushed) < SETTLED:
        return Reason("pending", "what it refers to may be on the way to the registry")
    found.goes[tag.name] = Reason("unused", "what it refers to is not there")
    return None


def by_itself(tag: Tag, graph: Graph) -> Reason | None:
    """Why a tag stays wherever it is: a lock, or that nothing is known of what it points to."""
    if tag.locked or graph.repository.locked:
        return Reason("locked", "locked in the registry")
    if tag.digest not in graph.manifests:
        return Reason("damaged", "its manifest is not in the registry")
    return None


def _judge_branch(
    branch: str, tags: list[Tag], rules: BranchRules, policy: RetentionPolicy, clock: Clock, found: Verdicts
) -> None:
    tags.sort(key=lambda tag: (tag.pushed or 0.0, tag.name), reverse=True)
    number = rules.number(branch)
    idle = rules.idle(branch, clock.age(tags[0].pushed or 0.0))
    shown = branch or "commits"
    limit = policy.older_than
    for place, tag in enumerate(tags):
        if clock.age(tag.pushed or 0.0) < limit:
            found.stays.setdefault(tag.name, Reason("young", f"younger than {days(limit)}"))
        elif idle:
            idle_for = Reason("idle", f"no new image of {shown} for {days(policy.idle or 0.0)}")
            found.goes.setdefault(tag.name, idle_for)
        elif place < number:
            found.stays.setdefault(tag.name, Reason("newest", f"one of the {number} newest of {shown}"))
        else:
            found.goes.setdefault(tag.name, Reason("beyond", f"beyond the {number} newest of {shown}"))


def judge_manifests(graph: Graph, protected: Protected, clock: Clock, found: Verdicts) -> None:
    """What stays whatever its tags say: what environments need, what is locked, what cannot be read, and what may belong
    to a push that is under way."""
    unread = next(
        (one for one in graph.manifests.values() if one.damage and (one.is_index or not one.media_type)), None
    )
    for digest, manifest in graph.manifests.items():
        if digest in protected.digests:
            found.seed(digest, protected.digests[digest])
        if manifest.locked or graph.repository.locked:
            found.seed(digest, Reason("locked", "locked in the registry"))
        if manifest.damage:
            found.seed(digest, Reason("damaged", f"it cannot be read: {manifest.damage}"))
        if digest in graph.tags:
            continue
        if unread is not None:
            name = graph.name(unread.digest)
            found.seed(digest, Reason("damaged", f"may be part of {name}, which cannot be read"))
        if digest in graph.parents or digest in graph.subjects:
            continue  # goes and stays with those
        if manifest.pushed is None:
            found.seed(digest, Reason("undated", "nothing tells how old it is"))
        elif clock.future(manifest.pushed):
            found.seed(digest, Reason("clock", "its time lies in the future"))
        elif clock.age(manifest.pushed) < SETTLED:
            found.seed(digest, Reason("pending", "pushed within a day without a tag: may belong to a push under way"))


def days(seconds: float) -> str:
    """A limit as people wrote it: `30d`, or hours or minutes when it is no whole number of days."""
    for unit, size in (("d", DAY), ("h", 3600.0), ("m", 60.0)):
        if seconds % size == 0:
            return f"{seconds / size:.0f}{unit}"
    return f"{seconds:g}s"
