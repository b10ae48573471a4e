"""Markdown, the part people use: headings, paragraphs, lists, quotes, fenced code, tables, rules."""

from __future__ import annotations

import re
from collections.abc import Sequence

from doc_converter.blocks import Block, Code, Heading, Items, Paragraph, Quote, Rule, Table

_HEADING = re.compile(r"(#{1,6})\s+(.*?)\s*#*")
_BULLET = re.compile(r"[-*+]\s+(.*)")
_NUMBER = re.compile(r"\d+[.)]\s+(.*)")
_FENCE = re.compile(r"```\s*(\S*)")
_RULE = re.compile(r"(?:\*\s*){3,}|(?:-\s*){3,}|(?:_\s*){3,}")
_DIVIDER = re.compile(r"\|?\s*:?-+:?\s*(\|\s*:?-+:?\s*)*\|?")


def read(text: str) -> list[Block]:
    lines = text.expandtabs(4).splitlines()
    blocks: list[Block] = []
    at = 0
    while at < len(lines):
        if not lines[at].strip():
            at += 1
            continue
        block, at = _block(lines, at)
        blocks.append(block)
    return blocks


def write(blocks: Sequence[Block]) -> str:
    return "\n\n".join(_written(block) for block in blocks) + "\n" if blocks else ""


def _block(lines: list[str], at: int) -> tuple[Block, int]:
    """The block that starts at a line, and the line after it."""
    line = lines[at].strip()
    if fence := _FENCE.fullmatch(line):
        end = next((n for n in range(at + 1, len(lines)) if lines[n].strip() == "```"), len(lines))
        return Code("\n".join(lines[at + 1 : end]), fence[1]), end + 1
    if heading := _HEADING.fullmatch(line):
        return Heading(len(heading[1]), heading[2]), at + 1
    if _RULE.fullmatch(line):
        return Rule(), at + 1
    if line.startswith(">"):
        text, end = _take(lines, at, lambda one: one.startswith(">"))
        return Quote(" ".join(one.lstrip("> ").strip() for one in text)), end
    for pattern, ordered in ((_BULLET, False), (_NUMBER, True)):
        if pattern.fullmatch(line):
            return _items(lines, at, pattern, ordered)
    if "|" in line and at + 1 < len(lines) and "-" in lines[at + 1] and _DIVIDER.fullmatch(lines[at + 1].strip()):
        text, end = _take(lines, at, lambda one: "|" in one)
        return Table(_cells(text[0]), tuple(_cells(row) for row in text[2:])), end
    text, end = _take(lines, at, lambda one: bool(one) and not _interrupts(one), first=True)
    return Paragraph(" ".join(text)), end


def _take(lines: list[str], at: int, belongs, first: bool = False) -> tuple[list[str], int]:
    taken = [lines[at].strip()] if first else []
    for number in range(at + len(taken), len(lines)):
        line = lines[number].strip()
        if not belongs(line):
            break
        taken.append(line)
    return taken, at + len(taken)


def _items(lines: list[str], at: int, pattern: re.Pattern[str], ordered: bool) -> tuple[Block, int]:
    items: list[str] = []
    while at < len(lines) and lines[at].strip():
        if found := pattern.fullmatch(lines[at].strip()):
            items.append(found[1])
        elif _interrupts(lines[at].strip()):
            break
        else:
            items[-1] += " " + lines[at].strip()
        at += 1
    return Items(tuple(items), ordered), at


def _interrupts(line: str) -> bool:
    patterns = (_FENCE, _HEADING, _RULE, _BULLET, _NUMBER)
    return line.startswith(">") or any(pattern.fullmatch(line) for pattern in patterns)


def _cells(line: str) -> tuple[str, ...]:
    inner = line.strip().removeprefix("|").removesuffix("|")
    return tuple(cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", inner))


def _written(block: Block) -> str:
    match block:
        case Heading(level, text):
            return f"{'#' * level} {text}"
        case Paragraph(text):
            return text
        case Items(items, ordered):
            return "\n".join(f"{number}. {item}" if ordered else f"- {item}" for number, item in enumerate(items, 1))
        case Code(text, language):
            return f"```{language}\n{text}\n```"
        case Quote(text):
            return f"> {text}"
        case Table(header, rows):
            return "\n".join([_row(header), _row(["---"] * len(header)), *(_row(row) for row in rows)])
        case Rule():
            return "---"


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
