import struct
import unittest
import zlib
from random import Random

from image_classifier.pixels import NotAPicture, Picture, read, write_png, write_ppm
from image_classifier.samples import KINDS

SMALL = Picture(2, 2, [[(255, 0, 0), (0, 255, 0)], [(0, 0, 255), (9, 9, 9)]])


def png(colour: int, lines: bytes, width: int = 2, height: int = 2, extra: bytes = b"") -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, colour, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + extra + chunk(b"IDAT", zlib.compress(lines)) + chunk(b"IEND", b"")


class PixelsTest(unittest.TestCase):
    def test_pictures_survive_writing_and_reading(self) -> None:
        for picture in (SMALL, *(draw(Random(7)) for draw in KINDS.values())):
            self.assertEqual(picture, read(write_png(picture)))
            self.assertEqual(picture, read(write_ppm(picture)))

    def test_every_png_filter_is_undone(self) -> None:
        for kind, second in ((0, [15, 25]), (1, [15, 10]), (2, [5, 5]), (3, [10, 8]), (4, [5, 5])):
            picture = read(png(0, bytes([0, 10, 20, kind, *second])))
            self.assertEqual([[10, 20], [15, 25]], [[pixel[0] for pixel in row] for row in picture.rows], kind)

    def test_transparency_is_left_out(self) -> None:
        picture = read(png(6, bytes([0, 1, 2, 3, 128, 4, 5, 6, 0]), height=1))
        self.assertEqual([[(1, 2, 3), (4, 5, 6)]], picture.rows)

    def test_ppm_may_hold_comments(self) -> None:
        self.assertEqual([[(1, 2, 3)]], read(b"P6 # by hand\n1 1\n255\n\1\2\3").rows)

    def test_what_is_no_picture_is_refused_with_a_reason(self) -> None:
        whole = write_png(SMALL)
        for data, reason in (
            (b"GIF89a", "neither PNG nor"),
            (whole[:-20], "damaged|ends|checksum"),
            (whole.replace(b"IDAT", b"IDAX"), "checksum"),
            (png(0, b"\0\1"), "ends too early"),
            (png(0, b"", width=100000), "between 1 and"),
            (png(0, bytes([9, 1, 1, 9, 1, 1])), "no PNG filter"),
            (b"P6 2 2 255\n", "ends too early"),
        ):
            with self.assertRaisesRegex(NotAPicture, reason):
                read(data)
