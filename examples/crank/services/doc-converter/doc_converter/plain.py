"""Plain text for people: headings underlined, marks removed, tables in columns. And CSV, which is one table."""

from __future__ import annotations

import csv
import io
import re
import textwrap
from collections.abc import Sequence

from doc_converter.blocks import Block, Code, Heading, Items, Paragraph, Quote, Rule, Table

WIDTH = 80


def write(blocks: Sequence[Block]) -> str:
    return "\n\n".join(_written(block) for block in blocks) + "\n" if blocks else ""


def read(text: str) -> list[Block]:
    paragraphs = re.split(r"\n\s*\n", text.strip())
    return [Paragraph(" ".join(paragraph.split())) for paragraph in paragraphs if paragraph.strip()]


def read_csv(text: str) -> list[Block]:
    rows = [tuple(row) for row in csv.reader(io.StringIO(text)) if row]
    if not rows:
        return []
    width = max(len(row) for row in rows)
    full = [row + ("",) * (width - len(row)) for row in rows]
    return [Table(full[0], tuple(full[1:]))]


def write_csv(blocks: Sequence[Block]) -> str:
    """The tables, one after the other; everything else has no place in CSV."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    for block in blocks:
        if isinstance(block, Table):
            writer.writerow(map(_bare, block.header))
            writer.writerows([*map(_bare, row)] for row in block.rows)
    return out.getvalue()


def _written(block: Block) -> str:
    match block:
        case Heading(level, text):
            bare = _bare(text)
            return f"{bare}\n{('=' if level == 1 else '-') * len(bare)}"
        case Paragraph(text):
            return textwrap.fill(_bare(text), WIDTH)
        case Items(items, ordered):
            marks = [f"{number}. " if ordered else "- " for number in range(1, len(items) + 1)]
            pairs = zip(marks, items, strict=True)
            return "\n".join(
                textwrap.fill(_bare(item), WIDTH, initial_indent=mark, subsequent_indent=" " * len(mark))
                for mark, item in pairs
            )
        case Code(text, _):
            return textwrap.indent(text, "    ")
        case Quote(text):
            return textwrap.fill(_bare(text), WIDTH, initial_indent="> ", subsequent_indent="> ")
        case Table(header, rows):
            return _columns([header, *rows])
        case Rule():
            return "-" * WIDTH


def _columns(rows: Sequence[Sequence[str]]) -> str:
    bare = [[_bare(cell) for cell in row] for row in rows]
    count = max(len(row) for row in bare)
    widths = [max(len(row[n]) for row in bare if n < len(row)) for n in range(count)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in bare]
    return "\n".join([lines[0], "  ".join("-" * width for width in widths), *lines[1:]])


def _bare(text: str) -> str:
    text = re.sub(r"\[([^]]+)\]\(([^)]*)\)", r"\1 (\2)", text)
    return re.sub(r"\*\*(.+?)\*\*|(?<!\w)\*(.+?)\*(?!\w)|`([^`]+)`", lambda m: m[1] or m[2] or m[3], text)
