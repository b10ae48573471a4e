"""`python -m email_classifier.train MESSAGES MODEL`: learn from tab-separated labels and texts, write the model."""

import json
import sys
from dataclasses import asdict
from pathlib import Path

from email_classifier.bayes import Model


def main(messages: Path, target: Path) -> None:
    pairs = [tuple(line.split("\t", 1)) for line in messages.read_text().splitlines() if line.strip()]
    model = Model.train((label, text) for label, text in pairs)
    target.write_text(json.dumps(asdict(model), ensure_ascii=False, sort_keys=True, indent=1))
    print(f"trained on {len(pairs)} messages, {len(model.counts)} labels")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
