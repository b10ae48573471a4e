"""Do what a plan says, looking again before every step: the registry goes on being used meanwhile.

An interruption at any point leaves every tag and every index whole: an index goes before its children, and what is left
over is found again by the next clean-up, where the registry lists what has no tag.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import groupby

from windlass.errors import CredentialsMissing, RegistryUnavailable, WindlassError
from windlass.oci.client import RegistryClient
from windlass.oci.push import gather
from windlass.registry.retention.deletion import DeletionPlan, Item
from windlass.registry.retention.graph import Graph
from windlass.registry.retention.meanwhile import Meanwhile
from windlass.registry.retention.model import Inventory

_HOPELESS = 20
"""So many failures without a single success: this registry deletes nothing."""


@dataclass(frozen=True, slots=True)
class Left:
    """An item that was to be deleted and is still there, and why."""

    item: Item
    why: str


@dataclass(slots=True)
class Outcome:
    """`failed` could not be deleted; `skipped` were not, because something had changed since they were judged, or because
    what they hang on is still there. `stopped`: not everything was tried. `remedy` is what to do about failures."""

    done: list[Item] = field(default_factory=list)
    failed: list[Left] = field(default_factory=list)
    skipped: list[Left] = field(default_factory=list)
    remedy: str | None = None
    stopped: bool = False


class Execution:
    """One run of a plan. `outcome` is right at any moment, also after an interruption.

    Args:
        inventory: the one the plan was made from.
        told: is called after each deletion.
    """

    def __init__(
        self,
        plan: DeletionPlan,
        inventory: Inventory,
        client: RegistryClient,
        *,
        parallel: int = 4,
        told: Callable[[Item], None] = lambda item: None,
    ) -> None:
        self.outcome = Outcome()
        self._plan = plan
        self._inventory = inventory
        self._client = client
        self._parallel = parallel
        self._told = told
        self._graphs = {one.name: Graph(one) for one in inventory.repositories}
        self._going = {(one.repository, one.digest) for one in plan.deletions if one.kind == "manifest"}
        self._stayed: set[tuple[str, str]] = set()
        self._meanwhile: dict[str, Meanwhile] = {}
        self._stopped: str | None = None

    def break_off(self, why: str) -> None:
        """Note everything that was not reached."""
        told = {(one.repository, one.name) for one in self.outcome.done}
        told |= {(one.item.repository, one.item.name) for one in (*self.outcome.failed, *self.outcome.skipped)}
        waiting = (one for one in self._plan.deletions if not one.with_manifest)
        self.outcome.skipped += [Left(one, why) for one in waiting if (one.repository, one.name) not in told]
        self.outcome.stopped = True

    def run(self) -> Outcome:
        """Delete step by step. What fails is in the outcome, with why."""
        steps = groupby((one for one in self._plan.deletions if not one.with_manifest), key=lambda one: one.step)
        with ThreadPoolExecutor(self._parallel, thread_name_prefix="windlass-prune") as pool:
            for _, group in steps:
                items = list(group)
                self._look(dict.fromkeys(item.repository for item in items), pool)
                gather(pool, self._one, items)
        return self.outcome

    def _look(self, repositories: Iterable[str], pool: ThreadPoolExecutor) -> None:
        """See what changed since the survey, before the first deletion in a repository and again before each step."""
        if self._stopped is not None:
            return
        names = list(repositories)

        def look(name: str) -> Meanwhile:
            known = self._meanwhile.get(name) or Meanwhile(self._client, self._graphs[name], self._inventory.untags)
            known.look()
            return known

        try:
            self._meanwhile |= zip(names, gather(pool, look, names), strict=True)
        except WindlassError as error:
            self._stop(error)

    def _one(self, item: Item) -> None:
        """Delete an item, or note why it is still there."""
        if self._stopped is not None:
            self._leave(item, f"not tried any more: {self._stopped}", self.outcome.skipped)
            return
        try:
            changed = self._changed(item)
            if changed is not None:
                self._leave(item, changed, self.outcome.skipped)
                return
            if item.kind == "manifest":
                self._client.delete_manifest(item.repository, item.digest)
            else:
                self._meanwhile[item.repository].untag(item.name)
        except WindlassError as error:
            self._leave(item, error.message, self.outcome.failed)
            self.outcome.remedy = error.remedy or self.outcome.remedy
            if isinstance(error, RegistryUnavailable | CredentialsMissing):
                self._stop(error)
            elif not self.outcome.done and len(self.outcome.failed) >= _HOPELESS:
                self._stopped = f"nothing can be deleted here ({error.message})"
                self.outcome.stopped = True
        else:
            self.outcome.done.append(item)
            self._told(item)

    def _changed(self, item: Item) -> str | None:
        """Why an item must not be deleted any more."""
        meanwhile = self._meanwhile[item.repository]
        if item.kind == "tag":
            return meanwhile.tag_moved(item.name, item.digest)
        graph = self._graphs[item.repository]
        for ties, words in ((graph.parents, "part of"), (graph.subjects, "refers to")):
            for other in ties.get(item.digest, ()):
                if (item.repository, other) in self._stayed:
                    return f"{words} {graph.name(other)}, which is still there"
        return meanwhile.manifest_changed(item.digest)

    def _leave(self, item: Item, why: str, kind: list[Left]) -> None:
        kind.append(Left(item, why))
        if item.kind == "manifest":
            self._stayed.add((item.repository, item.digest))

    def _stop(self, error: WindlassError) -> None:
        self._stopped = error.message
        self.outcome.stopped = True
        self.outcome.remedy = error.remedy or self.outcome.remedy
