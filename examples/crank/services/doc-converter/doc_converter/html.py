"""HTML: written from blocks, and read back from pages of the simpler sort. Scripts and styles are dropped."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from html.parser import HTMLParser

from doc_converter.blocks import Block, Code, Heading, Items, Paragraph, Quote, Rule, Table

_INLINE = (
    (re.compile(r"\*\*(.+?)\*\*"), r"<strong>\1</strong>"),
    (re.compile(r"(?<![\w*])\*(?!\s)(.+?)\*(?!\w)"), r"<em>\1</em>"),
    (re.compile(r"\[([^]]+)\]\(((?:https?://|mailto:|/|#)[^)\s]*)\)"), r'<a href="\2">\1</a>'),
)
_MARKS = {"strong": "**", "b": "**", "em": "*", "i": "*", "code": "`"}
_DROPPED = {"script", "style", "head", "template"}
_BLOCKS = {"p", "div", "section", "article", "header", "footer", "main", "body", "blockquote", "pre", "hr"}
_BLOCKS |= {"h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "li", "table", "td", "th"}
_ENDED_BY = {tag: {"p"} for tag in _BLOCKS} | {"li": {"li"}, "td": {"td", "th"}, "th": {"td", "th"}, "tr": {"td", "th"}}


def write(blocks: Sequence[Block]) -> str:
    return "\n".join(_written(block) for block in blocks) + "\n" if blocks else ""


def read(text: str) -> list[Block]:
    reader = _Reader()
    reader.feed(text)
    reader.close()
    reader.flush()
    return reader.blocks


def _written(block: Block) -> str:
    match block:
        case Heading(level, text):
            return f"<h{level}>{_inline(text)}</h{level}>"
        case Paragraph(text):
            return f"<p>{_inline(text)}</p>"
        case Items(items, ordered):
            tag = "ol" if ordered else "ul"
            return f"<{tag}>" + "".join(f"<li>{_inline(item)}</li>" for item in items) + f"</{tag}>"
        case Code(text, language):
            kind = f' class="language-{html.escape(language)}"' if language else ""
            return f"<pre><code{kind}>{html.escape(text, quote=False)}</code></pre>"
        case Quote(text):
            return f"<blockquote>{_inline(text)}</blockquote>"
        case Table(header, rows):
            body = "".join(_row("td", row) for row in rows)
            return f"<table><thead>{_row('th', header)}</thead><tbody>{body}</tbody></table>"
        case Rule():
            return "<hr>"


def _row(tag: str, cells: Sequence[str]) -> str:
    return "<tr>" + "".join(f"<{tag}>{_inline(cell)}</{tag}>" for cell in cells) + "</tr>"


def _inline(text: str) -> str:
    """Markdown's inline syntax as HTML. What stands between backticks is taken as it is."""
    parts = re.split(r"`([^`]+)`", text)
    for number, part in enumerate(parts):
        part = html.escape(part, quote=False)
        if number % 2:
            part = f"<code>{part}</code>"
        else:
            for pattern, replacement in _INLINE:
                part = pattern.sub(replacement, part)
        parts[number] = part
    return "".join(parts)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.blocks: list[Block] = []
        self._text = ""
        self._open: list[str] = []
        self._href: list[str] = []
        self._items: list[str] = []
        self._rows: list[tuple[str, ...]] = []
        self._cells: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if self._open and self._open[-1] in _ENDED_BY.get(tag, ()):
            self.handle_endtag(self._open[-1])
        if tag in _BLOCKS:
            self.flush()
        if tag == "br":
            self._text += " "
        elif tag == "hr":
            self.blocks.append(Rule())
        elif tag not in ("img", "input", "meta", "link"):
            self._open.append(tag)
        if tag == "a":
            self._href.append(dict(attrs).get("href") or "")
            self._text += "["
        elif tag in _MARKS and "pre" not in self._open:
            self._text += _MARKS[tag]

    def handle_endtag(self, tag: str) -> None:
        """HTML lets many end tags be left out: whatever is still open inside `tag` ends with it."""
        closed = ""
        while tag in self._open and closed != tag:
            closed = self._open.pop()
            if closed == "a":
                self._text += f"]({self._href.pop()})"
            elif closed in _MARKS and "pre" not in self._open:
                self._text += _MARKS[closed]
            elif closed == "tr":
                self._rows.append(tuple(self._cells))
                self._cells = []
            elif closed in _BLOCKS:
                self.flush(closed)

    def handle_data(self, data: str) -> None:
        if not _DROPPED.intersection(self._open):
            self._text += data if "pre" in self._open else re.sub(r"\s+", " ", data)

    def flush(self, tag: str = "p") -> None:
        """Turn the text so far, and what has been collected, into the block that `tag` stands for."""
        text, self._text = self._text, ""
        if tag == "pre":
            self.blocks.append(Code(text.strip("\n")))
        elif tag in ("td", "th"):
            self._cells.append(text.strip())
        elif tag == "li":
            self._items.append(text.strip())
        elif tag in ("ul", "ol"):
            if self._items:
                self.blocks.append(Items(tuple(self._items), tag == "ol"))
            self._items = []
        elif tag == "table":
            if self._rows:
                self.blocks.append(Table(self._rows[0], tuple(self._rows[1:])))
            self._rows = []
        elif text.strip():
            level = re.fullmatch(r"h([1-6])", tag)
            kind = Heading(int(level[1]), text.strip()) if level else Paragraph(text.strip())
            self.blocks.append(Quote(text.strip()) if tag == "blockquote" else kind)
