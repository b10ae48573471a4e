"""Files of a tree that an image is made from: hashed as git lists them, and named only for those who ask."""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from typing import TypeAlias

from windlass.model.plan import Input
from windlass.plan.tree import Tree

Ranges: TypeAlias = tuple[tuple[int, int], ...]
_SUBMODULE = "160000 "


class Chosen:
    """Files by their indexes in the tree: half-open ranges, sorted, apart from each other."""

    def __init__(self, tree: Tree, ranges: Ranges) -> None:
        self._tree = tree
        self.ranges = ranges

    @cached_property
    def digest(self) -> str:
        """64 hex digits over modes, object ids and paths, in the order of the tree."""
        known = self._tree.digests.get(self.ranges)
        if known is None:
            text = self._text
            known = hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()
            self._tree.digests[self.ranges] = known
        return known

    @property
    def _text(self) -> str:
        return "".join([self._tree.listing(low, high) + "\0" for low, high in self.ranges])

    def inputs(self) -> Iterator[Input]:
        for low, high in self.ranges:
            for index in range(low, high):
                entry = self._tree.entry(index)
                yield Input("file", entry.path, f"{entry.mode}:{entry.oid}")

    def touches(self, low: int, high: int) -> bool:
        """Whether any of the files is in a range."""
        return any(start < high and low < end for start, end in self.ranges)

    def among(self, paths: Iterable[str]) -> tuple[str, ...]:
        """Those of some paths of the tree that are among the files, in their order."""
        starts = [low for low, _ in self.ranges]

        def holds(index: int | None) -> bool:
            at = bisect_right(starts, index) - 1 if index is not None else -1
            return index is not None and at >= 0 and index < self.ranges[at][1]

        return tuple(path for path in paths if holds(self._tree.index(path)))

    def submodules(self) -> list[str]:
        """Paths of those that are submodules."""
        if not self._tree.submodules:
            return []
        lines = self._text.split("\0")
        return [line.partition("\t")[2] for line in lines if line.startswith(_SUBMODULE)]


def ranges_of(spans: Iterable[tuple[int, int]], indexes: Iterable[int]) -> Ranges:
    """Everything in some spans and some single indexes, overlaps and neighbours joined."""
    todo: Sequence[tuple[int, int]] = sorted([*spans, *((index, index + 1) for index in indexes)])
    joined: list[tuple[int, int]] = []
    low = high = -1
    for start, end in todo:
        if start <= high:
            high = max(high, end)
            continue
        if high > low:
            joined.append((low, high))
        low, high = start, end
    if high > low:
        joined.append((low, high))
    return tuple(joined)
