"""What a picture looks like, as six numbers between 0 and 1."""

from __future__ import annotations

from image_classifier.pixels import Picture, Pixel

NAMES = ("brightness", "white", "saturation", "colours", "edges", "flat")
SAMPLES = 128


def describe(picture: Picture) -> tuple[float, ...]:
    """Brightness; share of white; mean saturation; variety of colours; share of sharp edges; share of flat areas."""
    step_y, step_x = max(1, picture.height // SAMPLES), max(1, picture.width // SAMPLES)
    rows = [row[::step_x] for row in picture.rows[::step_y]]
    pixels = [pixel for row in rows for pixel in row]
    steps = [_distance(row[x], row[x + 1]) for row in rows for x in range(len(row) - 1)] or [0]
    return tuple(
        round(value, 4)
        for value in (
            sum(map(_luma, pixels)) / len(pixels) / 255,
            _share(min(pixel) > 240 for pixel in pixels),
            sum((max(pixel) - min(pixel)) / (max(pixel) or 1) for pixel in pixels) / len(pixels),
            len({(r >> 4, g >> 4, b >> 4) for r, g, b in pixels}) / min(len(pixels), 4096),
            _share(step > 96 for step in steps),
            _share(step == 0 for step in steps),
        )
    )


def _luma(pixel: Pixel) -> float:
    """ITU-R BT.601."""
    return 0.299 * pixel[0] + 0.587 * pixel[1] + 0.114 * pixel[2]


def _distance(a: Pixel, b: Pixel) -> int:
    return max(abs(a[0] - b[0]), abs(a[1] - b[1]), abs(a[2] - b[2]))


def _share(values) -> float:
    seen = list(values)
    return sum(seen) / len(seen)
