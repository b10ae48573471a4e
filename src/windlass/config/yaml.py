"""YAML with positions: values as plain Python objects, and the line of every key, for errors that people can follow.

Stricter than PyYAML's safe loader where leniency hides mistakes: a key given twice is refused, unknown tags are refused,
dates stay text, and aliases cannot expand without limit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import yaml
from yaml.constructor import SafeConstructor
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from windlass.errors import ConfigError

Keys: TypeAlias = tuple[str | int, ...]
"""The way to a value: mapping keys (text) and list positions (numbers, from 0)."""

_MOST_NODES = 200_000
_DEEPEST = 60
_PLAIN = "tag:yaml.org,2002:"
_SCALARS = {_PLAIN + kind for kind in ("null", "bool", "int", "float", "str", "timestamp", "value")}


@dataclass(frozen=True, slots=True)
class Document:
    """A parsed file. `lines` and `raw` hold the line (from 1) and the literal text of what stands at each place, `data` the whole file."""

    name: str
    value: Any
    lines: Mapping[Keys, int] = field(repr=False)
    raw: Mapping[Keys, str] = field(repr=False)
    data: bytes = field(default=b"", repr=False)

    def line(self, keys: Keys) -> int:
        """The line of a place, or of the nearest one around it that exists."""
        while keys and keys not in self.lines:
            keys = keys[:-1]
        return self.lines.get(keys, 1)

    def where(self, keys: Keys) -> str:
        """`FILE:LINE: path.in.file`."""
        path = dotted(keys)
        return f"{self.name}:{self.line(keys)}: {path}" if path else f"{self.name}:{self.line(keys)}"


def dotted(keys: Keys) -> str:
    """`("services", "a", "health", 0)` as `services.a.health[0]`."""
    text = ""
    for key in keys:
        if isinstance(key, int):
            text += f"[{key}]"
        else:
            text += f".{one_line(key)}" if text else one_line(key)
    return text


def read(path: Path, name: str | None = None) -> Document:
    """Parse a file.

    Args:
        name: what errors call the file; its path otherwise.

    Raises:
        ConfigError: it cannot be read, or is not YAML as described above.
    """
    name = name or str(path)
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise ConfigError("this file does not exist", where=name) from None
    except IsADirectoryError:
        raise ConfigError("expected a file, found a folder", where=name) from None
    except OSError as error:
        raise ConfigError(f"cannot be read: {error.strerror or error}", where=name) from error
    return parse(data, name)


def parse(data: bytes, name: str) -> Document:
    """Parse a document; an empty one has the value None.

    Raises:
        ConfigError: not UTF-8, not YAML, several documents, a key given twice, an unknown tag, nested too deep.
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ConfigError(
            f"expected UTF-8 text, found the byte 0x{data[error.start]:02x}; save the file as UTF-8",
            where=f"{name}:{line}",
        ) from None
    try:
        node = _compose(text)
    except yaml.YAMLError as error:
        raise _not_yaml(error, text, name) from None
    except (RecursionError, ValueError) as error:
        raise ConfigError("this YAML cannot be read; is it nested too deep?", where=name) from error
    reader = _Reader(name)
    return Document(name, None if node is None else reader.value(node, (), 0), reader.lines, reader.raw, data)


def _compose(text: str) -> Node | None:
    fast = getattr(yaml, "CSafeLoader", None)
    if fast is not None:
        try:
            return yaml.compose(text, fast)
        except yaml.YAMLError:
            pass  # read it again with the Python loader, whose messages do not depend on how PyYAML was built
    return yaml.compose(text, yaml.SafeLoader)


class _Reader:
    def __init__(self, name: str) -> None:
        self.name = name
        self.lines: dict[Keys, int] = {}
        self.raw: dict[Keys, str] = {}
        self._scalars = SafeConstructor()
        self._count = 0

    def value(self, node: Node, keys: Keys, line: int) -> Any:
        self._count += 1
        line = line or node.start_mark.line + 1
        self.lines[keys] = line
        if self._count > _MOST_NODES or len(keys) > _DEEPEST:
            raise self._error("this is nested too deep or expands to too much; write it without aliases", line, ())
        if isinstance(node, MappingNode):
            return self._mapping(node, keys)
        if isinstance(node, SequenceNode):
            return [self.value(item, (*keys, at), 0) for at, item in enumerate(node.value)]
        assert isinstance(node, ScalarNode)
        self.raw[keys] = node.value
        return self._scalar(node, keys, line)

    def _mapping(self, node: MappingNode, keys: Keys) -> dict[str, Any]:
        result: dict[str, Any] = {}
        seen: dict[str, int] = {}
        merged: list[Node] = []
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            if not isinstance(key_node, ScalarNode):
                raise self._error("expected text as a key, found a list or mapping; write key: value", line, keys)
            if key_node.tag == _PLAIN + "merge":
                merged.extend(value_node.value if isinstance(value_node, SequenceNode) else [value_node])
                continue
            key = key_node.value
            if key in seen:
                raise self._error(f"this key stands on line {seen[key]} already; write it once", line, (*keys, key))
            seen[key] = line
            result[key] = self.value(value_node, (*keys, key), line)
        for source in merged:
            if not isinstance(source, MappingNode):
                raise self._error("<<: expected a mapping to merge; write <<: *NAME", source.start_mark.line + 1, keys)
            if len(keys) >= _DEEPEST:
                raise self._error("this is nested too deep; write it without aliases", source.start_mark.line + 1, ())
            result = {**self._mapping(source, (*keys, "<<")), **result}
        return result

    def _scalar(self, node: ScalarNode, keys: Keys, line: int) -> Any:
        if node.tag not in _SCALARS:
            raise self._error(f"the tag {node.tag.replace(_PLAIN, '!!')} is not supported; remove it", line, keys)
        if node.tag in (_PLAIN + "timestamp", _PLAIN + "value", _PLAIN + "str"):
            return node.value
        try:
            return self._scalars.construct_object(node)
        except (ValueError, KeyError, yaml.YAMLError):
            kind = node.tag.replace(_PLAIN, "")
            raise self._error(
                f"'{one_line(node.value)}' cannot be read as {kind}; correct it, or put text in quotes", line, keys
            ) from None

    def _error(self, message: str, line: int, keys: Keys) -> ConfigError:
        path = dotted(keys)
        return ConfigError(message, where=f"{self.name}:{line}" + (f": {path}" if path else ""))


def _not_yaml(error: yaml.YAMLError, text: str, name: str) -> ConfigError:
    if isinstance(error, yaml.reader.ReaderError):
        position = error.position if isinstance(error.position, int) else 0
        line = text.count("\n", 0, position) + 1
        return ConfigError("a control character is not allowed here; remove it", where=f"{name}:{line}")
    mark = getattr(error, "problem_mark", None)
    line = mark.line + 1 if mark is not None else 1
    said = str(getattr(error, "problem", None) or "it cannot be parsed")
    source = text.splitlines()[line - 1] if line <= len(text.splitlines()) else ""
    if "\t" in source[: len(source) - len(source.lstrip())]:
        return ConfigError("a tab indents this line; write spaces", where=f"{name}:{line}")
    if "single document" in str(getattr(error, "context", "")):
        return ConfigError("a second document starts here; keep one, without ---", where=f"{name}:{line}")
    return ConfigError(f"not valid YAML: {said}; check colons, quotes and indentation", where=f"{name}:{line}")


def one_line(text: str, most: int = 40) -> str:
    """Text as it can stand in a message: white space and control characters as spaces, cut at `most` characters."""
    text = "".join(character if character.isprintable() else " " for character in text)
    flat = " ".join(text.split())
    return flat if len(flat) <= most else flat[: most - 1] + "…"
