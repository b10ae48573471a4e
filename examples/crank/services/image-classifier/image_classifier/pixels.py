"""Pictures as rows of RGB pixels, read from PNG and PPM.

PNG: W3C "Portable Network Graphics Specification", sections 5 (chunks), 9 (filters). PPM: netpbm's ppm(5), binary form.
"""

from __future__ import annotations

import re
import struct
import zlib
from dataclasses import dataclass

LARGEST_SIDE = 4096

Pixel = tuple[int, int, int]


class NotAPicture(ValueError):
    """The bytes are no picture that can be read here; the message says why."""


@dataclass(frozen=True)
class Picture:
    width: int
    height: int
    rows: list[list[Pixel]]


def read(data: bytes) -> Picture:
    """Raises NotAPicture."""
    try:
        if data.startswith(b"\x89PNG\r\n\x1a\n"):
            return _read_png(data)
        if data.startswith(b"P6"):
            return _read_ppm(data)
    except (struct.error, IndexError, zlib.error, KeyError) as error:
        raise NotAPicture(f"the picture is damaged: {error}") from error
    raise NotAPicture("neither PNG nor binary PPM")


def write_ppm(picture: Picture) -> bytes:
    body = bytes(value for row in picture.rows for pixel in row for value in pixel)
    return b"P6 %d %d 255\n" % (picture.width, picture.height) + body


def write_png(picture: Picture) -> bytes:
    raw = b"".join(b"\0" + bytes(value for pixel in row for value in pixel) for row in picture.rows)
    header = struct.pack(">IIBBBBB", picture.width, picture.height, 8, 2, 0, 0, 0)
    parts = [(b"IHDR", header), (b"IDAT", zlib.compress(raw)), (b"IEND", b"")]
    chunks = (struct.pack(">I", len(body)) + kind + body + _checksum(kind, body) for kind, body in parts)
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def _read_ppm(data: bytes) -> Picture:
    header = re.match(rb"P6(?:\s+|#[^\n]*\n)+(\d+)(?:\s+|#[^\n]*\n)+(\d+)(?:\s+|#[^\n]*\n)+(\d+)\s", data)
    if header is None:
        raise NotAPicture("the PPM header is incomplete")
    width, height, largest = (int(number) for number in header.groups())
    _check_size(width, height)
    if largest != 255:
        raise NotAPicture("only PPM with values up to 255 is read")
    body = data[header.end() :]
    if len(body) < width * height * 3:
        raise NotAPicture("the picture ends too early")
    return Picture(width, height, [_rgb(body[y * width * 3 : (y + 1) * width * 3], 3) for y in range(height)])


def _read_png(data: bytes) -> Picture:
    chunks: dict[bytes, bytes] = {}
    at = 8
    while at < len(data):
        (length,) = struct.unpack_from(">I", data, at)
        kind, body = data[at + 4 : at + 8], data[at + 8 : at + 8 + length]
        if data[at + 8 + length : at + 12 + length] != _checksum(kind, body):
            raise NotAPicture(f"the checksum of chunk {kind.decode('latin-1')} is wrong")
        chunks[kind] = chunks.get(kind, b"") + body
        at += 12 + length
    width, height, depth, colour, _, _, interlaced = struct.unpack(">IIBBBBB", chunks[b"IHDR"])
    _check_size(width, height)
    if depth != 8 or interlaced or colour not in (0, 2, 3, 4, 6):
        raise NotAPicture("only PNG with 8 bits a channel, not interlaced, is read")
    channels = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[colour]
    size = height * (width * channels + 1)
    raw = zlib.decompressobj().decompress(chunks[b"IDAT"], size)
    if len(raw) < size:
        raise NotAPicture("the picture ends too early")
    palette = _rgb(chunks[b"PLTE"], 3) if colour == 3 else None
    lines = _unfilter(raw, width * channels, channels)
    return Picture(width, height, [[palette[v] for v in line] if palette else _rgb(line, channels) for line in lines])


def _unfilter(raw: bytes, stride: int, channels: int) -> list[bytearray]:
    """Undo the prediction of each line from its neighbours to the left and above."""
    lines: list[bytearray] = []
    above = bytearray(stride)
    for start in range(0, len(raw), stride + 1):
        kind, line = raw[start], bytearray(raw[start + 1 : start + 1 + stride])
        for x in range(stride) if kind else ():
            left = line[x - channels] if x >= channels else 0
            corner = above[x - channels] if x >= channels else 0
            line[x] = (line[x] + _predict(kind, left, above[x], corner)) & 255
        lines.append(line)
        above = line
    return lines


def _predict(kind: int, left: int, up: int, corner: int) -> int:
    if kind == 1:
        return left
    if kind == 2:
        return up
    if kind == 3:
        return (left + up) // 2
    if kind == 4:  # Paeth: whichever neighbour is nearest to left + up - corner
        guess = left + up - corner
        return min((left, up, corner), key=lambda value: abs(guess - value))
    raise NotAPicture(f"there is no PNG filter {kind}")


def _rgb(line: bytes | bytearray, channels: int) -> list[Pixel]:
    step = range(0, len(line) - channels + 1, channels)
    if channels < 3:
        return [(line[x], line[x], line[x]) for x in step]
    return [(line[x], line[x + 1], line[x + 2]) for x in step]


def _check_size(width: int, height: int) -> None:
    if not (0 < width <= LARGEST_SIDE and 0 < height <= LARGEST_SIDE):
        raise NotAPicture(f"a side must be between 1 and {LARGEST_SIDE} pixels, this is {width}x{height}")


def _checksum(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", zlib.crc32(kind + body))
