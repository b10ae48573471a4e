"""A Compose file that takes every `env_file` out, for loading what does not need them.

Builds do not depend on `env_file`, and the files themselves are rarely committed: without this, a commit could not be
planned on a machine that has no secrets.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

_MOST_FILES = 100


def without_env_files(files: Sequence[Path], directory: Path) -> str:
    """The text of the overlay: `env_file: !reset []` for every service declared in these files or in what they include."""
    names = sorted(_services(list(files), directory))
    return "services:\n" + "".join(f"  {_quoted(name)}: {{env_file: !reset []}}\n" for name in names)


def _services(files: list[Path], directory: Path) -> set[str]:
    names: set[str] = set()
    seen: set[Path] = set()
    while files and len(seen) < _MOST_FILES:
        path = files.pop()
        if path in seen:
            continue
        seen.add(path)
        document = plain_document(path)
        services = document.get("services")
        if isinstance(services, dict):
            names.update(str(name) for name in services)
        for included in document.get("include") or ():
            paths = included.get("path") if isinstance(included, dict) else included
            files += [directory / str(one) for one in (paths if isinstance(paths, list) else [paths])]
    return names


def plain_document(path: Path) -> dict[str, Any]:
    """A Compose file as plain data, its own tags (`!reset`, `!override`) passed over; {} when it cannot be read."""
    import yaml

    class Lenient(yaml.SafeLoader):
        pass

    Lenient.add_multi_constructor("", lambda loader, suffix, node: None)
    try:
        loaded = yaml.load(path.read_text(encoding="utf-8"), Lenient)
    except (OSError, ValueError, RecursionError, yaml.YAMLError):
        return {}
    return loaded if isinstance(loaded, dict) else {}


def _quoted(name: str) -> str:
    return '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'
