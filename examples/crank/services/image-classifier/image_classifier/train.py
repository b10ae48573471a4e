"""`python -m image_classifier.train MODEL`: draw the samples, measure them, write what was learned."""

import json
import sys
from pathlib import Path
from random import Random

from image_classifier.features import describe
from image_classifier.samples import KINDS

PICTURES_OF_A_KIND = 25


def learn(seed: int) -> list[tuple[str, tuple[float, ...]]]:
    random = Random(seed)
    return [(kind, describe(draw(random))) for kind, draw in KINDS.items() for _ in range(PICTURES_OF_A_KIND)]


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(json.dumps(learn(seed=1), indent=1))
