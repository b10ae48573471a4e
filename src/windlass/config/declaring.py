"""Which files of a source tree say what the project is: so few that a commit need not be written out to be read."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import PurePosixPath
from typing import Any

FILE = "windlass.yaml"
COMPOSE = tuple(
    f"{stem}{part}.{suffix}"
    for stem in ("compose", "docker-compose")
    for part in ("", ".override")
    for suffix in ("yaml", "yml")
)
_ELSEWHERE = ("include", "extends", "label_file")
"""Words by which a Compose file brings in others, whose names nobody but Compose is to work out."""
_NAMING = ("env_file", "x-windlass")

Read = Callable[[Sequence[str]], Sequence[str | None]]
"""The texts of some files of the tree; None for each that is not there."""


def declaring(read: Read) -> tuple[str, ...] | None:
    """Paths of files (and folders) that decide what `load_project` gives; some may not exist. None: any file may."""
    from windlass.config.yaml import parse
    from windlass.errors import ConfigError

    first = dict(zip((FILE, *COMPOSE), read((FILE, *COMPOSE)), strict=True))
    text = first[FILE]
    if text is None:
        return FILE, *COMPOSE
    try:
        document = parse(text.encode(), FILE).value
    except ConfigError:
        return FILE, *COMPOSE  # reading them will say what is wrong
    named = set(_strings(_at(document, "compose")))
    for environment in _values(_at(document, "environments")):
        named.update(_strings(_at(environment, "compose")))
        named.update(_strings(_at(environment, "api")))
    named.update(_strings(_at(document, "scan", "ignore_file")))
    for service in _values(_at(document, "services")):
        named.update(_strings(_at(service, "test", "files")))
    declared = list(dict.fromkeys(_strings(_at(document, "compose"))))
    others = [name for name in declared if name not in first]
    texts = {**first, **dict(zip(others, read(others), strict=True))} if others else first
    composed = declared or list(COMPOSE)
    folders = {PurePosixPath(name).parent.as_posix() for name in composed}
    for name in composed:
        found = _in_compose(texts.get(name) or "")
        if found is None:
            return None
        # Relative to the first file's folder as Compose has it, or to the repository's root (`x-windlass`).
        named.update(path for value in found for path in (value, *(f"{folder}/{value}" for folder in folders)))
    named.update(f"{folder}/.env" for folder in folders)
    paths = {path for name in (FILE, *COMPOSE, ".trivyignore", *named) if (path := _inside(name))}
    return tuple(sorted(paths))


def _in_compose(text: str) -> set[str] | None:
    """Names of files in a Compose file, beside those that are built from; None where they cannot be told."""
    if any(word in text for word in _ELSEWHERE):
        return None
    if not any(word in text for word in _NAMING):
        return set()
    import yaml

    try:
        document = yaml.load(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except (yaml.YAMLError, ValueError, RecursionError):
        return None
    found: set[str] = set()
    for service in _values(_at(document, "services")):
        files = _at(service, "env_file")
        entries = files if isinstance(files, list) else [files]
        for entry in entries:
            found.update(_strings(_at(entry, "path") if isinstance(entry, dict) else entry))
        found.update(_strings(_at(service, "x-windlass", "test", "files")))
    return None if any("$" in name for name in found) else found


def _inside(name: str) -> str | None:
    """A path in the tree, cleaned; None for one that leaves it."""
    if not name.isprintable() or name.startswith(("/", "~")) or len(name) > 4096:
        return None
    parts = [part for part in name.split("/") if part not in ("", ".")]
    return "/".join(parts) if parts and ".." not in parts else None


def _at(value: Any, *keys: str) -> Any:
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def _values(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        yield from value.values()


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        yield from (item for item in value if isinstance(item, str))
