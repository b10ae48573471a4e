"""The k nearest neighbours of a point decide, nearer ones with more weight."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

Point = Sequence[float]


@dataclass(frozen=True)
class Neighbours:
    points: list[tuple[str, Point]]
    k: int = 5

    def classify(self, point: Point) -> tuple[str, float]:
        """The winning label, and its share of the votes."""
        nearest = sorted((math.dist(point, known), label) for label, known in self.points)[: self.k]
        votes: Counter[str] = Counter()
        for distance, label in nearest:
            votes[label] += 1 / (distance + 0.01)
        label, weight = votes.most_common(1)[0]
        return label, round(weight / sum(votes.values()), 4)
