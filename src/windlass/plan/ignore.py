"""`.dockerignore` rules, as BuildKit applies them while it walks a context (moby/patternmatcher through tonistiigi/fsutil).

A path is decided from the top down: a pattern that matched a folder stays matched for everything below it, the last
pattern that matches wins, and a pattern is only looked at where it could change the verdict. That last habit is part of
the meaning: `a/b` after `!a/b/c` does not take `a/b/c` away again.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import TypeAlias

from windlass.plan.patterns import BadPattern, glob

_Matched: TypeAlias = tuple[bool, ...]
_SPACE = " \t\n\v\f\r\x85\xa0"


def read_patterns(text: str) -> list[str]:
    """Patterns of a `.dockerignore` file: comments and blank lines dropped, paths cleaned, a leading "/" removed."""
    patterns = []
    for line in text.removeprefix("\ufeff").split("\n"):
        if line.startswith("#"):
            continue
        pattern = line.strip(_SPACE)
        if not pattern:
            continue
        exception = pattern.startswith("!")
        if exception:
            pattern = pattern[1:].strip(_SPACE)
        if pattern:
            pattern = _clean(pattern)
            if len(pattern) > 1 and pattern.startswith("/"):
                pattern = pattern[1:]
        patterns.append(f"!{pattern}" if exception else pattern)
    return patterns


class IgnoreRules:
    """Compiled patterns; later ones win, `!` makes an exception.

    Raises:
        BadPattern: one of them is malformed; its text is the argument.
    """

    def __init__(self, patterns: Sequence[str]) -> None:
        self._patterns: list[tuple[str, bool]] = []
        for raw in patterns:
            pattern = raw.strip(_SPACE)
            if not pattern:
                continue
            pattern = _clean(pattern)
            exception = pattern.startswith("!")
            if exception:
                pattern = pattern[1:]
                if not pattern:
                    raise BadPattern(raw)
            glob(pattern)  # its syntax is judged by filepath.Match, though its meaning is not
            self._patterns.append((pattern, exception))
        self._exceptions = any(exception for _, exception in self._patterns)
        self._folders: dict[str, _Matched] = {}

    @cached_property
    def _rules(self) -> list[tuple[Callable[[str], object], bool]]:
        return [(re.compile(_expression(text), re.DOTALL).fullmatch, exception) for text, exception in self._patterns]

    @cached_property
    def _any(self) -> Callable[[str], object]:
        """Does any rule match the path or a folder above it? Without exceptions that is the whole question."""
        expressions = "|".join(_expression(text) for text, _ in self._patterns)
        return re.compile(f"(?:{expressions})(?:/.*)?", re.DOTALL).fullmatch

    @cached_property
    def _parts(self) -> list[str]:
        return [_literal(text) for text, _ in self._patterns]

    def __bool__(self) -> bool:
        return bool(self._patterns)

    def concern(self, paths: str) -> bool:
        """Whether a rule could match any path that stands in a text; False is certain."""
        return any(part in paths for part in self._parts)

    def ignores(self, path: str) -> bool:
        """Whether a file or folder (relative to the context, no leading "/") is left out."""
        if not self._patterns or path in ("", "."):
            return False
        if self._any(path) is None:
            return False
        if not self._exceptions:
            return True
        parent = path.rpartition("/")[0]
        return self._decide(path, self._folder(parent) if parent else ())[0]

    def _folder(self, path: str) -> _Matched:
        known = self._folders.get(path)
        if known is None:
            parent = path.rpartition("/")[0]
            known = self._folders[path] = self._decide(path, self._folder(parent) if parent else ())[1]
        return known

    def _decide(self, path: str, above: _Matched) -> tuple[bool, _Matched]:
        ignored = False
        seen = []
        for number, (match, exception) in enumerate(self._rules):
            hit = bool(above) and above[number]
            if not hit and exception == ignored:
                hit = match(path) is not None
            seen.append(hit)
            if hit:
                ignored = not exception
        return ignored, tuple(seen)


def _clean(pattern: str) -> str:
    cleaned = posixpath.normpath(pattern)
    return cleaned[1:] if cleaned.startswith("//") else cleaned  # POSIX keeps two leading slashes, Go does not


def _expression(pattern: str) -> str:
    """A regular expression for one whole path. `**` stands for any number of folders; otherwise as `filepath.Match`.

    Patterns take one of four forms, which decides some corner cases: `dir/**` is not the folder itself.
    """
    expression: list[str] = []
    form = "exact"
    at = position = 0
    while at < len(pattern):
        char = pattern[at]
        at += 1
        if char == "*" and pattern[at : at + 1] == "*":
            at += 1
            if pattern[at : at + 1] == "/":
                at += 1
            if at == len(pattern):
                if form == "exact":
                    form = "prefix"
                else:
                    expression.append(".*")
                    form = "expression"
            else:
                expression.append("(.*/)?")
                form = "expression"
            if position == 0:
                form = "suffix"
        elif char == "*":
            expression.append("[^/]*")
            form = "expression"
        elif char == "?":
            expression.append("[^/]")
            form = "expression"
        elif char == "\\" and at < len(pattern):
            expression.append(re.escape(pattern[at]))
            at += 1
            form = "expression"
        elif char == "[":
            end = _class_end(pattern, at)
            expression.append(glob(pattern[at - 1 : end]).pattern)
            at = end
            form = "expression"
        else:
            expression.append(re.escape(char))
            if char == "]":
                form = "expression"
        position += 1
    if form == "prefix":
        return re.escape(pattern[:-2]) + ".*"
    if form == "suffix":
        rest = pattern[2:]
        return "(?:.*/)?" + re.escape(rest[1:]) if rest.startswith("/") else ".*" + re.escape(rest)
    return "".join(expression)


def _literal(pattern: str) -> str:
    """Text that every path has in it which the pattern matches, or whose folder it matches; empty where none is known."""
    plain = re.split(r"[\[\\]", pattern)[0]  # from here on characters may not stand for themselves
    return max(re.split(r"\*\*/?|[*?]", plain), key=len)


def _class_end(pattern: str, at: int) -> int:
    """The index after the "]" that closes a class whose "[" is before `at`. The pattern's syntax is known to be good."""
    if pattern[at : at + 1] == "^":
        at += 1
    while pattern[at] != "]":
        at += 2 if pattern[at] == "\\" else 1
    return at + 1
