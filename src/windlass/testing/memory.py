"""A memory without a registry."""

from __future__ import annotations

from collections.abc import Sequence

from windlass.model.plan import Input
from windlass.plan.interface import Remembered
from windlass.testing.images import FakeImages


class FakeMemory:
    """Remembers as a registry does.

    Args:
        images: the publisher whose images exist; without one, whatever is remembered exists until `lose` takes it away.
    """

    def __init__(self, images: FakeImages | None = None) -> None:
        self._given = images
        self.images: set[tuple[str, str]] = images.published if images is not None else set()
        self.damaged: dict[tuple[str, str], str] = {}
        self.records: dict[str, list[str]] = {}
        self.tests: set[str] = set()
        self.now = 0.0
        self._created: dict[tuple[str, str], float] = {}
        self._last: dict[tuple[str, str | None], tuple[Input, ...]] = {}

    def recall(self, wanted: Sequence[tuple[str, str]], *, again: bool = False) -> dict[str, Remembered | str]:
        found: dict[str, Remembered | str] = {}
        for repository, fingerprint in wanted:
            for digest in reversed(self.records.get(fingerprint, [])):
                if (repository, digest) in self.damaged:
                    found.setdefault(fingerprint, self.damaged[repository, digest])
                elif (repository, digest) in self.images:
                    found[fingerprint] = Remembered(digest, self._created[fingerprint, digest])
                    break
                else:
                    found.setdefault(fingerprint, "its image is gone from the registry")
        return found

    def remember(
        self, repository: str, fingerprint: str, digest: str, inputs: Sequence[Input], branch: str | None
    ) -> None:
        if self._given is None:
            self.images.add((repository, digest))
            self.damaged.pop((repository, digest), None)
        known = self.records.setdefault(fingerprint, [])
        if digest in known:
            known.remove(digest)
        known.append(digest)
        self._created[fingerprint, digest] = self.now
        self._last[repository, branch] = self._last[repository, None] = tuple(inputs)

    def tests_passed(self, fingerprints: Sequence[str]) -> frozenset[str]:
        return frozenset(self.tests.intersection(fingerprints))

    def remember_tests(self, fingerprint: str) -> None:
        self.tests.add(fingerprint)

    def last_inputs(self, repository: str, branch: str | None) -> tuple[Input, ...] | None:
        return self._last.get((repository, branch), self._last.get((repository, None)))

    def lose(self, repository: str, digest: str) -> None:
        """The image is deleted; its record stays."""
        self.images.discard((repository, digest))

    def damage(self, repository: str, digest: str, reason: str = "its image in the registry is damaged") -> None:
        self.damaged[repository, digest] = reason
