"""Instructions with meaning: what each line names, copies, mounts or sets. Only what change detection needs is taken apart."""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from typing import TypeAlias

from windlass.plan.dockerfile.lines import DockerfileError, Line, heredoc_mark, parse_one

_BLANK = re.compile(r"[\t\v\f\r ]+")
_STAGE_NAME = re.compile(r"[a-z][a-z0-9-_.]*")
_KNOWN = frozenset(
    [
        "add",
        "arg",
        "cmd",
        "copy",
        "entrypoint",
        "env",
        "expose",
        "from",
        "healthcheck",
        "label",
        "maintainer",
        "onbuild",
        "run",
        "shell",
        "stopsignal",
        "user",
        "volume",
        "workdir",
    ]
)
_COPY_FLAGS = frozenset({"from", "chown", "chmod", "link", "parents", "exclude", "keep-git-dir", "checksum", "unpack"})
_TRUE = frozenset({"", "true"})


@dataclass(frozen=True, slots=True)
class From:
    """`FROM`: `name` and `platform` are unexpanded; `stage` is lower case."""

    line: Line
    name: str
    stage: str | None
    platform: str | None


@dataclass(frozen=True, slots=True)
class Arg:
    """`ARG`: names with their unexpanded defaults."""

    line: Line
    names: tuple[tuple[str, str | None], ...]


@dataclass(frozen=True, slots=True)
class Env:
    line: Line
    values: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Copy:
    """`COPY` or `ADD`. `sources` are unexpanded and hold no heredocs. `strange` flags are ones this reader does not know."""

    line: Line
    sources: tuple[str, ...]
    origin: str | None = None
    parents: bool = False
    excludes: tuple[str, ...] = ()
    checksum: str | None = None
    strange: bool = False

    @property
    def add(self) -> bool:
        return self.line.keyword == "add"


@dataclass(frozen=True, slots=True)
class Mount:
    """`RUN --mount`: values are unexpanded. `source` "" is the whole of where it comes from."""

    type: str
    origin: str | None
    source: str
    id: str | None


@dataclass(frozen=True, slots=True)
class Run:
    line: Line
    mounts: tuple[Mount, ...]


@dataclass(frozen=True, slots=True)
class Onbuild:
    line: Line
    trigger: str


@dataclass(frozen=True, slots=True)
class Other:
    """An instruction whose text says it all."""

    line: Line


Instruction: TypeAlias = From | Arg | Env | Copy | Run | Onbuild | Other


def understand(line: Line, escape: str) -> Instruction:
    """Give a line its meaning.

    Raises:
        DockerfileError
    """
    if line.keyword not in _KNOWN:
        raise DockerfileError(f"unknown instruction: {line.keyword.upper()}", line.line)
    if line.keyword == "from":
        return _from(line)
    if line.keyword == "arg":
        return _arg(line, escape)
    if line.keyword == "env":
        return Env(line, _pairs(line, escape))
    if line.keyword in ("copy", "add"):
        return _copy(line)
    if line.keyword == "run":
        return Run(line, tuple(_mount(value, line.line) for name, value in _flag_values(line) if name == "mount"))
    if line.keyword == "onbuild":
        return _onbuild(line, escape)
    if line.keyword == "label":
        _pairs(line, escape)
    elif not line.rest and line.keyword not in ("cmd", "entrypoint", "volume"):
        raise DockerfileError(f"{line.keyword.upper()} needs an argument", line.line)
    return Other(line)


def trigger_of(text: str, escape: str = "\\") -> Instruction:
    """The instruction an ONBUILD trigger stands for.

    Raises:
        DockerfileError
    """
    return understand(parse_one(text, "`" if escape == "`" else "\\"), escape)


def _from(line: Line) -> From:
    words = _BLANK.split(line.rest) if line.rest else []
    platform = next((value for name, value in _flag_values(line) if name == "platform"), None)
    if len(words) == 3 and words[1].lower() == "as":
        stage = words[2].lower()
        if not _STAGE_NAME.fullmatch(stage):
            raise DockerfileError(f"invalid name for a build stage: '{words[2]}'", line.line)
        return From(line, words[0], stage, platform)
    if len(words) != 1:
        raise DockerfileError("FROM needs one argument, or three with AS", line.line)
    return From(line, words[0], None, platform)


def _arg(line: Line, escape: str) -> Arg:
    words = split_words(line.rest, escape)
    if not words:
        raise DockerfileError("ARG needs a name", line.line)
    names = []
    for word in words:
        name, has_default, default = word.partition("=")
        if not name:
            raise DockerfileError("ARG needs a name before the =", line.line)
        names.append((name, default if has_default else None))
    return Arg(line, tuple(names))


def _pairs(line: Line, escape: str) -> tuple[tuple[str, str], ...]:
    """`name=value …`, or the old form `name value with spaces`."""
    words = split_words(line.rest, escape)
    if not words:
        raise DockerfileError(f"{line.keyword.upper()} needs at least one argument", line.line)
    if "=" not in words[0]:
        parts = _BLANK.split(line.rest, maxsplit=1)
        if len(parts) < 2:
            raise DockerfileError(f"{line.keyword.upper()} needs a name and a value", line.line)
        return ((parts[0], parts[1]),)
    pairs = []
    for word in words:
        name, equals, value = word.partition("=")
        if not equals or not name:
            raise DockerfileError(f"'{word}' must have the form name=value", line.line)
        pairs.append((name, value))
    return tuple(pairs)


def _copy(line: Line) -> Copy:
    words = list(line.words) if line.words is not None else (_BLANK.split(line.rest) if line.rest else [])
    if len(words) < 2:
        raise DockerfileError(f"{line.keyword.upper()} needs a source and a destination", line.line)
    if heredoc_mark(words[-1]):
        raise DockerfileError(f"{line.keyword.upper()} cannot have a heredoc as its destination", line.line)
    flags = _flag_values(line)
    last = dict(flags)
    return Copy(
        line,
        sources=tuple(word for word in words[:-1] if not heredoc_mark(word)),
        origin=(last.get("from") or None) if line.keyword == "copy" else None,
        parents=last.get("parents", "false").lower() in _TRUE,
        excludes=tuple(value for name, value in flags if name == "exclude"),
        checksum=last.get("checksum"),
        strange=any(name not in _COPY_FLAGS for name, _ in flags),
    )


def _onbuild(line: Line, escape: str) -> Onbuild:
    if not line.rest:
        raise DockerfileError("ONBUILD needs an instruction", line.line)
    keyword = _BLANK.split(line.rest, maxsplit=1)[0].upper()
    if keyword in ("ONBUILD", "FROM", "MAINTAINER"):
        raise DockerfileError(f"{keyword} cannot be an ONBUILD trigger", line.line)
    flags = "".join(f"--{flag} " for flag in line.flags)
    documents = "".join(f"\n{document.content}{document.name}" for document in line.heredocs)
    trigger = f"{flags}{line.rest}{documents}"
    try:
        trigger_of(trigger, escape)
    except DockerfileError as error:
        raise DockerfileError(error.message, line.line) from error
    return Onbuild(line, trigger)


def _mount(text: str, number: int) -> Mount:
    try:
        fields = next(csv.reader([text], strict=True), [])
    except csv.Error as error:
        raise DockerfileError(f"--mount={text} cannot be read: {error}", number) from error
    values: dict[str, str] = {}
    for field in fields:
        key, _, value = field.partition("=")
        key = {"src": "source", "dst": "target", "destination": "target"}.get(key.lower(), key.lower())
        values[key] = value
    origin = values.get("from") or None
    if origin and "$" in origin[:-1]:
        raise DockerfileError("--mount=from cannot hold a variable: give the stage a name instead", number)
    kind = values.get("type", "bind").lower()
    name = values.get("id") or values.get("source") or values.get("target", "").rpartition("/")[2] or None
    return Mount(kind, origin, values.get("source", ""), name)


def _flag_values(line: Line) -> list[tuple[str, str]]:
    """Flags in order; one without "=" has the value ""."""
    values = []
    for flag in line.flags:
        name, _, value = flag.partition("=")
        values.append((name, value))
    return values


def split_words(text: str, escape: str) -> list[str]:
    """Words as ENV, ARG and LABEL take them: quotes and escapes stay, but keep spaces together."""
    words: list[str] = []
    at = 0
    while at < len(text):
        if text[at].isspace():
            at += 1
            continue
        word: list[str] = []
        quote = ""
        while at < len(text) and (quote or not text[at].isspace()):
            char = text[at]
            at += 1
            if char == escape and quote != "'":
                if at < len(text):
                    word += (char, text[at])
                    at += 1
                continue
            if quote:
                if char == quote:
                    quote = ""
            elif char in "'\"":
                quote = char
            word.append(char)
        if word:
            words.append("".join(word))
    return words
