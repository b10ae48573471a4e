"""Multinomial naive Bayes with add-one smoothing, in logarithms.

Manning, Raghavan, Schütze: Introduction to Information Retrieval, chapter 13.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

_WORD = re.compile(r"[a-zà-ÿ][a-zà-ÿ'-]+|[$€£]|\d+%")


def words(text: str) -> list[str]:
    """The words of a message in lower case; amounts count by their currency, not their number."""
    return _WORD.findall(text.lower())


@dataclass(frozen=True)
class Verdict:
    label: str
    probabilities: dict[str, float]
    because: list[str]
    """The words that spoke most for the label, strongest first."""


@dataclass(frozen=True)
class Model:
    messages: dict[str, int]
    """Number of training messages, by label."""
    counts: dict[str, dict[str, int]]
    """How often each word occurred, by label."""

    @classmethod
    def train(cls, examples: Iterable[tuple[str, str]]) -> Model:
        """From (label, text) pairs."""
        messages: Counter[str] = Counter()
        counts: dict[str, Counter[str]] = {}
        for label, text in examples:
            messages[label] += 1
            counts.setdefault(label, Counter()).update(words(text))
        return cls(dict(messages), {label: dict(sorted(found.items())) for label, found in counts.items()})

    def classify(self, text: str) -> Verdict:
        found = [word for word in words(text) if word in self._vocabulary]
        scores = {label: self._prior(label) + sum(self._weight(word, label) for word in found) for label in self.counts}
        highest = max(scores.values())
        odds = {label: math.exp(score - highest) for label, score in scores.items()}
        probabilities = {label: round(value / sum(odds.values()), 4) for label, value in odds.items()}
        label = max(scores, key=lambda name: scores[name])
        return Verdict(label, probabilities, sorted(set(found), key=lambda word: (-self._lift(word, label), word))[:3])

    @cached_property
    def _vocabulary(self) -> set[str]:
        return {word for counts in self.counts.values() for word in counts}

    @cached_property
    def _total(self) -> dict[str, int]:
        return {label: sum(counts.values()) for label, counts in self.counts.items()}

    def _prior(self, label: str) -> float:
        return math.log(self.messages[label] / sum(self.messages.values()))

    def _weight(self, word: str, label: str) -> float:
        return math.log((self.counts[label].get(word, 0) + 1) / (self._total[label] + len(self._vocabulary)))

    def _lift(self, word: str, label: str) -> float:
        others = [self._weight(word, other) for other in self.counts if other != label]
        return self._weight(word, label) - sum(others) / len(others)
