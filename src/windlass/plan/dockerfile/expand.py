"""Shell-style words: quotes, escapes and `$NAME`, `${NAME:-default}` and its kin, as BuildKit's Dockerfile shell reads them."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TypeAlias

Lookup: TypeAlias = Callable[[str], str | None]
"""A variable's value, None when it is not set."""

_SPECIAL = frozenset("@*#?-$!0")


class BadWord(ValueError):
    """The word is not valid: an open quote, a bad substitution, or a `${NAME:?message}` that fired."""


def expand(word: str, lookup: Lookup, *, escape: str = "\\", quotes: bool = True) -> str:
    """A word with its variables replaced and (unless `quotes` is off) its quotes removed.

    Raises:
        BadWord
    """
    if "$" not in word and escape not in word and not (quotes and ("'" in word or '"' in word)):
        return word
    return _Reader(word, lookup, escape=escape, quotes=quotes).read()[0]


def unquoted_words(line: str) -> list[str]:
    """The words of a line with quotes, escapes and variables left as they stand; a heredoc's `<< NAME` is one word.

    Raises:
        BadWord
    """
    return _Reader(line, lambda _: None, raw_quotes=True, raw_escapes=True, keep_unset=True).read()[1]


def heredoc_name(word: str) -> tuple[str, bool] | None:
    """The name a heredoc's word stands for, and whether its content is to be expanded; None when it is not one word."""
    plain = _Reader(word, lambda _: None, keep_unset=True).read()[1]
    if len(plain) != 1:
        return None
    raw = _Reader(word, lambda _: None, raw_quotes=True, keep_unset=True).read()[1]
    return plain[0], _quotes_in(plain[0]) == _quotes_in("".join(raw))


def _quotes_in(text: str) -> int:
    return text.count("'") + text.count('"')


class _Reader:
    def __init__(
        self,
        text: str,
        lookup: Lookup,
        *,
        escape: str = "\\",
        quotes: bool = True,
        raw_quotes: bool = False,
        raw_escapes: bool = False,
        keep_unset: bool = False,
    ) -> None:
        self.text = text
        self.at = 0
        self.lookup = lookup
        self.escape = escape
        self.quotes = quotes
        self.raw_quotes = raw_quotes
        self.raw_escapes = raw_escapes
        self.keep_unset = keep_unset

    def _peek(self) -> str:
        return self.text[self.at : self.at + 1]

    def _next(self) -> str:
        char = self.text[self.at : self.at + 1]
        self.at += 1
        return char

    def read(self, stop: str = "") -> tuple[str, list[str]]:
        """Everything up to `stop` (or the end): as one string, and split into words."""
        result: list[str] = []
        words: list[str] = []
        word: list[str] = []

        def split(text: str) -> None:
            for char in text:
                if not char.isspace():
                    word.append(char)
                elif word:
                    words.append("".join(word))
                    word.clear()

        while char := self._peek():
            if char == stop:
                self.at += 1
                break
            if char == "$":
                piece = self._variable()
                split(piece)
            elif char == "<":
                piece = self._heredoc_mark()
                word.append(piece)
            elif self.quotes and char in "'\"":
                piece = self._single() if char == "'" else self._double()
                word.append(piece)
            else:
                self.at += 1
                piece = char
                if char == self.escape:
                    escaped = self._next()
                    piece = (char if self.raw_escapes else "") + escaped
                    word.append(piece)
                else:
                    split(char)
            result.append(piece)
        else:
            if stop:
                raise BadWord(f"no closing '{stop}' in {self.text!r}")
        if "".join(word):
            words.append("".join(word))
        return "".join(result), words

    def _single(self) -> str:
        end = self.text.find("'", self.at + 1)
        if end < 0:
            raise BadWord(f"no closing single quote in {self.text!r}")
        inner = self.text[self.at + 1 : end]
        self.at = end + 1
        return f"'{inner}'" if self.raw_quotes else inner

    def _double(self) -> str:
        self.at += 1
        out = ['"'] if self.raw_quotes else []
        while char := self._peek():
            if char == "$":
                out.append(self._variable())
                continue
            self.at += 1
            if char == '"':
                if self.raw_quotes:
                    out.append(char)
                return "".join(out)
            if char == self.escape:
                if self.raw_escapes:
                    out.append(char)
                following = self._peek()
                if not following:
                    continue
                if following in ('"', "$", self.escape):
                    char = self._next()
            out.append(char)
        raise BadWord(f"no closing double quote in {self.text!r}")

    def _heredoc_mark(self) -> str:
        self.at += 1
        if self._peek() != "<":
            return "<"
        start = self.at
        self.at += 1
        while self._peek() and self._peek() in "\t\r ":
            self.at += 1
        return "<" + self.text[start : self.at]

    def _name(self) -> str:
        start = self.at
        first = self._peek()
        if first.isdigit():
            while self._peek().isdigit():
                self.at += 1
        elif first in _SPECIAL and first:
            self.at += 1
        else:
            while self._peek() and (self._peek().isalnum() or self._peek() == "_"):
                self.at += 1
        return self.text[start : self.at]

    def _variable(self) -> str:
        self.at += 1
        if self._peek() != "{":
            name = self._name()
            if not name:
                return "$"
            value = self.lookup(name)
            return value if value is not None else f"${name}" if self.keep_unset else ""
        self.at += 1
        if not self._peek():
            raise BadWord(f"no closing '}}' in {self.text!r}")
        if self._peek() in "{}:":
            raise BadWord(f"bad substitution in {self.text!r}")
        name = self._name()
        modifier = self._next()
        if modifier == "}":
            value = self.lookup(name)
            return value if value is not None else f"${{{name}}}" if self.keep_unset else ""
        if modifier == "/":
            return self._replace(name)
        colon = modifier == ":"
        if colon:
            modifier = self._next()
        if modifier not in ("+", "-", "?", "#", "%") or (colon and modifier in "#%"):
            raise BadWord(f"unsupported modifier '{':' if colon else ''}{modifier}' in {self.text!r}")
        argument = self._argument("}", raw=modifier in "#%")
        value = self.lookup(name)
        if value is None and self.keep_unset:
            return f"${{{name}{':' if colon else ''}{modifier}{argument}}}"
        present = value is not None and not (colon and value == "")
        if modifier == "-":
            return value or "" if present else argument
        if modifier == "+":
            return argument if present else ""
        if modifier == "?":
            if not present:
                raise BadWord(f"{name}: {argument or ('must not be empty' if value == '' else 'must be set')}")
            return value or ""
        return _trim(value or "", argument, modifier)

    def _argument(self, stop: str, *, raw: bool) -> str:
        before, self.raw_escapes = self.raw_escapes, raw
        try:
            return self.read(stop)[0]
        finally:
            self.raw_escapes = before

    def _replace(self, name: str) -> str:
        everywhere = self._peek() == "/"
        if everywhere:
            self.at += 1
        pattern = self._argument("/", raw=True)
        replacement = self._argument("}", raw=True)
        value = self.lookup(name)
        if value is None:
            return f"${{{name}/{pattern}/{replacement}}}" if self.keep_unset else ""
        return _shell_pattern(pattern, greedy=True).sub(lambda _: replacement, value, count=0 if everywhere else 1)


def _trim(value: str, pattern: str, side: str) -> str:
    greedy = pattern.startswith(side)
    if greedy:
        pattern = pattern[1:]
    whole = _shell_pattern(pattern, greedy=greedy)
    if side == "#":
        found = whole.match(value)
        return value[found.end() :] if found else value
    # The shortest suffix starts latest, the longest earliest.
    starts = range(len(value) + 1) if greedy else range(len(value), -1, -1)
    return next((value[:start] for start in starts if whole.fullmatch(value, start)), value)


def _shell_pattern(pattern: str, *, greedy: bool) -> re.Pattern[str]:
    out: list[str] = []
    at = 0
    while at < len(pattern):
        char = pattern[at]
        at += 1
        if char == "*":
            out.append(".*" if greedy else ".*?")
        elif char == "?":
            out.append(".")
        elif char == "\\":
            escaped = pattern[at : at + 1]
            if escaped not in ("}", "/", "*", "?", "\\") or not escaped:
                raise BadWord(f"invalid escape '\\{escaped}' in a pattern")
            out.append(re.escape(escaped))
            at += 1
        else:
            out.append(re.escape(char))
    return re.compile("".join(out))
