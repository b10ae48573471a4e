"""The training messages themselves: each one, left out of training, should mostly be recognised by the others."""

import os
import unittest
from pathlib import Path

from email_classifier.bayes import Model

MESSAGES = Path(os.environ.get("MESSAGES", "messages.tsv"))


class QualityTest(unittest.TestCase):
    def test_most_messages_are_recognised_by_a_model_that_never_saw_them(self) -> None:
        pairs = [line.split("\t", 1) for line in MESSAGES.read_text().splitlines()]
        hits = 0
        for at, (label, text) in enumerate(pairs):
            others = pairs[:at] + pairs[at + 1 :]
            hits += Model.train((label, text) for label, text in others).classify(text).label == label
        self.assertGreaterEqual(hits / len(pairs), 0.7)
