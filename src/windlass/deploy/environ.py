"""The variables an environment sees: dotenv files first, this process's own over them, as Compose has it."""

from __future__ import annotations

import os
import posixpath
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from windlass.compose.load import project_directory
from windlass.errors import ConfigError
from windlass.git.repository import Repository
from windlass.model.release import Release

_LINK = "120000"
_LINE = re.compile(r"^\s*(?:export\s+)?(?P<name>[A-Za-z_][A-Za-z0-9_.-]*)\s*(?:=\s*(?P<value>.*))?$")


def variables(
    root: Path,
    env_files: Sequence[str],
    compose: Sequence[str],
    *,
    committed: Mapping[str, str] = MappingProxyType({}),
    environ: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """Names and values from `env_files`, or without any from `dotenv(compose)`; then this process's own. Paths are relative to `root`.

    Args:
        committed: texts of those files that a release brings itself, by path; they count before what is there.

    Raises:
        ConfigError: a named file does not exist.
    """
    merged: dict[str, str] = {}
    for name in env_files or [dotenv(compose)]:
        path = root / name
        if name in committed:
            merged.update(parse_dotenv(committed[name]))
        elif path.is_file():
            merged.update(parse_dotenv(path.read_text(encoding="utf-8", errors="replace")))
        elif env_files:
            raise ConfigError(
                "this environment file does not exist",
                where=name,
                remedy="create it, or take it out of env_files in windlass.yaml",
            )
    merged.update(os.environ if environ is None else environ)
    return merged


def of_release(repository: Repository, release: Release, env_files: Sequence[str]) -> dict[str, str]:
    """The variables that a release sees: tracked files as its own tree has them, others as they are in the checkout.

    Raises:
        ConfigError: a named file does not exist.
    """
    names = {posixpath.normpath(name): name for name in env_files or [dotenv(release.compose)]}
    found = [entry for entry in repository.entries(release.tree, list(names)) if entry.path in names]
    plain = [entry for entry in found if entry.kind == "blob" and entry.mode != _LINK]
    texts = repository.read_many([entry.oid for entry in plain])
    committed = {names[entry.path]: text for entry, text in zip(plain, texts, strict=True) if text is not None}
    return variables(repository.root, env_files, release.compose, committed=committed)


def dotenv(compose: Sequence[str]) -> str:
    """The file that Compose takes variables from when none is named: `.env` in the folder of the first of its files."""
    return posixpath.normpath(f"{project_directory(compose)}/.env")


def require(names: Iterable[str], known: Mapping[str, str], *, environment: str) -> None:
    """Check that every named secret has a value. Values are never shown.

    Raises:
        ConfigError: names all that are missing or empty.
    """
    missing = [name for name in names if not known.get(name)]
    if missing:
        raise ConfigError(
            f"{'this secret is' if len(missing) == 1 else 'these secrets are'} not set: {', '.join(missing)}",
            where=f"windlass.yaml: environments.{environment}.secrets",
            remedy=f"set {missing[0]} in the environment, or in one of env_files",
        )


def parse_dotenv(text: str) -> dict[str, str]:
    """`NAME=value` lines: comments, `export`, single quotes (literal) and double quotes (with escapes, several lines)."""
    found: dict[str, str] = {}
    lines = iter(text.splitlines())
    for line in lines:
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        match = _LINE.match(line)
        if match is None or match["value"] is None:
            continue
        value = match["value"]
        quote = value[:1]
        if quote in ("'", '"'):
            body = value[1:]
            while (end := _closing(body, quote)) < 0:
                following = next(lines, None)
                if following is None:
                    end = len(body)
                    break
                body += "\n" + following
            value = body[:end] if quote == "'" else _unescape(body[:end])
        else:
            value = re.split(r"\s#", value, maxsplit=1)[0].strip()
            if value.startswith("#"):
                value = ""
        found[match["name"]] = value
    return found


def _closing(body: str, quote: str) -> int:
    match = re.match(r"(?:\\.|[^\\\"])*" if quote == '"' else r"[^']*", body, re.DOTALL)
    end = match.end() if match else 0
    return end if body[end : end + 1] == quote else -1


def _unescape(body: str) -> str:
    named = {"n": "\n", "r": "\r", "t": "\t"}
    return re.sub(r"\\(.)", lambda match: named.get(match[1], match[1]), body, flags=re.DOTALL)
