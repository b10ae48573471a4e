"""The small syntax that names a place in a JSON document.

name                     a key
worker.name              a key below a key
workers[0].name          an entry of a list, from 0; [-1] is the last
["key with.dots"].name   any key, in quotes
$                        the whole document; may also start a path: $.worker.name
"""

from __future__ import annotations

import json
import re
from typing import Any, TypeAlias

Path: TypeAlias = tuple[str | int, ...]

_KEY = re.compile(r'[^.\[\]"\s]+')
_ENTRY = re.compile(r'\[(?:(?P<index>-?\d+)|(?P<quoted>"(?:[^"\\]|\\.)*"))\]')


class Missing(LookupError):
    """There is nothing at the path; the message says how far the document goes."""


def parse(text: str) -> Path:
    """Keys (text) and list positions (numbers).

    Raises:
        ValueError: it is not a path.
    """
    steps: list[str | int] = []
    at = 1 if text.startswith("$") else 0
    while at < len(text) or not text:
        if text[at : at + 1] == "[" and (entry := _ENTRY.match(text, at)):
            steps.append(int(entry["index"]) if entry["index"] else str(json.loads(entry["quoted"])))
            at = entry.end()
            continue
        dot = text[at : at + 1] == "."
        key = _KEY.match(text, at + dot) if dot == (at > 0) else None
        if key is None:
            raise ValueError('expected a path such as workers[0].name; "$" is the whole document')
        steps.append(key[0])
        at = key.end()
    return tuple(steps)


def find(document: Any, path: Path) -> Any:
    """The value at a path.

    Raises:
        Missing: there is none.
    """
    seen = "$"
    for step in path:
        if isinstance(step, int):
            if not isinstance(document, list):
                raise Missing(f"{seen} is {kind(document)}, not a list")
            if not -len(document) <= step < len(document):
                raise Missing(f"{seen} has {len(document)} entries")
            document = document[step]
            seen += f"[{step}]"
        else:
            if not isinstance(document, dict):
                raise Missing(f"{seen} is {kind(document)}, not an object")
            if step not in document:
                raise Missing(f"{seen} has no '{step}'")
            document = document[step]
            seen += f".{step}"
    return document


def kind(value: Any) -> str:
    """The JSON type of a value, in words."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "a boolean"
    names = {dict: "an object", list: "a list", str: "text", int: "a number", float: "a number"}
    return names.get(type(value), "a value")


def same(one: Any, other: Any) -> bool:
    """Equality as JSON has it: 1 equals 1.0, and neither equals true."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(value, other[key]) for key, value in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    return bool(one == other)
