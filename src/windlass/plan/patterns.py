"""Patterns over slash-separated paths, by the rules of Go's `filepath.Match`, which Docker's tools share."""

from __future__ import annotations

import re
from functools import lru_cache


class BadPattern(ValueError):
    """The pattern is malformed: an unfinished class or a trailing backslash."""


def has_wildcards(text: str) -> bool:
    """Whether a path holds `*`, `?` or `[` that no backslash escapes."""
    escaped = False
    for char in text:
        if escaped:
            escaped = False
        elif char == "\\":
            escaped = True
        elif char in "*?[":
            return True
    return False


@lru_cache(maxsize=4096)
def glob(pattern: str) -> re.Pattern[str]:
    """A pattern as a regular expression to be used with `fullmatch`. `*` and `?` do not match "/".

    Raises:
        BadPattern
    """
    out: list[str] = []
    at = 0
    while at < len(pattern):
        char = pattern[at]
        at += 1
        if char == "*":
            out.append("[^/]*")
        elif char == "?":
            out.append("[^/]")
        elif char == "[":
            text, at = _char_class(pattern, at)
            out.append(text)
        elif char == "\\":
            if at == len(pattern):
                raise BadPattern(pattern)
            out.append(re.escape(pattern[at]))
            at += 1
        else:
            out.append(re.escape(char))
    return re.compile("".join(out), re.DOTALL)


def matches(pattern: str, path: str) -> bool:
    """Whether the whole path matches; a malformed pattern matches nothing."""
    try:
        return glob(pattern).fullmatch(path) is not None
    except BadPattern:
        return False


def _char_class(pattern: str, at: int) -> tuple[str, int]:
    negated = pattern[at : at + 1] == "^"
    if negated:
        at += 1
    ranges: list[str] = []
    while True:
        if pattern[at : at + 1] == "]" and ranges:
            break
        low, at = _class_member(pattern, at)
        high = low
        if pattern[at : at + 1] == "-":
            high, at = _class_member(pattern, at + 1)
        # A range that runs backwards is allowed and matches nothing.
        ranges.append(f"{re.escape(low)}-{re.escape(high)}" if low <= high else "")
    body = "".join(ranges)
    at += 1
    if not body:
        return ("." if negated else "(?!)"), at
    return f"[{'^' if negated else ''}{body}]", at


def _class_member(pattern: str, at: int) -> tuple[str, int]:
    if at >= len(pattern) or pattern[at] in "-]":
        raise BadPattern(pattern)
    if pattern[at] == "\\":
        at += 1
        if at >= len(pattern):
            raise BadPattern(pattern)
    if at + 1 >= len(pattern):
        raise BadPattern(pattern)  # the class is never closed
    return pattern[at], at + 1
