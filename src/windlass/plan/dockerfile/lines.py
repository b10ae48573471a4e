"""From the text of a Dockerfile to its instructions: directives, continuation lines, comments, heredocs, flags, JSON forms."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Literal

from windlass.errors import ConfigError
from windlass.plan.dockerfile.expand import BadWord, heredoc_name, unquoted_words

_DIRECTIVE = re.compile(r"#\s*([a-zA-Z][a-zA-Z0-9]*)\s*=\s*(.+?)\s*$")
_HEREDOC = re.compile(r"(\d*)<<(-?)\s*([^<]*)", re.DOTALL)
_BLANK = re.compile(r"[\t\v\f\r ]+")
_WITH_HEREDOCS = frozenset({"add", "copy", "run"})
_JSON_FORMS = frozenset({"add", "cmd", "copy", "entrypoint", "run", "shell", "volume"})


class DockerfileError(ConfigError):
    """The Dockerfile cannot be read. `line` counts from 1; `where` is set by whoever knows the file's name."""

    def __init__(self, message: str, line: int) -> None:
        super().__init__(message)
        self.line = line


@dataclass(frozen=True, slots=True)
class Heredoc:
    name: str
    content: str
    expand: bool
    chomp: bool

    @property
    def text(self) -> str:
        """The content as it reaches the build: `<<-` takes leading tabs away."""
        return re.sub(r"^\t+", "", self.content, flags=re.MULTILINE) if self.chomp else self.content


@dataclass(frozen=True, slots=True)
class Line:
    """One instruction. `keyword` is lower case; `flags` hold the text after "--"; `rest` what follows them, continuation
    lines joined; `words` the JSON form's strings, or None; `line` is where it starts, counted from 1."""

    keyword: str
    flags: tuple[str, ...]
    rest: str
    words: tuple[str, ...] | None
    heredocs: tuple[Heredoc, ...]
    line: int


@dataclass(frozen=True, slots=True)
class Parsed:
    lines: tuple[Line, ...]
    escape: Literal["\\", "`"]
    syntax: str | None


def parse(text: str) -> Parsed:
    """Split a Dockerfile into instructions.

    Raises:
        DockerfileError
    """
    rows = text.removeprefix("\ufeff").split("\n")
    if rows and rows[-1] == "":
        rows.pop()
    syntax, escape = _directives(rows)
    continued = re.compile(rf"(?:(?<=[^{re.escape(escape)}])|^){re.escape(escape)}[ \t]*$")
    lines: list[Line] = []
    at = 0
    while at < len(rows):
        start = at
        row = rows[at].rstrip("\r").lstrip()
        at += 1
        if row.startswith("#"):
            row = ""
        joined, more = _cut(row, continued)
        if not more and not joined:
            continue
        while more and at < len(rows):
            row = rows[at].rstrip("\r")
            at += 1
            if not row.strip() or row.lstrip().startswith("#"):
                continue
            piece, more = _cut(row, continued)
            joined += piece
        if not joined.strip():
            # A continuation mark with nothing before or after it: BuildKit sees an instruction without a name.
            raise DockerfileError("unknown instruction: ''", start + 1)
        line, at = _line(joined, rows, at, start + 1, escape)
        lines.append(line)
    if not lines:
        raise DockerfileError("the file has no instructions", max(len(rows), 1))
    return Parsed(tuple(lines), escape, syntax)


def parse_one(text: str, escape: Literal["\\", "`"] = "\\") -> Line:
    """The single instruction in a text, such as an ONBUILD trigger.

    Raises:
        DockerfileError
    """
    parsed = parse(f"# escape={escape}\n{text}" if escape != "\\" else text)
    if len(parsed.lines) != 1:
        raise DockerfileError("an ONBUILD trigger must be a single instruction", 1)
    return parsed.lines[0]


def _directives(rows: list[str]) -> tuple[str | None, Literal["\\", "`"]]:
    syntax: str | None = None
    escape: Literal["\\", "`"] = "\\"
    seen: set[str] = set()
    first = 1 if rows and rows[0].startswith("#!") else 0
    for number, row in enumerate(rows[first:], first + 1):
        found = _DIRECTIVE.match(row.rstrip("\r").lstrip())
        name = found[1].lower() if found else ""
        if found is None or name not in ("syntax", "escape", "check"):
            break
        if name in seen:
            raise DockerfileError(f"only one {name} parser directive can be used", number)
        seen.add(name)
        if name == "syntax":
            syntax = found[2].split(" ")[0]
        elif name == "escape":
            if found[2] == "`":
                escape = "`"
            elif found[2] != "\\":
                raise DockerfileError(f"invalid escape token '{found[2]}': only \\ and ` are allowed", number)
    if syntax is None:
        syntax = _slashed_syntax(rows[first:])
    return syntax, escape


def _slashed_syntax(rows: list[str]) -> str | None:
    """`// syntax=…`, for frontends whose language comments that way."""
    for row in rows:
        if not row.startswith("//"):
            return None
        found = _DIRECTIVE.match("#" + row[2:].rstrip("\r"))
        if found is None:
            return None
        if found[1].lower() == "syntax":
            return found[2].split(" ")[0]
    return None


def _cut(row: str, continued: re.Pattern[str]) -> tuple[str, bool]:
    found = continued.search(row)
    return (row[: found.start()], True) if found else (row, False)


def _line(joined: str, rows: list[str], at: int, number: int, escape: str) -> tuple[Line, int]:
    keyword, *after = _BLANK.split(joined.strip(), maxsplit=1)
    keyword = keyword.lower()
    flags, rest = _flags(after[0] if after else "", escape)
    rest = rest.strip()
    words = _json(rest, number) if keyword in _JSON_FORMS else None
    marked = keyword if keyword != "onbuild" else (_BLANK.split(rest, maxsplit=1)[0].lower() if rest else "")
    heredocs: list[Heredoc] = []
    if marked in _WITH_HEREDOCS and words is None and "<<" in joined:
        for name, expand_it, chomp in _heredoc_marks(joined):
            content: list[str] = []
            while True:
                if at >= len(rows):
                    raise DockerfileError(f"the heredoc {name} is not closed", number)
                row = rows[at]
                at += 1
                bare = row.rstrip("\r")
                if (bare.lstrip("\t") if chomp else bare) == name:
                    break
                content.append(row + "\n")
            heredocs.append(Heredoc(name, "".join(content), expand_it, chomp))
    return Line(keyword, tuple(flags), rest, words, tuple(heredocs), number), at


def _heredoc_marks(joined: str) -> list[tuple[str, bool, bool]]:
    try:
        words = unquoted_words(joined)
    except BadWord:
        return []  # what cannot be split has no heredocs either
    marks = []
    for word in words:
        if mark := heredoc_mark(word):
            marks.append(mark)
    return marks


def heredoc_mark(word: str) -> tuple[str, bool, bool] | None:
    """Name, expansion and tab removal of a heredoc's mark (`<<EOF`, `3<<-"EOF"`); None for any other word."""
    found = _HEREDOC.fullmatch(word) if "<<" in word else None
    if found is None or not found[3]:
        return None
    try:
        named = heredoc_name(found[3])
    except BadWord:
        return None
    return (named[0], named[1], found[2] == "-") if named else None


def _json(rest: str, number: int) -> tuple[str, ...] | None:
    if not rest.startswith("["):
        return None
    try:
        value = json.loads(rest)
    except ValueError:
        return None
    if not isinstance(value, list):
        return None
    if not all(isinstance(item, str) for item in value):
        raise DockerfileError("a JSON form must hold strings only", number)
    return tuple(value)


def _flags(text: str, escape: str) -> tuple[list[str], str]:
    """The leading `--name=value` words, quotes and escapes removed, and what follows them."""
    flags: list[str] = []
    at = 0
    while at < len(text):
        if text[at].isspace():
            at += 1
            continue
        if not text.startswith("--", at):
            return flags, text[at:]
        word: list[str] = []
        quote = ""
        while at < len(text) and (quote or not text[at].isspace()):
            char = text[at]
            at += 1
            if char == quote:
                quote = ""
            elif not quote and char in "'\"":
                quote = char
            elif char == escape:
                word.append(text[at : at + 1])
                at += 1
            else:
                word.append(char)
        if "".join(word) == "--":
            return flags, text[at:]
        flags.append("".join(word)[2:])
    return flags, ""
