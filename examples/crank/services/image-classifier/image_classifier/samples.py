"""Pictures to learn from, drawn by rule: scenes like photos, pages like documents, bars like charts."""

from __future__ import annotations

import math
from random import Random

from image_classifier.pixels import Picture, Pixel

SIDE = 64


def photo(random: Random) -> Picture:
    """Soft gradients from sky to ground, with grain."""
    sky, ground = _colour(random), _colour(random)
    phase, waves = random.uniform(0, 6), random.uniform(0.5, 2)

    def pixel(x: int, y: int) -> Pixel:
        blend = min(1, max(0, (y + 8 * math.sin(phase + waves * x / 10)) / SIDE))
        return tuple(_byte(a + (b - a) * blend + random.gauss(0, 9)) for a, b in zip(sky, ground))

    return _draw(pixel)


def document(random: Random) -> Picture:
    """Dark words in lines on white paper."""
    ink, spacing, margin = random.randint(0, 70), random.randint(4, 7), random.randint(3, 8)
    word = [[random.random() < 0.7 for _ in range(SIDE)] for _ in range(SIDE)]

    def pixel(x: int, y: int) -> Pixel:
        inside = margin <= x < SIDE - margin and margin <= y < SIDE - margin
        value = ink if inside and y % spacing < 2 and word[y // spacing][x // 2] else 250 + random.randint(0, 5)
        return value, value, value

    return _draw(pixel)


def chart(random: Random) -> Picture:
    """Flat coloured bars on a plain background."""
    count, paper = random.randint(3, 8), random.choice([(255, 255, 255), (246, 246, 246), (32, 34, 40)])
    bars = [(random.randint(10, SIDE - 6), _colour(random)) for _ in range(count)]
    width = SIDE // count

    def pixel(x: int, y: int) -> Pixel:
        height, colour = bars[min(x // width, count - 1)]
        return colour if x % width < width - 2 and SIDE - y < height else paper

    return _draw(pixel)


KINDS = {"chart": chart, "document": document, "photo": photo}


def _draw(pixel) -> Picture:
    return Picture(SIDE, SIDE, [[pixel(x, y) for x in range(SIDE)] for y in range(SIDE)])


def _colour(random: Random) -> Pixel:
    return random.randint(20, 235), random.randint(20, 235), random.randint(20, 235)


def _byte(value: float) -> int:
    return max(0, min(255, round(value)))
