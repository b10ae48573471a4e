"""Why an image is built: which of its inputs differ from those of the image before."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from windlass.model.plan import Input, ServicePlan
from windlass.plan.interface import Memory

_MOST = 3
_ORDER = ("dockerfile", "arg", "base", "service", "platform", "setting", "secret", "context", "unpinned", "file")


@dataclass(frozen=True, slots=True)
class Explanation:
    """Inputs that differ from the last image of this branch. `known` is False when there is none to compare with.

    `changed` holds the new inputs; those of `added` and `removed` are on one side only. Names and hashes, never values.
    """

    service: str
    known: bool
    added: tuple[Input, ...] = ()
    removed: tuple[Input, ...] = ()
    changed: tuple[Input, ...] = ()

    @property
    def same(self) -> bool:
        return self.known and not (self.added or self.removed or self.changed)

    def sentences(self) -> tuple[str, ...]:
        """All differences in words, most telling first."""
        if not self.known:
            return ("first build: nothing is known of it yet",)
        return tuple(dict.fromkeys(text for _, text in sorted(self._told(), key=lambda told: told[0])))

    def _told(self) -> Iterable[tuple[int, str]]:
        gone = {_subject(item) for item in self.removed}
        new = {_subject(item) for item in self.added}
        for item in self.changed:
            yield _rank(item), _say(item, "changed")
        for item in self.added:
            yield _rank(item), _say(item, "changed" if _subject(item) in gone else "added")
        for item in self.removed:
            if _subject(item) not in new:
                yield _rank(item), _say(item, "removed")


def compare(service: str, before: Sequence[Input] | None, after: Sequence[Input]) -> Explanation:
    """What differs between the inputs of two images; `before` is None when nothing is known."""
    if before is None:
        return Explanation(service, known=False)
    old = {(item.kind, item.name): item for item in before}
    new = {(item.kind, item.name): item for item in after}
    return Explanation(
        service,
        known=True,
        added=tuple(item for key, item in new.items() if key not in old),
        removed=tuple(item for key, item in old.items() if key not in new),
        changed=tuple(item for key, item in new.items() if key in old and old[key].digest != item.digest),
    )


def explain(plan: ServicePlan, memory: Memory, branch: str | None, *, repository: str | None = None) -> Explanation:
    """Compare a service's inputs with those of the image published last from a branch.

    Args:
        repository: its repository in the registry, prefix included; the service's image name when there is no prefix.

    Raises:
        RegistryUnavailable, CredentialsMissing
    """
    before = memory.last_inputs(repository or plan.service.image, branch)
    return compare(plan.service.name, before, plan.fingerprint.inputs)


def shorten(sentences: Sequence[str], most: int = _MOST) -> tuple[str, ...]:
    """The first few, and how many more there are."""
    if len(sentences) <= most:
        return tuple(sentences)
    return (*sentences[:most], f"and {len(sentences) - most} more")


def _rank(item: Input) -> int:
    return _ORDER.index(item.kind) if item.kind in _ORDER else len(_ORDER)


def _subject(item: Input) -> tuple[str, str]:
    """What a sentence is about: a Dockerfile whatever its stage, a base image whatever the platform."""
    if item.kind == "dockerfile":
        return item.kind, item.name.rpartition("#")[0]
    if item.kind == "base":
        return item.kind, item.name.rpartition(" ")[0]
    return item.kind, item.name


def _say(item: Input, how: str) -> str:
    name = _subject(item)[1]
    if item.kind == "base":
        return f"base image {name} " + {"changed": "moved", "added": "is new", "removed": "is no longer used"}[how]
    if item.kind == "arg":
        return f"argument {name} {how}"
    if item.kind == "service":
        return f"service {name}, which it is built from, {how}"
    if item.kind == "secret":
        return f"build secret {name} {how}"
    if item.kind == "platform":
        return f"platform {name} {how}"
    if item.kind == "context":
        return f"build context {name} {how}"
    if item.kind == "setting":
        return f"{name} {how}"
    return f"input {how}: {name}"
