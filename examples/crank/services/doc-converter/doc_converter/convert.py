"""From one format to another, through the blocks both have in common."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from doc_converter import html, markdown, plain
from doc_converter.blocks import Block

READERS: dict[str, Callable[[str], list[Block]]] = {
    "markdown": markdown.read,
    "html": html.read,
    "text": plain.read,
    "csv": plain.read_csv,
}
WRITERS: dict[str, Callable[[Sequence[Block]], str]] = {
    "markdown": markdown.write,
    "html": html.write,
    "text": plain.write,
    "csv": plain.write_csv,
}


def convert(text: str, source: str, target: str) -> str:
    """Raises KeyError for a format nobody knows."""
    return WRITERS[target](READERS[source](text))
